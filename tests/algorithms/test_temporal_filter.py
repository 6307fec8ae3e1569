import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm.first_level.design_matrix import create_cosine_drift
from nilearn.signal import clean
from scipy.signal import detrend
from scipy.stats import gamma

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.temporal_filter import (
    METHODS,
    cosine_drift,
    filter_matrix,
    running_line,
    temporal_filter,
)


@pytest.mark.parametrize(("n", "tr", "cutoff"), [(156, 2.0, 100), (104, 2.0, 60), (300, 0.72, 128)])
def test_cosines_are_those_of_nilearn(n, tr, cutoff):
    theirs = create_cosine_drift(1 / cutoff, np.arange(n) * tr)[:, :-1]  # last: constant
    ours = cosine_drift(n, tr, cutoff)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours @ ours.T @ theirs, theirs, atol=1e-12)
    np.testing.assert_allclose(ours.T @ ours, np.eye(ours.shape[1]), atol=1e-12)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["dct_10.txt", "dct_100.txt", "dct_5.txt"])
def test_cosines_span_those_that_spm_wrote(real_data, name):
    spm = np.loadtxt(real_data("fsl_spm_design_reference") / "spm_nipy" / name)
    n, columns = spm.shape
    ours = cosine_drift(n, 1.0, 2 * n / (columns - 1))  # SPM's first column is the constant
    assert ours.shape[1] == columns - 1
    np.testing.assert_allclose(ours @ ours.T @ spm[:, 1:], spm[:, 1:], atol=1e-6)


def test_cosine_filter_is_nilearns(rng):
    series = rng.normal(1000, 20, size=(7, 120)).cumsum(axis=1)
    theirs = clean(
        series.T, detrend=False, standardize=None, filter="cosine", high_pass=0.01, t_r=2.0
    ).T
    theirs += series.mean(axis=1, keepdims=True) - theirs.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(temporal_filter(series, 2.0, 100), theirs, rtol=1e-6)


@given(st.integers(3, 60), st.floats(1, 15), st.integers(0, 2**32 - 1))
def test_running_line_is_a_weighted_fit_around_each_volume(n, sigma, seed):
    series = np.random.default_rng(seed).normal(size=n)
    fitted = running_line(n, sigma) @ series
    volumes = np.arange(n)
    for t in range(n):
        near = np.abs(volumes - t) <= int(3 * sigma)
        root_weight = np.exp(-((volumes - t) ** 2) / (4 * sigma**2))[near]
        line = np.polyfit(volumes[near] - t, series[near], 1, w=root_weight)
        assert fitted[t] == pytest.approx(line[1], abs=1e-8)


def test_running_line_takes_half_the_cutoff_as_sigma(rng):
    series = rng.normal(size=(2, 50))
    rest = series - series @ running_line(50, sigma=10).T  # 40 s, volumes of 2 s
    expected = rest - rest.mean(axis=1, keepdims=True) + series.mean(axis=1, keepdims=True)
    filtered = temporal_filter(series, 2.0, 40, "running_line")
    np.testing.assert_allclose(filtered, expected, atol=1e-6)


def _fsl_design(folder, response):
    """Convolve the three-column files as FEAT does, sampled in the middle of each volume."""
    text = (folder / "design.mat").read_text().split("/Matrix\n")[1]
    wanted = np.array([line.split() for line in text.strip().splitlines()], float)
    step, tr, n = 0.05, 2.0, len(wanted)
    columns = []
    for ev in ("ev1.txt", "ev2.txt"):
        fine = np.zeros(int(n * tr / step))
        for onset, duration, height in np.loadtxt(folder / "custom_timing_files" / ev):
            fine[round(onset / step) : round((onset + duration) / step)] += height
        columns.append(np.convolve(fine, response(np.arange(0, 32, step)))[: len(fine)])
    at = ((np.arange(n) + 0.5) * tr / step).astype(int)
    return wanted, np.array(columns)[:, at]


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "response", "least"),
    [
        ("fsl_con_f", lambda t: gamma.pdf(t, 4, scale=1.5), 0.9999),
        ("fsl_gaussian", lambda t: np.exp(-((t - 5) ** 2) / (2 * 2.8**2)), 0.9998),
    ],
)
def test_running_line_reproduces_designs_that_fsl_filtered(real_data, name, response, least):
    wanted, raw = _fsl_design(real_data("fsl_spm_design_reference") / name, response)

    def agreement(columns):
        return [np.corrcoef(columns[i], wanted[:, i])[0, 1] for i in (0, 1)]

    filtered = temporal_filter(raw, 2.0, 60, "running_line")
    assert min(agreement(filtered)) >= least
    # The reference can tell: without the filter, or with another one, it does not match.
    assert min(agreement(raw)) < 0.99
    assert min(agreement(temporal_filter(raw, 2.0, 60, "cosine"))) < 0.999
    assert min(agreement(temporal_filter(raw, 2.0, 80, "running_line"))) < least


