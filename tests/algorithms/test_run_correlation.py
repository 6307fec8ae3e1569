"""Correlations made in single precision against NumPy's in double, where digits are lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms import run_correlation as module
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.glm import analysable
from fmriprod.algorithms.parcel_runs import usable_parcels
from fmriprod.algorithms.run_correlation import run_correlation


def by_numpy(runs):
    rests = [run.astype(float) - run.astype(float).mean(axis=1, keepdims=True) for run in runs]
    return off_diagonal(np.corrcoef(np.hstack(rests)))


def off_diagonal(matrix):
    return matrix[np.triu_indices(len(matrix), 1)]


def shared(rng, n_parcels, n_volumes):
    """Noise with a common signal, as float64."""
    return rng.normal(size=(n_parcels, n_volumes)) + rng.normal(size=n_volumes)


@given(
    st.integers(2, 30), st.lists(st.integers(2, 400), min_size=1, max_size=4),
    st.floats(-6, 6), st.floats(-8, 8), st.sampled_from(["f4", "f8"]), st.integers(0, 10**6),
)  # fmt: skip
def test_no_mean_and_no_amplitude_costs_digits(n, lengths, offset, scale, dtype, seed):
    """Means up to a million times the deviation, other amplitudes and means in each parcel."""
    rng = np.random.default_rng(seed)
    spread = 10.0**scale * 10.0 ** rng.uniform(-3, 3, (n, 1))
    mean = spread * 10.0**offset * rng.normal(size=(n, 1))
    runs = [(spread * shared(rng, n, length) + mean).astype(dtype) for length in lengths]
    usable, _ = usable_parcels(runs) if offset < 4 else (np.ptp(np.hstack(runs), axis=1) > 0, None)
    runs = [run[usable] for run in runs]
    found = run_correlation(runs)
    np.testing.assert_allclose(off_diagonal(found), by_numpy(runs), atol=1e-6)
    assert np.array_equal(found, found.T, equal_nan=True) and np.isnan(np.diag(found)).all()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_a_long_series_with_a_large_mean(rng, dtype):
    """An error that grew with volumes, or with the mean, would show here."""
    runs = [(20 * shared(rng, 40, 5000) + 10_000).astype(dtype)]
    found = run_correlation(runs)
    assert found.dtype == np.float32, "the quick way is taken"
    assert np.abs(off_diagonal(found) - by_numpy(runs)).max() < 5e-7


@pytest.mark.parametrize("level", [1e-30, 3e-20, 1e18, 1e30])
def test_what_squares_of_single_precision_do_not_hold(rng, level):
    runs = [(level * shared(rng, 6, 80)).astype("f4")]
    np.testing.assert_allclose(off_diagonal(run_correlation(runs)), by_numpy(runs), atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_fishers_z_of_nearly_the_same_parcels_keeps_its_digits(rng, sign):
    base = shared(rng, 5, 300) + 50
    base[4] = sign * base[0] + 0.004 * rng.normal(size=300)
    runs = [base.astype("f4")]
    found, exact = run_correlation(runs), by_numpy(runs)
    assert 0.99998 < np.abs(exact).max() < 0.999999
    np.testing.assert_allclose(np.arctanh(off_diagonal(found)), np.arctanh(exact), atol=1e-9)


def test_the_larger_sign_alone_can_ask_for_digits(rng, monkeypatch):
    """Below .99 the quick way, above it the exact one, of either sign."""
    calls = []
    monkeypatch.setattr(module, "_in_double", lambda runs: calls.append(1))
    base = rng.normal(size=(2, 4000))
    for r, slow in ((0.98, 0), (-0.98, 0), (0.996, 1), (-0.996, 1)):
        calls.clear()
        run_correlation([np.array([base[0], r * base[0] + np.sqrt(1 - r**2) * base[1]])])
        assert len(calls) == slow, r


@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 10**6))
def test_usable_parcels_are_those_that_can_be_modelled(n, n_runs, seed):
    """The quick test of both extremes says what `analysable` says, and counts by reason."""
    rng = np.random.default_rng(seed)
    runs = [rng.normal(size=(n, 6)).astype("f4") for _ in range(n_runs)]
    for run in runs:
        for row in run:
            kind = rng.integers(0, 9)
            if kind < 6:
                row[:] = [row, 3, 0, 1e4 + 1e-2 * row, 1e4 + row, -5 - 1e-7 * row][kind]
            else:
                row[rng.integers(6)] = [np.nan, np.inf, -np.inf][kind - 6]
    expected = np.all([analysable(run) for run in runs], axis=0)
    if not expected.any():
        with pytest.raises(InputError, match=f"none of {n}"):
            usable_parcels(runs)
        return
    usable, excluded = usable_parcels(runs)
    finite = np.all([np.isfinite(run).all(axis=1) for run in runs], axis=0)
    np.testing.assert_array_equal(usable, expected)
    assert excluded == {
        "nonfinite": int((~finite).sum()), "constant": int((finite & ~expected).sum())
    }  # fmt: skip


def test_a_run_without_volumes_is_refused():
    with pytest.raises(InputError, match=r"\(5, 0\)"):
        usable_parcels([np.ones((5, 0))])
