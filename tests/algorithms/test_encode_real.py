"""Pixels of digits predict measured voxels; other digits' pixels do not."""

import numpy as np
import pytest
from scipy.io import loadmat
from support.nested_ridge import NestedLoop, correlation

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode

pytestmark = pytest.mark.realdata
FOLDS = np.arange(100) // 10
BACKEND = get_backend(n_threads=2)


@pytest.fixture(scope="module")
def digits(real_data):
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    pixels = np.concatenate([found["stimTrn"], found["stimTest"]]).astype(np.float32) / 255
    return pixels, np.concatenate([found["fmriTrn"], found["fmriTest"]])


@pytest.mark.parametrize("penalties", [None, [1000.0]], ids=["chosen", "as published"])
def test_pixels_predict_voxels_and_shuffled_pixels_do_not(digits, penalties):
    pixels, responses = digits
    options = {"predictions": True, "backend": BACKEND}
    found = ridge_encode(pixels, responses, FOLDS, penalties, **options)
    pooled = correlation(responses, found.predictions)  # over all left-out samples
    assert pooled.max() >= 0.80 and (pooled > 0.3).sum() >= 300
    assert found.r.max() >= 0.80 and (found.r > 0.3).sum() >= 300  # mean over folds
    assert found.usable.all() and found.form == "dual"
    for seed in range(3):
        other = np.random.default_rng(seed).permutation(100)
        null = ridge_encode(pixels[other], responses, FOLDS, penalties, **options)
        pooled = correlation(responses, null.predictions)
        assert pooled.max() < 0.4 and (pooled > 0.3).sum() < 10
        # Over the 10 samples of a fold r scatters more: by sqrt(2 / (9 * 10)) over folds, and
        # the largest of 3092 voxels is 4 deviations off at most.
        assert abs(null.r.mean()) < 0.05 and null.r.max() < 4 * np.sqrt(2 / 90)
        assert null.r2.max() < 0.1


def test_measured_voxels_are_scored_as_by_scikit_learn(digits):
    pixels, responses = digits
    best = np.argsort(-responses.std(axis=0))[:40]
    penalties = [10.0, 300.0, 10_000.0]
    expected = NestedLoop(pixels, responses[:, best], FOLDS, penalties).run()
    found = ridge_encode(
        pixels, responses[:, best], FOLDS, penalties, predictions=True, backend=BACKEND
    )
    chosen = np.array(penalties)[expected.chosen]
    same = np.isclose(found.penalty, chosen)
    assert same.mean() > 0.99
    np.testing.assert_allclose(found.fold_r2[same], expected.r2[same], atol=1e-4)
    np.testing.assert_allclose(found.fold_r[same], expected.r[same], atol=1e-4)
