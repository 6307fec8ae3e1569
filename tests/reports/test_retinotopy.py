import numpy as np
import pytest

from fmriprod.reports.retinotopy import angle_colours, angle_figure

AFFINE = np.diag([3.0, 3, 3, 1])


def lab(colours):
    """CIELAB of sRGB, white D65; written from its definition."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    f = np.cbrt(linear @ to_xyz.T / [0.95047, 1, 1.08883])
    return np.column_stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])]
    )


def test_colours_go_round_in_even_steps_without_a_seam_and_inside_what_screens_show():
    colours = angle_colours(360).colors[:, :3]
    assert (colours > 0).all() and (colours < 1).all()  # nothing was clipped
    found = lab(colours)
    steps = np.linalg.norm(found - np.roll(found, 1, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.7
    assert steps[0] < 1.1 * max(steps[1], steps[-1])
    assert found[90, 0] > found[270, 0] + 15 and found[:, 0].min() > 45  # up is lighter
    assert found[0, 2] > 40 and found[180, 2] < -30  # right yellow, left blue


def render(angle, **options):
    background = np.full(angle.shape, 0.5)
    with angle_figure(angle, background, AFFINE, **options) as figure:
        figure.canvas.draw()
        texts = [t.get_text() for ax in figure.axes for t in ax.texts]
        texts += [t.get_text() for t in figure.texts]
        return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int), texts, figure.axes


def count(picture, colour):
    """Pixels of the slices, left of the wheel, with about this colour."""
    slices = picture[:, : picture.shape[1] * 1080 // 1290]
    return int((np.abs(slices - np.rint(255 * np.asarray(colour[:3]))).max(axis=2) <= 3).sum())


@pytest.mark.parametrize("angle", [0.0, np.pi / 2, -np.pi / 2, 3.0, -3.0])
def test_voxels_have_the_colour_of_their_angle_zero_too(angle):
    volume = np.full((12, 12, 9), np.nan)
    volume[3:9, 3:9, 3:7] = angle
    picture, *_ = render(volume)
    index = round((angle % (2 * np.pi)) / (2 * np.pi) * 256) % 256
    colour = angle_colours().colors[index]
    opposite = angle_colours().colors[(index + 128) % 256]
    assert count(picture, colour) > 3000 > 10 > count(picture, opposite)


def test_the_wheel_replaces_the_bar_and_says_what_is_where():
    volume = np.full((12, 12, 9), np.nan)
    volume[3:9, 3:9, 3:7] = 1.0
    picture, texts, axes = render(volume, title="Angles", simulated=True)
    assert picture.shape[1] == 1290 and len(axes) == 2 and axes[1].name == "polar"
    assert {"R", "L", "up", "down", "Angles – simulated data"} <= set(texts)


def test_nothing_to_show_is_drawn_too():
    picture, *_ = render(np.full((12, 12, 9), np.nan))
    assert count(picture, angle_colours().colors[40]) == 0
