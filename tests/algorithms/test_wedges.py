import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.wedges import polar_angle, through_mask, wedge_masks

SIDES = st.integers(2, 24)


@given(height=SIDES, width=SIDES, step=st.sampled_from([15.0, 30, 40, 90]), times=st.integers(1, 3))
def test_every_pixel_lies_in_as_many_wedges(height, width, step, times):
    masks, _ = wedge_masks((height, width), width=times * step, step=step, blur=0, aperture=None)
    assert len(masks) == 360 / step
    np.testing.assert_array_equal(masks.sum(axis=0), times)


def test_wedges_are_those_of_a_slow_loop():
    height, width = 17, 22
    masks, angles = wedge_masks((height, width), blur=0, aperture=0.8)
    for mask, angle in zip(masks, angles, strict=True):
        for row in range(height):
            for column in range(width):
                x, y = column - 10.5, 8 - row
                away = math.remainder(math.degrees(math.atan2(y, x) - angle), 360)
                inside = math.hypot(x, y) <= 0.8 * height / 2
                if abs(abs(away) - 15) > 1e-9:  # an edge may belong to either side
                    assert mask[row, column] == (abs(away) < 15 and inside)


def test_the_first_points_right_and_they_turn_counter_clockwise_with_y_upwards():
    masks, angles = wedge_masks((64, 96))
    np.testing.assert_allclose(np.rad2deg(angles), np.arange(0, 360, 15))
    rows, columns = np.indices((64, 96))
    for mask, angle in zip(masks, angles, strict=True):
        right = (mask * columns).sum() / mask.sum() - 47.5
        up = 31.5 - (mask * rows).sum() / mask.sum()
        assert abs(math.remainder(math.atan2(up, right) - angle, 2 * math.pi)) < 0.02
    assert polar_angle((5, 5))[0, 2] == pytest.approx(np.pi / 2)


def test_a_wedge_covers_its_share_of_the_circle():
    masks, _ = wedge_masks((201, 201), blur=0)
    np.testing.assert_allclose(masks.mean(axis=(1, 2)), np.pi / 4 / 12, rtol=0.02)


def test_blur_is_a_gaussian_of_two_per_cent_of_the_width():
    half_plane, _ = wedge_masks((150, 100), width=180, step=90, aperture=None)
    profile = half_plane[0][75]  # rightwards, through the centre
    far = norm.cdf((np.arange(100) - 49.5) / 2)
    np.testing.assert_allclose(profile, far, atol=0.012)  # sampled, and cut at 4 sigma
    assert np.abs(profile - norm.cdf((np.arange(100) - 49.5) / 3)).max() > 0.03


def test_an_image_through_a_mask():
    image = np.array([[0, 100, 200]], dtype=np.uint8)
    mask = np.array([[1, 0.5, 0]], dtype=np.float32)
    np.testing.assert_array_equal(through_mask(image, mask, 50), [[0, 75, 50]])
    colour = through_mask(np.stack([image] * 3, axis=-1), mask, 50)
    np.testing.assert_array_equal(colour[..., 1], [[0, 75, 50]])
    assert colour.dtype == np.uint8 and colour.shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"width": 0}, "width\n.*above 0 and at most 360"),
        ({"step": 25}, r"step\n.*divide 360\n.*25: 14.400 steps"),
        ({"step": np.nan}, "step\n.*at most 120"),
        ({"blur": 0.5}, "blur\n.*below 0.5"),
        ({"aperture": -1}, "aperture\n.*above 0, or None"),
        ({"shape": (1, 8)}, "shape\n.*2 x 2"),
    ],
)
def test_numbers_out_of_range(options, text):
    with pytest.raises(InputError, match=text):
        wedge_masks(**({"shape": (8, 8)} | options))
