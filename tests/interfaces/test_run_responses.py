import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.run_responses import RunResponses

AFFINE = np.array([[-3.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 3.5, 5], [0, 0, 0, 1]])
LENGTHS = (30, 24, 27)


@pytest.fixture
def runs(work, rng):
    """Three simulated runs with drifts of their own, a mask, and tables of confounds."""
    mask = rng.random((5, 4, 3)) < 0.6
    mask[0, 0, 0] = mask[1, 1, 1] = True
    write_image(work / "mask.nii.gz", mask.astype(np.uint8), AFFINE)
    files, tables = [], []
    for number, n in enumerate(LENGTHS):
        slope = rng.normal(0, 3, (5, 4, 3, 1)) * np.linspace(-1, 1, n)
        data = rng.normal(500, 200, (5, 4, 3, 1)) + slope + rng.normal(0, 5, (5, 4, 3, n))
        path = work / f"bold{number}.nii.gz"
        write_image(path, data.astype(np.float32), AFFINE, tr=2.0)
        files.append(str(path))
        table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["trans_x", "rot_z", "csf"])
        table.loc[0, "rot_z"] = np.nan
        tables.append(str(work / f"confounds{number}.tsv"))
        table.to_csv(tables[-1], sep="\t", index=False, na_rep="n/a")
    return {"in_files": files, "mask_file": str(work / "mask.nii.gz")}, tables


def outputs(**inputs):
    out = RunResponses(**inputs).run().outputs
    samples = pd.read_csv(out.samples_file, sep="\t", dtype={"run": str})
    return np.load(out.responses_file), samples, out


def masker_runs(inputs, **cleaning):
    from nilearn.maskers import MultiNiftiMasker

    masker = MultiNiftiMasker(mask_img=inputs["mask_file"], standardize=None, **cleaning)
    return masker.fit().transform(inputs["in_files"])


@pytest.mark.filterwarnings("ignore")
def test_the_numbers_are_nilearn_s(runs):
    inputs, _ = runs
    responses, samples, _ = outputs(**inputs, shift=2)
    nilearn = masker_runs(inputs, detrend=True)
    expected = np.vstack([run[2:] for run in nilearn])
    assert responses.shape == expected.shape and responses.dtype == np.float32
    # Nilearn detrends in float32, where 500 has steps of 3e-5: to 1e-5 of the series' spread
    np.testing.assert_allclose(responses, expected, atol=1e-5 * np.abs(expected).max())
    assert len(samples) == sum(LENGTHS) - 6


@pytest.mark.filterwarnings("ignore")
def test_confounds_are_regressed_out_as_nilearn_does_it(runs, work):
    inputs, tables = runs
    names = ["trans_x", "rot_z"]
    responses, _, out = outputs(
        **inputs, confounds_files=tables, confounds=names, confounds_nan="mean"
    )
    frames = [pd.read_csv(table, sep="\t", na_values="n/a")[names] for table in tables]
    frames = [frame.fillna(frame.mean()) for frame in frames]
    from nilearn.signal import clean

    mask = nb.load(inputs["mask_file"]).get_fdata() > 0
    expected = [
        clean(nb.load(path).get_fdata()[mask].T, detrend=True, standardize=None, confounds=frame)
        for path, frame in zip(inputs["in_files"], frames, strict=True)
    ]
    np.testing.assert_allclose(responses, np.vstack(expected), atol=2e-6)
    assert json.loads(Path(out.summary_file).read_text())["settings"]["confounds"] == names


def test_responses_follow_their_stimuli_within_each_run(work):
    """Each value says its run and volume, so that a pair across runs would be seen."""
    files = []
    for run, n in enumerate((9, 7)):
        data = np.broadcast_to(100.0 * run + np.arange(n, dtype=np.float32), (2, 2, 2, n))
        files.append(str(write_image(work / f"{run}.nii", np.array(data, np.float32), tr=1.5)))
    mask = str(write_image(work / "mask.nii", np.ones((2, 2, 2), np.uint8)))
    responses, samples, _ = outputs(
        in_files=files, mask_file=mask, detrend="none", shift=2, drop_first=3, drop_last=1,
        runs=["a", "b"], sessions=["01", "02"],
    )  # fmt: skip
    np.testing.assert_array_equal(responses[:, 0], [3, 4, 5, 6, 7, 103, 104, 105])
    assert list(samples.columns) == ["session", "run", "volume", "time", "response_volume"]
    assert samples["volume"].tolist() == [1, 2, 3, 4, 5, 1, 2, 3]
    assert samples["response_volume"].tolist() == [3, 4, 5, 6, 7, 3, 4, 5]
    np.testing.assert_allclose(samples["time"], samples["volume"] * 1.5)
    assert samples["run"].tolist() == ["a"] * 5 + ["b"] * 3
    assert samples["session"].tolist() == [1] * 5 + [2] * 3


