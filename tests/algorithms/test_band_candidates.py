import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.band_candidates import check_candidates, draw_candidates, without_space
from fmriprod.algorithms.checks import InputError

NAMES = ["words", "edges", "motion"]


def test_centre_and_corners_come_first_and_all_rows_lie_on_the_simplex():
    found = draw_candidates(NAMES, 20)
    assert found.shape == (24, 3)
    np.testing.assert_allclose(found[0], 1 / 3)
    assert sorted(map(tuple, found[1:4])) == [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_concentrations_take_turns_and_say_how_even_weights_are():
    found = draw_candidates(NAMES, 400, concentrations=(0.05, 20.0))[4:]
    assert np.median(found[::2].max(axis=1)) > 0.99 > 0.6 > found[1::2].max(axis=1).mean()
    expected = np.random.default_rng(0).dirichlet([0.05] * 3)
    np.testing.assert_array_equal(np.sort(found[0]), np.sort(expected))


@given(st.permutations(NAMES), st.integers(0, 5))
def test_each_space_gets_the_same_weights_in_any_order(names, seed):
    found = draw_candidates(names, 6, seed=seed)
    expected = draw_candidates(NAMES, 6, seed=seed)
    for column, name in enumerate(names):
        np.testing.assert_array_equal(found[:, column], expected[:, NAMES.index(name)])


def test_seeds_differ_and_repeat():
    first, second = (draw_candidates(NAMES, 6, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, draw_candidates(NAMES, 6, seed=0))
    assert not np.isclose(first[4:], second[4:]).any()


def test_a_single_space_needs_one_candidate():
    np.testing.assert_array_equal(draw_candidates(["pixels"], 50), [[1]])


def test_without_a_space_the_rest_sums_to_one_and_nothing_is_tried_twice():
    drawn = draw_candidates(NAMES, 10, concentrations=[1])
    found = without_space(drawn, 1)
    assert found.shape == (1 + 2 + 10, 2)  # centre, the other corners, draws
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found[-1], drawn[-1, [0, 2]] / drawn[-1, [0, 2]].sum())
    np.testing.assert_array_equal(without_space(np.array([[0.0, 1.0, 0.0]]), 1), [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("options", "subject", "found"),
    [
        ({"n_candidates": -1}, "n_candidates", "-1"),
        ({"n_candidates": 1, "concentrations": (1, 0)}, "concentrations", "[1, 0]"),
        ({"n_candidates": 1, "concentrations": ()}, "concentrations", "[]"),
    ],
)
def test_draws_that_cannot_be_made_are_refused(options, subject, found):
    with pytest.raises(InputError) as info:
        draw_candidates(NAMES, **options)
    assert (info.value.subject, info.value.found) == (subject, found)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([[0.5, 0.5]], "shape (1, 2), sums [1.]"),
        ([[0.5, 0.5, 0.5]], "shape (1, 3), sums [1.5]"),
        ([[1.5, -0.5, 0.0]], "shape (1, 3), sums [1.]"),
        ([[np.nan, 0.5, 0.5]], "shape (1, 3), sums [nan]"),
        ([0.5, 0.25, 0.25], "shape (3,)"),
        (np.zeros((0, 3)), "shape (0, 3), sums []"),
        ("many", "'many'"),
    ],
)
def test_weights_that_are_none_are_refused(given, found):
    with pytest.raises(InputError) as info:
        check_candidates(given, 3)
    assert info.value.found == found
    assert info.value.expected.startswith("rows of 3 weights")
    assert info.value.hint.startswith("divide each row")
