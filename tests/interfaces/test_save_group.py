"""Results of a group in a folder."""

import pytest
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.save_group import SaveGroup


@pytest.fixture
def files(work):
    for name in ("a.tsv", "b.svg"):
        (work / name).write_text(name)
    return [str(work / "a.tsv"), str(work / "b.svg")]


def test_files_are_saved_under_their_names(work, files):
    folder = work / "new" / "group"
    node = pe.Node(SaveGroup(in_files=files, names=["accuracy", "bars"], folder=str(folder)), "s")
    out = node.run().outputs.out_files
    assert [path.rpartition("/")[2] for path in out] == ["accuracy.tsv", "bars.svg"]
    assert (folder / "accuracy.tsv").read_text() == "a.tsv"
    before = (folder / "bars.svg").stat().st_mtime_ns
    SaveGroup(in_files=files, names=["accuracy", "bars"], folder=str(folder)).run()
    assert (folder / "bars.svg").stat().st_mtime_ns == before
    SaveGroup(in_files=files[0], folder=str(folder)).run()
    assert (folder / "a.tsv").is_file()


@pytest.mark.parametrize(("names", "message"), [(["x"], "2 names"), (["x", "x"], "more than once")])
def test_names_must_fit(work, files, names, message):
    (work / "c.tsv").write_text("c")
    given = [files[0], str(work / "c.tsv")]
    with pytest.raises(InputError, match=message):
        SaveGroup(in_files=given, names=names, folder=str(work / "g")).run()
    assert not (work / "g").exists()
