"""The best voxel and its best neighbours."""

import numpy as np
import pytest

from fmriprod.algorithms.best_voxels import best_and_near
from fmriprod.algorithms.checks import InputError


def test_they_are_those_of_a_plain_search(rng):
    places = np.argwhere(np.ones((6, 5, 4))) * [2.0, 2.0, 3.0]
    values = rng.normal(size=len(places))
    values[rng.choice(len(values), 10, replace=False)] = np.nan
    found = best_and_near(values, places, n_voxels=5, reach=4.5)
    best = max((v, -n) for n, v in enumerate(values) if v == v)[1] * -1
    near = [n for n in range(len(values)) if n != best and values[n] == values[n]
            and places[n][2] == places[best][2]
            and sum((places[n] - places[best]) ** 2) ** 0.5 <= 4.5]  # fmt: skip
    assert found.tolist() == [best, *sorted(near, key=lambda n: -values[n])[:4]]


def test_where_few_are_near_there_are_fewer():
    places = np.array([[0, 0, 0], [3, 0, 0], [0, 0, 3], [20, 0, 0]])
    assert best_and_near(np.array([3.0, 1, 2, 2]), places).tolist() == [0, 1]


def test_a_map_without_values_is_refused():
    with pytest.raises(InputError, match=r"(?s)a finite value.*none in 2 voxels"):
        best_and_near(np.full(2, np.nan), np.zeros((2, 3)))