def test_dropped_volumes_enter_neither_drift_nor_confounds(runs, work, rng):
    inputs, tables = runs
    data = nb.load(inputs["in_files"][0]).get_fdata(dtype=np.float32)
    data[..., :3] *= 9  # before the signal is steady
    path = str(write_image(work / "steady.nii.gz", data[..., 3:-2], AFFINE, tr=2.0))
    table = pd.read_csv(tables[0], sep="\t", na_values="n/a")
    table.iloc[3:-2].to_csv(work / "steady.tsv", sep="\t", index=False)
    mask = {"mask_file": inputs["mask_file"], "confounds": ["rot_z"]}
    expected, _, _ = outputs(in_files=[path], confounds_files=[str(work / "steady.tsv")], **mask)
    write_image(work / "bold0.nii.gz", data, AFFINE, tr=2.0)
    found, samples, _ = outputs(
        in_files=inputs["in_files"][:1], confounds_files=tables[:1], drop_first=3, drop_last=2,
        **mask,
    )  # fmt: skip
    np.testing.assert_array_equal(found, expected)
    assert samples["volume"].tolist() == list(range(3, 28))


def test_voxels_without_signal_are_nan_in_their_run_marked_and_counted(runs, work):
    inputs, _ = runs
    before, _, _ = outputs(**inputs)
    image = nb.load(inputs["in_files"][1])
    data = image.get_fdata(dtype=np.float32)
    data[0, 0, 0, 5], data[1, 1, 1] = np.nan, 321.5
    write_image(work / "bold1.nii.gz", data, AFFINE, tr=2.0)
    responses, _, out = outputs(**inputs)
    voxels = pd.read_csv(out.voxels_file, sep="\t")
    bad = voxels["usable"].to_numpy() == 0
    assert voxels.loc[bad, ["i", "j", "k"]].to_numpy().tolist() == [[0, 0, 0], [1, 1, 1]]
    np.testing.assert_array_equal(responses[:, ~bad], before[:, ~bad])
    rows = slice(LENGTHS[0], LENGTHS[0] + LENGTHS[1])
    assert np.isnan(responses[rows, bad]).all()
    assert np.isfinite(np.delete(responses, np.r_[rows], axis=0)).all()
    assert out.n_unusable == 2
    found = json.loads(Path(out.summary_file).read_text())["runs"][1]["unusable"]
    assert found == {"constant": 1, "explained": 0, "mean_not_positive": 0, "nonfinite": 1}


def test_only_the_samples_that_a_table_lists(runs, work):
    inputs, _ = runs
    whole, samples, _ = outputs(**inputs, shift=2)
    chosen = samples.iloc[[0, 3, 4, 30, 70]]
    chosen.to_csv(work / "keep.tsv", sep="\t", index=False)
    part, left, _ = outputs(**inputs, shift=2, keep_file=str(work / "keep.tsv"))
    np.testing.assert_array_equal(part, whole[[0, 3, 4, 30, 70]])
    pd.testing.assert_frame_equal(left, chosen.reset_index(drop=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run\tvolume\n1\t0\n4\t1\n", "1 others, the first run 4, volume 1"),
        ("run\tvolume\n2\t0\n1\t1\n", "a sample twice, or another order"),
        ("label\tvolume\n2\t0\n", "columns label, volume"),
    ],
)
def test_a_table_of_other_samples_is_refused(runs, work, text, message):
    (work / "keep.tsv").write_text(text)
    with pytest.raises(InputError) as caught:
        RunResponses(**runs[0], keep_file=str(work / "keep.tsv")).run()
    assert caught.value.found == message and caught.value.file == str(work / "keep.tsv")


