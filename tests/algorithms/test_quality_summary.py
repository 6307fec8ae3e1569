import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.quality_summary import displacement_of, run_quality
from fmriprod.algorithms.transforms import MOTION_COLUMNS


def test_everything_planted_is_found(rng):
    """Simulated: 2 % noise, a drift of 1 %, one bad volume, three jumps of the head."""
    n = 200
    series = rng.normal(1000, 20, size=(4000, n)) + 10 * np.linspace(-0.5, 0.5, n)
    series[:, 100] += 200  # in the middle, where it has no pull on the slope
    displacement = np.full(n, 0.1)
    displacement[0], displacement[[20, 60, 61]] = np.nan, (0.4, 2.0, 1.5)
    found = run_quality(series.astype(np.float32), displacement).summary
    assert found["n_volumes"] == n and found["n_voxels"] == found["n_analysed"] == 4000
    assert found["n_nonfinite"] == found["n_constant"] == 0
    assert found["std_dvars_median"] == pytest.approx(1, abs=0.03)
    assert found["std_dvars_max"] == pytest.approx(np.sqrt(1 + 200**2 / (2 * 400)), rel=0.05)
    assert found["dvars_median"] == pytest.approx(np.sqrt(2) * 20, rel=0.01)
    assert found["n_outlier_volumes"] == 1
    assert found["linear_drift_percent"] == pytest.approx(1, abs=0.1)
    assert found["fd_max"] == 2 and found["fd_median"] == 0.1
    assert found["fd_mean"] == pytest.approx((196 * 0.1 + 3.9) / 199)
    assert found["n_fd_over_threshold"] == 2 and found["fd_threshold"] == 0.5
    # The bad volume and the drift are part of what tSNR calls noise.
    noise = np.sqrt(400 + 200**2 / n + 10**2 / 12)
    assert found["tsnr_median"] == pytest.approx(1001 / noise, rel=0.02)
    assert found["sfnr_median"] > found["tsnr_median"]


def test_nan_and_constant_voxels_are_counted_and_change_nothing_else(rng):
    good = rng.normal(1000, 20, size=(300, 50)).astype(np.float32)
    bad = np.zeros((5, 50), np.float32)
    bad[0], bad[1], bad[3] = np.nan, good[0], 777  # bad[2] stays zero
    bad[1, 3], bad[4] = np.inf, good[1]
    bad[4, 49] = np.nan
    mixed = run_quality(np.concatenate([bad[:2], good, bad[2:]]))
    clean = run_quality(good)
    assert mixed.summary["n_nonfinite"] == 3 and mixed.summary["n_constant"] == 2
    assert mixed.summary["n_voxels"] == 305 and mixed.summary["n_analysed"] == 300
    for name in set(clean.summary) - {"n_nonfinite", "n_constant", "n_voxels"}:
        assert mixed.summary[name] == clean.summary[name], name
    pd.testing.assert_frame_equal(mixed.table, clean.table)
    assert np.isnan(mixed.tsnr[[0, 1, 302, 303, 304]]).all()
    np.testing.assert_array_equal(mixed.tsnr[2:302], clean.tsnr)


def test_table_has_a_row_for_each_volume(rng):
    series = rng.normal(size=(30, 20))
    table = run_quality(series).table
    assert list(table) == [
        "dvars", "std_dvars", "framewise_displacement", "global_signal", "outlier_fraction"
    ]  # fmt: skip
    assert len(table) == 20
    np.testing.assert_allclose(table["global_signal"], series.mean(axis=0))
    assert table["dvars"].isna().tolist() == [True] + [False] * 19
    assert table["framewise_displacement"].isna().all()


def test_without_motion_there_are_no_numbers_about_it(rng):
    assert not [k for k in run_quality(rng.normal(size=(9, 9))).summary if "fd" in k]


def test_a_mask_without_usable_voxels_is_refused():
    series = np.zeros((4, 10))
    series[0] = np.nan
    with pytest.raises(InputError, match="1 voxels with NaN or infinite values and 3 constant"):
        run_quality(series)
    with pytest.raises(InputError, match="at least 4 volumes"):
        run_quality(np.zeros((4, 3)))


def _still(n=10):
    return pd.DataFrame(np.zeros((n, 6)), columns=list(MOTION_COLUMNS))


def test_planted_jumps_give_their_displacement():
    motion = _still()
    motion.loc[3:, "trans_y"] += 0.7
    motion.loc[5:, "rot_x"] -= 0.01
    motion.loc[5:, "trans_z"] += 0.2
    found = displacement_of(motion, 10)
    expected = np.zeros(10)
    expected[[0, 3, 5]] = np.nan, 0.7, 0.2 + 50 * 0.01
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_displacement_that_is_given_is_taken():
    motion = _still(4).assign(framewise_displacement=[np.nan, 0.3, 0.2, 0.1])
    np.testing.assert_array_equal(displacement_of(motion, 4), [np.nan, 0.3, 0.2, 0.1])
    motion["framewise_displacement"] = [0.0, 0.3, 0.2, 0.1]  # some tools write 0 first
    np.testing.assert_array_equal(displacement_of(motion, 4), [np.nan, 0.3, 0.2, 0.1])


def test_motion_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"a row for each of 12 volumes\n.*10 rows"):
        displacement_of(_still(), 12)
    with pytest.raises(InputError, match=r"no rot_x rot_z among trans_x"):
        displacement_of(_still().drop(columns=["rot_x", "rot_z"]), 10)
    gap = _still()
    gap.loc[4, "trans_x"] = np.nan
    with pytest.raises(InputError, match="none in row 5 "):
        displacement_of(gap, 10)
    words = _still().assign(rot_y="still")
    with pytest.raises(InputError, match=r"none in row 1, 2, 3, 4, 5, \.\.\."):
        displacement_of(words, 10)
    short = _still().assign(framewise_displacement=[np.nan] * 3 + [0.1] * 7)
    with pytest.raises(InputError, match="only the first framewise_displacement may be n/a") as e:
        displacement_of(short, 10)
    assert "row 2, 3 " in str(e.value)
