import hashlib
import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from support.images import write_image
from support.noise import ar_noise

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import regressors
from fmriprod.interfaces.glm import FirstLevelModel

SHAPE, N, TR = (8, 7, 6), 90, 2.0
FACE, HOUSE = np.arange(10.0, 160, 40), np.arange(30.0, 160, 40)
FILES = {
    "in_file": "bold.nii.gz",
    "mask_file": "mask.nii.gz",
    "events_file": "events.tsv",
}
STATS = ("effect", "variance", "t", "z")


@pytest.fixture
def run(work, rng):
    """Write a run of faces and houses: in one corner faces raise the signal by 3 per cent.

    Voxel 0 of the mask is zero throughout, voxel 1 constant, voxel 2 has one NaN.
    """
    noise = 4 * ar_noise(np.prod(SHAPE), N, [0.3], rng).reshape(*SHAPE, N)
    data = (500 + noise).astype(np.float32)
    frames = np.arange(N) * TR + TR / 2
    data[:3, :3, :3] += 15 * regressors(FACE, np.full(4, 8.0), frames, "spm")[""]
    mask = np.ones(SHAPE, np.uint8)
    mask[:, :, -1] = 0
    data[5, 0, 0], data[5, 1, 0], data[5, 2, 0, 40] = 0, 321, np.nan
    write_image(work / "bold.nii.gz", data, tr=TR)
    write_image(work / "mask.nii.gz", mask)
    events = pd.DataFrame(
        {
            "onset": [*FACE, *HOUSE],
            "duration": 8.0,
            "trial_type": ["face"] * 4 + ["house"] * 4,
        }
    )
    events.to_csv(work / "events.tsv", sep="\t", index=False)
    motion = pd.DataFrame(rng.normal(size=(N, 2)), columns=["trans_x", "trans_x_derivative1"])
    motion.loc[0, "trans_x_derivative1"] = np.nan
    motion.to_csv(work / "confounds.tsv", sep="\t", index=False, na_rep="n/a")
    return work


def model(**changes):
    contrasts = ["face-house", "stimuli=0.5*face+0.5*house"]
    return FirstLevelModel(**FILES | {"contrasts": contrasts} | changes)


def message(**changes):
    with pytest.raises(InputError) as caught:
        model(**changes).run()
    return str(caught.value)


def voxels(path):
    return nb.load(path).get_fdata()


def test_the_planted_effect_is_found_in_percent_in_its_corner(run):
    out = model().run().outputs
    assert out.contrast_names == ["faceMinusHouse", "stimuli"]
    effect, z = voxels(out.effect_files[0]), voxels(out.z_files[0])
    assert effect[:3, :3, :3].mean() == pytest.approx(3, abs=0.3)
    assert np.median(z[:3, :3, :3]) > 4 > np.abs(np.median(z[4:, 4:, :5]))
    np.testing.assert_allclose(
        voxels(out.t_files[0]) ** 2 * voxels(out.variance_files[0]), effect**2, rtol=1e-3
    )
    assert voxels(out.effect_files[1])[:3, :3, :3].mean() == pytest.approx(1.5, abs=0.3)
    names = [Path(f).name for f in (*out.z_files, *out.effect_files, *out.contrast_figures)]
    assert names == [
        "contrast-faceMinusHouse_stat-z_statmap.nii.gz",
        "contrast-stimuli_stat-z_statmap.nii.gz",
        "contrast-faceMinusHouse_stat-effect_statmap.nii.gz",
        "contrast-stimuli_stat-effect_statmap.nii.gz",
        "contrast-faceMinusHouse_stat-z.png",
        "contrast-stimuli_stat-z.png",
    ]


def test_zero_constant_and_nan_voxels_never_get_a_statistic_and_are_counted(run):
    out = model().run().outputs
    analysed = voxels(out.out_mask).astype(bool)
    expected = voxels("mask.nii.gz").astype(bool)
    expected[5, :3, 0] = False
    np.testing.assert_array_equal(analysed, expected)
    for stat in STATS:
        for path in getattr(out, f"{stat}_files"):
            assert (voxels(path)[~analysed] == 0).all()
    assert json.loads(Path(out.audit_file).read_text())["voxels"] == {
        "mask": 280,
        "analysed": 277,
        "excluded_nonfinite": 1,
        "excluded_constant": 2,
        "excluded_without_residual": 0,
    }


