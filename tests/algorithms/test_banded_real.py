"""Measured voxels: pixels explain them, and pixels of other digits beside them take nothing."""

import numpy as np
import pytest
from scipy.io import loadmat

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.banded_ridge import banded_encode
from fmriprod.algorithms.encode import ridge_encode

pytestmark = pytest.mark.realdata
FOLDS = np.arange(100) // 10


def test_pixels_keep_their_voxels_beside_spaces_that_explain_nothing(real_data):
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    pixels = np.concatenate([found["stimTrn"], found["stimTest"]]).astype(np.float32) / 255
    responses = np.concatenate([found["fmriTrn"], found["fmriTest"]])
    rng = np.random.default_rng(0)
    spaces = {
        "pixels": pixels,
        "other digits": 50 * pixels[rng.permutation(100)],
        "noise": rng.normal(size=(100, 3000)).astype(np.float32),
    }
    options = {"backend": get_backend(n_threads=2)}
    banded = banded_encode(spaces, responses, FOLDS, n_candidates=6, **options)
    single = banded_encode(spaces, responses, FOLDS, candidates=[[1 / 3] * 3], **options)
    alone = ridge_encode(pixels, responses, FOLDS, **options)
    assert banded.r.max() >= 0.80 and (banded.r > 0.3).sum() >= 250
    good = alone.r2 > 0.1
    assert good.sum() >= 50
    assert (banded.split[:, good].argmax(axis=0) == 0).mean() > 0.98
    assert banded.gamma.mean(axis=1)[0, good].mean() > 0.75
    assert abs(banded.split[1:][:, good]).mean() < 0.02
    assert banded.r2[good].mean() > alone.r2[good].mean() - 0.03  # which was told what to leave out
    assert banded.r2[good].mean() > single.r2[good].mean() + 0.03
