import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter
from scipy.stats import iqr, norm
from statsmodels.robust.scale import mad
from statsmodels.tsa.stattools import acf

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.quality import (
    carpet,
    dvars,
    ghost_ratio,
    global_drift,
    outlier_fraction,
    polynomial_residuals,
    signal_to_noise,
)


def test_planted_signal_to_noise_is_found(rng):
    level = np.array([500, 1000, 2000.0])[:, None].repeat(1000, axis=0)
    tsnr, sfnr = signal_to_noise(rng.normal(level, 20, size=(3000, 150)))
    for k, planted in enumerate([25, 50, 100]):
        rows = slice(1000 * k, 1000 * (k + 1))
        # The mean of 1 / sd is above 1 / (mean of sd) by 3 / (4 df).
        assert tsnr[rows].mean() == pytest.approx(planted * (1 + 3 / (4 * 149)), rel=0.006)
        assert np.median(sfnr[rows]) == pytest.approx(planted, rel=0.01)


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 2**32 - 1))
def test_slow_drift_lowers_tsnr_and_leaves_sfnr(slope, bend, seed):
    time = np.linspace(-1, 1, 60)
    noise = np.random.default_rng(seed).normal(0, 5, (4, 60))
    drift = slope * time + bend * (time**2 - (time**2).mean())
    tsnr, sfnr = signal_to_noise(1000 + noise + drift)
    np.testing.assert_allclose(sfnr, signal_to_noise(1000 + noise)[1], rtol=1e-6)
    np.testing.assert_allclose(tsnr, 1000 / (noise + drift).std(axis=1, ddof=1), rtol=0.01)


def test_residuals_are_those_of_polyfit(rng):
    series = rng.normal(size=(3, 40)).cumsum(axis=1)
    for order in (0, 1, 2, 4):
        fits = [np.polyval(np.polyfit(range(40), row, order), range(40)) for row in series]
        np.testing.assert_allclose(polynomial_residuals(series, order), series - fits, atol=1e-8)


def test_dvars_follow_the_definition_voxel_by_voxel(rng):
    series = 1000 + lfilter([1], [1, -0.4], rng.normal(0, 20, size=(3, 50)))
    raw, standardised = dvars(series)
    expected = []
    for row in series:
        autocorrelation = acf(row, nlags=1)[1]  # that of Yule and Walker
        expected.append(2 * (1 - autocorrelation) * (iqr(row) / 1.349) ** 2)
    assert np.isnan(raw[0]) and np.isnan(standardised[0])
    for t in range(1, 50):
        changes = [(row[t] - row[t - 1]) ** 2 for row in series]
        assert raw[t] == pytest.approx(np.sqrt(sum(changes) / 3))
        assert standardised[t] == pytest.approx(np.sqrt(sum(changes) / sum(expected)))


@pytest.mark.parametrize("autocorrelation", [0.0, 0.3, 0.6, -0.3])
def test_standardised_dvars_of_clean_noise_is_one(rng, autocorrelation):
    """Whatever the level, its spread over voxels and the autocorrelation."""
    noise = lfilter([1], [1, -autocorrelation], rng.normal(size=(3000, 400)))[:, 50:]
    spread = rng.lognormal(0, 0.7, size=(3000, 1))
    standardised = dvars(1000 + 30 * spread * noise)[1][1:]
    assert standardised.mean() == pytest.approx(1, abs=0.015)
    assert standardised.std() < 0.06


def test_standardised_dvars_shows_a_planted_jump(rng):
    """A shift by a of one volume of white noise s raises both its changes to sqrt(2 s^2 + a^2)."""
    series = rng.normal(1000, 10, size=(5000, 200))
    series[:, 80] += 20
    standardised = dvars(series)[1]
    expected = np.sqrt((2 * 100 + 400) / (2 * 100))
    np.testing.assert_allclose(standardised[[80, 81]], expected, rtol=0.02)
    assert np.nanmax(np.delete(standardised, [80, 81])) < 1.1


def test_dvars_does_not_depend_on_the_order_of_voxels_or_an_offset(rng):
    series = rng.normal(size=(5000, 20))
    raw, standardised = dvars(series)
    again = dvars(rng.permutation(series + 500))
    np.testing.assert_allclose(again[0], raw, rtol=1e-9)
    np.testing.assert_allclose(again[1], standardised, rtol=1e-9)


def test_two_grey_levels_give_no_standardised_dvars():
    series = np.zeros((10, 40))
    series[:, 7] = 1
    raw, standardised = dvars(series)
    assert raw[7] == raw[8] == 1 and np.isnan(standardised).all()


def test_outliers_follow_the_rule_voxel_by_voxel(rng):
    series = rng.standard_t(2, size=(50, 60))
    limit = norm.isf(0.001 / 60) * np.sqrt(np.pi / 2)
    expected = np.zeros(60)
    for row in series:
        rest = row - np.polyval(np.polyfit(range(60), row, 2), range(60))
        expected += np.abs(rest - np.median(rest)) > limit * mad(rest, c=1)
    assert expected.sum() > 20
    np.testing.assert_allclose(outlier_fraction(series), expected / 50, atol=1e-12)


