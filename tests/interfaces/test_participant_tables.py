import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.participant_tables import read_participant_tables

OPTIONS = {
    "text": ("subject", "run"), "numbers": ("accuracy",), "key": ("subject", "run"),
}  # fmt: skip


def read(*paths):
    return read_participant_tables(list(map(str, paths)), "scores_files", **OPTIONS)


def write(path, *lines):
    path.write_text("\n".join("\t".join(line.split()) for line in lines) + "\n")
    return path


def test_text_keeps_its_zeros_and_other_columns_come_along(work):
    one = write(work / "1.tsv", "subject run accuracy note", "0110171 01 0.5 a")
    two = write(work / "2.tsv", "run subject accuracy note", "2 s2 n/a b")
    table = read(one, two)
    assert table[["subject", "run", "note"]].to_numpy().tolist() == [
        ["0110171", "01", "a"], ["s2", "2", "b"],
    ]  # fmt: skip
    assert table["accuracy"].isna().tolist() == [False, True]
    assert "_file" not in table


def test_everything_that_is_wrong_is_said_at_once(work):
    good = write(work / "good.tsv", "subject run accuracy", "1 1 0.5", "1 2 0.5")
    lacks = write(work / "lacks.tsv", "subject run acuracy", "2 1 0.5")
    text = write(work / "text.tsv", "subject run accuracy", "3 1 high")
    infinite = write(work / "infinite.tsv", "subject run accuracy", "4 1 inf")
    again = write(work / "again.tsv", "subject run accuracy", "1 2 0.4", "5 2 0.4")
    with pytest.raises(InputError) as caught:
        read(good, lacks, text, infinite, again, work / "absent.tsv")
    assert str(caught.value) == (
        "scores_files\n"
        "  expected: tables with columns subject, run, accuracy, one row for each subject, run\n"
        f"  found:    {lacks}: no column accuracy (did you mean 'acuracy'? known: subject, run, "
        "acuracy)\n"
        f"{text}: accuracy 'high' is no number\n"
        f"{infinite}: accuracy is infinite\n"
        f"{work / 'absent.tsv'}: no such file\n"
        f"{again}: 1 rows that were there before, such as subject 1, run 2\n"
        "  do:       mend these files, give each once, or leave these participants out"
    )


def test_one_problem_names_its_file(work):
    path = write(work / "text.tsv", "subject run accuracy", "3 1 high")
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.file == str(path)


def test_many_problems_are_counted(work):
    paths = [write(work / f"{i}.tsv", "subject run", f"{i} 1") for i in range(13)]
    with pytest.raises(InputError) as caught:
        read(*paths)
    assert caught.value.found.endswith("\nand 3 more")
    assert caught.value.found.count("\n") == 10


def test_tables_without_a_row_are_refused(work):
    with pytest.raises(InputError, match="no row in any table"):
        read(write(work / "empty.tsv", "subject run accuracy"))
