import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fmriprod.reports.fingerprints import fingerprint_figure
from fmriprod.reports.layer_colours import layer_colours, score_colours, slope_colours
from fmriprod.reports.layer_maps import slope_figure, winner_figure
from fmriprod.reports.penalties import penalty_figure
from fmriprod.reports.score_histogram import score_histogram_figure
from fmriprod.reports.score_maps import score_maps_figure
from fmriprod.reports.surface_maps import VIEWS, surface_figure

LAYERS = ["conv1", "conv2", "fc3"]
SHAPE = (30, 30, 30)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = -45
BACKGROUND = np.zeros(SHAPE, np.float32)
BACKGROUND[2:28, 2:28, 2:28] = 100


def pixels(fig):
    stream = io.BytesIO()
    fig.savefig(stream, format="png")
    return np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGB")).astype(int)


def words(fig):
    fig.canvas.draw()
    return " | ".join(t.get_text() for t in fig.findobj(lambda o: hasattr(o, "get_text"))).replace(
        "\n", " "
    )


def near(image, colour, tolerance=7):
    """Mark the pixels of a colour (slices round to 64 shades)."""
    wanted = np.round(255 * np.asarray(colour[:3]))
    return np.abs(image - wanted).max(axis=-1) <= tolerance


def table(values, n_voxels=40):
    rows = [
        (roi, layer, v, v - 0.1, v + 0.05, v - 0.2, v + 0.02, n_voxels if v == v else 0)
        for roi, profile in values.items()
        for layer, v in zip(LAYERS, profile, strict=True)
    ]
    columns = ["roi", "layer", "value", "low", "high", "fold_low", "fold_high", "n_voxels"]
    return pd.DataFrame(rows, columns=columns)


def test_fingerprints_show_profiles_bands_and_bars():
    values = {"V1": [1, 0.6, 0.2], "LOC": [0.3, 0.7, 1]}
    with fingerprint_figure(table(values), LAYERS, simulated=True) as fig:
        for ax, (name, own) in zip(fig.axes, values.items(), strict=True):
            assert ax.get_title(loc="left") == f"{name} (n = 40)"
            lines = {line.get_color(): line.get_ydata().tolist() for line in ax.lines}
            other = values["LOC" if name == "V1" else "V1"]
            assert lines == {"#D5D5D5": other, "#0072B2": own}
            band, bars = ax.collections
            corners = band.get_paths()[0].vertices
            low, high = np.array(own) - 0.1, np.array(own) + 0.05
            for x in range(3):
                at = corners[corners[:, 0] == x, 1]
                assert (at.min(), at.max()) == pytest.approx((low[x], high[x]))
            ends = [segment[:, 1] for segment in bars.get_segments()]
            np.testing.assert_allclose(ends, np.column_stack([low - 0.1, high - 0.03]))
            assert ax.get_ylim()[0] <= 0 and ax.get_ylim()[1] > 1
        said = words(fig)
    assert "simulated data" in said and "best 25 %" in said and "conv2" in said


def test_a_region_without_voxels_says_so_and_no_bars_without_folds():
    frame = table({"V1": [1, 0.5, 0.2], "V4": [np.nan] * 3}).drop(columns=["fold_low", "fold_high"])
    with fingerprint_figure(frame, LAYERS) as fig:
        said = words(fig)
        assert len(fig.axes[0].collections) == 1 and not fig.axes[1].lines
    assert "no voxel is kept" in said and "simulated" not in said


def test_winner_colours_are_those_of_the_bar_and_lie_where_the_layers_are():
    winner = np.full(SHAPE, np.nan, np.float32)
    winner[5:13, 8:20, 8:20], winner[18:26, 8:20, 8:20] = 1, 3
    winner[13:18, 3:6, 8:20] = 2
    colours = layer_colours(3)
    with winner_figure(winner, BACKGROUND, AFFINE, LAYERS, planes="z", simulated=True) as fig:
        image, said = pixels(fig), words(fig)
        ticks = [t.get_text() for t in fig.axes[1].get_xticklabels()]
        place = [t.get_position()[0] for t in fig.axes[1].get_xticklabels()]
        ends = fig.axes[1].get_xlim()
    assert ticks == LAYERS and place == [1, 2, 3] and ends == (0.5, 3.5)
    bar_top = image.shape[0] - 70
    first, last = near(image[:bar_top], colours(0)), near(image[:bar_top], colours(2))
    assert first.sum() > 500 and last.sum() > 500
    # Layer 3 lies to the right of layer 1 in each of seven slices.
    assert 30 < np.nonzero(last)[1].mean() - np.nonzero(first)[1].mean() < 120
    # Layer 2 is small, and lies behind both.
    second = near(image[:bar_top], colours(1), 3)
    assert 100 < second.sum() < first.sum()
    assert np.nonzero(second)[0].mean() > np.nonzero(first)[0].max()
    assert f"{2 * 8 * 12 * 12 + 5 * 3 * 12:,} voxels – simulated data" in said


