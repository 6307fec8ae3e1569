"""From runs and what was shown in them to scores of voxels, through the whole graph."""

import json
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import NiftiMasker
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneGroupOut
from support.graphs import run_inside
from support.images import write_image

from fmriprod.algorithms.encode import ridge_encode
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.score_file import read_scores
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.workflows.describe import describe
from fmriprod.workflows.encoding import init_encoding_wf

TINY = {"n_figure_runs": 0, "n_random_runs": 4, "n_blocks": 10, "n_voxels": 120, "snr": 2.0}
FIELDS = ["features_file", "features_samples_file", "responses_file", "samples_file",
          "scores_file", "r2_map", "r_map", "summary_file", "figures", "figure_names"]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    made = SimulateMiyawaki(**TINY).run(cwd=str(folder)).outputs
    return made, pd.read_csv(made.truth_file, sep="\t")["seen"].to_numpy()


def encode(study, folder, fields=FIELDS, shift=2, *, bold=None, confounds=None, **options):
    """Encode the simulated runs; options of the responses beside those of the workflow."""
    responses = {"shift": shift} | options.pop("response_options", {})
    workflow = init_encoding_wf(
        stimuli="labels", responses="bold", stimulus_options={"shift": shift},
        response_options=responses, save_model=False, simulated=True, **options,
    )  # fmt: skip
    made, _ = study
    workflow.inputs.inputnode.trait_set(
        bold_files=bold or made.func_files, label_files=made.label_files,
        mask_file=made.mask_file, background_file=made.background_file,
    )  # fmt: skip
    if confounds:
        workflow.inputs.inputnode.confounds_files = confounds
    return run_inside(workflow, folder, fields)


def stacked(study, shift=2):
    """Responses, pixels and runs as Nilearn's example stacks them."""
    made, _ = study
    masker = NiftiMasker(made.mask_file, detrend=True, standardize=None).fit()
    parts = []
    for run, (func, label) in enumerate(zip(made.func_files, made.label_files, strict=True)):
        series = masker.transform(func)[shift:]
        images = np.loadtxt(label, delimiter=",").reshape(-1, 10, 10, order="F")
        pixels = images.reshape(-1, 100)[: len(series)]
        parts.append((series, pixels, np.full(len(series), run)))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@pytest.fixture(scope="module")
def published(study, tmp_path_factory):
    """With the one penalty of the published example."""
    return encode(study, tmp_path_factory.mktemp("published"), penalties=[100.0])


def test_scores_are_those_of_a_loop_over_scikit_learn(study, published):
    responses, pixels, runs = stacked(study)
    folds = []
    for train, test in LeaveOneGroupOut().split(pixels, groups=runs):
        fitted = Ridge(alpha=100.0).fit(pixels[train], responses[train])
        predicted = fitted.predict(pixels[test])
        folds.append(r2_score(responses[test], predicted, multioutput="raw_values"))
    mask = nb.load(study[0].mask_file).get_fdata() > 0
    found = nb.load(published["r2_map"]).get_fdata()[mask].ravel()
    np.testing.assert_allclose(found, np.mean(folds, axis=0), atol=2e-4)
    assert np.ptp(found) > 0.3


def test_every_output_arrives(study, published):
    assert published["figure_names"] == ["scoremaps", "scores"]
    assert all(Path(path).is_file() for path in published["figures"])
    responses, pixels, runs = stacked(study)
    np.testing.assert_allclose(np.load(published["responses_file"]), responses, atol=1e-3)
    with open_layers(published["features_file"]) as layers:
        np.testing.assert_array_equal(layers["pixels"], pixels)
    for name in ("samples_file", "features_samples_file"):
        table = pd.read_csv(published[name], sep="\t")
        np.testing.assert_array_equal(table["run"], runs + 1)
        assert (table["response_volume"] - table["volume"] == 2).all()
    summary = json.loads(Path(published["summary_file"]).read_text())
    assert summary["n_samples"] == len(runs) and summary["n_voxels"] == 120


def test_chosen_penalties_are_those_of_the_same_model_of_arrays(study, work):
    penalties = [1.0, 30.0, 1000.0]
    found = encode(study, work, ["scores_file", "figure_names"], penalties=penalties)
    scores = read_scores(found["scores_file"])
    expected = ridge_encode(*(a.astype(np.float32) for a in stacked(study)[1::-1]),
                            stacked(study)[2].astype(str), penalties=penalties)  # fmt: skip
    np.testing.assert_allclose(scores.r2[0], expected.r2, atol=1e-3)
    same = scores.penalty[0] == expected.penalty
    assert same.mean() > 0.99 and len(np.unique(scores.penalty[0])) > 1
    assert "penalties" in found["figure_names"]


def test_voxels_that_see_the_images_are_found_and_no_others(study, published):
    _, seen = study
    r2 = read_scores(published["scores_file"]).r2[0]
    assert (r2[seen > 0.9] > 0.1).all() and (r2[seen < 1e-3] < 0.05).all()
    assert (seen > 0.9).sum() > 30 and (seen < 1e-3).sum() > 5


def test_the_planted_lag_is_the_best(study, published, work):
    """Responses are planted two volumes after an image."""
    _, seen = study
    means = {2: read_scores(published["scores_file"]).r2[0][seen > 0.9].mean()}
    for shift in (0, 1, 3, 4):
        found = encode(study, work / str(shift), ["scores_file"], shift, penalties=[100.0])
        means[shift] = read_scores(found["scores_file"]).r2[0][seen > 0.9].mean()
    assert means[2] == max(means.values())
    assert means[2] > 0.25 > 0.1 > max(means[0], means[4]), means


