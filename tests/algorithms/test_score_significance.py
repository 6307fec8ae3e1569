import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from fmriprod.algorithms.score_significance import (
    compare_nulls,
    score_significance,
    spread_voxels,
)

VALUES = st.lists(st.integers(-5, 5), min_size=2, max_size=12)


@given(VALUES, st.lists(VALUES, min_size=1, max_size=4), st.sampled_from([0.05, 0.3]))
def test_pooled_p_is_a_count_and_q_is_statsmodels(observed, rows, level):
    width = min(map(len, rows))
    null = np.array([row[:width] for row in rows], dtype=np.float32)
    found = score_significance(np.array(observed), null, level=level)
    for value, p in zip(observed, found.p, strict=True):
        assert p == (1 + sum(x >= value for x in null.ravel())) / (1 + null.size)
    reject, q, _, _ = multipletests(found.p, level, "fdr_bh")
    np.testing.assert_allclose(found.q, q)
    np.testing.assert_array_equal(found.significant, reject)
    if reject.any():
        assert found.threshold == min(np.array(observed)[reject])
    else:
        assert found.threshold is None


@given(VALUES, st.randoms())
def test_each_voxel_has_its_own_null(observed, random):
    null = np.array([[random.randint(-5, 5) for _ in range(7)] for _ in observed], np.float32)
    found = score_significance(np.array(observed), null, per_voxel=True)
    expected = [(1 + sum(x >= v for x in row)) / 8 for v, row in zip(observed, null, strict=True)]
    np.testing.assert_allclose(found.p, expected)


@pytest.mark.parametrize("per_voxel", [False, True])
def test_voxels_without_a_score_stay_out_and_change_nothing(rng, per_voxel):
    observed = rng.normal(size=30)
    null = rng.normal(size=(30, 400)) - 1
    without = score_significance(observed, null, level=0.2, per_voxel=per_voxel)
    places = rng.choice(37, 30, replace=False)
    places.sort()
    spread = np.full(37, np.nan)
    spread[places] = observed
    found = score_significance(spread, null, level=0.2, per_voxel=per_voxel)
    for name in ("p", "q", "significant"):
        np.testing.assert_array_equal(getattr(found, name)[places], getattr(without, name))
    rest = np.setdiff1d(np.arange(37), places)
    assert np.isnan(found.p[rest]).all() and np.isnan(found.q[rest]).all()
    assert not found.significant[rest].any() and 0 < found.significant.sum() < 30


@pytest.mark.parametrize("per_voxel", [False, True])
def test_a_null_that_is_no_number_counts_as_larger(per_voxel):
    null = np.array([[np.nan, 0, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    found = score_significance(np.array([1.0, 1.0]), null, per_voxel=per_voxel)
    np.testing.assert_allclose(found.p, [2 / 5, 1 / 5] if per_voxel else [2 / 9, 2 / 9])


def test_nulls_that_differ_are_seen(rng):
    null = rng.normal(size=(14, 3000))
    alike = compare_nulls(null)
    assert 0 < alike["ks_largest"] < alike["ks_limit"] < 0.05
    expected = max(
        stats.ks_2samp(row, np.delete(null, i, axis=0).ravel()).statistic
        for i, row in enumerate(null)
    )
    assert alike["ks_largest"] == pytest.approx(expected)
    assert alike["p99_lowest"] < stats.norm.isf(0.01) < alike["p99_highest"]
    null[3] += 0.3
    unlike = compare_nulls(null)
    assert unlike["ks_largest"] > 0.1 > unlike["ks_limit"]
    assert unlike["p99_highest"] == pytest.approx(np.percentile(null[3], 99))
    assert compare_nulls(null[:1])["ks_largest"] == 0


def test_alike_nulls_seldom_pass_the_limit(rng):
    passed = [
        (lambda c: c["ks_largest"] > c["ks_limit"])(compare_nulls(rng.normal(size=(5, 200))))
        for _ in range(200)
    ]
    assert np.mean(passed) < 0.04


@given(st.lists(st.booleans(), min_size=1, max_size=60).filter(any), st.integers(1, 20))
def test_sampled_voxels_are_usable_spread_and_few(usable, n_voxels):
    usable = np.array(usable)
    found = spread_voxels(usable, n_voxels, seed=2)
    assert usable[found].all() and len(set(found)) == len(found) == min(n_voxels, usable.sum())
    rank = np.cumsum(usable)[found] - 1
    if len(found) > 1:
        assert np.diff(rank).max() <= 2 * np.ceil(usable.sum() / len(found)) and rank[0] < (
            np.ceil(usable.sum() / len(found))
        )


def test_seed_of_sampled_voxels():
    usable = np.ones(1000, dtype=bool)
    first, again, other = (spread_voxels(usable, 14, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
