"""Groups of parcels: against SciPy, all flips by hand, noise and planted effects."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.effect_size import cohen_d
from fmriprod.algorithms.group_sums import GroupSums, flip_signs
from fmriprod.algorithms.parcel_group import group_test


class Reader:
    """Gives participants one at a time, and counts how often."""

    def __init__(self, values):
        self.values, self.n_read = values, 0

    def __len__(self):
        return len(self.values)

    def __getitem__(self, number):
        if not 0 <= number < len(self.values):
            raise IndexError(number)
        self.n_read += 1
        return self.values[number]


def flips_by_hand(values):
    """All flips; t of each column from its own values; p and p of the largest."""

    def t_of(rows):
        return np.array([
            abs(stats.ttest_1samp(c[~np.isnan(c)], 0).statistic) for c in rows.T
        ])  # fmt: skip

    observed = t_of(values)
    null = np.array(
        [t_of(values * np.array(s)[:, None]) for s in product((1, -1), repeat=len(values))]
    )
    near = observed * (1 - 1e-9)
    return (null >= near).mean(axis=0), (null.max(axis=1)[:, None] >= near).mean(axis=0)


def test_t_p_and_interval_are_scipys(rng):
    values = rng.normal(0.3, 1, size=(17, 40)) * rng.uniform(0.1, 9, 40) + 5 * (np.arange(40) == 3)
    values[:4, 7] = np.nan
    values[2, 9] = np.nan
    found = group_test(values, n_permutations=0, level=0.9)
    expected = stats.ttest_1samp(values, 0, nan_policy="omit")
    np.testing.assert_allclose(found.t, expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(found.p, expected.pvalue, rtol=1e-10)
    interval = expected.confidence_interval(0.9)
    np.testing.assert_allclose(found.low, interval.low, rtol=1e-9)
    np.testing.assert_allclose(found.high, interval.high, rtol=1e-9)
    np.testing.assert_allclose(found.mean, np.nanmean(values, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.sd, np.nanstd(values, axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(found.q, stats.false_discovery_control(expected.pvalue))
    assert found.n[7] == 13 and found.n[9] == 16 and found.n[0] == 17
    assert np.isnan(found.p_flip).all() and np.isnan(found.p_max).all() and found.n_flips == 0


@pytest.mark.parametrize("lacking", [False, True])
def test_all_flips_give_the_p_of_enumeration(rng, lacking):
    values = rng.normal(0.4, 1, size=(7, 6)) * [1, 20, 0.01, 1, 1, 1]
    if lacking:
        values[1, 2] = values[3, 2] = values[5, 4] = np.nan
    found = group_test(values, n_permutations=128)
    assert found.complete and found.n_flips == 128
    p, p_max = flips_by_hand(values)
    np.testing.assert_allclose(found.p_flip, p, atol=1e-12)
    np.testing.assert_allclose(found.p_max, p_max, atol=1e-12)


def test_random_flips_come_near_all_flips(rng):
    values = rng.normal(0.5, 1, size=(12, 5))
    every = group_test(values, n_permutations=4096)
    some = group_test(values, n_permutations=4000)
    assert every.complete and not some.complete
    spread = np.sqrt(every.p_flip * (1 - every.p_flip) / 4000)
    assert (np.abs(some.p_flip - every.p_flip) < 4.5 * spread + 1e-3).all()
    assert (np.abs(some.p_max - every.p_max) < 0.03).all()
    other = group_test(values, n_permutations=4000, seed=1)
    assert (other.p_flip != some.p_flip).any()


def test_blocks_of_flips_change_nothing_but_how_often_a_participant_is_read(rng):
    values = rng.normal(0.3, 1, size=(40, 50)).astype(np.float32)
    values[3:9, 10] = np.nan
    large, small = Reader(values), Reader(values)
    one = group_test(large, n_permutations=500)
    many = group_test(small, n_permutations=500, memory_mb=0.02)
    assert large.n_read == 2 * 40 and small.n_read == 40 * (1 + 5)
    np.testing.assert_array_equal(one.p_flip, many.p_flip)
    np.testing.assert_array_equal(one.p_max, many.p_max)


def test_signs_are_of_the_participant_and_even():
    signs = np.array([flip_signs(s, 2000, False, 4) for s in range(30)])
    assert set(np.unique(signs)) == {-1, 1} and np.abs(signs.mean(axis=1)).max() < 0.1
    assert np.abs(np.corrcoef(signs) - np.eye(30)).max() < 0.11
    every = np.array([flip_signs(s, 8, True, 4) for s in range(3)])
    assert len(np.unique(every, axis=1).T) == 8 and (every[:, 0] == 1).all()


@pytest.mark.slow
def test_noise_is_found_as_often_as_the_level_says():
    """Skewness none, columns dependent: 5 % of studies with a false column, within 99.9 %."""
    rng = np.random.default_rng(3)
    hits, alone, n_studies = 0, 0, 800
    for number in range(n_studies):
        shared = rng.standard_t(5, size=(15, 1))
        values = rng.standard_t(5, size=(15, 30)) + shared
        found = group_test(values, n_permutations=399, seed=number)
        hits += (found.p_max <= 0.05).any()
        alone += found.p_flip[0] <= 0.05
    low, high = stats.binom.ppf([0.0005, 0.9995], n_studies, 0.05)
    assert low <= hits <= high and low <= alone <= high


def test_planted_effects_are_found_and_no_others():
    values = np.random.default_rng(1).normal(size=(30, 200))
    values[:, :5] += 1.5
    values[:, 5] -= 1.5
    found = group_test(values, n_permutations=999)
    assert (found.p_max[:6] < 0.01).all() and (found.p_max[6:] > 0.05).all()
    assert (found.p_flip[:6] == 0.001).all()  # the observed one counts: none is 0
    assert (found.q[:6] < 0.001).all() and found.t[5] < 0
    assert (found.d_low[:5] < 1.5).all() and (found.d_high[:5] > 1.5).all()


def test_interval_of_cohens_d_is_that_of_the_noncentral_t():
    t, n = np.array([-4.0, 0.0, 0.3, 2.5, 25.0]), np.array([10, 12, 30, 8, 339])
    d, low, high = cohen_d(t, n, 0.9)
    np.testing.assert_allclose(d, t / np.sqrt(n))
    np.testing.assert_allclose(stats.nct.sf(t, n - 1, low * np.sqrt(n)), 0.05, rtol=1e-4)
    np.testing.assert_allclose(stats.nct.cdf(t, n - 1, high * np.sqrt(n)), 0.05, rtol=1e-4)


def test_interval_of_cohens_d_covers_as_it_says(rng):
    values = rng.normal(0.7, 1, size=(4000, 12))
    t = stats.ttest_1samp(values, 0, axis=1).statistic
    _, low, high = cohen_d(t, np.full(4000, 12))
    assert abs(((low < 0.7) & (high > 0.7)).mean() - 0.95) < 4 * np.sqrt(0.05 * 0.95 / 4000)


@given(st.integers(0, 10_000), st.floats(-1e6, 1e6))
def test_sums_do_not_lose_the_scatter_beside_a_large_mean(seed, offset):
    values = np.random.default_rng(seed).normal(size=(9, 3)) + offset
    sums = GroupSums(3)
    for row in values:
        sums.add(row)
    np.testing.assert_allclose(sums.variance, values.var(axis=0, ddof=1), rtol=1e-6)
    np.testing.assert_allclose(sums.mean, values.mean(axis=0), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(sums.squares, (values**2).sum(axis=0), rtol=1e-9)


@pytest.mark.parametrize("n", [2, 6, 50, 1000])
def test_intervals_of_very_large_t_end_and_join_those_of_smaller_ones(n):
    """SciPy's search never ends at 1e6, and is wrong by 2 % at 1e5."""
    edge = 100 * np.sqrt(2 * (n - 1))
    _, low, high = cohen_d(np.array([0.999 * edge, 1.001 * edge, -1e6]), np.full(3, n))
    np.testing.assert_allclose(low[0] / 0.999, low[1] / 1.001, rtol=5e-4)
    np.testing.assert_allclose(high[0] / 0.999, high[1] / 1.001, rtol=5e-4)
    ends = -1e6 * np.sqrt(stats.chi2.ppf([0.975, 0.025], n - 1) / (n - 1) / n)
    np.testing.assert_allclose([low[2], high[2]], ends)


