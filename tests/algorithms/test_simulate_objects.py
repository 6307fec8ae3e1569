"""Simulated dissimilarities of objects."""

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_objects import simulate_object_rdms


def test_with_endless_voxels_distances_are_those_of_the_codes():
    """Of one code of strength s, objects that have it correlate with s²/(s² + 1), others not."""
    codes = np.array([[1.0], [1], [0], [0], [0]])
    (rdm,) = simulate_object_rdms(codes, [2.0], n_participants=1, n_voxels=200_000, seed=3)
    expected = np.ones(10)
    expected[0] = 1 - 4 / 5
    np.testing.assert_allclose(rdm, expected, atol=0.01)


def test_participants_differ_and_the_same_seed_gives_the_same():
    codes = np.eye(4)
    one, same, other = (simulate_object_rdms(codes, [1] * 4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (6, 6) and len({row.tobytes() for row in [*one, *other]}) == 12


def test_a_strength_too_few_is_refused():
    with pytest.raises(InputError, match=r"(?s)one for each of the codes.*found: +1"):
        simulate_object_rdms(np.eye(3), [1.0])
