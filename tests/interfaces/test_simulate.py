import json
import shutil
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.simulated import SMALL, checksums, validate

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.simulate import SimulateStudy


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "study"
    outputs = SimulateStudy(out_dir=str(folder), num_threads=2, **SMALL).run().outputs
    assert outputs.bids_dir == str(folder)
    return folder


def test_the_study_is_found_as_a_dataset(study):
    (participant,) = index_dataset(study).participants
    assert participant.label == "01"
    assert participant.t1w_for()
    assert [(r.task, r.run) for r in participant.runs] == [
        ("production", "1"),
        ("recognition", "1"),
    ]
    for run in participant.runs:
        image = nb.load(run.bold_file)
        assert image.shape == (30, 36, 28, 60)
        assert image.get_data_dtype() == np.int16
        assert image.header.get_zooms()[3] == run.metadata["RepetitionTime"] == 2.0
        assert len(run.metadata["SliceTiming"]) == 28
        assert nb.aff2axcodes(image.affine) == ("L", "A", "S")
        assert len(read_events(run.events_file, n_volumes=60, tr=2.0)) >= 2


def test_everything_says_that_it_is_simulated(study):
    description = json.loads((study / "dataset_description.json").read_text())
    assert description["Name"].startswith("Simulated")
    assert "no person was scanned" in description["HowToAcknowledge"]
    assert "No person was scanned" in (study / "README.md").read_text()
    assert json.loads((study / "derivatives/truth/truth.json").read_text())["simulated"] is True


@pytest.mark.parametrize("part", [".", "derivatives/truth"])
def test_the_bids_validator_finds_no_error(study, part):
    found = validate(study / part)
    assert [i for i in found["issues"]["issues"] if i["severity"] == "error"] == []
    assert found["summary"]["subjects"] == ["01"]


def test_the_bids_validator_does_find_errors(study, work):
    """So that the test above means something."""
    shutil.copytree(study, work / "study")
    (work / "study/task-recognition_bold.json").write_text('{"TaskName": "recognition"}')
    assert "error" in {i["severity"] for i in validate(work / "study")["issues"]["issues"]}


def test_the_truth_agrees_with_the_files(study):
    truth = json.loads((study / "derivatives/truth/truth.json").read_text())
    subject = truth["subjects"]["01"]
    t1w = nb.load(study / "sub-01/anat/sub-01_T1w.nii.gz")
    brain = nb.load(study / subject["brain_mask"])
    np.testing.assert_array_equal(brain.affine, t1w.affine)
    inside = t1w.get_fdata()[brain.get_fdata() > 0]
    assert 1.1e6 < len(inside) * 27 < 2.2e6  # mm3: a brain
    assert np.median(inside) > 4 * np.median(t1w.get_fdata())
    for region in subject["regions"].values():
        mask = nb.load(study / region["t1w_mask"]).get_fdata() > 0
        assert mask.any()
        assert (brain.get_fdata()[mask] > 0).mean() > 0.99
    for run in subject["runs"].values():
        bold = nb.load(study / run["bold"])
        motion = pd.read_csv(study / run["motion"], sep="\t")
        assert list(motion) == ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
        assert len(motion) == bold.shape[3]
        for mask in run["masks"].values():
            np.testing.assert_allclose(nb.load(study / mask).affine, bold.affine, atol=1e-5)


def test_same_bytes_in_a_node_with_another_number_of_threads(study, work):
    node = pe.Node(SimulateStudy(out_dir=str(work / "again"), **SMALL), name="s", base_dir=work)
    folder = Path(node.run().outputs.bids_dir)
    assert checksums(folder) == checksums(study)


def test_a_whole_study_is_left_alone(study, monkeypatch):
    monkeypatch.setattr("fmriprod.interfaces.simulate.make_participant", None)
    before = {p: p.stat().st_mtime_ns for p in study.rglob("*")}
    outputs = SimulateStudy(out_dir=str(study), **SMALL).run().outputs
    assert outputs.truth_file == str(study / "derivatives/truth/truth.json")
    assert {p: p.stat().st_mtime_ns for p in study.rglob("*")} == before


def test_a_damaged_file_is_made_again_and_the_others_stay(study, work):
    folder = work / "study"
    shutil.copytree(study, folder)
    damaged = folder / "sub-01/func/sub-01_task-recognition_run-1_bold.nii.gz"
    good = folder / "sub-01/func/sub-01_task-production_run-1_bold.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    before = good.stat().st_mtime_ns
    SimulateStudy(out_dir=str(folder), **SMALL).run()
    assert checksums(folder) == checksums(study)
    assert good.stat().st_mtime_ns == before


def test_a_study_by_other_code_is_made_again(study, work, monkeypatch):
    folder = work / "study"
    shutil.copytree(study, folder)
    monkeypatch.setattr(SimulateStudy, "_algorithm_version", "other")
    SimulateStudy(out_dir=str(folder), **SMALL).run()
    truth = json.loads((folder / "derivatives/truth/truth.json").read_text())
    assert "SimulateStudy=other" in truth["algorithm"]


def test_a_study_that_was_cut_off_is_completed(study, work):
    folder = work / "study"
    shutil.copytree(study, folder)
    whole = checksums(folder)
    (folder / "derivatives/truth/truth.json").unlink()
    (folder / "sub-01/func/.writing-1-sub-01_task-production_run-1_bold.nii.gz").touch()
    (folder / "sub-01/func/sub-01_task-production_run-1_bold.nii.gz").unlink()
    SimulateStudy(out_dir=str(folder), **SMALL).run()
    found = checksums(folder)
    assert {k: v for k, v in found.items() if ".writing-" not in k} == whole


@pytest.mark.parametrize("content", ["notes.txt", "dataset_description.json"])
def test_a_folder_with_other_things_in_it_is_refused(work, content):
    (work / "mine").mkdir()
    (work / "mine" / content).write_text('{"Name": "my study", "BIDSVersion": "1.10.0"}')
    with pytest.raises(InputError) as err:
        SimulateStudy(out_dir=str(work / "mine"), **SMALL).run()
    assert "an empty folder, or one that holds the same simulated study" in str(err.value)
    assert content in err.value.found
    assert str(work / "mine") in str(err.value)
    assert [p.name for p in (work / "mine").iterdir()] == [content]


def test_a_folder_that_cannot_be_made_is_refused(work):
    (work / "file").touch()
    for folder, found in (("file", "a file"), ("file/study", "Not a directory")):
        with pytest.raises(InputError, match=found) as err:
            SimulateStudy(out_dir=str(work / folder), **SMALL).run()
        assert "give a" in err.value.hint


def test_another_simulated_study_is_not_written_over(study):
    before = checksums(study)
    with pytest.raises(InputError, match='"seed": 2020') as err:
        SimulateStudy(out_dir=str(study), seed=1, **SMALL).run()
    assert "delete that study" in err.value.hint
    assert checksums(study) == before


def test_what_cannot_be_simulated_is_refused_before_anything_is_written(work):
    short = {**SMALL, "n_volumes": 40, "tr": 1.0}
    with pytest.raises(InputError, match="40 volumes of 1 s") as err:
        SimulateStudy(out_dir="study", **short).run()
    assert "SimulateStudy" in str(err.value)
    with pytest.raises(InputError, match="a grid that holds the brain"):
        SimulateStudy(out_dir="study", **{**SMALL, "bold_shape": [10, 36, 28]}).run()
    assert not (work / "study").exists()
