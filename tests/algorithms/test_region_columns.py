import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_columns import columns_of


@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 1.0))
def test_columns_hold_the_values_of_the_masked_volume(seed, share):
    rng = np.random.default_rng(seed)
    volume = rng.normal(size=(4, 3, 5))
    union = rng.random(volume.shape) < share
    union[1, 2, 3] = True
    region = union & (rng.random(volume.shape) < 0.5)
    region[1, 2, 3] = True
    order = rng.permutation(int(union.sum()))  # any order of the columns will do
    features, voxels = volume[union][order], np.argwhere(union)[order]
    assert np.array_equal(features[columns_of(voxels, region)], volume[region])


def test_a_region_beyond_the_features_is_refused_with_its_count_or_cut():
    union, region = np.zeros((3, 3, 3), bool), np.zeros((3, 3, 3), bool)
    union[:2], region[1:] = True, True
    with pytest.raises(InputError, match="all 18 voxels") as error:
        columns_of(np.argwhere(union), region)
    assert "none for 9 of them, such as voxel [2, 0, 0]" in str(error.value)
    assert columns_of(np.argwhere(union), region, missing="drop").tolist() == [*range(9, 18)]
    with pytest.raises(InputError, match="none for 9 of them"):
        columns_of(np.argwhere(union)[:9], region & ~union, missing="drop")


def test_other_grids_twins_and_empty_regions_are_refused():
    mask = np.ones((2, 2, 2), bool)
    with pytest.raises(InputError, match=r"1 of 2 outside, such as voxel \[0, 2, 0\]"):
        columns_of(np.array([[0, 0, 0], [0, 2, 0]]), mask)
    with pytest.raises(InputError, match="1 voxels twice"):
        columns_of(np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]]), mask)
    with pytest.raises(InputError, match="no voxel"):
        columns_of(np.argwhere(mask), ~mask)
