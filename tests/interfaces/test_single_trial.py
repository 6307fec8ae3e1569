import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image
from support.noise import ar_noise

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.featurize import merge_events
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.glm import FirstLevelModel
from fmriprod.interfaces.samples import read_features, read_voxel_tables
from fmriprod.interfaces.single_trial import SingleTrialBetas

SHAPE, N, TR = (5, 4, 3), 120, 1.5
FILES = {"in_file": "bold.nii.gz", "mask_file": "mask.nii.gz", "events_file": "events.tsv"}


@pytest.fixture
def run(work, rng):
    """Write noise with 12 trials; one voxel of the mask is constant, one has a NaN."""
    noise = 8 * ar_noise(np.prod(SHAPE), N, [0.3], rng).reshape(*SHAPE, N)
    data = (500 + noise).astype(np.float32)
    data[0, 0, 0], data[0, 1, 0, 7] = 33, np.nan
    mask = np.ones(SHAPE, np.uint8)
    mask[..., -1] = 0
    write_image(work / "bold.nii.gz", data, tr=TR)
    write_image(work / "mask.nii.gz", mask)
    events = pd.DataFrame({"onset": np.arange(12) * 12.0 + 10, "duration": 1.0})
    events["trial_type"] = np.resize(["bed", "chair", "table"], 12)
    events.to_csv("events.tsv", sep="\t", index=False)
    pd.DataFrame({"u": rng.normal(size=N)}).to_csv("confounds.tsv", sep="\t", index=False)
    return work


def run_node(**changes):
    inputs = FILES | changes
    paths = {k: str(Path(v).resolve()) for k, v in inputs.items() if k.endswith("_file")}
    node = pe.Node(SingleTrialBetas(**inputs | paths), name="betas")
    return node.run().outputs


def voxels(path):
    return nb.load(path).get_fdata(dtype=np.float32)


def test_betas_are_those_of_the_first_level_model_of_renamed_trials(run):
    """LSA is FirstLevelModel with each trial a condition."""
    out = run_node(method="lsa", statistics=True, noise="ar1", confounds_file="confounds.tsv",
                   confounds=["u"])  # fmt: skip
    events = read_events("events.tsv")
    events["trial_type"] = [f"trial{i:02d}" for i in range(12)]
    events.to_csv("renamed.tsv", sep="\t", index=False)
    other = FirstLevelModel(
        **FILES | {"events_file": "renamed.tsv", "contrasts": list(events["trial_type"])},
        hrf="spm", confounds_file="confounds.tsv", confounds=["u"],
    ).run().outputs  # fmt: skip
    truth = np.stack([voxels(path) for path in other.effect_files], axis=-1)
    assert voxels(out.betas_file).shape == (*SHAPE, 12)
    np.testing.assert_allclose(voxels(out.betas_file), truth, atol=1e-5 * np.abs(truth).max())
    t = np.stack([voxels(path) for path in other.t_files], axis=-1)
    np.testing.assert_allclose(voxels(out.t_file), t, atol=1e-4 * np.abs(t).max())
    np.testing.assert_array_equal(voxels(out.out_mask), voxels(other.out_mask))
    assert out.n_excluded == 2
    audit = json.loads(Path(out.audit_file).read_text())
    assert audit["voxels"] == {"analysed": 38, "excluded_constant": 1, "excluded_nonfinite": 1}
    assert audit["nuisance"][0] == "u" and 0 < audit["ar_median"] < 0.6


def test_the_matrix_of_features_is_read_as_other_features_are(run):
    out = run_node(write_features=True, subject="01", task="recognition", run_label="3")
    features, samples = read_features([out.features_file], [out.trials_file])
    table = read_voxel_tables([out.voxels_file], [out.features_file], features.shape[1])
    betas = voxels(out.betas_file)
    usable = table["usable"].to_numpy() == 1
    place = tuple(table[["i", "j", "k"]].to_numpy().T)
    np.testing.assert_array_equal(features.T, betas[place])
    assert usable.sum() == 38 and (features[:, ~usable] == 0).all()
    assert samples["label"].tolist() == ["bed", "chair", "table"] * 4
    assert set(samples["run"]) == {"3"} and samples["tr"].tolist()[:2] == [6, 14]
    assert samples["trial"].tolist() == list(range(12))


