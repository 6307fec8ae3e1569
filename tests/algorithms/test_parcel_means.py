"""Means of parcels, against a slow loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_means import exclude_parcels, parcel_means, usable_columns


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 7), offset=st.floats(0, 1e4))
def test_means_are_those_of_a_slow_loop(seed, size, offset):
    rng = np.random.default_rng(seed)
    volumes = (rng.normal(size=(12, 30)) + offset).astype(np.float32)
    volumes[3, 4], volumes[5, 9], volumes[:, 7] = np.nan, np.inf, 5
    parcel = rng.integers(-1, 4, 30)
    blocks = [volumes[k : k + size] for k in range(0, 12, size)]
    usable = usable_columns(iter(blocks))
    assert sorted(np.flatnonzero(~usable)) == [4, 7, 9]
    series, count = parcel_means(iter(blocks), parcel, 5, usable)
    assert series.dtype == np.float32 and series.shape == (5, 12)
    for row in range(5):
        own = [v for v in range(30) if parcel[v] == row and v not in (4, 7, 9)]
        assert count[row] == len(own)
        for t in range(12):
            wanted = np.mean([float(volumes[t, v]) for v in own]) if own else np.nan
            np.testing.assert_allclose(series[row, t], wanted, rtol=1e-6, atol=1e-6)
    assert np.isnan(series[4]).all()


def test_a_value_that_changes_in_a_later_block_only_is_no_constant():
    volumes = np.ones((6, 2))
    volumes[5, 1] = 2
    assert usable_columns([volumes[:3], volumes[3:]]).tolist() == [False, True]


def test_labels_of_other_voxels_are_refused():
    with pytest.raises(InputError, match="rows up to 2"):
        parcel_means([], np.array([0, 2]), 2, np.ones(2, bool))
    with pytest.raises(InputError, match="each of 3 voxels"):
        parcel_means([], np.array([0, 1]), 2, np.ones(3, bool))


def test_a_parcel_with_a_missing_value_is_missing_and_others_stay(rng):
    series = rng.normal(size=(4, 9))
    series[1, 2], series[2] = np.nan, 3
    out, missing, constant = exclude_parcels(series)
    assert missing.tolist() == [False, True, False, False]
    assert constant.tolist() == [False, False, True, False]
    assert np.isnan(out[1]).all() and (out[2] == 3).all()
    np.testing.assert_array_equal(out[[0, 3]], series[[0, 3]].astype(np.float32))
    assert np.isfinite(series[1, 3])


def test_what_cannot_be_analysed_is_refused(rng):
    series = rng.normal(size=(3, 9))
    series[:, 4] = np.nan
    with pytest.raises(InputError, match=r"1 of 9 volumes without any, first 4"):
        exclude_parcels(series)
    with pytest.raises(InputError, match="1 of 2 missing, 1 constant"):
        exclude_parcels(np.array([[np.nan] * 4, [2.0] * 4]))
    with pytest.raises(InputError, match="2 of 2 missing"):
        exclude_parcels(np.full((2, 4), np.nan))
    for large in (np.inf, 1e300):  # float32 holds neither
        with np.errstate(over="ignore"), pytest.raises(InputError, match="first row 1"):
            exclude_parcels(np.array([[1.0, 2], [large, 2]]))
