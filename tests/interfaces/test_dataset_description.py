import json
import os

import pytest
from support.bids import DESCRIPTION, write_tree

from fmriprod import __version__
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.dataset_description import (
    bids_uri,
    find_dataset_root,
    write_dataset_description,
)


@pytest.fixture
def raw(work):
    return write_tree(
        work / "raw",
        {"dataset_description.json": DESCRIPTION, "sub-01/func/sub-01_task-x_bold.nii.gz": None},
    )


def test_it_is_a_derivative_with_a_link_to_the_raw_dataset(work, raw):
    file = write_dataset_description(work / "out", raw_directory=raw)
    content = json.loads(file.read_text())
    assert content["DatasetType"] == "derivative"
    assert content["GeneratedBy"] == [{"Name": "fmriprod", "Version": __version__}]
    assert content["DatasetLinks"] == {"raw": "../raw"}
    inside = write_dataset_description(raw / "derivatives/fmriprod", raw_directory=raw)
    assert json.loads(inside.read_text())["DatasetLinks"] == {"raw": "../.."}


def test_it_is_written_once_and_keeps_what_people_add(work, raw):
    file = write_dataset_description(work / "out", raw_directory=raw)
    os.utime(file, (1, 1))
    write_dataset_description(work / "out", raw_directory=raw)
    assert file.stat().st_mtime == 1
    content = json.loads(file.read_text())
    content.update(Name="my study", License="CC0")
    file.write_text(json.dumps(content))
    write_dataset_description(work / "out", raw_directory=raw)
    kept = json.loads(file.read_text())
    assert (kept["Name"], kept["License"]) == ("my study", "CC0")


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("raw", "the raw dataset itself"),
        ("link_to_raw", "the raw dataset itself"),
        ("raw/sub-01", r"a folder inside the raw dataset \(sub-01/\)"),
        ("raw/results", r"a folder inside the raw dataset \(results/\)"),
        ("raw/derivatives", "the folder that holds all derivatives"),
        ("other_raw", "DatasetType 'raw'"),
        ("prep", "derivatives made by fMRIPrep"),
        ("unnamed", "sub-01 and no dataset_description.json"),
    ],
)
def test_folders_of_others_are_refused_and_left_alone(work, raw, folder, text):
    prep = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "fMRIPrep"}]}
    write_tree(
        work,
        {
            "other_raw/dataset_description.json": {"Name": "x", "BIDSVersion": "1.2.0"},
            "prep/dataset_description.json": prep,
            "unnamed/sub-01/anat/a.txt": "x",
        },
    )
    (work / "link_to_raw").symlink_to(raw)
    before = sorted((p, p.stat().st_mtime_ns) for p in work.rglob("*"))
    with pytest.raises(InputError, match=text) as err:
        write_dataset_description(work / folder, raw_directory=raw)
    assert err.value.hint and "give" in err.value.hint
    assert before == sorted((p, p.stat().st_mtime_ns) for p in work.rglob("*"))


def test_files_are_named_by_the_dataset_they_lie_in(work, raw):
    bold = raw / "sub-01/func/sub-01_task-x_bold.nii.gz"
    assert find_dataset_root(bold) == str(raw)
    assert bids_uri(str(bold), work / "out", str(raw)) == (
        "bids:raw:sub-01/func/sub-01_task-x_bold.nii.gz"
    )
    assert bids_uri(str(work / "out/a.tsv"), work / "out", str(raw)) == "bids::a.tsv"
    assert bids_uri("bids:atlas:x.nii.gz", work / "out", None) == "bids:atlas:x.nii.gz"
    nested = raw / "derivatives/fmriprod"  # inside the raw dataset, and yet a dataset of its own
    assert bids_uri(str(nested / "a.tsv"), nested, str(raw)) == "bids::a.tsv"
    with pytest.raises(InputError) as err:
        bids_uri(str(work / "node/a.tsv"), work / "out", str(raw))
    assert "name the saved file" in str(err.value)


def test_without_a_description_the_folder_of_the_participants_is_the_root(work):
    assert find_dataset_root(work / "d/sub-01/func/x.nii.gz") == str(work / "d")
    assert find_dataset_root(work / "d/x.nii.gz") is None


def test_logs_of_runs_are_no_data(work):
    write_dataset_description(work / "out")
    assert "logs" in (work / "out/.bidsignore").read_text().splitlines()


def test_lines_of_people_in_bidsignore_are_kept(work):
    write_tree(work, {"out/.bidsignore": "mine/\n"})
    for _ in range(2):
        write_dataset_description(work / "out")
    lines = (work / "out/.bidsignore").read_text().splitlines()
    assert lines[0] == "mine/" and len(lines) == len(set(lines))
    assert "*_statmap.*" in lines and "*_bold.*" not in lines
