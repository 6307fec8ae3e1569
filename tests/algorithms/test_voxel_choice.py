import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_selection import f_classif
from support.samples import simulated_samples

from fmriprod.algorithms.voxel_choice import best_columns, usable_columns, variance_ratio


def test_variance_ratio_orders_voxels_as_f_does(rng):
    features, samples = simulated_samples(rng, signal=0.5, n_voxels=40)
    features[:, 4] = 2.0
    codes = samples["label"].astype("category").cat.codes.to_numpy()
    ratio = variance_ratio(features, codes[None], 4)[0].astype(float)
    keep = np.arange(40) != 4
    f = f_classif(features[:, keep].astype(float), codes)[0]
    n, k = len(codes), 4
    np.testing.assert_allclose((ratio / (1 - ratio) * (n - k) / (k - 1))[keep], f, rtol=1e-3)
    assert ratio[4] == 0


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.data())
def test_best_columns_are_those_of_a_sorted_list(values, data):
    n_voxels = data.draw(st.integers(1, len(values)))
    ranked = sorted(range(len(values)), key=lambda i: (-values[i], i))[:n_voxels]
    assert best_columns(np.array(values), n_voxels).tolist() == sorted(ranked)


def test_rows_that_take_no_part_do_not_exclude_a_voxel(rng):
    features, samples = simulated_samples(rng)
    features[samples["run"] == "04", 2] = np.nan
    features[samples["run"] == "03", 5] = 1.5
    first = np.flatnonzero(samples["run"] < "03")
    assert usable_columns(features, samples, first).all()
    everything = np.arange(len(samples))
    assert np.flatnonzero(~usable_columns(features, samples, everything)).tolist() == [2, 5]


def test_one_missing_value_excludes_a_voxel(rng):
    features, samples = simulated_samples(rng)
    features[7, 3], features[9, 8] = np.nan, np.inf
    usable = usable_columns(features, samples, np.arange(len(samples)))
    assert np.flatnonzero(~usable).tolist() == [3, 8]