def test_many_layers_have_numbers_and_their_meaning():
    names = [f"features.{i}" for i in range(30)]
    with winner_figure(np.ones(SHAPE), BACKGROUND, AFFINE, names) as fig:
        said = words(fig)
    assert "1: features.0, 30: features.29" in said and "features.7 " not in said


@pytest.mark.parametrize("signs", [(-1, 1), (0, 1), (-1, 0)])
def test_a_slope_has_the_same_colour_whatever_else_is_in_the_map(signs):
    slope = np.full(SHAPE, np.nan, np.float32)
    slope[5:13, 8:20, 8:20], slope[18:26, 8:20, 8:20] = (0.5 * s for s in signs)
    with slope_figure(slope, BACKGROUND, AFFINE, planes="z") as fig:
        image = pixels(fig)
        image = image[: image.shape[0] - 70]
    for sign in signs:
        assert near(image, slope_colours()(0.5 + sign / 2)).sum() > 500, f"slope {sign / 2}"


def test_score_maps_share_one_scale_and_hide_what_is_not_above_the_threshold():
    mask = np.zeros(SHAPE, bool)
    mask[8:22, 8:22, 8:22] = True
    values = np.full((3, mask.sum()), 0.2)
    values[1], values[2] = 0.4, -0.1
    values[0, :50] = np.nan
    with score_maps_figure(values, mask, BACKGROUND, AFFINE, LAYERS, simulated=True) as fig:
        image, said = pixels(fig), words(fig)
    middle = score_colours()(0.5)
    rows = [np.nonzero(near(image[40:-70], c))[0] for c in (middle, score_colours()(1.0))]
    assert min(map(len, rows)) > 2000
    third = (image.shape[0] - 110) / 3
    assert rows[0].max() < 1.05 * third and 0.95 * third < rows[1].min()
    assert rows[1].max() < 2.05 * third
    assert all(name in said for name in LAYERS) and "simulated data" in said
    assert "One scale for all layers" in said
    with score_maps_figure(values[:1], mask, BACKGROUND, AFFINE, LAYERS[:1]) as fig:
        said = words(fig)
    assert "Score of each voxel" in said and "all layers" not in said


@pytest.mark.parametrize(("plane", "across", "up"), [("x", 1, 2), ("y", 0, 2), ("z", 0, 1)])
def test_score_maps_lie_as_the_axes_of_the_world(plane, across, up):
    """A corner of a cube is on the right and above where its world coordinates are large."""
    mask = np.zeros(SHAPE, bool)
    mask[8:22, 8:22, 8:22] = True
    index = np.argwhere(mask)
    options = {"plane": plane, "n_slices": 1}
    for axis, name in ((across, "across"), (up, "up")):
        values = np.where(index[:, axis] > 14, 1.0, 0.2)[None]
        with score_maps_figure(values, mask, BACKGROUND, AFFINE, LAYERS[:1], **options) as fig:
            image = pixels(fig)[40:-70]
        high = np.argwhere(near(image, score_colours()(1.0))).mean(axis=0)
        low = np.argwhere(near(image, score_colours()(0.2))).mean(axis=0)
        assert (high[1] > low[1] + 50) if name == "across" else (high[0] < low[0] - 50)


def test_score_maps_of_nothing_are_drawn_all_the_same():
    mask = np.ones(SHAPE, bool)
    for values in (np.full((2, mask.sum()), np.nan), np.full((2, mask.sum()), -0.5)):
        with score_maps_figure(values, mask, BACKGROUND, AFFINE, LAYERS[:2], plane="x") as fig:
            assert "x = " in words(fig)


def test_penalty_bars_are_shares_and_the_ends_stand_out():
    chosen = np.array([[[1, 1, 1, 10, 100, 100, 10, 10, 10, 10]], [[10] * 10]], float)
    with penalty_figure(chosen, [1, 10, 100], LAYERS[:2], simulated=True) as fig:
        first, second = fig.axes
        assert [bar.get_height() for bar in first.patches] == pytest.approx([30, 50, 20])
        assert [bar.get_height() for bar in second.patches] == pytest.approx([0, 100, 0])
        colours = [bar.get_facecolor() for bar in first.patches]
        assert colours[0] == colours[2] != colours[1]
        assert [t.get_text() for t in first.texts] == ["30 %", "20 %"]
        said = words(fig)
    assert "the grid is too narrow" in said and "simulated data" in said


