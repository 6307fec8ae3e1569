import nipype.pipeline.engine as pe
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.merge_tables import MergeTables


def write(path, text):
    path.write_text(text)
    return str(path)


@pytest.fixture
def tables(work):
    one = write(work / "a.tsv", "subject\trun\tvalue\n01\t01\t0.10\n01\t02\tn/a\n")
    two = write(work / "b.tsv", "run\tvalue\tsubject\n01\t1e-9\t02\n")
    empty = write(work / "c.tsv", "subject\trun\tvalue\n")
    return [one, empty, two]


def test_rows_follow_each_other_with_their_values_as_written(tables, work):
    out = pe.Node(MergeTables(in_files=tables, out_name="all.tsv"), name="m", base_dir=str(work))
    out = out.run().outputs
    with open(out.out_file) as stream:
        assert stream.read() == (
            "subject\trun\tvalue\n01\t01\t0.10\n01\t02\tn/a\n02\t01\t1e-9\n"
        )  # fmt: skip
    assert out.n_rows == 3 and out.out_file.endswith("all.tsv")


def test_many_tables_are_what_pandas_makes_of_them(work, rng):
    parts = []
    for number in range(5):
        part = pd.DataFrame(rng.normal(size=(rng.integers(0, 6), 3)), columns=["x", "y", "z"])
        part.insert(0, "subject", f"s{number}")
        part.to_csv(work / f"{number}.tsv", sep="\t", index=False)
        parts.append(part)
    out = MergeTables(in_files=[str(work / f"{n}.tsv") for n in range(5)]).run().outputs
    expected = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(pd.read_csv(out.out_file, sep="\t"), expected)


def test_other_columns_are_refused_with_the_names_of_all_files(tables, work):
    wrong = write(work / "d.tsv", "subject\trun\n01\t03\n")
    more = write(work / "e.tsv", "subject\trun\tvalue\textra\n01\t03\t1\t2\n")
    with pytest.raises(InputError) as error:
        MergeTables(in_files=[*tables, wrong, more]).run()
    text = str(error.value)
    assert "d.tsv: no value" in text and "e.tsv: also extra" in text and "a.tsv" in text


def test_a_row_twice_is_refused_with_both_files(tables, work):
    again = write(work / "d.tsv", "subject\trun\tvalue\n01\t02\t7\n")
    assert MergeTables(in_files=[*tables, again]).run().outputs.n_rows == 4
    with pytest.raises(InputError, match="1 rows twice, such as subject 01, run 02") as error:
        MergeTables(in_files=[*tables, again], key=["subject", "run"]).run()
    assert "a.tsv and in" in str(error.value) and "d.tsv" in str(error.value)
    with pytest.raises(InputError, match="each row once"):
        MergeTables(in_files=[tables[0], tables[0]]).run()
    with pytest.raises(InputError, match="did you mean 'subject'"):
        MergeTables(in_files=tables, key=["subjct"]).run()


def test_what_is_no_table_is_refused(work):
    with pytest.raises(InputError, match="an empty file"):
        MergeTables(in_files=[write(work / "a.tsv", "")]).run()
