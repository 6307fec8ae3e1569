import io
import time

import numpy as np
import pytest
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.slices import slices_figure


def pixels(fig):
    stream = io.BytesIO()
    fig.savefig(stream, format="png", metadata={"Software": None})
    return np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGB")).astype(int)


def texts(fig):
    """Return all printed words by their text."""
    found = list(fig.texts)
    for ax in fig.axes:
        found += ax.texts
    return {t.get_text(): t for t in found}


def ball(affine, shape, centre, radius):
    """Voxels within a radius in mm of a world coordinate."""
    world = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    return np.linalg.norm(world - centre, axis=-1) <= radius


def grid(codes="RAS", zooms=(2.0, 2.0, 2.0), tilt=0.0):
    """Affine and shape of a grid that covers about +-50 mm in that axis order, tilted about x."""
    signs = {"L": (0, -1), "R": (0, 1), "P": (1, -1), "A": (1, 1), "I": (2, -1), "S": (2, 1)}
    shape = tuple(int(120 / z) for z in zooms)
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel, letter in enumerate(codes):
        world, sign = signs[letter]
        affine[world, voxel] = sign * zooms[voxel]
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return affine, shape


@pytest.mark.parametrize(
    ("codes", "zooms", "tilt"),
    [
        ("RAS", (2, 2, 2), 0),
        ("LAS", (2, 2, 3), 0),
        ("PSR", (2, 3, 1.5), 0),
        ("LIA", (3, 2, 2), 0.4),
    ],
)
def test_a_ball_on_the_right_lies_where_the_printed_millimetres_say(codes, zooms, tilt):
    affine, shape = grid(codes, zooms, tilt)
    head = ball(affine, shape, (0, 0, 0), 45)
    spot = ball(affine, shape, (20, -10, 5), 8)
    with slices_figure(
        head.astype(float),
        affine,
        overlay=spot * 5.0,
        overlay_range=(3, 6),
        contours=[(head, "#56B4E9", "head")],
        mark=(20, -10, 5),
    ) as fig:
        picture, ax = pixels(fig), fig.axes[0]
        words = texts(fig)
        scale = picture.shape[1] / fig.get_figwidth()
        red = (picture[..., 0] > 150) & (picture[..., 2] < 110)
        red[int(picture.shape[0] - 0.5 * scale) :] = False  # the colour bar
        ring = ax.lines[-1].get_data()  # the last row drawn is the topmost: sagittal
        x, y = ax.transData.transform((ring[0][0], ring[1][0]))
        row, column = picture.shape[0] - y, x
        near = np.argwhere(red)
        distance = np.linalg.norm(near - [row, column], axis=1)
        own = near[distance < 40].mean(axis=0)
        assert np.linalg.norm(own - [row, column]) < 4
        assert "x = 20 mm" in words or "20" in words
        assert "−10" in words and "5" in words
        # In the axial and coronal rows the spot is right of the middle of its panel.
        for line, label in zip(ax.lines[:2], ("5", "−10"), strict=True):
            assert line.get_xdata()[0] > words[label].get_position()[0] + 15


def test_lengths_are_true_to_scale_on_anisotropic_voxels():
    affine, shape = grid("RAS", (1, 1.5, 2))
    head = ball(affine, shape, (0, 0, 0), 40)
    with slices_figure(head * 1.0, affine, planes="y", n_slices=1, title="") as fig:
        picture = pixels(fig)
    body = picture[40:-46].min(axis=2) > 200
    rows, columns = np.flatnonzero(body.sum(1) > 40), np.flatnonzero(body.sum(0) > 40)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.03)


def test_overlay_is_shown_beyond_the_threshold_on_both_sides_and_nan_is_not():
    affine, shape = grid()
    head = ball(affine, shape, (0, 0, 0), 45).astype(float)
    overlay = np.zeros(shape)
    overlay[ball(affine, shape, (20, 0, 0), 10)] = 5
    overlay[ball(affine, shape, (-20, 0, 0), 10)] = -5
    overlay[ball(affine, shape, (0, 20, 0), 10)] = 2.9
    overlay[ball(affine, shape, (0, -20, 0), 10)] = np.nan
    with slices_figure(
        head, affine, overlay=overlay, overlay_range=(3, 6), planes="z", n_slices=1
    ) as fig:
        picture = pixels(fig)
    picture = picture[: int(picture.shape[0] - 70)]
    warm = np.argwhere(picture[..., 0] - picture[..., 2] > 60)
    cold = np.argwhere(picture[..., 2] - picture[..., 0] > 60)
    assert len(warm) == pytest.approx(len(cold), rel=0.05)
    assert warm[:, 1].min() > cold[:, 1].max()
    grey = picture[..., 0] == picture[..., 2]
    coloured = np.argwhere(~grey)
    middle = (warm[:, 1].min() + cold[:, 1].max()) // 2
    assert not (np.abs(coloured[:, 1] - middle) < 20).any()


