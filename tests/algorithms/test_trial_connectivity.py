import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.drawing import drawing_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.trial_connectivity import (
    correlation_blocks,
    correlation_rows,
    pair_kernels,
    stacked_blocks,
    trial_rows,
    unit_courses,
    varying_voxels,
)


def corrcoef_features(one, two):
    """Correlate the stacked voxels of a trial and cut out rows of region 2, columns of region 1."""
    n = one.shape[2]
    stacked = np.concatenate([one, two], axis=2).astype(float)
    return np.array([np.corrcoef(trial.T)[n:, :n].ravel() for trial in stacked])


@given(seed=st.integers(0, 9999), n_1=st.integers(1, 9), n_2=st.integers(1, 9),
       values=st.integers(1, 400))  # fmt: skip
def test_blocks_are_the_correlations_in_the_documented_order(seed, n_1, n_2, values):
    rng = np.random.default_rng(seed)
    one, two = (500 + rng.normal(size=(4, 7, n)).astype(np.float32) for n in (n_1, n_2))
    blocks = correlation_blocks(unit_courses(one), unit_courses(two), values)
    found = np.concatenate([block.copy() for block in blocks], axis=1)
    assert found.shape == (4, n_1 * n_2)
    assert np.allclose(found, corrcoef_features(one, two), atol=2e-6)
    rows = list(correlation_rows(unit_courses(one), unit_courses(two), values))
    assert max(map(len, rows)) <= max(values, n_1)
    assert np.allclose(np.concatenate(rows).reshape(found.shape), found, atol=1e-6)


@given(seed=st.integers(0, 9999), n_trials=st.integers(1, 7), values=st.integers(1, 900))
def test_kernel_is_that_of_the_correlations(seed, n_trials, values):
    rng = np.random.default_rng(seed)
    series = [rng.normal(size=(n_trials, 5, n)).astype(np.float32) for n in (6, 4, 9)]
    pairs = [(0, 1), (2, 0), (1, 2)]
    kernels = pair_kernels([unit_courses(part) for part in series], pairs, values)
    for kernel, (one, two) in zip(kernels, pairs, strict=True):
        features = corrcoef_features(series[one], series[two])
        assert np.allclose(kernel, features @ features.T, rtol=0, atol=1e-5)


def test_kernel_is_symmetric_and_does_not_change_with_scale_or_order(rng):
    one, two = (rng.normal(size=(6, 8, n)) for n in (20, 30))
    kernel = pair_kernels([unit_courses(one), unit_courses(two)], [(0, 1)])[0]
    other = [unit_courses(7 - 3 * one[:, ::-1]), unit_courses(two[:, ::-1, ::-1])]
    assert np.allclose(kernel, kernel.T, rtol=1e-12)
    assert np.allclose(pair_kernels(other, [(1, 0)])[0], kernel, rtol=1e-5)


def test_stacked_blocks_are_the_activity_once(rng):
    series = rng.normal(size=(3, 4, 50)).astype(np.float32)
    features = np.concatenate(list(stacked_blocks(series, 60)), axis=1)
    assert features.shape == (3, 200)
    assert np.array_equal(np.sort(features), np.sort(series.reshape(3, -1)))
    assert np.allclose(features @ features.T, np.einsum("atv,btv->ab", series, series))


def test_constant_and_damaged_voxels_are_marked(rng):
    series = 1000 + rng.normal(size=(5, 6, 7)).astype(np.float32)
    series[3, :, 1] = 999.3
    series[0, 2, 4] = np.nan
    series[4, 5, 5] = np.inf
    series[2, :, 6] = np.nextafter(np.float32(1000), np.float32(1001))
    series[2, 0, 6] = 1000  # a last bit is no time course
    assert varying_voxels(series).tolist() == [True, False, True, True, False, False, False]


def test_rows_of_trials_follow_time_points_whatever_their_order(rng):
    samples = drawing_samples(n_runs=2, n_trials=3, n_points=4)
    shuffled = samples.sample(frac=1, random_state=1).reset_index(drop=True)
    trials, rows = trial_rows(shuffled)
    assert rows.shape == (6, 4) and len(np.unique(rows)) == 24
    points = shuffled["time_point"].to_numpy()[rows]
    assert np.array_equal(points, np.tile([1, 2, 3, 4], (6, 1)))
    for name in ("run", "trial", "label"):
        assert (shuffled[name].to_numpy()[rows] == trials[name].to_numpy()[:, None]).all()
    assert set(trials["n_volumes"]) == {4}
    assert trials["tr"].tolist() == shuffled["tr"].to_numpy()[rows[:, 0]].tolist()


def test_trials_of_unequal_length_are_named():
    samples = drawing_samples(n_runs=1, n_trials=4, n_points=5).drop(index=[7])
    with pytest.raises(InputError) as error:
        trial_rows(samples.reset_index(drop=True))
    assert "run 1, trial 1 ('bed'): 4 volumes" in str(error.value)
    with pytest.raises(InputError, match="three or more"):
        trial_rows(drawing_samples(n_points=2))
    with pytest.raises(InputError, match="averaging"):
        trial_rows(drawing_samples(n_points=1))


def test_two_labels_in_a_trial_are_refused():
    samples = drawing_samples(n_runs=1, n_trials=2, n_points=3)
    samples.loc[4, "label"] = "table"
    with pytest.raises(InputError, match=r"trial 1 .*: labels bed, table"):
        trial_rows(samples)
