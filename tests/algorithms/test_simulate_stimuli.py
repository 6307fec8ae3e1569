from itertools import pairwise

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_shapes import (
    Canvas,
    band,
    ellipse,
    pink_noise,
    rectangle,
    scatter_shapes,
    triangle,
)
from fmriprod.algorithms.simulate_stimuli import simulate_stimuli

COUNTS = {"natural": 12, "face": 12, "place": 12}


@pytest.fixture(scope="module")
def made():
    return simulate_stimuli(COUNTS, size=96, seed=3)


def test_images_have_the_kinds_that_were_asked_for(made):
    images, kinds = made
    assert images.shape == (36, 96, 96) and images.dtype == np.uint8
    assert kinds.tolist() == ["natural"] * 12 + ["face"] * 12 + ["place"] * 12
    assert len({image.tobytes() for image in images}) == 36


def test_neither_mean_nor_contrast_tells_the_kind(made):
    images, _ = made
    y, x = np.mgrid[:96, :96] - 47.5
    inside = np.hypot(x, y) < 0.93 * 48
    assert np.ptp(images[:, inside].mean(axis=1)) < 8
    spread = images[:, inside].std(axis=1)
    assert 40 < spread.min() and spread.max() < 56
    assert (images[:, np.hypot(x, y) > 48] == 128).all()


def test_an_image_depends_on_seed_and_own_number_only(made):
    images, kinds = made
    fewer, _ = simulate_stimuli({"place": 2, "natural": 1}, size=96, seed=3)
    np.testing.assert_array_equal(fewer[0], images[0])
    np.testing.assert_array_equal(fewer[1:], images[kinds == "place"][:2])
    other, _ = simulate_stimuli({"natural": 1}, size=96, seed=4)
    assert np.abs(other[0].astype(int) - images[0]).mean() > 20


def test_natural_images_have_a_spectrum_that_falls_with_frequency():
    """Power of natural images falls about with the square of frequency."""
    images, _ = simulate_stimuli({"natural": 20}, size=128, seed=0)
    window = np.hanning(128)[:, None] * np.hanning(128)
    power = (np.abs(np.fft.fft2((images - 127.5) * window)) ** 2).mean(axis=0)
    radius = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)) * 128
    bands = np.geomspace(4, 50, 9)
    means = [power[(radius >= a) & (radius < b)].mean() for a, b in pairwise(bands)]
    slope = np.polyfit(np.log(np.sqrt(bands[1:] * bands[:-1])), np.log(means), 1)[0]
    assert -3 < slope < -1.2


def test_faces_and_places_differ_in_more_than_pixels():
    """Where edges lie, horizontal and vertical ones, tells them apart."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.preprocessing import StandardScaler

    images, kinds = simulate_stimuli({"face": 60, "place": 60}, size=64, seed=1)
    level = images / 255.0
    energy = [
        (np.abs(np.diff(level, axis=axis)) > 0.15)
        .astype(float)[:, :63, :63]
        .reshape(120, 9, 7, 9, 7)
        .mean(axis=(2, 4))
        for axis in (1, 2)
    ]
    features = StandardScaler().fit_transform(np.stack(energy, 1).reshape(120, -1))
    model = LogisticRegression(C=0.01, max_iter=2000)
    assert cross_val_score(model, features, kinds, cv=5).mean() > 0.85


def test_pink_noise_falls_as_asked(rng):
    noise = np.mean([np.abs(np.fft.fft2(pink_noise(64, rng, 1.5))) ** 2 for _ in range(60)], axis=0)
    assert noise[0, 4] / noise[0, 16] == pytest.approx(4**3, rel=0.5)


@pytest.mark.parametrize(
    ("outline", "area"), [(ellipse, np.pi * 0.4 * 0.2), (rectangle, 0.32), (triangle, 0.16)]
)
def test_shapes_cover_their_area_in_any_frame(outline, area):
    canvas = Canvas(256, np.zeros((256, 256)))
    u, v = canvas.frame((0.1, -0.2), scale=1.5, tilt=0.7)
    canvas.paint(1.5 * outline(u, v, 0.4, 0.2), 1.0)
    assert canvas.image.sum() * (2 / 256) ** 2 == pytest.approx(1.5**2 * area, rel=0.02)
    weights = canvas.image / canvas.image.sum()
    if outline is not triangle:
        assert (weights * canvas.x).sum() == pytest.approx(0.1, abs=0.01)
        assert (weights * canvas.y).sum() == pytest.approx(-0.2, abs=0.01)


@pytest.mark.parametrize("centre", [(0.0, 0.0), (0.9, -0.7), (-1.1, 1.1), (-0.3, 0.4)])
def test_painting_a_part_is_painting_the_whole(centre):
    whole, other = (Canvas(64, np.zeros((64, 64))) for _ in range(2))
    centre = np.array(centre)
    part, (rows, columns) = other.around(centre, np.hypot(0.4, 0.2) + 2 / 64)
    for canvas in (whole, part):
        canvas.paint(rectangle(*canvas.frame(centre, tilt=0.5), 0.4, 0.2), 1.0)
    assert whole.image.any()
    np.testing.assert_array_equal(whole.image, other.image)
    np.testing.assert_array_equal(other.x[rows, columns], part.x)


def test_scattered_shapes_are_whole(monkeypatch):
    """With a reach that covers the canvas the picture is the same."""
    given = Canvas(48, np.zeros((48, 48)))
    scatter_shapes(given, 40, np.random.default_rng(5))
    around = Canvas.around
    monkeypatch.setattr(Canvas, "around", lambda self, centre, reach: around(self, centre, 9.0))
    whole = Canvas(48, np.zeros((48, 48)))
    scatter_shapes(whole, 40, np.random.default_rng(5))
    np.testing.assert_allclose(given.image, whole.image, atol=1e-12)


def test_a_line_runs_from_start_to_end():
    canvas = Canvas(200, np.zeros((200, 200)))
    canvas.paint(band(canvas.x, canvas.y, (-0.5, 0.0), (0.5, 0.0), 0.05), 1.0)
    assert canvas.image.sum() / 1e4 == pytest.approx(0.1 + np.pi * 0.05**2, rel=0.02)
    canvas.paint(band(canvas.x, canvas.y, (0.0, 0.9), (0.0, 0.9), 0.0), 1.0)


def test_up_is_up():
    canvas = Canvas(10, np.zeros((10, 10)))
    assert canvas.y[0, 0] == pytest.approx(0.9) and canvas.x[0, 0] == pytest.approx(-0.9)


@pytest.mark.parametrize(
    ("counts", "size", "text"),
    [
        ({"faces": 3}, 64, "did you mean 'face'"),
        ({"face": -1}, 64, "face: -1"),
        ({}, 64, "at least one image"),
        ({"face": 1}, 8, "at least 16 pixels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(counts, size, text):
    with pytest.raises(InputError, match=text):
        simulate_stimuli(counts, size=size)
