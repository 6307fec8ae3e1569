import json
import shutil
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nibabel import freesurfer
from scipy.ndimage import binary_dilation, distance_transform_edt
from support.simulated import checksums, validate

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.interfaces.production_design import design_labels, read_production_design
from fmriprod.interfaces.simulate_production import SimulateProduction

TINY = {
    "n_recognition_runs": 1,
    "n_drawing_runs": 1,
    "t1w_zoom": 3,
    "bold_zoom": 8.0,
    "bold_shape": [23, 27, 22],
    "subdivisions": 5,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    node = pe.Node(
        SimulateProduction(out_dir=str(folder / "study"), labels=["01", "K2"], **TINY),
        name="simulate",
        base_dir=folder / "work",
    )
    outputs = node.run().outputs
    assert outputs.subjects_dir == str(folder / "study/derivatives/freesurfer")
    return Path(outputs.bids_dir)


@pytest.fixture(scope="module")
def truth(study):
    return json.loads((study / "derivatives/truth/truth.json").read_text())


def test_the_dataset_holds_the_runs_of_the_study(study, truth):
    first, second = index_dataset(study).participants
    assert (first.label, second.label) == ("01", "K2")
    assert [(r.task, r.run) for r in first.runs] == [("drawing", "1"), ("recognition", "1")]
    lengths = {"drawing": 308, "recognition": 240}
    for run in first.runs:
        image = nb.load(run.bold_file)
        assert image.shape == (23, 27, 22, lengths[run.task])
        assert image.header.get_zooms()[3] == run.metadata["RepetitionTime"] == 1.5
        assert len(run.metadata["SliceTiming"]) == 22
        events = pd.read_csv(run.events_file, sep="\t")
        assert list(events) == ["onset", "duration", "trial_type"]
        assert set(events["duration"]) == {34.5 if run.task == "drawing" else 1.0}
        if run.task == "drawing":
            assert set(events["trial_type"]) == set(truth["subjects"]["01"]["trained_objects"])


def test_participants_and_truth_name_the_same_trained_objects(study, truth):
    table = pd.read_csv(study / "participants.tsv", sep="\t").set_index("participant_id")
    assert list(table) == ["trained_1", "trained_2"]
    for label, person in truth["subjects"].items():
        assert table.loc[f"sub-{label}"].tolist() == person["trained_objects"]
        assert person["trained_objects"] == sorted(set(person["trained_objects"]))


def test_the_truth_says_what_is_planted_and_what_is_not(truth):
    assert truth["simulated"] is True
    regions = truth["planted"]["regions"]
    assert regions["V1"]["foil"] < 0 < regions["V1"]["target"]
    assert not any(regions["hipp"].values())
    expected = truth["expected"]
    assert expected["accuracy"]["hipp"] == {"pre": 0, "post": 0, "drawing": 0}
    assert expected["log_odds"]["V1"] == {"target_foil": 1, "target_control": 1, "foil_control": -1}
    grow = {pair for pair, sign in expected["connectivity"].items() if sign}
    assert grow == {"V1-V2", "V1-LOC", "V2-LOC", "V1-parietal", "V2-parietal"}


def test_everything_says_that_it_is_simulated(study):
    description = json.loads((study / "dataset_description.json").read_text())
    assert description["Name"].startswith("Simulated")
    assert "No person was scanned" in (study / "README.md").read_text()
    assert "FreeSurfer was not run" in (study / "derivatives/freesurfer/README.md").read_text()


def test_parcels_have_the_numbers_and_the_world_of_the_t1w_image(study, truth):
    root = study / "derivatives/freesurfer/sub-01"
    codes = nb.load(root / "mri/aparc+aseg.mgz")
    assert nb.aff2axcodes(codes.affine) == ("L", "I", "A")
    for other in ("orig", "T1"):
        image = nb.load(root / f"mri/{other}.mgz")
        np.testing.assert_array_equal(image.affine, codes.affine)
    t1w = nb.load(study / "sub-01/anat/sub-01_T1w.nii.gz")
    back = nb.as_closest_canonical(nb.Nifti1Image(np.asarray(image.dataobj), image.affine))
    np.testing.assert_allclose(back.affine, t1w.affine, atol=1e-4)
    np.testing.assert_array_equal(back.get_fdata(), t1w.get_fdata())
    own = nb.as_closest_canonical(nb.Nifti1Image(np.asarray(codes.dataobj), codes.affine))
    labels = np.asarray(own.dataobj)
    for code in (1006, 1007, 1008, 1009, 1011, 1016, 1024, 1029, 17):
        pair = (code, 53 if code == 17 else code + 1000)
        assert all((labels == one).sum() * 27 > 2000 for one in pair), code
    regions = truth["subjects"]["01"]["regions"]
    hipp = nb.load(study / regions["hipp"]["t1w_mask"]).get_fdata() > 0
    np.testing.assert_array_equal(hipp, np.isin(labels, (17, 53)))


@pytest.mark.parametrize("side", ["lh", "rh"])
def test_surfaces_and_labels_lie_in_the_cortex_that_was_planted(study, truth, side):
    """tkRAS by both roads: the volume's own matrix, and the centre in the surface's footer."""
    root = study / "derivatives/freesurfer/sub-01"
    codes = nb.load(root / "mri/aparc+aseg.mgz")
    white, faces, info = freesurfer.read_geometry(root / f"surf/{side}.white", read_metadata=True)
    pial, _ = freesurfer.read_geometry(root / f"surf/{side}.pial")
    thickness = freesurfer.read_morph_data(root / f"surf/{side}.thickness")
    assert len(white) == len(pial) == len(thickness) == 10242 and faces.max() == 10241
    np.testing.assert_allclose(np.linalg.norm(pial - white, axis=1), thickness, atol=1e-3)
    to_world = codes.affine @ np.linalg.inv(codes.header.get_vox2ras_tkr())
    np.testing.assert_allclose(
        white @ to_world[:3, :3].T + to_world[:3, 3], white + info["cras"], atol=1e-3
    )
    brain = nb.load(study / truth["subjects"]["01"]["brain_mask"])
    to_voxel = np.linalg.inv(brain.affine)

    def voxels(points):
        return tuple(
            np.rint((points + info["cras"]) @ to_voxel[:3, :3].T + to_voxel[:3, 3]).astype(int).T
        )

    assert (brain.get_fdata()[voxels(white)] > 0).mean() > 0.95
    for area, name in (("V1", "V1"), ("V2", "V2"), ("perirhinal", "PRC")):
        vertices = freesurfer.read_label(root / f"label/{side}.{area}_exvivo.label")
        assert len(vertices) > 50
        file = truth["subjects"]["01"]["regions"][name]["t1w_mask"]
        planted = nb.load(study / file).get_fdata() > 0
        found = np.zeros(planted.shape, bool)
        for share in np.linspace(0, 1, 11):
            found[voxels((1 - share) * white[vertices] + share * pial[vertices])] = True
        half = planted & _side(brain, side)
        assert (found & binary_dilation(half)).sum() > 0.95 * found.sum()
        assert 2 * (found & half).sum() / (found.sum() + half.sum()) > 0.6


def _side(image, side):
    """Voxels of a hemisphere, by the plane between the two surfaces of the middle."""
    root = Path(image.get_filename()).parents[4] / "derivatives/freesurfer/sub-01"
    codes = nb.load(root / "mri/aparc+aseg.mgz")
    labels = nb.as_closest_canonical(nb.Nifti1Image(np.asarray(codes.dataobj), codes.affine))
    labels = np.asarray(labels.dataobj)
    left, right = (labels // 1000 == 1) | (labels == 2), (labels // 1000 == 2) | (labels == 41)
    nearer = distance_transform_edt(~left) <= distance_transform_edt(~right)
    return nearer if side == "lh" else ~nearer


def test_a_participant_is_the_same_whoever_else_is_there(study, work):
    """Also with another number of threads."""
    again = SimulateProduction(out_dir="study", labels=["K2"], num_threads=2, **TINY).run()
    one, two = checksums(Path(again.outputs.bids_dir)), checksums(study)
    mine = {name: total for name, total in one.items() if "sub-K2" in name}
    assert len(mine) > 30
    assert mine == {name: two[name] for name in mine}


def test_a_whole_study_is_left_alone_and_another_refused(study, monkeypatch):
    monkeypatch.setattr("fmriprod.interfaces.simulate_production.make_template", None)
    before = {p: p.stat().st_mtime_ns for p in study.rglob("*")}
    given = {"out_dir": str(study), "labels": ["01", "K2"], **TINY}
    assert SimulateProduction(**given).run().outputs.bids_dir == str(study)
    with pytest.raises(InputError, match="fmriprod SimulateProduction"):
        SimulateProduction(**given, pattern=2.0).run()
    assert {p: p.stat().st_mtime_ns for p in study.rglob("*")} == before


@pytest.mark.slow
@pytest.mark.parametrize("part", [".", "derivatives/truth"])
def test_the_bids_validator_finds_no_error(study, part):
    found = validate(study / part)
    assert [i for i in found["issues"]["issues"] if i["severity"] == "error"] == []
    assert sorted(found["summary"]["subjects"]) == ["01", "K2"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"labels": ["01", "01"]}, "each label once"),
        ({"labels": ["a_b"]}, "'a_b'"),
        ({"design_dir": "nowhere"}, "no such folder"),
        ({"bold_shape": [10, 27, 22]}, "a grid that holds the brain"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_anything_is_written(work, options, text):
    with pytest.raises(InputError, match=text) as err:
        SimulateProduction(out_dir="study", **TINY | options).run()
    assert "SimulateProduction" in str(err.value)
    assert not (work / "study").exists()


def make_design(folder, label="0101011"):
    """Write a design with one run of a person: three trials an object, bed and chair trained."""
    place = folder / f"metadata/regressors/{label}_neurosketch/run_1"
    place.mkdir(parents=True)
    log = []
    for i, name in enumerate(["bed", "bench", "chair", "table"] * 3):
        slot = 8 + 3 * i
        with (place / f"{name}.txt").open("a") as stream:
            stream.write(f"{1.5 * slot:.2f} 1.00 1.00\n")
        condition = int(name in ("bench", "table"))
        log.append((name, condition, slot, 1, 1500 * slot, 1, 36, name))
    columns = [
        "object",
        "condition",
        "TRnum",
        "onset",
        "onset_time",
        "run_num",
        "viewpoint",
        "response",
    ]
    logs = folder / "metadata/neurosketch_archival_metadata/recog/metadata_augmented"
    logs.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(log, columns=columns).to_csv(logs / f"{label}_neurosketch.csv", index=False)
    return place


def test_a_design_gives_onsets_and_trained_objects(work):
    make_design(work)
    assert design_labels(work) == ["0101011"]
    person = read_production_design(work, ["0101011"], 1)["0101011"]
    assert person.trained == ("bed", "chair")
    assert person.runs[0]["onset"].tolist() == [12 + 4.5 * i for i in range(12)]
    assert person.runs[0]["trial_type"].tolist() == ["bed", "bench", "chair", "table"] * 3


def test_all_that_is_wrong_in_a_design_is_told_at_once(work):
    (make_design(work, "0101011") / "table.txt").unlink()
    shutil.rmtree(make_design(work, "0101012"))
    make_design(work, "0101013")
    with pytest.raises(InputError) as err:
        read_production_design(work, ["0101011", "0101012", "0101013"], 1)
    assert "sub-0101011" in err.value.found and "bed, bench, chair" in err.value.found
    assert "sub-0101012" in err.value.found and "no such folder" in err.value.found
    assert "sub-0101013" not in err.value.found
    with pytest.raises(InputError, match="0101019"):
        SimulateProduction(out_dir="study", design_dir=".", labels=["0101019"], **TINY).run()
    with pytest.raises(InputError, match="at most the 3 of the design"):
        SimulateProduction(out_dir="study", design_dir=".", n_subjects=4, **TINY).run()


@pytest.mark.realdata
def test_the_real_design_is_read_whole(real_data):
    """Facts of the study, counted from the files line by line."""
    folder = real_data("neurosketch")
    labels = design_labels(folder)
    assert len(labels) == 31
    steps, n_runs = [], 0
    for label, person in read_production_design(folder, labels, 6).items():
        log = pd.read_csv(
            folder / "metadata/neurosketch_archival_metadata/recog/metadata_augmented"
            / f"{label}_neurosketch.csv"
        )  # fmt: skip
        assert set(person.trained) == set(log.loc[log["condition"] == 0, "object"])
        for number, events in enumerate(person.runs, 1):
            n_runs += 1
            place = folder / f"metadata/regressors/{label}_neurosketch/run_{number}"
            for name in ("bed", "bench", "chair", "table"):
                lines = (place / f"{name}.txt").read_text().split("\n")
                onsets = [float(line.split()[0]) for line in lines if line.strip()]
                assert events.loc[events["trial_type"] == name, "onset"].tolist() == onsets
            slots = (events["onset"] / 1.5).astype(int)
            assert len(events) == 80 == slots.nunique()
            assert slots.iloc[0] == 8 and slots.max() <= 348 / 1.5
            steps += slots.diff().dropna().astype(int).tolist()
    assert n_runs == 186
    counts = pd.Series(steps).value_counts()
    assert [counts[n] for n in (2, 3, 4)] == pytest.approx([5845, 5869, 2948], abs=32)


@pytest.mark.slow
@pytest.mark.realdata
def test_a_study_on_the_real_design_has_its_onsets(real_data, work):
    folder = real_data("neurosketch")
    made = SimulateProduction(
        out_dir="study", design_dir=str(folder), labels=["0117171"], **TINY
    ).run()
    root = Path(made.outputs.bids_dir)
    events = pd.read_csv(
        root / "sub-0117171/func/sub-0117171_task-recognition_run-1_events.tsv", sep="\t"
    )
    person = read_production_design(folder, ["0117171"], 1)["0117171"]
    pd.testing.assert_frame_equal(events, person.runs[0], check_dtype=False)
    truth = json.loads((root / "derivatives/truth/truth.json").read_text())
    assert truth["subjects"]["0117171"]["trained_objects"] == list(person.trained)
    assert truth["parameters"]["design"] != "made up"
