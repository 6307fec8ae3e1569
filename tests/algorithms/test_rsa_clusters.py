"""Clusters of voxels of a mask, many maps at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rsa_clusters import cluster_sizes, largest_sizes, neighbour_table


@given(st.integers(0, 500), st.sampled_from([1, 2, 3]), st.floats(0.05, 0.6))
def test_clusters_are_those_of_scipy(seed, neighbours, share):
    rng = np.random.default_rng(seed)
    mask = rng.random((6, 7, 5)) < 0.8
    above = rng.random((4, mask.sum())) < share
    table = neighbour_table(mask, neighbours)
    structure = ndimage.generate_binary_structure(3, neighbours)
    largest = []
    for row in above:
        volume = np.zeros(mask.shape, bool)
        volume[mask] = row
        labels, n = ndimage.label(volume, structure)
        size = np.bincount(labels.ravel(), minlength=n + 1)[1:]
        largest.append(size.max(initial=0))
        found, sizes = cluster_sizes(row, table)
        np.testing.assert_array_equal(sizes, np.sort(size)[::-1])
        own = np.r_[0, size][labels[mask]]
        np.testing.assert_array_equal(np.r_[0, sizes][found], own)
        # The same voxels are together.
        pairs = set(zip(found.tolist(), labels[mask].tolist(), strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    np.testing.assert_array_equal(largest_sizes([above], table), largest)
    both = largest_sizes([above, ~above], table)
    np.testing.assert_array_equal(both, np.maximum(largest, largest_sizes([~above], table)))


def test_voxels_on_opposite_faces_do_not_touch():
    mask = np.ones((4, 4, 4), bool)
    above = np.zeros(mask.shape, bool)
    above[0, 0, 0] = above[3, 3, 3] = above[0, 0, 3] = above[1, 0, 0] = True
    for neighbours in (1, 2, 3):
        _, sizes = cluster_sizes(above.ravel(), neighbour_table(mask, neighbours))
        assert sizes.tolist() == [2, 1, 1]


def test_nothing_above_is_no_cluster():
    table = neighbour_table(np.ones((3, 3, 3), bool))
    nothing = np.zeros((2, 27), bool)
    assert largest_sizes([nothing], table).tolist() == [0, 0]
    label, sizes = cluster_sizes(nothing[0], table)
    assert not label.any() and len(sizes) == 0


def test_other_neighbours_and_flat_masks_are_refused():
    with pytest.raises(InputError, match=r"1, 2 or 3: faces \(6\)(?s:.)*found:    4"):
        neighbour_table(np.ones((3, 3, 3), bool), 4)
    with pytest.raises(InputError, match=r"a volume, x, y, z(?s:.)*shape \(9,\)"):
        neighbour_table(np.ones(9, bool))
