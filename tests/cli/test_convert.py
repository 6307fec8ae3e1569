import json
import tarfile

import nibabel as nb
import pytest
from support.dicoms import write_mosaics, write_slices

from fmriprod.cli.main import main

BOLD = "sub-01/func/sub-01_task-draw_run-1_bold"


@pytest.fixture
def archive(work):
    write_slices(work / "d", 1, 1, description="scout")
    write_mosaics(work / "d", 2, 3, description="[bold]")
    with tarfile.open(work / "x.tgz", "w:gz") as out:
        out.add(work / "d", "d")
    (work / "order.txt").write_text("SKIP\ndraw_run_1 3\n")
    return str(work / "x.tgz")


def convert(archive, *options, label="sub-01"):
    return main(["convert", archive, "bids", "--participant-label", label, *options])


def test_an_archive_becomes_a_dataset_and_the_table_says_so(work, archive, capsys):
    assert convert(archive, "--run-order", "order.txt") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "scout", "1", "SKIP", "not", "converted"]
    assert lines[2].split() == ["2", "[bold]", "3", "2", f"{BOLD[12:]}.nii.gz", "written"]
    assert nb.load(work / f"bids/{BOLD}.nii.gz").shape == (8, 8, 4, 3)
    assert convert(archive, "--run-order", "order.txt") == 0
    assert capsys.readouterr().out.splitlines()[2].rstrip().endswith("unchanged")
    assert json.loads((work / "bids/sourcedata/sub-01/conversion.json").read_text())["series"]


def test_what_differs_needs_force(work, archive, capsys):
    convert(archive, "--run-order", "order.txt")
    sidecar = work / f"bids/{BOLD}.json"
    sidecar.write_text("{}")
    capsys.readouterr()
    assert convert(archive, "--run-order", "order.txt") == 1
    out, err = capsys.readouterr()
    assert not out and f"{BOLD}.json" in err and "--force" in err
    assert sidecar.read_text() == "{}"
    assert convert(archive, "--run-order", "order.txt", "--force") == 0
    assert json.loads(sidecar.read_text())["TaskName"] == "draw"
    assert capsys.readouterr().out.splitlines()[2].rstrip().endswith("written")


def test_a_wrong_time_is_shown_with_all_values(work, capsys):
    write_slices(work / "d", 1, 3, true_tr=1.79355)
    (work / "order.txt").write_text("draw_run_1 3\n")
    assert convert("d", "--run-order", "order.txt") == 1
    err = capsys.readouterr().err
    assert "2 s in the DICOM header, 1.79355 s in the sidecar" in err
    assert not (work / "bids").exists()
    assert convert("d", "--run-order", "order.txt", "--tr-from", "dicom") == 0
    assert "2 (dicom; header 2, converter 1.79355)" in capsys.readouterr().out


def test_a_dry_run_lists_and_writes_nothing(work, archive, capsys):
    before = sorted(work.iterdir())
    assert convert(archive, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "No run order yet: write bids/sourcedata/sub-01/run-order.txt" in out
    assert out.splitlines()[2].split() == ["2", "[bold]", "3", "2"]
    assert convert(archive, "--dry-run", "--run-order", "order.txt") == 0
    assert capsys.readouterr().out.splitlines()[2].rstrip().endswith("draw_run_1 3")
    (work / "order.txt").write_text("T1w\nSKIP\nrest_run_1 200\n")
    assert convert(archive, "--dry-run", "--run-order", "order.txt") == 1
    out, err = capsys.readouterr()
    assert "[bold]" in out and "line 3 `rest_run_1 200`: no such series" in err
    assert sorted(work.iterdir()) == before


def test_scaffold_and_convert_fit_together(work, archive, capsys):
    assert main(["scaffold", "bids", "--participants", "01"]) == 0
    (work / "bids/sourcedata/sub-01/run-order.txt").write_text("SKIP\ndraw_run_1 3\n")
    table = (work / "bids/participants.tsv").read_bytes()
    assert convert(archive) == 0
    assert (work / "bids/participants.tsv").read_bytes() == table
    assert convert(archive, label="02") == 1
    err = capsys.readouterr().err
    assert "sub-02/run-order.txt" in err and "--dry-run lists the series" in err


def test_bad_arguments(work, archive, capsys):
    assert convert("nothing.tgz", "--run-order", "order.txt") == 1
    assert "nothing.tgz\n  expected: an archive" in capsys.readouterr().err
    assert convert(archive, "--run-order", "order.txt", label="a_1") == 1
    assert "write sub-a1" in capsys.readouterr().err
    for options in (["--tr", "0"], ["--tr", "2", "--tr-from", "dicom"], ["--max-gb", "-1"]):
        with pytest.raises(SystemExit) as caught:
            convert(archive, "--run-order", "order.txt", *options)
        assert caught.value.code == 2
