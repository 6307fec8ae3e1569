import numpy as np
import pytest

from fmriprod.algorithms.contrast_recovery import best_threshold, recovery_curve
from fmriprod.reports.precision_recall import contrast_maps_figure, precision_recall_figure


def curves_of(rng, contrasts=("face > place", "place > face")):
    support = np.arange(400) < 30
    found = {
        (name, contrast): recovery_curve(rng.normal(size=400) + strength * support, support)
        for name, strength in (("mean of layers", 3), ("layer 1", 0.5))
        for contrast in contrasts
    }
    return found, {key: best_threshold(curve) for key, curve in found.items()}


def test_curves_thresholds_and_legend(rng):
    curves, chosen = curves_of(rng)
    with precision_recall_figure(curves, chosen, title="Voxels", simulated=True) as figure:
        ax = figure.axes[0]
        lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
        for line, curve in zip(lines, curves.values(), strict=True):
            x, y = line.get_xdata(), line.get_ydata()
            n = len(x) - 1
            np.testing.assert_array_equal(x[1:], curve.recall[:n])
            np.testing.assert_array_equal(y[1:], curve.precision[:n])
            assert (x[0], x[-1]) == (0, 1)
        assert [line.get_linestyle() for line in lines] == ["-", "-", "--", "--"]
        assert lines[0].get_color() == lines[2].get_color() != lines[1].get_color()
        dots = [line for line in ax.lines if line.get_marker() == "o"]
        for dot, threshold in zip(dots, chosen.values(), strict=True):
            assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (
                threshold.recall,
                threshold.precision,
            )
        words = [text.get_text() for text in figure.legends[0].texts]
        assert words == ["face > place", "place > face", "mean of layers", "layer 1",
                         "chosen threshold", "chance"]  # fmt: skip
        assert ax.get_title(loc="left") == "Voxels – simulated data"


def test_one_contrast_only(rng):
    with precision_recall_figure(*curves_of(rng, ("face > place",))) as figure:
        assert len(figure.legends[0].texts) == 5


def test_maps_share_their_slices_and_their_colours(rng):
    background = np.broadcast_to(np.linspace(0.3, 1, 12), (20, 20, 12))  # slices tell their place
    truth = np.zeros(background.shape)
    truth[3:6, 3:6, 2:4], truth[14:17, 3:6, 8:10] = 5, -5
    support = [("face > place", truth > 0), ("place > face", truth < 0)]
    far = np.zeros_like(truth)
    far[9, 15, 0:5], far[10, 15, 0:5] = 4, 0.2
    empty = np.zeros_like(truth)
    panels = [("True", truth), ("Far", far), ("Empty", empty)]
    affine = np.diag([3.0, 3, 3, 1])
    with contrast_maps_figure(panels, support, background, affine) as figure:
        figure.canvas.draw()
        picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    height, rest = divmod(len(picture), 3)
    assert rest == 0 and picture.shape[1] == 1080
    rows = picture.reshape(3, height, 1080, 3)[:, 40:-60]  # without titles and bars
    red_to_blue = rows[..., 0] - rows[..., 2]
    warm, cold = ((sign * red_to_blue > 60).sum(axis=(1, 2)) for sign in (1, -1))
    assert warm[0] > 100 and warm[1] > 5 and warm[2] == 0
    assert cold[0] > 100 and cold[1] == cold[2] == 0
    dark_red = (rows[1, ..., 0] > 70) & (rows[1, ..., 1:].max(axis=2) < 50)
    assert dark_red.sum() > 20  # little, of the positive sign, as on maps of both signs
    # The same cuts at the same places, whatever a map shows: grey differs at few pixels.
    grey = (np.ptp(rows, axis=3) < 5).all(axis=0) & (rows[0, ..., 0] > 60)
    assert grey.sum() > 50_000
    assert (np.ptp(rows[:, grey], axis=0).max(axis=1) < 3).mean() > 0.99


def test_cuts_are_the_same_where_a_few_voxels_of_one_kind_lie_far_from_the_others(rng):
    """Extents leave out the rarest voxels: those of all that is drawn are not those of a part."""
    background = np.broadcast_to(np.linspace(50, 100, 60), (40, 40, 60))
    common, rare = np.zeros((2, *background.shape), bool)
    common[10:30, 10:30, 10:20] = True
    rare[20, 20, 50] = True
    values = np.where(common, 3.0, 0.0) + np.where(rare, -3.0, 0.0)
    support = [("a", common), ("b", rare)]
    with contrast_maps_figure([("", values)] * 2, support, background, np.eye(4)) as figure:
        figure.canvas.draw()
        picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)
    rows = picture.reshape(2, -1, 1080, 3)[:, 40:-60]
    grey = (np.ptp(rows, axis=3) < 5).all(axis=0) & (rows[0, ..., 0] > 30)
    assert grey.sum() > 20_000
    assert (np.ptp(rows[:, grey], axis=0).max(axis=1) < 3).mean() > 0.98


def test_infinite_values_are_drawn(rng):
    background = np.ones((10, 10, 6))
    values = np.zeros(background.shape)
    values[4, 4, 3], values[5, 5, 3] = np.inf, -np.inf
    support = [("a", values > 0), ("b", values < 0)]
    with contrast_maps_figure([("True", values)] * 2, support, background, np.eye(4)) as figure:
        assert figure.axes


@pytest.mark.parametrize("planes", ["z", "xz"])
def test_rows_of_each_map(planes):
    background = np.ones((10, 10, 6))
    values = np.zeros(background.shape)
    values[4, 4, 3] = 3
    with contrast_maps_figure(
        [("True", values)], [("a", values > 0)], background, np.eye(4), planes=planes
    ) as figure:
        assert figure.get_figheight() > 1
