"""The record of a run says what was made of what; all but a marked part is the same anywhere."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from fmriprod import __version__
from fmriprod.interfaces.provenance_sidecar import provenance_fields
from fmriprod.interfaces.run_record import plain_parameters, write_run_record


def md5(path):
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


def study(root):
    """Two participants: raw, work and out folders with notes of savers, all made by hand."""
    notes = root / "out" / ".fmriprod" / "names" / "0042"
    notes.mkdir(parents=True)
    (root / "raw").mkdir()
    for label in ("01", "02"):
        raw = root / "raw" / f"sub-{label}_bold.nii.gz"
        raw.write_text(f"raw {label}")
        node = root / "work" / f"node{label}"
        node.mkdir(parents=True)
        (node / "_node.pklz").write_bytes(b"")
        (node / "map.nii.gz").write_text(f"map {label}")
        note = [["algorithm_version", "Smooth=2;scipy=1.0"], ["fwhm", "5.0000000000"],
                ["in_file", [str(raw), md5(raw)]], ["place", str(root)]]  # fmt: skip
        (node / f"_0x{'0' * 32}.json").write_text(json.dumps(note))
        out = root / "out" / f"sub-{label}" / "func"
        out.mkdir(parents=True)
        (out / f"sub-{label}_map.nii.gz").write_text(f"map {label}")
        (out / f"sub-{label}_map.json").write_text("{}")
        (notes / f"sub-{label}__func__sub-{label}_map.nii.gz").symlink_to(node / "map.nii.gz")
    report = root / "out" / "sub-01_report.html"
    report.write_text("report")
    (notes / "sub-01_report.html").symlink_to(root / "work" / "node01" / "map.nii.gz")
    return notes


def write(root, **options):
    notes = study(root)
    file = write_run_record(
        root / "out", notes, raw_directory=root / "raw", parameters={"fwhm": 5.0},
        this_run={"Command": "fmriprod run"}, began=time.time() - 10, **options,
    )  # fmt: skip
    return file, json.loads(file.read_text())


def test_inputs_outputs_steps_and_versions(work):
    file, record = write(work)
    assert file == work / "out" / "logs" / "runs" / f"0042-{os.getpid()}.json"
    one = record["Participants"]["sub-01"]
    assert one["Inputs"] == {"bids:raw:sub-01_bold.nii.gz": md5("raw/sub-01_bold.nii.gz")}
    names = ("sub-01/func/sub-01_map.json", "sub-01/func/sub-01_map.nii.gz", "sub-01_report.html")
    assert one["Outputs"] == {name: md5(work / "out" / name) for name in names}
    assert record["Participants"].keys() == {"sub-01", "sub-02"}
    assert record["Steps"] == [{"Name": "Smooth", "Version": "2", "Parameters": {"fwhm": 5.0}}]
    assert record["Software"]["fmriprod"] == __version__
    assert {"Python", "numpy", "scipy", "nipype", "scikit-learn"} <= record["Software"].keys()
    assert record["Parameters"] == {"fwhm": 5.0}
    assert record["ThisRun"]["Command"] == "fmriprod run"
    assert record["ThisRun"]["Began"] < record["ThisRun"]["Ended"]


def test_all_but_the_marked_part_is_the_same_elsewhere(work, monkeypatch):
    records = []
    for name in ("one", "two"):
        (work / name).mkdir()
        records.append(write(work / name)[1])
    assert records[0].pop("ThisRun") != records[1].pop("ThisRun")
    assert records[0] == records[1]
    assert str(work) not in json.dumps(records)


def test_a_cleaned_working_folder_leaves_the_record_whole(work):
    """As ``--clean-work`` does: the sidecars know what was behind their files."""
    (work / "kept").mkdir()
    (work / "cleaned").mkdir()
    whole = write(work / "kept")[1]
    notes = study(work / "cleaned")
    for label in ("01", "02"):
        sidecar = work / "cleaned" / "out" / f"sub-{label}" / "func" / f"sub-{label}_map.json"
        in_file = os.readlink(notes / f"sub-{label}__func__sub-{label}_map.nii.gz")
        fields = provenance_fields(in_file, {"bids:raw:": work / "cleaned" / "raw"})
        sidecar.write_text(json.dumps(fields))
    shutil.rmtree(work / "cleaned" / "work")
    file = write_run_record(
        work / "cleaned" / "out", notes, raw_directory=work / "cleaned" / "raw",
        parameters={}, this_run={}, began=0.0,
    )  # fmt: skip
    record = json.loads(file.read_text())
    assert record["Steps"] == whole["Steps"] and record["Software"] == whole["Software"]
    for label, own in record["Participants"].items():
        assert own["Inputs"] == whole["Participants"][label]["Inputs"]


def test_nothing_of_the_environment_is_in_it(work, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter-two")
    file, _ = write(work)
    assert "hunter" not in file.read_text() and "SECRET" not in file.read_text()


def test_a_run_that_saved_nothing_has_a_record(work):
    file = write_run_record(
        work / "out", work / "none", raw_directory=None, parameters={}, this_run={}, began=0.0
    )
    assert json.loads(file.read_text())["Participants"] == {}


@pytest.mark.parametrize(
    ("value", "kept"),
    [(1, True), (0.5, True), ("a", True), (["a", 1], True), (None, True), (False, True),
     ("/home/x", False), (["/home/x"], False), (print, False), (object(), False),
     (Path("nowhere"), False)],
)  # fmt: skip
def test_parameters_are_what_is_the_same_on_every_machine(value, kept):
    assert plain_parameters({"a": value}) == ({"a": value} if kept else {})


def test_parameters_that_are_files_are_told_by_content(work):
    (work / "study.toml").write_text("x")
    found = plain_parameters({"study": work / "study.toml", "n_procs": 3}, leave_out=["n_procs"])
    assert found == {"study": {"Name": "study.toml", "MD5": md5("study.toml")}}
