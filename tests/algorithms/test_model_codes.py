"""Codes: the published ones index by index, tables of pairs, features."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.model_codes import (
    DIGITS_AND_OBJECTS,
    HUMAN_CODES,
    code_from_pairs,
    feature_distance,
    human_code,
)
from fmriprod.algorithms.rdm import reorder_pairs, square

# The published index sets: conditions in the order of the table; for animacy after the objects
# were put as bird, cat, dog, house, tree, bed.
REORDERED = [*DIGITS_AND_OBJECTS[:10], "bird", "cat", "dog", "house", "tree", "bed"]


def block(rows, columns):
    matrix = np.zeros((16, 16), dtype=np.float32)
    matrix[np.ix_(rows, columns)] = 1
    return matrix


@pytest.mark.parametrize(
    ("name", "order", "rows", "columns", "n_ones"),
    [
        ("digit", DIGITS_AND_OBJECTS, range(10), range(10), 45),
        ("object", DIGITS_AND_OBJECTS, range(10, 16), range(10, 16), 15),
        ("versus", DIGITS_AND_OBJECTS, range(10, 16), range(10), 60),
        ("magnitude", DIGITS_AND_OBJECTS, range(7, 10), range(1, 4), 9),
        ("animacy", REORDERED, range(13, 16), range(10, 13), 9),
    ],
)
def test_published_codes_are_those_of_their_indices(name, order, rows, columns, n_ones):
    found = square(human_code(name, order))
    lower = np.tril_indices(16, -1)
    np.testing.assert_array_equal(found[lower], block(rows, columns)[lower])
    assert found[lower].sum() == n_ones


@given(st.permutations(range(16)), st.sampled_from(HUMAN_CODES))
def test_published_codes_go_by_name(order, name):
    shuffled = [DIGITS_AND_OBJECTS[i] for i in order]
    expected = human_code(name, DIGITS_AND_OBJECTS)[reorder_pairs(np.array(order), 16)]
    np.testing.assert_array_equal(human_code(name, shuffled), expected)


def test_published_codes_are_for_their_sixteen_conditions():
    with pytest.raises(InputError, match=r"(?s)zero, one.*lacking: 'zero'.*table of pairs"):
        human_code("digit", DIGITS_AND_OBJECTS[1:])
    with pytest.raises(InputError, match=r"lacking: 'tree'; unknown: 'trees'"):
        human_code("digit", [*DIGITS_AND_OBJECTS[:15], "trees"])
    with pytest.raises(InputError, match=r"(?s)digit, object.*did you mean 'digit'"):
        human_code("digits", DIGITS_AND_OBJECTS)
    with pytest.raises(InputError, match="'zero' more than once"):
        human_code("digit", [*DIGITS_AND_OBJECTS, "zero"])


def test_codes_of_pairs():
    names = ["a", "b", "c"]
    for pairs, expected in (
        ([("b", "a", "alike")], [0, 1, 1]),
        ([("c", "a", "unlike"), ("a", "c", "unlike")], [0, 1, 0]),
        ([("a", "b", "alike"), ("a", "c", "unlike"), ("b", "c", 0.5)], [0, 1, 0.5]),
    ):
        assert code_from_pairs(names, pairs).tolist() == expected


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", "x", "alike")], r"(?s)pairs.*'x'.*known: a, b, c"),
        ([("a", "a", "alike")], "a condition with itself"),
        ([("a", "b", "alike"), ("b", "a", "unlike")], "0 and 1, for 'b' and 'a'"),
        ([("a", "b", "similar")], r"alike, unlike or a dissimilarity(?s:.)*'similar' for 'a'"),
        ([("a", "b", -1)], "-1 for 'a' and 'b'"),
        ([("a", "b", "alike"), ("a", "c", "unlike")], r"(?s)all 3 pairs.*1 lacking.*'b' with 'c'"),
        ([], "3 lacking"),
    ],
)
def test_bad_tables_of_pairs(pairs, message):
    with pytest.raises(InputError, match=message):
        code_from_pairs(["a", "b", "c"], pairs)


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=9).filter(lambda v: len(set(v)) > 1))
def test_features_are_distances(values):
    found = square(feature_distance(values))
    apart = np.abs(np.subtract.outer(values, values))
    np.testing.assert_allclose(found, apart / apart.max(), rtol=1e-6)
    words = [f"w{value}" for value in values]
    np.testing.assert_array_equal(square(feature_distance(words)), apart > 0)


def test_features_that_say_nothing_are_refused():
    with pytest.raises(InputError, match=r"(?s)'size' for each condition.*1 lacking"):
        feature_distance([1.0, np.nan, 2.0], "size")
    with pytest.raises(InputError, match="'a' for all"):
        feature_distance(["a", "a", "a"])
    with pytest.raises(InputError, match="1 lacking"):
        feature_distance(np.array(["a", None, "b"], dtype=object))
