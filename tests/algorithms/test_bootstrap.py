import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms.bootstrap import bootstrap_means, published_resamples, trimmed_mean
from fmriprod.algorithms.checks import InputError


def published_loop(values, criterion, n_bootstrap):
    """The published bootstrap, one resample at a time."""
    means = []
    for iteration in range(n_bootstrap):
        rows = np.random.RandomState(iteration).choice(len(values), len(values))
        means.append(np.mean(values[rows]))
    means = np.array(means)
    return [
        values.mean(), np.percentile(means, 2.5), np.percentile(means, 97.5),
        2 * (means < criterion).mean(), 2 * (means > criterion).mean(),
    ]  # fmt: skip


def test_published_is_the_loop_over_seeds(rng):
    values = rng.normal(0.27, 0.05, size=(17, 3))
    values[4:, 1] -= 0.02
    found = bootstrap_means(values, criterion=0.25, method="published", n_bootstrap=400)
    for place, column in enumerate(values.T):
        expected = published_loop(column, 0.25, 400)
        ours = [found.estimate, found.low, found.high, found.p_above, found.p_below]
        assert [row[place] for row in ours] == pytest.approx(expected, abs=1e-15)
    assert (found.p == np.minimum(found.p_above, found.p_below)).all()


def test_published_p_may_be_0_and_its_sides_go_to_2_while_ours_do_not():
    values = np.linspace(1, 2, 9)
    old = bootstrap_means(values, method="published", n_bootstrap=200)
    new = bootstrap_means(values, n_bootstrap=200)
    assert (old.p[0], old.p_above[0], old.p_below[0]) == (0, 0, 2)
    assert (new.p[0], new.p_above[0], new.p_below[0]) == (2 / 201, 2 / 201, 1)


def test_participants_who_are_all_at_chance_are_no_evidence():
    at_chance = np.full(12, 0.25)
    assert bootstrap_means(at_chance, criterion=0.25, method="published").p[0] == 0
    assert bootstrap_means(at_chance, criterion=0.25).p[0] == 1


def test_fast_agrees_with_published(rng):
    """Ends of 10,000 draws scatter by about 2.5 % of the standard error."""
    values = rng.gamma(2, 0.1, size=(31, 27))
    error = values.std(axis=0) / np.sqrt(31)
    fast, old = (bootstrap_means(values, criterion=0.2, method=m) for m in ("fast", "published"))
    for name in ("low", "high"):
        difference = np.abs(getattr(fast, name) - getattr(old, name)) / error
        assert difference.max() < 0.15
    assert np.abs(fast.p - old.p).max() < 0.06  # twice a share of 10,000: sd 0.014
    np.testing.assert_array_equal(fast.estimate, old.estimate)


def test_the_interval_is_that_of_scipy(rng):
    values = rng.normal(size=40)
    found = bootstrap_means(values, n_bootstrap=20_000)
    other = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval  # fmt: skip
    assert [found.low[0], found.high[0]] == pytest.approx(list(other), abs=0.02)


@pytest.mark.parametrize("method", ["fast", "published"])
def test_a_column_has_the_same_result_alone_as_among_others(rng, method):
    values = rng.normal(size=(20, 5))
    values[[1, 4], 2] = np.nan
    values[7:, 3] = np.nan
    options = {"method": method, "n_bootstrap": 300, "seed": 5}
    among = bootstrap_means(values, criterion=np.arange(5) / 9, **options)
    assert among.n.tolist() == [20, 20, 18, 7, 20]
    for place in range(5):
        known = values[np.isfinite(values[:, place]), place]
        alone = bootstrap_means(known, criterion=place / 9, **options)
        for name in ("n", "estimate", "low", "high", "p"):
            assert getattr(among, name)[place] == pytest.approx(getattr(alone, name)[0])


