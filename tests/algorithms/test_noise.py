import numpy as np
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise import (
    autocorrelated_noise,
    oscillation,
    rician,
    slow_drift,
    smooth_field,
    tissue_noise,
)

SHAPE, ZOOMS = (32, 30, 28), (3.0, 4.0, 5.0)


@pytest.mark.parametrize("fwhm", [8.0, 14.0])
def test_a_field_has_unit_variance_and_the_smoothness_that_is_asked_for(rng, fwhm):
    fields = np.stack([smooth_field(SHAPE, ZOOMS, fwhm, rng) for _ in range(30)])
    assert fields.std() == pytest.approx(1, rel=0.05)
    assert fields.dtype == np.float32
    sigma = fwhm / np.sqrt(8 * np.log(2))
    for axis, zoom in enumerate(ZOOMS):
        # White noise through a Gaussian of width sigma: correlation exp(-d^2 / 4 sigma^2).
        found = np.mean(fields * np.roll(fields, 1, axis=axis + 1)) / fields.var()
        assert found == pytest.approx(np.exp(-(zoom**2) / (4 * sigma**2)), abs=0.04)


def test_no_smoothness_is_white_noise(rng):
    field = smooth_field(SHAPE, ZOOMS, 0, rng)
    assert abs(np.mean(field * np.roll(field, 1, axis=0))) < 0.03


@pytest.mark.parametrize("ar", [0.0, 0.4, 0.8])
def test_autocorrelated_noise_is_stationary_with_that_correlation(rng, ar):
    volumes = autocorrelated_noise((12, 12, 12), 200, zooms=(3,) * 3, fwhm=4, ar=ar, rng=rng)
    series = np.stack(list(volumes))
    assert series.shape == (200, 12, 12, 12)
    assert np.mean(series[1:] * series[:-1]) / series.var() == pytest.approx(ar, abs=0.04)
    assert series[:60].std() == pytest.approx(1, rel=0.1)
    assert series[-60:].std() == pytest.approx(1, rel=0.1)


def test_a_correlation_that_is_not_stationary_is_refused(rng):
    with pytest.raises(InputError, match=r"a correlation in \[0, 1\)") as err:
        next(autocorrelated_noise(SHAPE, 3, zooms=ZOOMS, fwhm=4, ar=1.0, rng=rng))
    assert "0.3 to 0.5" in str(err.value)


@pytest.mark.parametrize(("rate", "tr", "seen"), [(0.28, 1.0, 0.28), (1.1, 2.0, 0.1)])
def test_an_oscillation_shows_at_its_rate_or_folds_back(rng, rate, tr, seen):
    course = oscillation(np.arange(4000) * tr, rate, rng, wander=0.003)
    power = np.abs(np.fft.rfft(course[0])) ** 2
    frequency = np.fft.rfftfreq(4000, tr)
    assert frequency[power.argmax()] == pytest.approx(seen, abs=0.01)
    np.testing.assert_allclose((course**2).sum(axis=0), 1, atol=1e-5)


def test_drift_is_slow(rng):
    courses = slow_drift(200, rng)
    power = np.abs(np.fft.rfft(courses * np.hanning(200), axis=1)) ** 2
    assert (power[:, :5].sum(axis=1) > 0.99 * power.sum(axis=1)).all()
    np.testing.assert_allclose(courses.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(courses.std(axis=1), 1, atol=1e-5)


def test_tissue_noise_has_unit_variance_and_its_shares(rng):
    draws = [
        np.stack(list(tissue_noise(SHAPE, 100, 2.0, zooms=ZOOMS, rng=rng))).var() for _ in range(4)
    ]
    assert np.mean(draws) == pytest.approx(1, rel=0.12)
    plain = tissue_noise(
        SHAPE, 100, 2.0, zooms=ZOOMS, rng=rng, ar=0.6, share_physiological=0, share_drift=0
    )
    series = np.stack(list(plain))
    assert np.mean(series[1:] * series[:-1]) == pytest.approx(0.6, abs=0.05)


def test_shares_of_more_than_everything_are_refused(rng):
    with pytest.raises(InputError, match=r"share_physiological=0\.8, share_drift=0\.5"):
        next(tissue_noise(SHAPE, 5, 2.0, zooms=ZOOMS, rng=rng,
                          share_physiological=0.8, share_drift=0.5))  # fmt: skip


@pytest.mark.parametrize("signal", [0.0, 1.0, 5.0, 100.0])
def test_magnitudes_follow_the_rice_distribution(rng, signal):
    sigma = 2.0
    values = rician(np.full(40_000, signal, np.float32), sigma, rng)
    assert values.dtype == np.float32
    p = stats.kstest(values, stats.rice(signal / sigma, scale=sigma).cdf).pvalue
    assert p > 1e-3
