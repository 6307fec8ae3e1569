"""The example on Miyawaki's study, small, on simulated data and on data from a folder."""

import json
import shutil
from functools import partial

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nilearn.maskers import NiftiMasker
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from support.examples import example, run

from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki


@pytest.fixture(scope="module")
def miyawaki():
    with example("miyawaki_encoding") as module:
        yield module


@pytest.fixture
def small(miyawaki, monkeypatch):
    """Simulate less than the example does."""
    size = {"n_figure_runs": 2, "n_random_runs": 8, "n_voxels": 2200}
    monkeypatch.setattr(miyawaki, "SimulateMiyawaki", lambda **_: SimulateMiyawaki(**size))
    return partial(run, miyawaki, monkeypatch)


def centres(fields):
    """Where receptive fields lie, in pixels."""
    weight = np.maximum(fields, 0) / np.maximum(fields, 0).sum(axis=(1, 2), keepdims=True)
    return np.einsum("vij,aij->va", weight, np.indices(fields.shape[1:]))


def test_simulated_and_given_data_give_the_scores_of_the_published_loop(small, work, capsys):
    """The four pairs of eight runs are the folds of KFold(4), as those of 20 are of KFold(10)."""
    out = work / "out"
    small("--out", out)
    said = capsys.readouterr().out
    assert "SIMULATED DATA" in said
    page = (out / "encoding.html").read_text()
    assert "Simulated data" in page and "Marked voxels" in page and "least-angle" in page
    made = out / "simulated"
    masker = NiftiMasker(str(made / "mask/mask.nii.gz"), detrend=True, standardize=None).fit()
    responses, pixels = [], []
    for path in sorted(made.glob("func/*random*")):
        responses.append(masker.transform(str(path))[2:])
        label = made / "label" / path.name.replace(".nii.gz", "_label.csv")
        images = np.loadtxt(label, delimiter=",").reshape(-1, 10, 10, order="F")
        pixels.append(images[:-2].reshape(-1, 100))
    x, y = np.concatenate(pixels), np.concatenate(responses)
    folds = [
        r2_score(y[test], Ridge(alpha=100.0).fit(x[train], y[train]).predict(x[test]),
                 multioutput="raw_values")
        for train, test in KFold(4).split(x)
    ]  # fmt: skip
    steps = out / "work" / "miyawaki"
    inside = nb.load(made / "mask/mask.nii.gz").get_fdata() > 0
    found = nb.load(steps / "encoding_wf/encode/r2.nii.gz").get_fdata()[inside].ravel()
    np.testing.assert_allclose(found, np.mean(folds, axis=0), atol=2e-4)

    given = work / "given"
    shutil.copytree(made, given)
    small("--out", work / "real", "--data", given)
    assert "SIMULATED" not in capsys.readouterr().out
    assert "imulated data" not in (work / "real/encoding.html").read_text()


@pytest.mark.slow
def test_voxels_that_see_the_images_are_found_where_they_look(miyawaki, work, monkeypatch):
    run(miyawaki, monkeypatch, "--out", work)
    steps, made = work / "work" / "miyawaki", work / "simulated"
    seen = pd.read_csv(made / "truth.tsv", sep="\t")["seen"].to_numpy()
    inside = nb.load(made / "mask/mask.nii.gz").get_fdata() > 0
    r2 = nb.load(steps / "encoding_wf/encode/r2.nii.gz").get_fdata()[inside].ravel()
    assert (r2[seen > 0.5] > 0.05).mean() >= 0.9
    assert (r2[seen < 0.01] > 0.05).mean() <= 0.01
    planted = np.load(made / "fields.npy")
    fields = np.load(steps / "receptive_field_wf/receptive_field/fields.npy")
    known = (seen > 0.9) & (r2 > 0.1)
    true, found = centres(planted[known]), centres(fields.reshape(planted.shape)[known])
    assert known.sum() > 100
    assert np.median(np.linalg.norm(found - true, axis=1)) < 0.5  # pixels

    (summary,) = (steps / "reconstruction_wf" / "decode").glob("[a-z]*.json")
    decoded = json.loads(summary.read_text())
    guessed = decoded["accuracy_of_each_pixel_s_more_frequent_value"]
    assert decoded["n_test"] == 360 and decoded["accuracy"] > guessed + 0.05