def test_a_one_sided_map_gets_a_one_sided_colour_bar():
    affine, shape = grid()
    head = ball(affine, shape, (0, 0, 0), 45)
    with slices_figure(head * 100.0, affine, overlay=head * 60.0, overlay_range=(10, 120)) as fig:
        assert fig.axes[1].get_xlim() == (10, 120)
    with slices_figure(head * 100.0, affine, overlay=head * -6.0, overlay_range=(3, 8)) as fig:
        assert fig.axes[1].get_xlim() == (-8, 8)


def test_labels_empty_masks_and_an_empty_volume_are_said_not_hidden():
    affine, shape = grid()
    nothing = np.zeros(shape)
    with slices_figure(nothing, affine, contours=[(nothing, "red", "brain")], title="T") as fig:
        words = texts(fig)
        assert pixels(fig).shape[1] == 1080
    assert "― brain (empty)" in words and "T" in words
    assert "L" in words and "R" in words and "P" in words
    assert any("Left is on the left" in word for word in words)


def test_the_same_input_gives_the_same_bytes(rng):
    affine, shape = grid()
    data = rng.normal(100, 10, shape)
    pictures = []
    for _ in range(2):
        with slices_figure(data, affine) as fig:
            pictures.append(pixels(fig))
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"background": np.ones((4, 4, 4, 2))}, "shape (4, 4, 4, 2)"),
        ({"affine": np.zeros((4, 4))}, "invertible 4 x 4 matrix"),
        ({"overlay": np.ones((4, 4, 5))}, "shape (4, 4, 5)"),
        ({"contours": [(np.ones((3, 4, 4)), "red", "brain")]}, "contours (brain)"),
        ({"planes": "xq"}, "planes='xq'"),
        ({"n_slices": 0}, "n_slices=0"),
        ({"overlay": np.ones((4, 4, 4)), "overlay_range": (5, 5)}, "(5, 5)"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(change, message):
    arguments = {"background": np.ones((4, 4, 4)), "affine": np.eye(4)} | change
    with pytest.raises(InputError, match="expected:") as caught, slices_figure(**arguments):
        pass
    assert message in str(caught.value)


@pytest.mark.realdata
def test_a_real_head_is_drawn_quickly_into_a_small_file(real_data):
    import nibabel as nb

    image = nb.load(real_data("studyforrest_localizer") / "T1w.nii.gz")
    data = np.asarray(image.dataobj, dtype=np.float32)
    stream = io.BytesIO()
    start = time.process_time()
    with slices_figure(data, image.affine, contours=[(data > 400, "#E69F00", "mask")]) as fig:
        fig.savefig(stream, format="png")
    assert time.process_time() - start < 6  # about 1 s on an idle core
    assert len(stream.getvalue()) < 800_000


def test_a_title_that_is_too_long_is_made_to_fit():
    affine, shape = grid()
    head = ball(affine, shape, (0, 0, 0), 45)
    for title in ("short", "a title that is somewhat longer " * 4, "a title without an end " * 30):
        contours = [(head, "#56B4E9", "the head in this picture")]
        with slices_figure(head * 1.0, affine, contours=contours, title=title) as fig:
            words = texts(fig)
            (shown,) = [t for text, t in words.items() if text[:5] == title[:5]]
            legend = words["― the head in this picture"]
            assert shown.get_window_extent().x1 <= legend.get_window_extent().x0
            assert shown.get_fontsize() >= 7.5
            assert shown.get_text() == title or shown.get_text().endswith(" …")


def test_positions_near_zero_have_no_sign():
    affine, shape = grid()
    head = ball(affine, shape, (0, 0, 0), 45)
    with slices_figure(head * 1.0, affine, planes="z", n_slices=1, mark=(0, 0, -0.3)) as fig:
        assert "z = 0 mm" in texts(fig)