def test_the_audit_and_the_design_say_what_was_done(run):
    out = model(
        confounds_file="confounds.tsv",
        confounds=["trans_x", "trans_x_derivative1"],
        confounds_nan="mean",
        contrasts=["face", "face-body"],
        conditions=["face", "house", "body"],
        missing_conditions="skip",
    ).run().outputs  # fmt: skip
    audit = json.loads(Path(out.audit_file).read_text())
    design = pd.read_csv(out.design_file, sep="\t")
    assert list(design.columns) == audit["columns"] == [
        "face", "face_derivative", "house", "house_derivative", "trans_x",
        "trans_x_derivative1", "drift_1", "drift_2", "drift_3", "constant",
    ]  # fmt: skip
    assert audit["confounds_filled"] == {"trans_x_derivative1": 1}
    assert audit["n_events"] == {"face": 4, "house": 4}
    assert audit["missing_conditions"] == ["body"]
    assert audit["contrasts_left_out"] == [
        {
            "name": "faceMinusBody",
            "expression": "face-body",
            "reason": "no event of body in this run",
        }
    ]
    assert out.contrast_names == ["face"] and len(out.z_files) == 1
    assert (audit["tr"], audit["start_time"], audit["rank"]) == (2, 1, 10)
    assert out.dof == audit["dof"] == N - 10
    assert 1 < audit["variance_inflation"]["face"] < 5
    assert 0.1 < audit["ar_median"][0] < 0.5, "0.3 was planted"
    assert audit["settings"]["hrf"] == "spm + derivative"


def test_the_same_bytes_whatever_the_threads_in_a_node(run):
    sums = set()
    for i, options in enumerate(({"num_threads": 1}, {"num_threads": 3})):
        node = pe.Node(FirstLevelModel(**options), name="model", base_dir=str(run / str(i)))
        node.inputs.trait_set(**{field: str(run / name) for field, name in FILES.items()})
        node.inputs.contrasts = ["face-house"]
        out = node.run().outputs
        paths = []
        for value in out.get().values():
            paths += [v for v in np.atleast_1d(value) if "/" in str(v)]
        assert len(paths) == 9
        digests = [hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in sorted(paths)]
        sums.add(tuple(digests))
    assert len(sums) == 1


def test_the_background_of_figures_must_be_on_the_grid(run):
    write_image(run / "t1w.nii.gz", np.ones((9, 9, 9), np.float32))
    assert "resample it to that grid first" in message(background_file="t1w.nii.gz")


def rewrite(name, change):
    events = change(pd.read_csv("events.tsv", sep="\t"))
    events.to_csv(name, sep="\t", index=False)
    return name


def test_events_that_cannot_be_used_name_file_and_rows(run):
    late = rewrite("late.tsv", lambda e: e.assign(onset=e["onset"] + 1000))
    text = message(events_file=late)
    assert text.startswith("FirstLevelModel: ") and "late.tsv" in text
    assert "onset after the end of the run (180 s) in rows 1, 2, 3" in text
    untyped = rewrite("untyped.tsv", lambda e: e.rename(columns={"trial_type": "condition"}))
    assert "no column 'trial_type'; known: onset, duration, condition" in message(
        events_file=untyped
    )
    before = rewrite("before.tsv", lambda e: e.assign(onset=e["onset"] - 15))
    assert "onset before the first volume in row 1" in message(events_file=before)
    assert model(events_file=before, allow_negative_onsets=True).run().outputs.dof > 0


def test_contrasts_that_cannot_be_answered(run):
    assert "no condition 'hosue'" in message(contrasts=["face-hosue"])
    text = message(contrasts=["body"], conditions=["body", "face"])
    assert "FirstLevelModel: contrasts" in text and "no event of body in this run" in text
    twice = rewrite("twice.tsv", lambda e: pd.concat([e, e[:4].assign(trial_type="person")]))
    text = message(events_file=twice)
    assert "columns that are combinations of each other: face, face_derivative, person" in text
    assert model(events_file=twice, contrasts=["house"]).run().outputs.contrast_names == ["house"]


