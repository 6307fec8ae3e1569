import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from fmriprod.algorithms.skullstrip_tissue import (
    close,
    dilate,
    erode,
    flatten_bias,
    largest_part,
    tissue_levels,
)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_erosion_is_that_of_scipy(seed, steps, border):
    noise = np.random.default_rng(seed).standard_normal((11, 12, 13))
    mask = ndimage.gaussian_filter(noise, 1) > -0.3
    expected = mask
    for step in range(steps):
        near = ndimage.generate_binary_structure(3, 1 + step % 2)
        expected = ndimage.binary_erosion(expected, near, border_value=border)
    np.testing.assert_array_equal(erode(mask, steps, border), expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_closing_grows_dilation_and_erosion_are_dual(seed, steps):
    mask = np.random.default_rng(seed).random((9, 10, 11)) > 0.97
    closed = close(mask, steps)
    assert closed[mask].all()
    np.testing.assert_array_equal(close(closed, steps), closed)  # closing twice is closing once
    np.testing.assert_array_equal(dilate(mask, steps), ~erode(~mask, steps, border=True))


def test_a_ball_stays_a_ball():
    grid = np.indices((41, 41, 41)) - 20
    distance = np.sqrt((grid**2).sum(axis=0))
    grown = dilate(distance < 1, 10)
    assert grown[distance < 8.5].all()
    assert not grown[distance > 12.5].any()


def test_largest_part_of_nothing_is_nothing():
    nothing = np.zeros((3, 3, 3), bool)
    assert not largest_part(nothing).any()
    nothing[0, 0, 0] = nothing[2, 2, 1:] = True
    assert largest_part(nothing).sum() == 2


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e5])
def test_planted_tissue_levels_are_found(unit, rng):
    planted = np.array([20.0, 60.0, 95.0])
    values = np.concatenate(
        [rng.normal(level, 4, n) for level, n in zip(planted, (3000, 9000, 8000), strict=True)]
    )
    rng.shuffle(values)
    np.testing.assert_allclose(tissue_levels(unit * values) / unit, planted, atol=1)


def test_a_planted_bias_field_is_flattened(rng):
    grid = np.indices((60, 64, 56)) - np.array([30, 32, 28])[:, None, None, None]
    mask = (grid**2).sum(axis=0) < 26**2
    truth = np.where(ndimage.gaussian_filter(rng.standard_normal(mask.shape), 4) > 0, 100.0, 60.0)
    field = np.exp(grid[0] / 90 - (grid[2] / 50) ** 2)
    shaded = (truth * field * mask).astype(np.float32)
    flat = flatten_bias(shaded, mask, (2, 2, 2))
    left = np.log(flat[mask] / truth[mask])
    assert left.std() < 0.25 * np.log(field[mask]).std()
    np.testing.assert_array_equal(flat, flatten_bias(shaded, mask, (2, 2, 2)))