@pytest.mark.parametrize("share", [0.05, 0.01])
def test_the_rate_of_outliers_in_noise_is_the_one_that_is_stated(rng, share):
    n_volumes = 800
    found = outlier_fraction(rng.normal(size=(2000, n_volumes)), q=share * n_volumes).mean()
    factor = np.sqrt(np.pi / 2) * norm.ppf(0.75)
    assert found == pytest.approx(2 * norm.sf(factor * norm.isf(share)), rel=0.02)


def test_planted_outliers_are_counted_in_their_volume(rng):
    series = rng.normal(100, 1, size=(1000, 150))
    series[:300, 40] += 30
    fraction = outlier_fraction(series)
    assert fraction[40] == pytest.approx(0.3, abs=0.003)
    assert np.delete(fraction, 40).max() < 0.01


def test_a_drift_of_five_percent_is_five_percent():
    time = np.linspace(-0.5, 0.5, 120)
    found = global_drift(800 * (1 + 0.05 * time))
    assert found["linear_drift_percent"] == pytest.approx(5)
    assert found["drift_percent"] == pytest.approx(5)
    assert found["fluctuation_percent"] == pytest.approx(0, abs=1e-9)
    assert global_drift(800 * (1 - 0.05 * time))["linear_drift_percent"] == pytest.approx(-5)
    bowl = time**2 - (time**2).mean()
    bent = global_drift(800 * (1 + 0.08 * bowl))
    assert bent["linear_drift_percent"] == pytest.approx(0, abs=1e-9)
    assert bent["drift_percent"] == pytest.approx(100 * 0.08 * np.ptp(bowl))


def test_a_fluctuation_of_one_percent_is_one_percent(rng):
    found = global_drift(1000 + rng.normal(0, 10, 20000))
    assert found["fluctuation_percent"] == pytest.approx(1, rel=0.02)
    assert abs(found["drift_percent"]) < 0.1


def test_a_signal_about_zero_has_no_percent():
    assert all(np.isnan(v) for v in global_drift(np.linspace(-1, 1, 20) - 1).values())


def _head(rng, axis, share):
    grid = np.indices((48, 48, 20)) - np.array([24, 24, 10]).reshape(3, 1, 1, 1)
    mask = (grid**2 / np.array([9, 9, 8]).reshape(3, 1, 1, 1) ** 2).sum(axis=0) < 1
    image = 1000 * gaussian_filter(mask.astype(float), 0.7)
    image += share * np.roll(image, 24, axis) + rng.normal(30, 1, mask.shape)
    return image, mask


@pytest.mark.parametrize(("axis", "name"), [(0, "i"), (1, "j"), (1, "j-")])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_a_planted_ghost_is_found_on_its_axis_only(rng, axis, name, share):
    image, mask = _head(rng, axis, share)
    # The mean over the ghost holds its blurred edge too: measure it, do not guess it.
    blurred = gaussian_filter(mask.astype(float), 0.7)
    expected = share * blurred[mask].mean() / np.median(blurred[mask])
    assert ghost_ratio(image, mask, name) == pytest.approx(expected * 1000 / 1030, abs=0.001)
    other = "j" if name == "i" else "i"
    assert ghost_ratio(image, mask, other) < 0.001


def test_a_ghost_cannot_be_measured_without_background(rng):
    image, mask = _head(rng, 1, 0.05)
    assert np.isnan(ghost_ratio(np.where(mask, image, 0), mask))
    assert np.isnan(ghost_ratio(image, np.ones_like(mask)))


def test_an_unknown_phase_axis_is_refused(rng):
    with pytest.raises(InputError, match="i, j or k, with or without -"):
        ghost_ratio(np.zeros((4, 4, 4)), np.ones((4, 4, 4), bool), "y")


def test_carpet_puts_voxels_that_share_a_signal_on_top_and_opposed_ones_below(rng):
    shared = rng.normal(size=100)
    weight = np.concatenate([np.full(600, 2.0), np.zeros(300), np.full(100, -2.0)])
    series = 1000 + weight[:, None] * shared + rng.normal(size=(1000, 100))
    rows = carpet(rng.permutation(series), n_rows=10)
    assert rows.shape == (10, 100) and rows.dtype == np.float32
    correlation = np.array([np.corrcoef(row, shared)[0, 1] for row in rows])
    assert (correlation[:6] > 0.95).all() and correlation[9] < -0.95
    # Sorting picks some likeness out of noise too, but averages show how little it is.
    assert rows[:6].std(axis=1).min() > 0.8 and rows[6:9].std(axis=1).max() < 0.25


def test_carpet_without_averaging_is_z_scores_and_always_the_same(rng):
    series = 500 + rng.normal(size=(300, 50)) * rng.lognormal(size=(300, 1))
    series += np.linspace(0, 30, 50)
    rows = carpet(series, n_rows=300)
    np.testing.assert_allclose(rows.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(rows, carpet(series, n_rows=300))
    assert carpet(series, n_rows=40, n_voxels=120).shape == (40, 50)
