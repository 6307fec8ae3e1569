"""How sure layers are, against slow loops and planted truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import squareform

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_assignment import best_of
from fmriprod.algorithms.layer_bootstrap import (
    WeightedRanks,
    bootstrap_layers,
    bootstrap_participants,
    condition_draws,
    prepare_models,
)


@given(st.integers(0, 999), st.booleans())
def test_ranks_of_repeated_values_are_those_of_scipy(seed, ties):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(5, 21))
    rows[2:] = rows[2:].round(0 if ties else 3)
    weight = rng.integers(0, 4, 21).astype(np.float32)
    found = WeightedRanks(rows)(weight)
    copies = np.repeat(np.arange(21), weight.astype(int))
    for row, ranks in zip(rows, found, strict=True):
        expected = stats.rankdata(row[copies]) - 0.5  # up to a constant
        np.testing.assert_allclose(ranks[copies], expected)


@given(st.integers(0, 999))
def test_the_best_layer_of_a_draw_is_that_of_spearman_of_the_drawn_matrices(seed):
    rng = np.random.default_rng(seed)
    rdms, models = rng.random((6, 28)), rng.random((4, 28)).round(1)
    rdms[3:] = rdms[3:].round(1)
    drawn = rng.integers(0, 8, 8)
    if len(set(drawn)) < 4:
        drawn[:4] = range(4)
    counts = np.bincount(drawn, minlength=8)
    first, second = np.triu_indices(8, 1)
    weight = (counts[first] * counts[second]).astype(np.float32)
    one, other = np.triu_indices(8, 1)
    different = drawn[one] != drawn[other]  # as rsatoolbox: pairs of a condition with itself go
    rows = [squareform(r)[drawn[one], drawn[other]][different] for r in rdms]
    columns = [squareform(m)[drawn[one], drawn[other]][different] for m in models]
    rho = np.array([[stats.spearmanr(m, r).statistic for r in rows] for m in columns])
    found = prepare_models(models, weight) @ WeightedRanks(rdms)(weight).T
    length = [np.linalg.norm(x, axis=0) for x in (found, rho)]  # up to a factor of each RDM
    np.testing.assert_allclose(found / length[0], rho / length[1], atol=1e-4)


def test_draws_are_of_conditions_with_replacement():
    weights = condition_draws(5, 4000, seed=1)
    first, second = np.triu_indices(5, 1)
    counts = np.random.default_rng(1).multinomial(5, [0.2] * 5, size=4000)
    enough = (counts > 0).sum(axis=1) >= 3
    np.testing.assert_array_equal(weights[enough], (counts[:, first] * counts[:, second])[enough])
    assert ((weights > 0).sum(axis=1) >= 3).all()


def test_a_clear_layer_is_sure_and_noise_is_not(rng):
    models = rng.random((6, 120))
    sure = models[[2, 4]] + 0.02 * rng.random((2, 120))
    between = models[[1]] + models[[2]]
    rdms = np.vstack([sure, between, rng.random((40, 120))]).astype(np.float32)
    rho = np.array([[stats.spearmanr(m, r).statistic for r in rdms] for m in models])
    layer = best_of(rho)
    layer[5] = np.nan
    found = bootstrap_layers(rdms, models, layer, n_bootstrap=300)
    assert layer[:2].tolist() == [3, 5] and (found.share[:2] == 1).all()
    np.testing.assert_array_equal(found.low[:2], layer[:2])
    np.testing.assert_array_equal(found.high[:2], layer[:2])
    assert 0.2 < found.share[2] < 0.9 and (found.low[2], found.high[2]) == (2, 3)
    noise = np.delete(found.share[3:], 2)
    assert noise.mean() < 0.75 and (found.high - found.low)[6:].mean() > 2
    assert np.isnan([found.share[5], found.low[5], found.high[5]]).all()
    again = bootstrap_layers(rdms, models, layer, n_bootstrap=300, seed=1)
    assert not np.array_equal(again.share[3:], found.share[3:], equal_nan=True)
    np.testing.assert_allclose(again.share, found.share, atol=0.15)


def test_participants_drawn_anew_against_a_loop(rng):
    values = rng.normal(0.2, 0.3, size=(6, 3, 12)) + np.array([0, 0.05, 0.1])[:, None]
    t = stats.ttest_1samp(values, 0).statistic
    layer = best_of(t)
    layer[4] = np.nan
    found = bootstrap_participants(values, layer, best="t", n_bootstrap=400)
    counts = np.random.default_rng(0).multinomial(6, [1 / 6] * 6, size=400)
    assert ((counts > 0).sum(axis=1) > 1).all()
    rows = [np.repeat(np.arange(6), c) for c in counts]
    best = np.array([best_of(stats.ttest_1samp(values[r], 0).statistic) for r in rows])
    expected = np.where(np.isnan(layer), np.nan, (best == layer).mean(axis=0))
    np.testing.assert_allclose(found.share, expected, atol=1e-6)
    means = np.array([best_of(values[r].mean(axis=0)) for r in rows])
    found = bootstrap_participants(values, layer, n_bootstrap=400)
    expected = np.where(np.isnan(layer), np.nan, (means == layer).mean(axis=0))
    np.testing.assert_allclose(found.share, expected, atol=1e-6)
    clear = values * [[[0.1], [0.1], [1]]] + [[[0], [0], [2]]]
    sure = bootstrap_participants(clear, np.full(12, 3.0))
    assert (sure.share > 0.95).all() and (sure.high == 3).all()


@pytest.mark.parametrize(
    ("rdms", "models", "message"),
    [
        (np.ones((4, 6)), np.ones((2, 10)), r"5 voxels x 10 pairs(?s:.)*shape \(4, 6\)"),
        (np.ones((5, 5)), np.ones((2, 5)), r"give the RDMs that the layers come from, whole"),
        (np.ones((5, 1)), np.ones((2, 1)), "at least 3 conditions"),
        (np.ones((5, 6)), np.full((2, 6), np.nan), "layers 1, 2 with others"),
    ],
)
def test_what_does_not_fit_is_refused(rdms, models, message):
    with pytest.raises(InputError, match=message):
        bootstrap_layers(rdms, models, np.ones(5))


def test_one_or_two_participants_are_refused():
    for n in (1, 2):
        with pytest.raises(InputError, match="at least 3 participants x layers x 7 voxels"):
            bootstrap_participants(np.ones((n, 3, 7)), np.ones(7))
