"""Pairs of conditions, their order and their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import (
    check_conditions,
    condensed,
    match_conditions,
    pair_indices,
    reorder_pairs,
    square,
)


@given(st.integers(3, 12), st.integers(0, 1000))
def test_pairs_are_in_the_order_of_scipy(n, seed):
    points = np.random.default_rng(seed).normal(size=(n, 4))
    pairs = pdist(points)
    np.testing.assert_array_equal(square(pairs), squareform(pairs))
    np.testing.assert_array_equal(condensed(squareform(pairs)), pairs)
    first, second = pair_indices(n)
    np.testing.assert_allclose(np.linalg.norm(points[first] - points[second], axis=1), pairs)
    both = np.stack([pairs, 2 * pairs])
    np.testing.assert_array_equal(square(both)[1], 2 * squareform(pairs))


@given(st.permutations(range(7)), st.integers(3, 7))
def test_pairs_follow_their_conditions(order, n_wanted):
    points = np.random.default_rng(0).normal(size=(7, 4))
    names = [f"c{i}" for i in range(7)]
    wanted = [names[i] for i in order[:n_wanted]]
    index = match_conditions(wanted, names)
    expected = pdist(points[index])
    np.testing.assert_allclose(pdist(points)[reorder_pairs(index, 7)], expected)


def test_the_diagonal_is_not_read():
    matrix = squareform([1.0, 2.0, 3.0]) + np.diag([9.0, np.nan, -1.0])
    np.testing.assert_array_equal(condensed(matrix), [1, 2, 3])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((3, 4)), r"(?s)a square matrix.*shape \(3, 4\)"),
        (np.zeros((2, 2)), "at least 3 conditions"),
        (np.array([[0, 1, 2], [1, 0, 3], [2.5, 3, 0]]), "2 in row 1, column 3, but 2.5 in row 3"),
        (np.array([[0, 1, np.nan], [1, 0, 3], [2, 3, 0]]), "nan in row 1, column 3, but 2 in"),
        (squareform([1, -0.5, 2.0]), r"1 of 3 pairs below 0 \(least -0.5\)"),
    ],
)
def test_a_matrix_that_is_no_distance_is_refused(matrix, message):
    with pytest.raises(InputError, match=message):
        condensed(matrix)


def test_cross_validated_distances_may_be_negative():
    np.testing.assert_array_equal(condensed(squareform([1, -0.5, 2]), distance=False), [1, -0.5, 2])


def test_names_of_conditions():
    assert check_conditions(("a", "b", 3)) == ["a", "b", "3"]
    with pytest.raises(InputError, match="'a' more than once"):
        check_conditions(["a", "b", "a"])
    with pytest.raises(InputError, match="at least 3 conditions"):
        check_conditions(["a", "b"])
    with pytest.raises(InputError, match=r"(?s)lacking: 'bird'.*birds"):
        match_conditions(["bird", "cat"], ["cat", "birds"])