def test_penalty_panels_of_many_and_of_no_voxels():
    chosen = np.full((4, 2, 5), np.nan)
    chosen[0] = 1e3
    with penalty_figure(chosen, np.logspace(-4, 8, 25), [f"layer{i}" for i in range(4)]) as fig:
        assert words(fig).count("no voxel") == 3
    with penalty_figure(chosen[:1], [1e3], ["only"]) as fig:
        assert not fig.axes[0].texts  # one penalty has no ends


def test_score_histogram_counts_the_best_of_each_voxel_beyond_the_null(rng):
    scores = np.full((3, 100), 0.05)  # below the null's 95th percentile of 0.09
    scores[1, :30] = 0.5
    scores[2, 90:] = np.nan
    null = np.linspace(-0.1, 0.1, 201)
    with score_histogram_figure(scores, null, simulated=True) as fig:
        said = words(fig)
        heights = [patch.get_height() for patch in fig.axes[0].patches[:50]]
    assert sum(heights) == pytest.approx(100) and max(heights) == pytest.approx(100 * 60 / 90)
    assert "33 % of voxels above" in said and "90 voxels" in said and "simulated data" in said
    with score_histogram_figure(scores) as fig:
        said = words(fig)
        assert "permut" not in said and "the largest r² of 3 layers" in said
        assert "largest r² over layers" in said
    with score_histogram_figure(scores[:1]) as fig:
        assert "layer" not in words(fig) and fig.axes[0].get_xlabel() == "r²"


def cube(values):
    """Give a small closed surface with a map: an octahedron."""
    vertices = 50.0 * np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    )
    faces = []
    for x in (0, 1):
        for y in (2, 3):
            for z in (4, 5):
                turn = (x + y + z) % 2 == 0
                faces.append([x, y, z] if turn else [x, z, y])
    return SimpleNamespace(
        vertices=vertices, faces=np.array(faces), sulcus=np.zeros(6, bool),
        maps=np.array([values], float),
    )  # fmt: skip


def test_surfaces_show_the_side_that_faces_the_reader():
    """On the left hemisphere only what lies to the left (x < 0) has values."""
    left = cube([np.nan, 1, 1, 1, 1, 1])
    right = cube([np.nan] * 6)
    surfaces = {"left": left, "right": right}
    with surface_figure(
        surfaces, ["map"], cmap=score_colours(), limits=(0, 1), simulated=True, title="Scores"
    ) as fig:
        shown = {}
        for ax, (_, name, *_) in zip(fig.axes, VIEWS, strict=False):
            faces = ax.collections[0].get_facecolors()[:, :3]
            shown[name] = (np.ptp(faces, axis=1) > 0.1).mean()
        said = words(fig)
    expected = dict.fromkeys(shown, 0.0) | {"L lateral": 1.0, "L posterior": 0.5}
    assert shown == expected and "L medial" in shown
    assert "Projected from the volume" in said and "Scores – simulated data" in said


def test_surfaces_hide_what_is_not_above_the_threshold_and_name_layers():
    both = cube([3, 3, 3, 3, 3, 3])
    options = {"cmap": layer_colours(3), "limits": (0.5, 3.5), "layers": LAYERS}
    with surface_figure({"left": both, "right": both}, ["best"], **options) as fig:
        faces = fig.axes[0].collections[0].get_facecolors()[:, :3]
        light = faces / np.array(layer_colours(3)(2)[:3])
        np.testing.assert_allclose(light, light[:1, :1].repeat(3, 1).repeat(len(light), 0))
        assert all(name in words(fig) for name in LAYERS)
    with surface_figure({"left": both, "right": both}, ["b"], threshold=3, **options) as fig:
        faces = fig.axes[0].collections[0].get_facecolors()[:, :3]
        assert np.ptp(faces, axis=1).max() < 1e-9


def test_medial_and_lateral_views_are_mirrored_as_seen():
    """Front is on the left when the left hemisphere is seen from outside."""
    front = cube([np.nan, 1, 1, np.nan, 1, 1])  # values left of the middle and in front
    with surface_figure(
        {"left": front, "right": front}, ["m"], cmap=score_colours(), limits=(0, 1)
    ) as fig:
        view = fig.axes[0].collections[0]
        coloured = np.ptp(view.get_facecolors()[:, :3], axis=1) > 0.1
        across = np.array([path.vertices[:3, 0].mean() for path in view.get_paths()])
    assert coloured.sum() == 2 and (across[coloured] < 0).all()