def test_too_few_participants_have_a_mean_at_most():
    values = np.array([[1.0, np.nan], [np.nan, np.nan]])
    found = bootstrap_means(values)
    assert found.n.tolist() == [1, 0]
    assert found.estimate[0] == 1 and np.isnan(found.estimate[1])
    assert np.isnan([found.low, found.high, found.p]).all()


@pytest.mark.parametrize("method", ["fast", "published"])
def test_trimmed_means_are_those_of_scipy(rng, method):
    values = rng.standard_t(2, size=(31, 2))
    found = bootstrap_means(values, trim=0.1, n_bootstrap=500, method=method, seed=3)
    np.testing.assert_allclose(found.estimate, stats.trim_mean(values, 0.1))
    if method == "published":
        rows = published_resamples(31, 500)
    else:
        rows = np.random.default_rng(3).integers(0, 31, (500, 31))
    means = [[stats.trim_mean(column[r], 0.1) for r in rows] for column in values.T]
    np.testing.assert_allclose(found.low, np.percentile(means, 2.5, axis=1))
    np.testing.assert_allclose(found.high, np.percentile(means, 97.5, axis=1))


@given(st.integers(1, 40), st.floats(0, 0.49))
def test_trimmed_mean(n, trim):
    values = np.random.default_rng(n).normal(size=(n, 2))
    np.testing.assert_allclose(trimmed_mean(values, trim), stats.trim_mean(values, trim))


@given(st.integers(2, 30), st.floats(-5, 5), st.floats(0.1, 10))
def test_intervals_follow_shift_and_scale(n, shift, scale):
    values = np.random.default_rng(n).normal(size=n)
    one = bootstrap_means(values, n_bootstrap=99)
    other = bootstrap_means(values * scale + shift, criterion=shift, n_bootstrap=99)
    assert other.low == pytest.approx(one.low * scale + shift)
    assert other.high == pytest.approx(one.high * scale + shift)
    assert other.p == pytest.approx(one.p)


def test_wide_levels_hold_narrow_ones(rng):
    values = rng.normal(size=25)
    wide, narrow = (bootstrap_means(values, level=level) for level in (0.99, 0.8))
    assert wide.low < narrow.low < values.mean() < narrow.high < wide.high


def test_null_of_the_real_design_is_rejected_a_little_more_than_said():
    """31 participants, 160 trials at chance: 6.3 % by theory for normal values."""
    rng = np.random.default_rng(1)
    values = rng.binomial(160, 0.25, (31, 2000)) / 160
    p = bootstrap_means(values, criterion=0.25, n_bootstrap=2000).p
    low, high = stats.binomtest(int((p <= 0.05).sum()), 2000).proportion_ci(0.999)
    assert low < 0.0633 < high


def test_a_hundred_milliseconds_do_for_all_regions(rng):
    values = rng.normal(size=(31, 27))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        bootstrap_means(values)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1


def test_published_draws_are_kept_and_cannot_be_changed():
    assert published_resamples(9, 20) is published_resamples(9, 20)
    with pytest.raises(ValueError, match="read-only"):
        published_resamples(9, 20)[0] = 1


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"method": "old"}, "fast or published"),
        ({"n_bootstrap": 0}, "at least 1"),
        ({"level": 1.0}, "a share between 0 and 1"),
        ({"trim": 0.5}, "a share from 0 to below 0.5"),
    ],
)
def test_options_out_of_range_are_refused(option, expected):
    with pytest.raises(InputError) as caught:
        bootstrap_means(np.arange(4.0), **option)
    ((name, value),) = option.items()
    assert str(caught.value) == (
        f"{name}\n  expected: {expected}\n  found:    {value!r}\n"
        "  do:       leave it out for the default"
    )


def test_infinite_values_are_refused():
    with pytest.raises(InputError) as caught:
        bootstrap_means(np.array([1.0, np.inf]))
    assert "1 infinite values in an array of (2, 1)" in str(caught.value)
    assert "clip" in caught.value.hint
