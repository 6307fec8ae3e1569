import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.score_overview import score_overview

GRID = [0.1, 1.0, 10.0, 100.0]


def simulated(rng, n_layers=3, n_folds=4, n_voxels=30, n_unusable=3):
    scores = rng.normal(0.1, 0.3, (n_layers, n_voxels)).astype(np.float32)
    chosen = rng.choice(GRID, (n_layers, n_folds, n_voxels)).astype(np.float32)
    usable = np.ones(n_voxels, bool)
    usable[rng.choice(n_voxels, n_unusable, replace=False)] = False
    scores[:, ~usable] = np.nan
    chosen[:, :, ~usable] = np.nan
    return scores, chosen, usable, [f"layer{i}" for i in range(n_layers)]


@given(st.integers(0, 100), st.sampled_from([None, 0.05, 0.3]), st.integers(1, 4))
def test_counts_are_those_of_a_loop(seed, at_least, n_layers):
    scores, chosen, usable, layers = simulated(np.random.default_rng(seed), n_layers)
    table = score_overview(scores, chosen, usable, layers, GRID, at_least=at_least)
    assert list(table["layer"]) == [*layers, "any"]
    pooled, found_any = [], 0
    voxels = [v for v in range(len(usable)) if usable[v]]

    def counts(value):
        return value > 0 if at_least is None else value >= np.float32(at_least)

    for number in range(n_layers):
        row = table.iloc[number]
        there = [v for v in voxels if counts(scores[number, v])]
        choices = [float(c) for v in there for c in chosen[number, :, v]]
        pooled += choices
        own = sorted(float(scores[number, v]) for v in voxels)
        assert row["n_predicted"] == len(there)
        assert row["largest"] == own[-1]
        assert row["median"] == pytest.approx(np.median(own))
        assert row["p95"] == pytest.approx(np.percentile(own, 95))
        for end, penalty in (("smallest", 0.1), ("largest", 100.0)):
            share = np.mean(np.isclose(choices, penalty)) if choices else np.nan
            assert row[f"share_{end}"] == pytest.approx(share, nan_ok=True)
    found_any = sum(any(counts(scores[i, v]) for i in range(n_layers)) for v in voxels)
    last = table.iloc[-1]
    assert last["n_predicted"] == found_any
    assert last["largest"] == scores[:, usable].max()
    share = np.mean(np.isclose(pooled, 0.1)) if pooled else np.nan
    assert last["share_smallest"] == pytest.approx(share, nan_ok=True)


def test_voxels_that_nothing_predicts_do_not_count_at_the_ends_of_the_grid(rng):
    scores, chosen, usable, layers = simulated(rng)
    predicted = usable & (np.nan_to_num(scores) > 0).all(axis=0)
    scores[:, usable & ~predicted] = -0.1
    chosen[:, :, usable] = 100.0
    chosen[:, :, predicted] = 1.0
    table = score_overview(scores, chosen, usable, layers, GRID)
    assert predicted.any()
    assert (table[["share_smallest", "share_largest"]] == 0).all(axis=None)


def test_a_threshold_counts_itself_and_zero_does_not():
    chosen = np.ones((1, 2, 3))
    scores = np.array([[0.0, 0.2, 0.4]], np.float32)
    known = {"usable": np.ones(3, bool), "layers": ["a"], "penalties": GRID}
    exact = float(scores[0, 1])
    assert score_overview(scores, chosen, **known, at_least=exact)["n_predicted"][0] == 2
    assert score_overview(scores, chosen, **known)["n_predicted"][0] == 2


def test_without_a_predicted_voxel_there_are_no_shares(rng):
    scores, chosen, usable, layers = simulated(rng)
    table = score_overview(scores - 10, chosen, usable, layers, GRID)
    assert (table["n_predicted"] == 0).all()
    assert table[["share_smallest", "share_largest"]].isna().all(axis=None)


def test_scores_that_are_not_finite_no_voxels_and_unknown_penalties_are_refused(rng):
    scores, chosen, usable, layers = simulated(rng)
    with pytest.raises(InputError) as info:
        score_overview(scores, chosen, np.ones_like(usable), layers, GRID)
    assert info.value.found == "9 not finite, 30 usable voxels"
    with pytest.raises(InputError) as info:
        score_overview(scores, chosen, np.zeros_like(usable), layers, GRID)
    assert info.value.found == "0 not finite, 0 usable voxels"
    with pytest.raises(InputError, match="penalties that were chosen"):
        score_overview(scores, chosen, usable, layers, GRID[:2])
