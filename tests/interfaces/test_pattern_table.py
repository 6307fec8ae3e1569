"""Tables of effect maps."""

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.pattern_table import read_patterns

HEAD = "subject\trun\tcondition\tfile\n"


@pytest.fixture
def table(work):
    (work / "study").mkdir()
    (work / "study" / "a.nii.gz").touch()

    def write(text):
        (work / "study" / "patterns.tsv").write_text(text)
        return "study/patterns.tsv"

    return write


def test_names_stay_as_written_and_files_lie_beside_the_table(table, work):
    rows = "01\t1\t7\ta.nii.gz\n01\t2\t7\ta.nii.gz\n"
    found = read_patterns(table(HEAD + rows))
    assert found["subject"].tolist() == ["01", "01"] and found["run"].tolist() == ["1", "2"]
    assert found["condition"].tolist() == ["7", "7"]
    assert set(found["file"]) == {str(work / "study" / "a.nii.gz")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("subject\tfile\n1\ta.nii.gz\n", "no column condition"),
        (HEAD, "no rows"),
        (HEAD + "1\t1\tx\tb.nii.gz\n", r"1 not there: .*study/b\.nii\.gz"),
        (HEAD + "1\t1\tx\ta.nii.gz\n1\t1\ty\ta.nii.gz\n02\t1\ty\ta.nii.gz\n",
         "participant 02 without x"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_is_refused(table, text, said):
    with pytest.raises(InputError, match=rf"(?s)expected: .*{said}"):
        read_patterns(table(text))
