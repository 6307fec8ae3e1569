"""Simulated studies, in half of whose voxels there is nothing to find: p must keep its level."""

import numpy as np
import pytest
from scipy.signal import lfilter

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.permute_samples import sample_orders
from fmriprod.algorithms.score_null import max_score_null
from fmriprod.algorithms.score_significance import score_significance, spread_voxels


def noise(rng, n_columns, memory):
    """Six runs of 30 samples, each of which remembers a share of the one before."""
    values = lfilter([1], [1, -memory], rng.normal(size=(6, 90, n_columns)), axis=1)[:, 60:]
    return values.reshape(180, n_columns) * np.sqrt(1 - memory**2)


def share_below(level, memory, n_studies, score="r2", **options):
    """Share of unrelated voxels with p of at most a level, with as many that follow a layer."""
    groups, below = np.repeat(np.arange(6), 30), []
    for number in range(n_studies):
        rng = np.random.default_rng(number)
        layers = [noise(rng, 120, memory) for _ in range(2)]
        responses = noise(rng, 60, memory)
        responses[:, ::2] += layers[0] @ rng.normal(size=(120, 30)) / 10
        given = {"penalties": [30.0, 300.0, 3000.0, 30000.0], "backend": get_backend(n_threads=1)}
        ridges = [nested_ridge(x, groups, **given) for x in layers]
        every = [ridge_encode(x, responses, groups, **given) for x in layers]
        orders = sample_orders(groups, seed=number, **options)
        sampled = spread_voxels(np.ones(60, dtype=bool), 10, number)
        layers = [(ridge, None) for ridge in ridges]
        null = max_score_null(layers, responses[:, sampled], orders, 200, score=score)
        statistic = np.max([getattr(e, score) for e in every], axis=0)
        below.append((score_significance(statistic, null).p[1::2] <= level).mean())
    return np.mean(below), np.std(below) / np.sqrt(n_studies)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("memory", "options"),
    [
        (0.0, {}),
        (0.0, {"score": "r"}),
        (0.0, {"scheme": "within", "score": "r"}),
        (0.7, {"block": 10, "score": "r"}),
        (0.7, {"scheme": "shift", "score": "r"}),
    ],
)
def test_five_percent_of_unrelated_voxels_are_below_five_percent(memory, options):
    share, error = share_below(0.05, memory, 40, **options)
    assert error < 0.01 and abs(share - 0.05) < 0.005 + 3 * error


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_single_samples_of_responses_with_memory_find_too_much():
    share, error = share_below(0.05, 0.7, 10, score="r")
    assert share - 3 * error > 0.12
