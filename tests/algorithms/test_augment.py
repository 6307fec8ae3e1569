import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from fmriprod.algorithms.augment import (
    colour_axes,
    colour_shifts,
    digit_views,
    object_side,
    object_views,
    warp,
)

torch = pytest.importorskip("torch")


def slow_warp(image, view, size):
    """Sample one plane, pixel by pixel, at the place of its centre."""
    out = np.empty((size, size))
    side = len(image)
    for row in range(size):
        for column in range(size):
            point = np.array([(2 * column + 1) / size - 1, (2 * row + 1) / size - 1, 1])
            x, y = ((view @ point + 1) * side - 1) / 2
            out[row, column] = map_coordinates(image, [[y], [x]], order=1, mode="nearest")[0]
    return out


@pytest.mark.parametrize("kind", ["digits", "objects"])
def test_warp_as_a_slow_loop(rng, kind):
    size, side = (20, 20) if kind == "digits" else (28, object_side(28))
    images = rng.random((6, 3, side, side)).astype(np.float32)
    views = digit_views(6, rng) if kind == "digits" else object_views(6, size, rng)
    found = warp(torch.from_numpy(images), views, size).numpy()
    for k in range(6):
        expected = slow_warp(images[k, 1], views[k].astype(float), size)
        np.testing.assert_allclose(found[k, 1], expected, atol=2e-5)


def test_digits_turn_grow_and_move_as_they_should():
    """The views are those of turning by an angle, enlarging and shifting, put together by hand."""
    views = digit_views(2000, np.random.default_rng(3)).astype(float)
    random = np.random.default_rng(3)
    scale = random.uniform(1, 1.08, 2000)
    shift = 2 * random.uniform(-0.08, 0.08, (2000, 2))
    angle = np.deg2rad(random.uniform(-15, 15, 2000))
    for k in range(0, 2000, 97):
        forward = np.eye(3)
        cos, sin = np.cos(angle[k]), np.sin(angle[k])
        forward[:2] = np.c_[scale[k] * np.array([[cos, sin], [-sin, cos]]), shift[k]]
        np.testing.assert_allclose(views[k], np.linalg.inv(forward)[:2], atol=1e-6)
    zoom = np.sqrt(np.linalg.det(views[:, :, :2]))
    assert 1 / 1.08 - 1e-6 <= zoom.min() < 0.93
    assert 0.998 < zoom.max() <= 1 + 1e-6
    turn = np.rad2deg(np.arctan2(views[:, 1, 0], views[:, 0, 0]))
    assert -15.001 < turn.min() < -14.5 and 14.5 < turn.max() < 15.001


def test_objects_are_the_nine_crops_or_the_whole_mirrored_or_not(rng):
    """Every view is one of twenty: array slices, or the image resized; all are met as often."""
    size, side = 28, object_side(28)
    assert side == 32
    image = rng.random((3, side, side)).astype(np.float32)
    views = object_views(4000, size, rng)
    kinds, counts = np.unique(views.round(5), axis=0, return_counts=True)
    assert len(kinds) == 20
    assert np.abs(counts / 4000 - 1 / 20).max() < 0.015
    batch = torch.from_numpy(np.repeat(image[None], 20, axis=0))
    found = warp(batch, kinds, size).numpy()
    crops = [image[:, y : y + size, x : x + size] for y in (0, 2, 4) for x in (0, 2, 4)]
    expected = [*crops, *(crop[..., ::-1] for crop in crops)]
    matched = [[np.abs(f - e).max() < 1e-4 for e in expected] for f in found]
    assert np.sum(matched, axis=0).tolist() == [1] * 18
    rest = found[~np.any(matched, axis=1)]
    assert len(rest) == 2
    np.testing.assert_allclose(rest[0], rest[1][..., ::-1], atol=1e-5)
    plane = Image.fromarray(image[0])
    smooth = np.asarray(plane.resize((size, size), Image.Resampling.BILINEAR))
    assert np.corrcoef(smooth.ravel(), rest[:, 0].reshape(2, -1))[0, 1:].max() > 0.95


def test_colours_shift_along_their_axes(rng):
    images = rng.random((5, 3, 9, 9)) * np.array([1, 0.5, 0.1])[:, None, None]
    axes = colour_axes(images)
    covariance = np.cov(images.transpose(1, 0, 2, 3).reshape(3, -1))
    lengths = np.linalg.norm(axes, axis=0)
    np.testing.assert_allclose(axes @ np.diag(1 / lengths) @ axes.T, covariance, atol=1e-12)
    shifts = colour_shifts(100_000, axes, rng, published=False)
    np.testing.assert_allclose(np.cov(shifts.T), 0.01 * axes @ axes.T, atol=5e-7)
    one, other = (colour_shifts(4, axes, np.random.default_rng(0), published=p) for p in (0, 1))
    np.testing.assert_allclose(one, 255 * other, rtol=1e-5)
