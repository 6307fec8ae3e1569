import numpy as np
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.informational import (
    correlate_regions,
    correlation_tests,
    moving_correlations,
)


def test_correlations_are_those_of_numpy(rng):
    series = rng.normal(size=(5, 40)) + rng.normal(size=40)
    np.testing.assert_allclose(correlate_regions(series), np.corrcoef(series))


def test_a_region_that_does_not_vary_or_is_absent_correlates_with_none(rng):
    series = rng.normal(size=(4, 30))
    series[1], series[2] = -0.7, np.nan
    found = correlate_regions(series)
    assert np.isnan(found[1:3]).all() and np.isnan(found[:, 1:3]).all()
    assert found[0, 3] == pytest.approx(np.corrcoef(series[[0, 3]])[0, 1])


def test_windows_hold_whole_trials(rng):
    trial = np.tile(np.repeat([3, 4, 7, 9], 6), 2)  # two series, one after the other
    series = rng.normal(size=(3, 48))
    found = moving_correlations(series, trial, window=2)
    for number, inside in enumerate([(3, 4), (4, 7), (7, 9)]):
        rows = np.isin(trial, inside)
        np.testing.assert_allclose(found[number], np.corrcoef(series[:, rows]))
    assert len(found) == 3
    np.testing.assert_allclose(
        moving_correlations(series, trial, window=4)[0], correlate_regions(series)
    )


def test_a_window_longer_than_the_run_is_refused():
    with pytest.raises(InputError) as caught:
        moving_correlations(np.zeros((2, 6)), np.arange(6) // 2, window=5)
    assert str(caught.value) == (
        "window\n  expected: from 1 to the 3 trials there are\n  found:    5\n"
        "  do:       make the window shorter"
    )


@pytest.mark.parametrize("fisher_z", [True, False])
def test_tests_over_participants_are_those_of_scipy(rng, fisher_z):
    r = np.tanh(rng.normal(0.3, 0.2, size=(31, 3)))
    r[5:9, 1] = np.nan
    found = correlation_tests(r, fisher_z=fisher_z)
    values = np.arctanh(r) if fisher_z else r
    other = stats.ttest_1samp(values, 0, nan_policy="omit")
    np.testing.assert_allclose(found["t"], other.statistic)
    np.testing.assert_allclose(found["p"], other.pvalue)
    ends = np.array(other.confidence_interval())
    ends = np.tanh(ends) if fisher_z else ends
    np.testing.assert_allclose([found["ci_low"], found["ci_high"]], ends)
    assert found["n"].tolist() == [31, 27, 31] and found["dof"].tolist() == [30, 26, 30]


def test_perfect_correlations_and_lone_participants_do_no_harm():
    found = correlation_tests(np.array([[1.0, 0.5], [1.0, np.nan], [0.9, np.nan]]))
    assert 0.9 < found["mean_r"][0] <= 1
    assert found["mean_r"][1] == pytest.approx(0.5)
    assert np.isnan([found["p"][1], found["t"][1], found["ci_low"][1]]).all()


@pytest.mark.parametrize("fisher_z", [True, False])
@pytest.mark.parametrize("r", [0.5, 1.0, -0.3, 0.0])
def test_one_correlation_in_all_participants_is_not_tested(r, fisher_z):
    """Copies of one participant would else have a p of 0."""
    rows = np.array([[r, 0.2], [r, 0.3], [r + 1e-12 * r, 0.1]])
    found = correlation_tests(np.clip(rows, -1, 1), fisher_z=fisher_z)
    assert found["mean_r"][0] == pytest.approx(r, abs=1e-9) and found["n"][0] == 3
    assert all(np.isnan(found[name][0]) for name in ("t", "p", "ci_low", "ci_high"))
    assert all(np.isfinite(found[name][1]) for name in ("t", "p", "ci_low", "ci_high"))
