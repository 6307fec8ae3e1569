import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.featurize import Featurize, StackFeatures

EVENTS = (
    "onset\tduration\ttrial_type\n"
    "0.0\t1.0\tbed\n6.0\t1.0\ttable\n12.0\t1.0\tbed\n18.0\t1.0\ttable\n"
)


@pytest.fixture
def run(work, rng):
    """Write one simulated run of 20 volumes at 1.5 s and return its input files."""
    data = rng.normal(100, 5, size=(4, 3, 2, 20)).astype(np.float32)
    data[1, 2, 1] = 7.0
    data[0, 0, 1, 4] = np.nan
    mask = rng.random((4, 3, 2)) < 0.6
    mask[1, 2, 1] = mask[0, 0, 1] = True
    affine = np.diag([-3.0, 3.0, 3.5, 1.0])
    affine[:3, 3] = 10, -20, 5
    write_image(work / "bold.nii.gz", data, affine, tr=1.5)
    write_image(work / "mask.nii.gz", mask.astype(np.uint8), affine)
    (work / "events.tsv").write_text(EVENTS)
    return {"in_file": "bold.nii.gz", "mask_file": "mask.nii.gz", "events_file": "events.tsv"}


def outputs(**inputs):
    out = Featurize(**inputs).run().outputs
    samples = pd.read_csv(out.samples_file, sep="\t", dtype={"subject": str, "run": str})
    return out, np.load(out.features_file), samples, pd.read_csv(out.voxels_file, sep="\t")


def test_rows_are_volumes_and_columns_are_the_mask_s_voxels_in_c_order(run):
    out, features, samples, voxels = outputs(
        **run, subject="007", task="recognition", run_label="01", window=2
    )
    image = nb.load("bold.nii.gz")
    data = image.get_fdata(dtype=np.float32)
    assert features.shape == (8, len(voxels)) and features.dtype == np.float32
    assert samples["tr"].tolist() == [3, 4, 7, 8, 11, 12, 15, 16]  # floor((onset + 4.5) / 1.5)
    for row, sample in enumerate(samples.itertuples()):
        for column, voxel in enumerate(voxels.itertuples()):
            value = data[voxel.i, voxel.j, voxel.k, sample.tr]
            np.testing.assert_equal(features[row, column], value)
    order = voxels[["i", "j", "k"]].to_numpy() @ [6, 2, 1]
    assert (np.diff(order) > 0).all()
    world = nb.affines.apply_affine(image.affine, voxels[["i", "j", "k"]])
    np.testing.assert_allclose(voxels[["x", "y", "z"]], world)
    assert (samples[["subject", "task", "run"]] == ["007", "recognition", "01"]).all(axis=None)
    assert samples["label"].tolist() == ["bed", "bed", "table", "table"] * 2
    assert samples["half"].tolist() == [1] * 4 + [2] * 4
    assert out.n_samples == 8 and out.n_dropped == 0 and out.n_shared == 0


def test_voxels_without_signal_keep_their_column_and_are_marked(run):
    out, features, _, voxels = outputs(**run)
    bad = voxels[voxels["usable"] == 0]
    assert bad[["i", "j", "k"]].to_numpy().tolist() == [[0, 0, 1], [1, 2, 1]]
    assert out.n_unusable == 2
    assert features.shape[1] == len(voxels)


def test_average_and_standardization(run):
    _, volumes, _, voxels = outputs(**run, window=3, standardize="run")
    out, means, samples, _ = outputs(**run, window=3, standardize="run", average=True)
    good = voxels["usable"].to_numpy() == 1
    expected = volumes.reshape(4, 3, -1).mean(axis=1)
    np.testing.assert_allclose(means[:, good], expected[:, good], atol=1e-5)
    data = nb.load("bold.nii.gz").get_fdata()
    series = data[tuple(voxels.loc[good, ["i", "j", "k"]].to_numpy().T)]
    whole = (series - series.mean(axis=1, keepdims=True)) / series.std(axis=1, keepdims=True)
    np.testing.assert_allclose(
        volumes[:, good], whole[:, samples["tr"].repeat(3) + [0, 1, 2] * 4].T, atol=1e-4
    )
    assert out.n_samples == 4 and (samples["n_volumes"] == 3).all()


def test_volumes_shared_by_trials_are_counted_and_labels_chosen(run):
    out, _, samples, _ = outputs(**run, window=5)
    assert out.n_shared == 3  # the first volume of trials 1 to 3 is also the last of another
    out, _, samples, _ = outputs(**run, labels=["table"])
    assert set(samples["label"]) == {"table"}


def test_volumes_mode_labels_every_volume_of_a_block(run, work):
    rows = [f"{start + i}\t0.9\t{label}" for start, label in ((0, "bed"), (9, "table"))
            for i in range(6)]  # fmt: skip
    (work / "events.tsv").write_text("onset\tduration\ttrial_type\n" + "\n".join(rows) + "\n")
    _, _, samples, _ = outputs(**run, mode="volumes", shift=4.5)
    assert samples["tr"].tolist() == [3, 4, 5, 6, 9, 10, 11, 12]
    assert samples["label"].tolist() == ["bed"] * 4 + ["table"] * 4
    assert samples["time_point"].tolist() == [1, 2, 3, 4] * 2