def test_confounds_as_fmriprep_writes_them_are_regressed_out(study, published, work, rng):
    made, seen = study
    bold, tables = [], []
    for run, path in enumerate(made.func_files):
        image = nb.load(path)
        n = image.shape[3]
        table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["trans_x", "rot_z", "csf"])
        table["trans_x_derivative1"] = table["trans_x"].diff()
        data = image.get_fdata() + 10 * table["trans_x"].to_numpy()
        bold.append(str(write_image(work / f"{run}.nii", data.astype("f4"), image.affine)))
        tables.append(str(work / f"{run}_desc-confounds_timeseries.tsv"))
        table.to_csv(tables[-1], sep="\t", index=False, na_rep="n/a")
    options = {"confounds": ["trans_x", "trans_x_derivative1"], "confounds_nan": "mean"}
    clean = encode(study, work / "clean", ["scores_file"], bold=bold, confounds=tables,
                   penalties=[100.0], response_options=options)  # fmt: skip
    dirty = encode(study, work / "dirty", ["scores_file"], bold=bold, penalties=[100.0])
    best, clean, dirty = (
        np.median(read_scores(found["scores_file"]).r2[0][seen > 0.9])
        for found in (published, clean, dirty)
    )
    assert dirty < 0.05 < 0.9 * best < clean


def test_permutations_tell_voxels_that_see_from_those_that_do_not(study, work):
    fields = ["significant_mask", "null_file", "significance_file", "figures", "figure_names"]
    found = encode(study, work, fields, penalties=[100.0], n_permutations=300,
                   test_options={"n_voxels": 5, "seed": 3})  # fmt: skip
    made, seen = study
    inside = nb.load(made.mask_file).get_fdata() > 0
    significant = nb.load(found["significant_mask"]).get_fdata()[inside] > 0
    assert significant[seen > 0.9].all() and significant[seen < 1e-3].mean() < 0.1
    assert np.load(found["null_file"]).shape == (5, 300)
    summary = json.loads(Path(found["significance_file"]).read_text())
    assert summary["n_significant"] == significant.sum() and summary["settings"]["seed"] == 3


@pytest.fixture
def films(work, rng):
    """Three films, and responses that features of them drive, each in a run of its own length."""
    tr, lags = 2.0, (2.0, 4.0)
    frames = []
    for run, n in enumerate((24, 30, 36)):
        np.save(work / f"film{run}.npy", rng.integers(0, 256, (2 * n, 16, 16), dtype=np.uint8))
        frames.append(str(work / f"film{run}.npy"))
    shown = LayerFeatures(network="gabor", frames=frames, frame_rate=1.0, tr=tr, lags=list(lags),
                          run_labels=["a", "b", "c"]).run().outputs  # fmt: skip
    table = pd.read_csv(shown.samples_file, sep="\t")
    with open_layers(shown.features_file) as layers:
        name = layers.names[0]
        drive = layers[name].astype(float)
    drive = (drive - drive.mean(axis=0)) / drive.std(axis=0)
    series = drive @ rng.normal(size=(drive.shape[1], 12)) / np.sqrt(drive.shape[1])
    bold = []
    for run in "abc":
        own = series[(table["run"] == run).to_numpy()] + 0.1 * rng.normal(size=(1, 12))
        data = (100 + own.T).reshape(2, 3, 2, -1).astype(np.float32)
        bold.append(str(write_image(work / f"bold_{run}.nii", data, tr=tr)))
    write_image(work / "mask.nii", np.ones((2, 3, 2), np.uint8))
    options = {"network": "gabor", "layers": [name], "tr": 2, "frame_rate": 1, "lags": lags}
    return frames, bold, options


def encode_films(films, folder, labels, frames, mask):
    _, bold, options = films
    workflow = init_encoding_wf(
        stimuli="frames", responses="bold", stimulus_options=options | {"runs": labels},
        response_options={"runs": ["a", "b", "c"]}, save_model=False,
    )  # fmt: skip
    workflow.inputs.inputnode.trait_set(frames=frames, bold_files=bold, mask_file=mask)
    found = run_inside(workflow, folder, ["scores_file", "features_samples_file", "samples_file"])
    return read_scores(found["scores_file"]), found


def test_films_are_paired_with_runs_by_their_labels(films, work):
    """Whatever their order: rows are found by run and volume."""
    mask = str(work / "mask.nii")
    first, _ = encode_films(films, work / "first", ["a", "b", "c"], films[0], mask)
    assert np.median(first.r2) > 0.5
    turned, found = encode_films(films, work / "turned", ["c", "b", "a"], films[0][::-1], mask)
    runs = [pd.read_csv(found[name], sep="\t")["run"].iloc[0]
            for name in ("samples_file", "features_samples_file")]  # fmt: skip
    assert runs == ["a", "c"]
    np.testing.assert_allclose(turned.r2, first.r2, atol=1e-5)


def test_films_of_other_runs_are_refused(films, work):
    with pytest.raises(RuntimeError, match="features_samples"):
        encode_films(films, work, ["a", "b", "d"], films[0], str(work / "mask.nii"))


def test_the_text_says_what_was_done():
    one = describe(init_encoding_wf(stimuli="labels", responses="bold", penalties=[100.0],
                                    response_options={"confounds": ["csf"], "shift": 2,
                                                      "standardize": "zscore"}))  # fmt: skip
    assert "with a penalty of 100" in one and "chosen" not in one
    assert "confounds (csf) were regressed out" in one and "2 later" in one
    assert "standard deviation of 1 in each run" in one
    many = describe(init_encoding_wf(penalties=[1.0, 10.0], groups="session", shared_penalty=True))
    chosen = "one penalty for all voxels among 2 from 1 to 10 was chosen by leaving out each other "
    assert chosen + "session" in many