def test_scaling_divides_by_the_mean_and_leaves_t(run):
    percent, raw = (run_node(statistics=True, grand_mean_scaling=g) for g in (True, False))
    usable = voxels(raw.out_mask) > 0
    mean = voxels("bold.nii.gz")[usable].mean(dtype=float)
    a, b = voxels(percent.betas_file), voxels(raw.betas_file)
    np.testing.assert_allclose(a, b * 100 / mean, rtol=1e-5)
    np.testing.assert_array_equal(voxels(percent.t_file), voxels(raw.t_file))


def test_collinear_trials_are_marked(run):
    events = pd.read_csv("events.tsv", sep="\t")
    near = pd.DataFrame({"onset": [46.2], "duration": 1.0, "trial_type": "bed"})
    pd.concat([events, near]).to_csv("events.tsv", sep="\t", index=False)
    out = run_node(method="lsa")
    table = pd.read_csv(out.trials_file, sep="\t")
    assert table.loc[table["collinear"] == 1, "trial"].tolist() == [3, 4]
    assert out.n_collinear == 2 and table.loc[3, "vif"] > 10 > table.loc[5, "vif"]
    assert json.loads(Path(out.audit_file).read_text())["collinear_trials"] == [3, 4]
    assert run_node(method="lsa", vif_limit=1e9).n_collinear == 0


def test_threads_and_blocks_leave_the_numbers(run):
    one = voxels(run_node().betas_file)
    many = voxels(run_node(num_threads=2, block_size=7, compress=False).betas_file)
    np.testing.assert_allclose(one, many, atol=1e-6 * np.abs(one).max())


def message(**changes):
    with pytest.raises(InputError) as caught:
        SingleTrialBetas(**FILES | changes).run()
    return str(caught.value)


def test_bad_input_is_named(run):
    events = pd.read_csv("events.tsv", sep="\t")
    late = pd.DataFrame({"onset": [179.9], "duration": 1.0, "trial_type": "bed"})
    pd.concat([events, late]).to_csv("late.tsv", sep="\t", index=False)
    text = message(events_file="late.tsv")
    assert text.startswith("SingleTrialBetas: ") and "late.tsv" in text.splitlines()[0]
    assert "trial 12 ('bed', onset 179.9 s): no volume shows a response" in text
    assert "known: bed, chair, table" in message(labels=["bde"])
    assert "columns without a file" in message(confounds=["u"])
    write_image(run / "flat.nii.gz", np.ones((*SHAPE, N), np.float32), tr=TR)
    assert "none of 40" in message(in_file="flat.nii.gz")


@pytest.mark.realdata
def test_blocks_of_faces_and_houses_average_to_the_model_of_conditions(real_data, work):
    """The mean over the blocks of a condition in a real run is close to the condition's effect."""
    source = real_data("studyforrest_localizer")
    image = nb.load(source / "bold.nii.gz")
    data = np.asarray(image.dataobj[:, :, 14:17], np.float32)
    mean = data.mean(axis=-1)
    write_image(work / "bold.nii.gz", data, tr=2.0)
    write_image(work / "mask.nii.gz", (mean > 0.5 * np.percentile(mean, 98)).astype(np.uint8))
    table = read_events(source / "events.tsv").rename(columns={"trial_type": "label"})
    blocks = merge_events(table, 2.0).rename(columns={"label": "trial_type"})
    blocks.to_csv("events.tsv", sep="\t", index=False)
    events = {"events_file": "events.tsv"}
    lsa = run_node(method="lsa", **events)
    lss = run_node(method="lss", others="label", **events)
    labels = pd.read_csv(lsa.trials_file, sep="\t")["label"]
    model = FirstLevelModel(
        **FILES | events, contrasts=["face", "house"], hrf="spm", noise="ols"
    ).run().outputs  # fmt: skip
    inside = voxels(model.out_mask) > 0
    for name, path in zip(("face", "house"), model.effect_files, strict=True):
        truth = voxels(path)[inside]
        for found in (lsa, lss):
            assert (labels == name).sum() == 2
            ours = voxels(found.betas_file)[inside][:, labels == name].mean(axis=1)
            assert np.corrcoef(ours, truth)[0, 1] > 0.95
            assert np.polyfit(truth, ours, 1)[0] == pytest.approx(1, abs=0.15)
