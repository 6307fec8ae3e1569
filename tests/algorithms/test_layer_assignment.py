"""Layers of voxels, and how sure they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_assignment import LayerCounts, assign_layers


def rule_of_the_source(value, p, level):
    layers = []
    for rho, p_value in zip(value.T.copy(), p.T, strict=True):
        rho[p_value > level] = 0
        layers.append(np.argmax(rho) + 1 if (rho > 0).any() else np.nan)
    return layers


@given(st.integers(1, 15), st.integers(1, 40), st.floats(0.01, 1), st.integers(0, 999))
def test_the_rule_is_that_of_the_source(n_layers, n_voxels, level, seed):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(n_layers, n_voxels)).round(1)  # with ties
    p = rng.random((n_layers, n_voxels)).round(2)
    found = assign_layers(value, p, level)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, rule_of_the_source(value, p, level))


def test_missing_values_belong_to_no_layer():
    value = np.array([[np.nan, np.nan, 0.3], [0.2, np.nan, 0.4]])
    p = np.array([[np.nan, np.nan, 0.01], [0.01, np.nan, np.nan]])
    np.testing.assert_array_equal(assign_layers(value, p), [2, np.nan, 1])
    assert assign_layers(np.array([[0.3]]), np.array([[0.05]]), 0.05) == [1]  # at the level
    value = np.array([[0.9], [0.8]])
    assert assign_layers(value, np.array([[np.nan], [0.01]])) == [2]


def test_counts_are_shares_of_samples_and_intervals_of_numbers():
    counts = LayerCounts(4, 3)
    samples = [[1, 2, 0]] * 1 + [[2, 2, 0]] * 97 + [[4, 0, 0]] * 2
    for sample in samples:
        value = np.zeros((4, 3))
        for voxel, layer in enumerate(sample):
            if layer:
                value[layer - 1, voxel] = 0.5
        counts.add(value)
    found = counts.agreement(np.array([2, 2, np.nan], np.float32), coverage=0.98)
    np.testing.assert_allclose(found.share, [0.97, 0.98, np.nan], atol=1e-6)
    np.testing.assert_array_equal(found.low, [1, 2, np.nan])
    np.testing.assert_array_equal(found.high, [4, 2, np.nan])


@pytest.mark.parametrize(
    ("value", "p", "level", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), 0.05, r"shape \(2, 3\)(?s:.)*shape \(3, 2\)"),
        (np.ones((2, 3)), np.full((2, 3), 2.0), 0.05, "probabilities(?s:.)*2 to 2"),
        (np.ones((2, 3)), np.ones((2, 3)), 0.0, "a share above 0, up to 1(?s:.)*found:    0"),
    ],
)
def test_what_is_no_comparison_is_refused(value, p, level, message):
    with pytest.raises(InputError, match=message):
        assign_layers(value, p, level)