def test_a_window_past_the_end_names_step_file_and_trial(run, work):
    run["events_file"] = str(work / "events.tsv")
    with pytest.raises(InputError) as caught:
        Featurize(**run, window=6).run()
    assert str(caught.value) == (
        f"Featurize: {work / 'events.tsv'}\n"
        "  expected: windows within the run, volumes 0 to 19\n"
        "  found:    trial 3 ('table', onset 18 s) needs volumes 15 to 20\n"
        "  do:       shorten the window or the shift, or leave such trials out "
        "(past_end: drop)"
    )
    assert Featurize(**run, window=6, past_end="drop").run().outputs.n_dropped == 1


def test_a_repetition_time_unlike_the_header_s_is_refused_unless_it_overrides(run):
    with pytest.raises(InputError, match=r"2 s\n.*1\.5 s in the header"):
        Featurize(**run, tr=2.0).run()
    _, _, samples, _ = outputs(**run, tr=2.0, override_header_tr=True)
    assert samples["tr"].tolist() == [2, 5, 8, 11]  # floor((onset + 4.5) / 2)


def test_a_mask_on_another_grid_is_refused(run, work):
    write_image(work / "other.nii.gz", np.ones((4, 3, 2), np.uint8), tr=1.5)
    with pytest.raises(InputError, match="an affine that differs by up to"):
        Featurize(**{**run, "mask_file": "other.nii.gz"}).run()


def test_the_same_input_gives_the_same_bytes_in_a_node(run, work):
    import hashlib
    from pathlib import Path

    files = {name: str(work / path) for name, path in run.items()}
    sums = []
    for folder in ("one", "two"):
        node = pe.Node(Featurize(**files), name="featurize", base_dir=str(work / folder))
        out = node.run().outputs
        paths = (out.features_file, out.samples_file, out.voxels_file)
        sums.append([hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths])
    assert sums[0] == sums[1]


@pytest.fixture
def runs(run, work):
    """Features of the same simulated run under two labels."""
    lists = {"features_files": [], "samples_files": [], "voxels_files": []}
    for label in ("01", "02"):
        node = pe.Node(Featurize(run_label=label), name=f"run{label}", base_dir=str(work))
        for name, path in run.items():
            setattr(node.inputs, name, str(work / path))
        out = node.run().outputs
        lists["features_files"].append(out.features_file)
        lists["samples_files"].append(out.samples_file)
        lists["voxels_files"].append(out.voxels_file)
    return lists


def test_stacking_keeps_rows_with_their_metadata(runs):
    voxels = pd.read_csv(runs["voxels_files"][1], sep="\t")
    voxels.loc[2, "usable"] = 0
    voxels.to_csv(runs["voxels_files"][1], sep="\t", index=False)
    out = StackFeatures(**runs).run().outputs
    parts = [np.load(path) for path in runs["features_files"]]
    np.testing.assert_array_equal(np.load(out.features_file), np.concatenate(parts))
    samples = pd.read_csv(out.samples_file, sep="\t", dtype=str)
    assert samples["run"].tolist() == ["01"] * 4 + ["02"] * 4
    usable = pd.read_csv(out.voxels_file, sep="\t")["usable"]
    assert usable[2] == 0 and usable.sum() == len(usable) - 3


def test_stacking_refuses_other_voxels(runs):
    voxels = pd.read_csv(runs["voxels_files"][1], sep="\t")
    voxels.loc[1, "k"] += 1
    voxels.to_csv(runs["voxels_files"][1], sep="\t", index=False)
    with pytest.raises(InputError) as caught:
        StackFeatures(**runs).run()
    assert caught.value.found.startswith("1 other voxels, the first in row 2: ")
    assert caught.value.file == runs["voxels_files"][1]
    assert caught.value.interface == "StackFeatures"


def test_stacking_refuses_a_run_that_is_there_twice(runs):
    lists = {name: [paths[0], paths[0]] for name, paths in runs.items()}
    with pytest.raises(InputError, match="4 samples twice, such as subject n/a, task n/a, run 01"):
        StackFeatures(**lists).run()


def test_stacking_refuses_tables_of_other_length_and_lists_of_other_length(runs):
    samples = pd.read_csv(runs["samples_files"][0], sep="\t")
    samples.iloc[:-1].to_csv(runs["samples_files"][0], sep="\t", index=False)
    with pytest.raises(InputError, match="4 rows, as the features have") as caught:
        StackFeatures(**runs).run()
    assert caught.value.file == runs["samples_files"][0]
    with pytest.raises(InputError, match="one file for each of 2 features_files"):
        StackFeatures(**{**runs, "samples_files": runs["samples_files"][:1]}).run()


def test_a_window_in_mode_volumes_is_refused(run):
    with pytest.raises(InputError, match="mode='volumes' with window=3"):
        Featurize(**run, mode="volumes", window=3).run()


def test_each_run_needs_its_voxel_table(runs):
    with pytest.raises(InputError) as caught:
        StackFeatures(**{**runs, "voxels_files": []}).run()
    assert caught.value.subject == "voxels_files" and caught.value.found == "0 files"


def test_a_file_that_is_no_matrix_is_named(runs, work):
    (work / "bad.npy").write_bytes(b"no array")
    files = [runs["features_files"][0], str(work / "bad.npy")]
    with pytest.raises(InputError, match="npy file with a matrix") as caught:
        StackFeatures(**{**runs, "features_files": files}).run()
    assert caught.value.file.endswith("bad.npy")
