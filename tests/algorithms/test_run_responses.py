import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.run_responses import clean_run, kept_volumes
from fmriprod.algorithms.temporal_filter import cosine_drift, temporal_filter


def make(rng, n_voxels=7, n=40):
    drift = rng.normal(0, 20, (n_voxels, 1)) * np.linspace(-1, 1, n)
    return (rng.normal(800, 100, (n_voxels, 1)) + drift + rng.normal(0, 5, (n_voxels, n))).astype(
        np.float32
    )


def rms(values):
    return np.sqrt((np.asarray(values, float) ** 2).mean())


def test_linear_is_scipy_s_detrend(rng):
    series = make(rng)
    expected = signal.detrend(series.astype(float), axis=1)
    np.testing.assert_allclose(clean_run(series).series, expected, atol=2e-6)
    np.testing.assert_array_equal(clean_run(series, block_size=3).series, clean_run(series).series)


@pytest.mark.parametrize("detrend", ["cosine", "running_line"])
def test_filters_are_the_house_s_less_the_mean(rng, detrend):
    series = make(rng)
    expected = temporal_filter(series, 2.0, 40.0, detrend).astype(float)
    expected -= expected.mean(axis=1, keepdims=True)
    found = clean_run(series, detrend=detrend, tr=2.0, high_pass=40.0).series
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("detrend", ["linear", "cosine", "none"])
def test_confounds_and_drift_are_one_least_squares_fit(rng, detrend):
    series, confounds = make(rng), rng.normal(3, 1, (40, 4))
    confounds[:, 1] += np.linspace(0, 9, 40)
    confounds[:, 3] = 2 * confounds[:, 0] - confounds[:, 1]  # a column too many
    n = np.arange(40)
    drift = {"linear": n[:, None], "cosine": cosine_drift(40, 2.0, 40.0), "none": n[:, None][:, :0]}
    design = np.column_stack([np.ones(40), drift[detrend], confounds])
    data = series.astype(float).T
    expected = data - design @ np.linalg.lstsq(design, data, rcond=None)[0]
    if detrend == "none":
        expected += data.mean(axis=0)
    found = clean_run(series, detrend=detrend, tr=2.0, high_pass=40.0, confounds=confounds)
    np.testing.assert_allclose(found.series, expected.T, atol=1e-4)
    assert found.usable.all()


def test_a_filter_that_is_no_projection_lets_no_confound_back(rng):
    """Regressed out before the filter, a confound would leave a trace that the filter made."""
    confounds = np.cumsum(rng.normal(size=(60, 1)), axis=0)
    series = 500 + 10 * confounds.T + rng.normal(size=(5, 60))
    kind = {"detrend": "running_line", "tr": 2.0, "high_pass": 50.0}
    found = clean_run(series, confounds=confounds, **kind).series
    filtered = temporal_filter(confounds.T, 2.0, 50.0, "running_line")
    filtered = filtered - filtered.mean()
    assert np.abs(found @ filtered[0]).max() < 1e-3


def test_no_cleaning_changes_no_value(rng):
    series = make(rng)
    np.testing.assert_array_equal(clean_run(series, detrend="none").series, series)


def test_scales(rng):
    series = make(rng)
    plain = clean_run(series).series.astype(float)
    scaled = clean_run(series, standardize="zscore").series
    np.testing.assert_allclose(scaled, plain / plain.std(axis=1, keepdims=True), atol=1e-5)
    percent = clean_run(series, standardize="percent").series
    expected = 100 * plain / series.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(percent, expected, atol=1e-5)


def test_voxels_that_cannot_be_cleaned_are_counted_by_reason_and_change_no_other(rng):
    good = make(rng, 9)
    series = good.copy()
    series[0, 3], series[1, 7], series[2] = np.nan, np.inf, 12.5
    series[3] = 100 + 0.5 * np.arange(40)  # a straight line
    series[4] -= 2000
    found = clean_run(series, standardize="percent")
    assert found.excluded == {
        "nonfinite": 2, "constant": 1, "explained": 1, "mean_not_positive": 1,
    }  # fmt: skip
    assert found.usable.tolist() == [False] * 5 + [True] * 4
    assert np.isnan(found.series[:5]).all()
    np.testing.assert_array_equal(
        found.series[5:], clean_run(good, standardize="percent").series[5:]
    )


def test_noise_stays_noise(rng):
    """A white series loses the share of variance of the columns that are taken out, not more."""
    series = rng.normal(size=(4000, 50))
    left = clean_run(series, confounds=rng.normal(size=(50, 6))).series
    assert abs(rms(left) ** 2 - (50 - 2 - 6) / 50) < 0.01


@given(st.integers(1, 60), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_pairs_of_volumes_are_all_that_there_are(n, shift, first, last):
    pairs = [(v - shift, v) for v in range(n) if v - shift >= 0 and v >= first and v < n - last]
    if not pairs:
        with pytest.raises(InputError, match=f"less than the {n} volumes"):
            kept_volumes(n, shift, first, last)
        return
    volumes = kept_volumes(n, shift, first, last)
    assert [(v - shift, v) for v in volumes] == pairs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detrend": "quadratic"}, "found:    'quadratic'"),
        ({"standardize": "psc"}, "found:    'psc'"),
        ({"detrend": "cosine", "high_pass": 0.01}, "a period in seconds, not a frequency"),
        ({"detrend": "cosine", "tr": 0.0}, "repetition time above 0 s"),
    ],
)
def test_options_that_there_are_not(rng, options, message):
    with pytest.raises(InputError, match=message):
        clean_run(make(rng), **options)


def test_runs_too_short_and_confounds_too_many(rng):
    with pytest.raises(InputError, match="runs of at least 3 volumes"):
        clean_run(make(rng, n=2))
    with pytest.raises(InputError, match="38 columns, which with the drift explain every series"):
        clean_run(make(rng), confounds=rng.normal(size=(40, 38)))
    assert clean_run(make(rng), confounds=rng.normal(size=(40, 37))).usable.all()
    with pytest.raises(InputError, match="shift"):
        kept_volumes(10, -1)