def test_columns_of_confounds_that_there_are_not_are_named_with_their_file(runs):
    inputs, tables = runs
    with pytest.raises(InputError, match="did you mean 'trans_x'") as caught:
        RunResponses(**inputs, confounds_files=tables, confounds=["transx"]).run()
    assert caught.value.file == tables[0]
    with pytest.raises(InputError, match="columns without files"):
        RunResponses(**inputs, confounds=["trans_x"]).run()
    with pytest.raises(InputError, match="one for each of the 3 runs"):
        RunResponses(**inputs, confounds_files=tables[:2], confounds=["trans_x"]).run()
    with pytest.raises(InputError, match="one row for each of the 24 volumes") as caught:
        RunResponses(**inputs, confounds_files=[tables[0]] * 3, confounds=["trans_x"]).run()
    with pytest.raises(InputError, match=r"missing or not a number in rot_z: 1 \(volume 1\)"):
        RunResponses(**inputs, confounds_files=tables, confounds=["rot_z"]).run()


def test_other_grids_short_runs_and_labels_are_refused(runs, work):
    inputs, _ = runs
    other = str(write_image(work / "other.nii", np.ones((5, 4, 3), np.uint8)))
    with pytest.raises(InputError, match="an affine that differs by up to"):
        RunResponses(in_files=inputs["in_files"], mask_file=other).run()
    moved = str(write_image(work / "moved.nii", np.ones((5, 4, 3, 9), np.float32)))
    with pytest.raises(InputError, match="an affine that differs by up to") as caught:
        RunResponses(in_files=[inputs["in_files"][0], moved], mask_file=inputs["mask_file"]).run()
    assert caught.value.file == moved
    with pytest.raises(InputError, match="none left with shift 24"):
        RunResponses(**inputs, shift=24).run()
    with pytest.raises(InputError, match="one for each of the 3 runs"):
        RunResponses(**inputs, runs=["a"]).run()
    with pytest.raises(InputError, match="twice: a"):
        RunResponses(**inputs, runs=["a", "b", "a"]).run()
    empty = str(write_image(work / "empty.nii", np.zeros((5, 4, 3), np.uint8), AFFINE))
    with pytest.raises(InputError, match="no voxel is set"):
        RunResponses(in_files=inputs["in_files"], mask_file=empty).run()


def test_a_repetition_time_is_needed_for_filters_only(runs, work):
    inputs, _ = runs
    data = nb.load(inputs["in_files"][0]).get_fdata(dtype=np.float32)
    path = str(write_image(work / "timeless.nii", data, AFFINE, tr=0.0))
    inputs = {**inputs, "in_files": [path]}
    _, samples, _ = outputs(**inputs)
    assert samples["time"].isna().all()
    _, samples, _ = outputs(**inputs, tr=2.0)
    assert samples["time"].max() == 58
    with pytest.raises(InputError, match="repetition time above 0 s in the header"):
        RunResponses(**inputs, detrend="cosine").run()


def test_the_same_input_gives_the_same_bytes_in_a_node(runs, work):
    found = []
    for folder, size in (("one", 7), ("two", 4096)):
        node = pe.Node(RunResponses(**runs[0], block_size=size), name="r", base_dir=work / folder)
        out = node.run().outputs
        paths = (out.responses_file, out.samples_file, out.voxels_file, out.summary_file)
        found.append([Path(path).read_bytes() for path in paths])
    assert found[0] == found[1]


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore")
def test_runs_of_haxby_s_slice_are_as_nilearn_s(real_data, work):
    folder = real_data("haxby_single_slice")
    mask = str(folder / "mask.nii.gz")
    bold = folder / "openfmri" / "sub001" / "BOLD"
    files = [str(bold / f"task001_run{n:03d}" / "bold_1slice.nii.gz") for n in range(1, 13)]
    data = nb.load(mask)
    affine = nb.load(files[0]).affine
    nb.Nifti1Image(np.asarray(data.dataobj), affine).to_filename(work / "mask.nii.gz")
    inputs = {"in_files": files, "mask_file": str(work / "mask.nii.gz")}
    responses, _, out = outputs(**inputs, shift=2)
    expected = np.vstack([run[2:] for run in masker_runs(inputs, detrend=True)])
    assert responses.shape == expected.shape == (12 * 119, 530)
    usable = pd.read_csv(out.voxels_file, sep="\t")["usable"].to_numpy() == 1
    np.testing.assert_allclose(
        responses[:, usable], expected[:, usable], atol=1e-5 * np.abs(expected).max()
    )
