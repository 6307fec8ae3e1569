import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.circular import (
    circular_correlation,
    circular_mean,
    mean_angular_error,
    wrap,
)

SHIFTS = st.floats(-7, 7)
SEEDS = st.integers(0, 2**16)


def related(rng, n=200, spread=1.0, noise=0.3):
    first = rng.normal(0.7, spread, n)
    return first, first + rng.normal(0, noise, n)


def by_loop(first, second):
    means = [math.atan2(sum(map(math.sin, a)), sum(map(math.cos, a))) for a in (first, second)]
    top = left = right = 0.0
    for a, b in zip(first, second, strict=True):
        x, y = math.sin(a - means[0]), math.sin(b - means[1])
        top, left, right = top + x * y, left + x * x, right + y * y
    return top / math.sqrt(left * right)


def test_correlation_is_that_of_the_definition(rng):
    first, second = related(rng)
    assert circular_correlation(first, second) == pytest.approx(by_loop(first, second))
    assert 0.8 < by_loop(first, second) < 0.95


def by_loop_over_pairs(first, second):
    top = left = right = 0.0
    for i, j in itertools.combinations(range(len(first)), 2):
        x, y = math.sin(first[i] - first[j]), math.sin(second[i] - second[j])
        top, left, right = top + x * y, left + x * x, right + y * y
    return top / math.sqrt(left * right)


@pytest.mark.parametrize("noise", [0.05, 0.5, 3.0])
def test_the_form_for_uniform_angles_is_that_of_all_pairs(rng, noise):
    first = rng.uniform(-np.pi, np.pi, 60)
    second = first + rng.normal(0, noise, 60)
    expected = by_loop_over_pairs(first, second)
    assert circular_correlation(first, second, uniform=True) == pytest.approx(expected)


def test_without_a_mean_direction_only_the_form_for_uniform_angles_is_to_be_trusted(rng):
    """Angles of two half fields, as preferred ones are, that are wrong by some 10 degrees."""
    half = np.deg2rad(np.linspace(-85, 85, 200))
    first = np.r_[half, np.pi - half]
    found = []
    for _ in range(20):
        second = first + rng.normal(0, 0.2, len(first))
        assert circular_correlation(first, first, uniform=True) == pytest.approx(1)
        assert circular_correlation(first, second, uniform=True) == pytest.approx(0.96, abs=0.015)
        found.append(circular_correlation(first, second))
    assert min(found) < 0.5


@pytest.mark.parametrize("uniform", [False, True])
@given(seed=SEEDS, one=SHIFTS, other=SHIFTS, turns=st.integers(-2, 2))
def test_shifts_and_full_turns_change_nothing(uniform, seed, one, other, turns):
    first, second = related(np.random.default_rng(seed), n=40)
    found = circular_correlation(first + one, second + other + 2 * np.pi * turns, uniform=uniform)
    assert found == pytest.approx(circular_correlation(first, second, uniform=uniform), abs=1e-9)


@pytest.mark.parametrize("uniform", [False, True])
def test_equal_and_mirrored_angles(rng, uniform):
    angles = rng.uniform(-np.pi, np.pi, 4000)
    assert circular_correlation(angles, angles + 1, uniform=uniform) == pytest.approx(1, abs=0.05)
    assert circular_correlation(angles, 1 - angles, uniform=uniform) == pytest.approx(-1, abs=0.05)


@pytest.mark.parametrize("uniform", [False, True])
def test_unrelated_angles_and_angles_that_do_not_vary(rng, uniform):
    pair = rng.uniform(-np.pi, np.pi, (2, 5000))
    assert abs(circular_correlation(*pair, uniform=uniform)) < 0.06
    assert np.isnan(circular_correlation(pair[0], np.ones(5000), uniform=uniform))


@given(seed=SEEDS, shift=st.floats(-3.1, 3.1), turns=st.integers(-3, 3))
def test_error_of_a_shift_is_its_size(seed, shift, turns):
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, 20)
    found = mean_angular_error(angles, angles + shift + 2 * np.pi * turns)
    assert found == pytest.approx(abs(shift), abs=1e-9)


def test_mean_and_wrap_across_the_border():
    assert wrap(np.array([np.pi, -np.pi, 3 * np.pi / 2])) == pytest.approx(
        [-np.pi, -np.pi, -np.pi / 2]
    )
    assert abs(circular_mean([np.pi - 0.2, -np.pi + 0.2])) == pytest.approx(np.pi)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (np.ones(3), np.ones(4), "3 and 4"),
        (np.ones(2), np.ones(2), "2 and 2"),
        (np.array([1, 2, np.nan]), np.ones(3), "3 and 3, some not finite"),
    ],
)
def test_sets_that_cannot_be_compared(first, second, found):
    with pytest.raises(InputError, match=f"two sets of at least 3 finite angles.*\n.*{found}"):
        circular_correlation(first, second)
    with pytest.raises(InputError, match="at least 1 finite"):
        mean_angular_error([], [])
