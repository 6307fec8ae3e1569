"""Pixels of digits predict many measured voxels better than chance, shuffled digits none."""

import numpy as np
import pytest
from scipy.io import loadmat

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.permute_samples import sample_orders
from fmriprod.algorithms.score_null import max_score_null, permuted_columns, rows_about_mean
from fmriprod.algorithms.score_significance import (
    compare_nulls,
    score_significance,
    spread_voxels,
)

pytestmark = pytest.mark.realdata
FOLDS = np.arange(100) // 10
PENALTIES = [10.0, 300.0, 10_000.0]


@pytest.mark.parametrize("score", ["r2", "r"])
def test_voxels_of_digits(real_data, score):
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    pixels = np.concatenate([found["stimTrn"], found["stimTest"]]).astype(np.float32) / 255
    responses = np.concatenate([found["fmriTrn"], found["fmriTest"]])
    ridge = nested_ridge(pixels, FOLDS, PENALTIES, backend=get_backend(n_threads=2))
    sampled = spread_voxels(np.ones(responses.shape[1], dtype=bool), 14)
    null = max_score_null(
        [(ridge, None)], responses[:, sampled], sample_orders(FOLDS), 1000, score=score
    )
    alike = compare_nulls(null)
    assert alike["ks_largest"] < alike["ks_limit"]
    n_significant = []
    rng = np.random.default_rng(0)
    for order in [np.arange(100), *(rng.permutation(100) for _ in range(3))]:
        columns = permuted_columns(rows_about_mean(responses), order[None], ridge.backend)
        chosen = ridge.choose(columns, responses.shape[1])
        statistic = ridge.outer(columns, chosen)[score == "r"].mean(axis=0)
        tests = score_significance(statistic, null, level=0.01)
        n_significant.append(int(tests.significant.sum()))
    assert n_significant[0] > 200 and max(n_significant[1:]) < 5