def test_scatter_of_no_more_than_rounding_is_none(rng):
    values = rng.normal(1, 1, size=(6, 3))
    values[:, 1] = np.float32(0.3) * (1 + 1e-9 * rng.normal(size=6))  # as the sums of float32 have
    values[:, 2] = 0.3 * (1 + 1e-6 * rng.normal(size=6))
    found = group_test(values, n_permutations=64)
    assert found.tested.tolist() == [True, False, True] and found.n_constant == 1
    assert np.isnan([found.t[1], found.p[1], found.p_max[1], found.d[1]]).all()


def test_columns_without_scatter_or_participants_are_left_out_and_counted(rng):
    values = rng.normal(0.4, 1, size=(7, 6))
    alone = group_test(values, n_permutations=128)
    more = np.column_stack([values, np.full(7, 0.1), np.full(7, np.nan), np.zeros(7)])
    more[2, 7] = 3.0
    found = group_test(more, n_permutations=128)
    for name in ("t", "p", "p_flip", "p_max", "q", "d_low"):
        np.testing.assert_array_equal(getattr(found, name)[:6], getattr(alone, name))
        assert np.isnan(getattr(found, name)[6:]).all()
    assert (found.n_few, found.n_constant) == (1, 2) and found.n.tolist() == [7] * 7 + [1, 7]
    assert found.mean[6] == pytest.approx(0.1) and not found.tested[6:].any()


def refused(subjects, **options):
    with pytest.raises(InputError) as info:
        group_test(subjects, **options)
    return info.value


def test_what_cannot_be_tested_is_refused(rng):
    values = rng.normal(size=(5, 4))
    error = refused(values[:1])
    assert error.expected == "two participants or more" and error.found == "1"
    error = refused(np.ones((5, 4)))
    assert error.found.startswith("none of 4: 4 with one value in all participants, 0 that")
    values[3, 1] = np.inf
    assert refused(values).found == "1 infinite ones of 4 in participant 4"
    error = refused([np.ones(4), np.ones(3)])
    assert error.expected.startswith("4 finite numbers") and "participant 2" in error.found
    assert refused(values, n_permutations=-1).subject == "n_permutations"
    assert refused(values, level=1).subject == "level"