@given(
    st.sampled_from(METHODS),
    st.integers(3, 80),
    st.floats(0.5, 3),
    st.floats(1, 50),
    st.integers(0, 2**32 - 1),
)
def test_mean_is_kept_and_shift_and_scale_pass_through(method, n, tr, ratio, seed):
    series = np.random.default_rng(seed).normal(size=(3, n))
    cutoff = 2 * tr * ratio
    filtered = temporal_filter(series, tr, cutoff, method)
    np.testing.assert_allclose(filtered.mean(axis=1), series.mean(axis=1), atol=1e-5)
    moved = temporal_filter(3 * series + 7, tr, cutoff, method)
    np.testing.assert_allclose(moved, 3 * filtered + 7, atol=1e-4)


def test_slow_waves_go_and_fast_ones_stay():
    time = np.arange(300) * 2.0
    slow, fast = np.cos(2 * np.pi * time / 300), np.sin(2 * np.pi * time / 16)
    filtered = temporal_filter(np.array([slow + 500, fast + 500]), 2.0, 100, "cosine") - 500
    middle = slice(50, 250)
    assert np.abs(filtered[0, middle]).max() < 0.05
    np.testing.assert_allclose(filtered[1, middle], fast[middle], atol=0.06)


@pytest.mark.parametrize("period", [1200, 300, 100, 16])
def test_running_line_has_the_gain_of_a_gaussian_away_from_the_ends(period):
    """One minus the Fourier transform of the weights: 1 - exp(-(2 pi sigma f)^2 / 2)."""
    time, cutoff = np.arange(600) * 2.0, 100
    wave = np.cos(2 * np.pi * time / period)
    filtered = wave - running_line(600, cutoff / 4) @ wave
    middle = slice(75, -75)
    expected = 1 - np.exp(-((np.pi * cutoff / period) ** 2) / 2)
    # The weights end at three sigma, which costs up to 0.3 %.
    np.testing.assert_allclose(filtered[middle], expected * wave[middle], atol=0.004)


def test_cosine_gain_is_one_or_zero_on_its_own_frequencies():
    n, tr = 200, 2.0  # 100 s: cosines 1 to 8 go
    cosines = np.cos(np.pi / n * (np.arange(n) + 0.5) * np.arange(1, 20)[:, None])
    gain = np.linalg.norm(temporal_filter(cosines, tr, 100), axis=1) / np.sqrt(n / 2)
    np.testing.assert_allclose(gain, [0] * 8 + [1] * 11, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_constant_series_stay_exactly_constant(method):
    series = np.array([0, 0.1, 1234.567, 40321], np.float32)[:, None].repeat(157, axis=1)
    np.testing.assert_array_equal(temporal_filter(series, 1.5, 90, method), series)


def test_a_series_with_nan_is_nan_and_its_neighbours_are_not_touched(rng):
    series = rng.normal(size=(6, 40)).astype(np.float32)
    clean_result = temporal_filter(series, 2.0, 30)
    series[2, 7], series[4, 0] = np.nan, np.inf
    filtered = temporal_filter(series, 2.0, 30)
    assert np.isnan(filtered[[2, 4]]).all()
    np.testing.assert_array_equal(filtered[[0, 1, 3, 5]], clean_result[[0, 1, 3, 5]])


def test_block_size_does_not_matter_and_input_is_not_changed(rng):
    series = rng.normal(1000, 10, size=(100, 50)).astype(np.float32)
    before = series.copy()
    whole = temporal_filter(series, 2.0, 50, block_size=1000)
    np.testing.assert_allclose(temporal_filter(series, 2.0, 50, block_size=7), whole, rtol=1e-6)
    np.testing.assert_array_equal(series, before)


def test_white_noise_loses_the_degrees_of_freedom_of_the_cosines(rng):
    series = rng.normal(size=(4000, 100))
    kept = (temporal_filter(series, 2.0, 50).var(axis=1)).mean() / series.var(axis=1).mean()
    assert kept == pytest.approx((99 - 8) / 99, abs=0.003)


def test_a_run_shorter_than_half_the_cutoff_has_no_slow_cosine(rng):
    series = rng.normal(size=(3, 20)).astype(np.float32)
    np.testing.assert_allclose(temporal_filter(series, 2.0, 100), series, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "subject", "text"),
    [
        ({"high_pass": 0.01}, "high_pass", "a period in seconds, not a frequency"),
        ({"high_pass": np.nan}, "high_pass", "found:    nan s"),
        ({"high_pass": 3.9}, "high_pass", r"at least two repetition times \(4 s\)"),
        ({"tr": 0}, "tr", "a repetition time above 0 s"),
        ({"tr": -2.0}, "tr", "found:    -2.0 s"),
        ({"method": "butterworth"}, "method", "cosine or running_line or linear"),
        ({"n_volumes": 2}, "in_file", "at least 3 volumes"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, subject, text):
    with pytest.raises(InputError, match=text) as error:
        filter_matrix(**{"n_volumes": 50, "tr": 2.0, **arguments})
    assert error.value.subject == subject


def test_linear_takes_one_straight_line_and_nothing_else(rng):
    series = rng.normal(size=(5, 40)) + np.linspace(0, 9, 40) + 100
    expected = detrend(series, axis=1) + series.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(temporal_filter(series, 2.0, method="linear"), expected, rtol=1e-6)