def test_confounds_need_a_file_columns_and_a_rule_for_missing_values(run):
    assert "a file without columns" in message(confounds_file="confounds.tsv")
    assert "columns without a file" in message(confounds=["trans_x"])
    columns = ["trans_x", "trans_x_derivative1"]
    text = message(confounds_file=str(run / "confounds.tsv"), confounds=columns)
    assert "confounds.tsv" in text and "trans_x_derivative1: 1 (volume 1)" in text
    pd.DataFrame({"trans_x": range(N + 1)}).to_csv("long.tsv", sep="\t", index=False)
    text = message(confounds_file="long.tsv", confounds=["trans_x"])
    assert "one row for each of the 90 volumes" in text and "91 rows" in text


def test_repetition_times_that_disagree_and_masks_elsewhere_are_refused(run):
    assert "2" in message(tr=1.5) and "1.5" in message(tr=1.5)
    assert model(tr=1.9, override_header_tr=True).run().outputs.dof > 0
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 3] = 9
    write_image(run / "shifted.nii.gz", np.ones(SHAPE, np.uint8), affine)
    text = message(mask_file="shifted.nii.gz")
    assert "an affine that differs by up to 9 mm" in text


def test_a_constant_confound_and_a_spike_change_no_estimable_contrast(run):
    table = pd.DataFrame({"one": np.ones(N), "flat": np.zeros(N)})
    table.to_csv("flat.tsv", sep="\t", index=False)
    plain = model().run().outputs
    z = voxels(plain.z_files[0])
    with_flat = model(confounds_file="flat.tsv", confounds=["one", "flat"]).run().outputs
    np.testing.assert_allclose(voxels(with_flat.z_files[0]), z, atol=1e-4)
    assert with_flat.dof == plain.dof
    audit = json.loads(Path(with_flat.audit_file).read_text())
    assert audit["aliased_columns"] == ["one", "flat", "constant"]
    assert audit["condition_number"] is None


@pytest.mark.realdata
def test_faces_minus_houses_peak_in_the_right_fusiform_gyrus(real_data, work):
    """One real run, smoothed with 5 mm; the place is known from independent analyses."""
    folder = real_data("studyforrest_localizer")
    image = nb.load(folder / "bold.nii.gz")
    data = np.asarray(image.dataobj, np.float32)
    sigma = 5 / np.sqrt(8 * np.log(2)) / np.array(image.header.get_zooms()[:3])
    mean = data.mean(axis=3)
    mask = mean > 0.3 * np.percentile(mean, 98)
    for volume in range(data.shape[3]):
        data[..., volume] = gaussian_filter(data[..., volume], sigma)
    write_image(work / "bold.nii", data, image.affine)
    write_image(work / "mask.nii", mask.astype(np.uint8), image.affine)
    expression = "(face+house+body+scene+object+scramble)/6"
    out = model(
        in_file="bold.nii",
        mask_file="mask.nii",
        events_file=str(folder / "events.tsv"),
        contrasts=["face-house", f"stimuli={expression}"],
    ).run().outputs  # fmt: skip
    z = voxels(out.z_files[0])
    world = np.argwhere(z > 5) @ image.affine[:3, :3].T + image.affine[:3, 3]
    near = np.linalg.norm(world - [42, -33, -20], axis=1) < 12
    assert z[z > 5][near].max() >= 6
    # The strongest place of the right hemisphere's ventral surface in front of y = -50.
    front = (world[:, 0] > 20) & (world[:, 1] > -50) & (world[:, 2] < -5)
    assert np.linalg.norm(world[front][z[z > 5][front].argmax()] - [42, -33, -20]) < 12
    assert voxels(out.z_files[1]).max() > 12, "all stimuli against rest"
    effect = voxels(out.effect_files[1])
    assert 1 < np.percentile(effect[voxels(out.z_files[1]) > 8], 50) < 6, "per cent"
