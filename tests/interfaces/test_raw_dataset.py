import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.raw_dataset import SaveRawImages

BOLD = "sub-01_ses-a_task-draw_run-1_bold"
T1W = "sub-01_ses-a_T1w"


@pytest.fixture
def converted(work, rng):
    (work / "in").mkdir()
    for name, shape in ((T1W, (3, 3, 3)), (BOLD, (3, 3, 3, 4))):
        write_image(work / f"in/{name}.nii.gz", rng.random(shape).astype(np.float32))
        (work / f"in/{name}.json").write_text(json.dumps({"RepetitionTime": 2}))
    (work / "in/conversion.json").write_text("{}\n")
    return {
        "in_files": [str(work / f"in/{name}.nii.gz") for name in (T1W, BOLD)],
        "sidecar_files": [str(work / f"in/{name}.json") for name in (T1W, BOLD)],
        "report_file": str(work / "in/conversion.json"),
        "bids_directory": str(work / "study"),
    }


def state(folder):
    return {
        p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in Path(folder).rglob("*")
        if p.is_file()
    }


def test_files_come_to_their_places_and_again_nothing_changes(work, converted):
    node = pe.Node(SaveRawImages(**converted), name="save", base_dir=str(work))
    out = node.run().outputs
    once = state(work / "study")
    assert sorted(once) == [
        "README.md", "dataset_description.json", "participants.tsv",
        "sourcedata/sub-01/ses-a/conversion.json",
        f"sub-01/ses-a/anat/{T1W}.json", f"sub-01/ses-a/anat/{T1W}.nii.gz",
        f"sub-01/ses-a/func/{BOLD}.json", f"sub-01/ses-a/func/{BOLD}.nii.gz",
    ]  # fmt: skip
    assert sorted(out.written_files) == sorted(out.out_files) and len(out.out_files) == 5
    np.testing.assert_array_equal(
        nb.load(work / f"study/sub-01/ses-a/func/{BOLD}.nii.gz").dataobj,
        nb.load(work / f"in/{BOLD}.nii.gz").dataobj,
    )
    again = SaveRawImages(**converted).run(cwd=str(work)).outputs
    assert again.written_files == []
    assert state(work / "study") == once


def test_what_differs_stops_all_of_it(work, converted):
    SaveRawImages(**converted).run(cwd=str(work))
    folder = work / "study/sub-01/ses-a/func"
    (folder / f"{BOLD}.json").write_text('{"RepetitionTime": 2, "PhaseEncodingDirection": "j"}')
    (folder / f"{BOLD}.nii.gz").write_bytes(b"damaged")
    (work / f"study/sub-01/ses-a/anat/{T1W}.json").unlink()
    edited = state(work / "study")
    with pytest.raises(InputError) as caught:
        SaveRawImages(**converted).run(cwd=str(work))
    assert caught.value.found.split() == [
        f"sub-01/ses-a/func/{BOLD}.nii.gz", f"sub-01/ses-a/func/{BOLD}.json"
    ]  # fmt: skip
    assert "--force" in str(caught.value)
    assert state(work / "study") == edited
    out = SaveRawImages(**converted, force=True).run(cwd=str(work)).outputs
    assert len(out.written_files) == 3
    assert json.loads((folder / f"{BOLD}.json").read_text()) == {"RepetitionTime": 2}


def test_derivatives_and_two_people_are_refused(work, converted):
    (work / "study").mkdir()
    (work / "study/dataset_description.json").write_text('{"DatasetType": "derivative"}')
    with pytest.raises(InputError, match="DatasetType 'derivative'"):
        SaveRawImages(**converted).run(cwd=str(work))
    assert len(state(work / "study")) == 1
    other = write_image(work / "in/sub-02_T1w.nii.gz", np.ones((3, 3, 3), np.float32))
    converted["in_files"].append(str(other))
    with pytest.raises(InputError, match=r"one participant and session\n.*01_a, 02"):
        SaveRawImages(**converted).run(cwd=str(work))
