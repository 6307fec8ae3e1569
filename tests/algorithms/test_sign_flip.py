import itertools

import numpy as np
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.sign_flip import fdr, sign_flip


def test_all_flips_of_few_participants_are_enumerated(rng):
    values = rng.normal(0.5, 1, size=(7, 2))
    found = sign_flip(values, n_permutations=128)
    t = stats.ttest_1samp(values, 0).statistic
    null = np.array([
        stats.ttest_1samp(values * np.array(signs)[:, None], 0).statistic
        for signs in itertools.product((1, -1), repeat=7)
    ])  # fmt: skip
    reached = np.abs(null) >= np.abs(t) - 1e-9
    np.testing.assert_allclose(found.t, t)
    np.testing.assert_allclose(found.p, reached.mean(axis=0))
    largest = np.abs(null).max(axis=1)[:, None] >= np.abs(t) - 1e-9
    np.testing.assert_allclose(found.p_max, largest.mean(axis=0))
    assert found.n_permutations == 128


def test_many_flips_agree_with_scipy(rng):
    values = rng.normal(0.25, 1, size=31)
    found = sign_flip(values, n_permutations=20_000)
    other = stats.permutation_test(
        (values,), lambda x, axis: x.mean(axis), permutation_type="samples",
        n_resamples=20_000, vectorized=True, rng=1,
    ).pvalue  # fmt: skip
    assert found.p[0] == pytest.approx(other, abs=0.025)
    assert found.p[0] == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_levels_are_kept_also_of_the_largest(rng):
    n_sets, n_columns = 400, 9
    alone, largest = 0, 0
    for _ in range(n_sets):
        shared = rng.normal(size=(31, 1))
        values = 0.25 + 0.03 * (rng.normal(size=(31, n_columns)) + shared)
        found = sign_flip(values, criterion=0.25, n_permutations=300, seed=rng.integers(1 << 30))
        alone += (found.p[0] <= 0.05).sum()
        largest += (found.p_max <= 0.05).any()
    for count in (alone, largest):
        low, high = stats.binomtest(int(count), n_sets).proportion_ci(0.999)
        assert low <= 0.05 <= high, count


def test_an_effect_is_found_and_the_largest_statistic_costs_something(rng):
    values = rng.normal(size=(31, 9))
    values[:, 4] += 1
    found = sign_flip(values, n_permutations=999)
    assert found.p[4] == found.p_max[4] == 1 / 1000
    assert (found.p_max >= found.p).all()


def test_missing_participants_count_for_nothing(rng):
    values = rng.normal(0.3, 1, size=(9, 2))
    values[6:, 1] = np.nan
    found = sign_flip(values, n_permutations=512)
    alone = sign_flip(values[:6, 1], n_permutations=512)
    assert found.p[1] == pytest.approx(alone.p[0])
    assert found.t[1] == pytest.approx(alone.t[0])
    lone = sign_flip(np.array([[1.0, 2], [np.nan, 3]]))
    assert np.isnan([lone.t[0], lone.p[0], lone.p_max[0]]).all() and np.isfinite(lone.p[1])


def test_participants_without_scatter(rng):
    assert sign_flip(np.full(10, 0.25), criterion=0.25).p[0] == 1
    same = sign_flip(np.full(10, 2.0), n_permutations=1024)
    assert same.t[0] == np.inf and same.p[0] == 2 / 1024


def test_no_flips_are_refused():
    with pytest.raises(InputError) as caught:
        sign_flip(np.arange(3.0), n_permutations=0)
    assert str(caught.value) == (
        "n_permutations\n  expected: at least 1\n  found:    0\n"
        "  do:       10,000 make a p of .05 certain to .004"
    )


def test_fdr_is_that_of_statsmodels(rng):
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = rng.random(30) ** 3
    np.testing.assert_allclose(fdr(p), multitest.multipletests(p, method="fdr_bh")[1])
    assert np.isnan(fdr(np.array([np.nan, np.nan]))).all()
    assert fdr(np.array([1.2, 0.01])).tolist() == [1, 0.02]


@pytest.mark.parametrize("scatter", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
def test_flips_reach_themselves_however_small_the_scatter(scatter):
    drawn = 1 + scatter * np.random.default_rng(7).standard_normal((8, 60))
    found = sign_flip(drawn, n_permutations=256)
    np.testing.assert_array_equal(found.p, 2 / 256)  # all values of one sign: none but its mirror
    assert (found.p_max >= 2 / 256).all()
    np.testing.assert_allclose(found.t, stats.ttest_1samp(drawn, 0).statistic, rtol=1e-9)
    drawn[:2, ::2] = np.nan
    alone = [sign_flip(column).p_max[0] for column in drawn.T]
    assert alone == [2 / 64, 2 / 256] * 30
    few = sign_flip(drawn[:, :2], n_permutations=256)
    assert few.p.tolist() == [2 / 64, 2 / 256] and (few.p_max >= few.p).all()
