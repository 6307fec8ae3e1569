"""Panels of representational similarity show what they are given, where it belongs."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.offsetbox import AnnotationBbox
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import n_pairs, pair_indices
from fmriprod.reports.code_maps import code_maps_figure, sphere_count_figure, sphere_counts
from fmriprod.reports.layer_assignment_maps import LEVELS, assignment_figure, faded_colours
from fmriprod.reports.layer_colours import layer_colours
from fmriprod.reports.rdm_groups import group_colours
from fmriprod.reports.rdm_heatmap import rdm_heatmap_figure
from fmriprod.reports.rdm_mds import mds_figure
from fmriprod.reports.region_bars import region_figure, region_rows
from fmriprod.reports.similarity_bars import similarity_figure

SHAPE = (30, 30, 30)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = -45
BACKGROUND = np.zeros(SHAPE, np.float32)
BACKGROUND[2:28, 2:28, 2:28] = 100
LAYERS = ["conv1", "conv2", "fc3"]


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
    return np.abs(image - np.round(255 * np.asarray(colour[:3]))).max(axis=-1) <= tolerance


def refused(maker, *args, **options):
    with pytest.raises(InputError) as info, maker(*args, **options):
        pass
    return info.value


# Heat maps


def matrix_of(ax):
    return ax.images[0].get_array()


def test_cells_have_the_colours_of_their_pairs_and_the_bar(rng):
    names = list("abcde")
    pairs = rng.uniform(0.2, 1.8, (2, n_pairs(5))).astype("f4")
    with rdm_heatmap_figure(pairs, names, names=["V1", "V2"], label="1 − r", simulated=True) as fig:
        panels, bar = fig.axes[:2], fig.axes[2]
        first, second = pair_indices(5)
        scale = (pairs - pairs.min()) / (pairs.max() - pairs.min())
        import matplotlib as mpl

        for ax, own in zip(panels, scale, strict=True):
            picture = matrix_of(ax)
            wanted = mpl.colormaps["viridis"](own.astype("f4"))
            np.testing.assert_allclose(picture[first, second], wanted, atol=0.01)
            np.testing.assert_allclose(picture[second, first], wanted, atol=0.01)
            assert (picture[range(5), range(5)] == 1).all()
        assert bar.get_ylim() == pytest.approx((pairs.min(), pairs.max()))
        assert [t.get_text() for t in panels[0].get_yticklabels()] == names
        assert [t.get_text() for t in panels[1].get_xticklabels()] == names
        said = words(fig)
    assert "V1" in said and "1 − r" in said and "simulated data" in said


def test_the_upper_triangle_can_be_left_white_and_the_range_fixed():
    with rdm_heatmap_figure(np.ones((1, 6)), list("abcd"), lower_only=True, limits=(0, 2)) as fig:
        picture = matrix_of(fig.axes[0])
        white = (picture == 1).all(axis=-1)
        np.testing.assert_array_equal(white, np.triu(np.ones((4, 4), bool)))
        assert fig.axes[1].get_ylim() == (0, 2)
        assert "simulated" not in words(fig)


def test_unknown_pairs_are_grey_and_an_rdm_without_any_says_so():
    pairs = np.array([[np.nan, 1, 2], [np.nan] * 3])
    with rdm_heatmap_figure(pairs, list("abc"), names=["x", "y"]) as fig:
        picture = matrix_of(fig.axes[0])
        np.testing.assert_allclose(picture[0, 1, :3], to_rgb("#C8C8C8"), atol=0.01)
        assert "no pair has a value" in words(fig)
        assert fig.axes[-1].get_ylim() == (1, 2)


def test_many_conditions_have_numbers_and_groups_have_colours():
    names, groups = [f"stimulus {i}" for i in range(92)], ["face"] * 40 + ["house"] * 52
    with rdm_heatmap_figure(np.ones((1, n_pairs(92))), names, groups=groups) as fig:
        ax = fig.axes[0]
        assert [t.get_text() for t in ax.get_yticklabels()][:3] == ["1", "10", "20"]
        left = ax.images[1].get_array()
        colours = group_colours(groups)
        np.testing.assert_allclose(left[39, 0], to_rgb(colours["face"]))
        np.testing.assert_allclose(left[40, 0], to_rgb(colours["house"]))
        assert any(line.get_ydata()[0] == 39.5 for line in ax.lines)
        said = words(fig)
    assert "face" in said and "house" in said
    assert "1 is stimulus 0, 92 is stimulus 91" in said


def test_fifteen_small_matrices_say_what_the_numbers_are():
    names = [f"condition{i}" for i in range(16)]
    rdms = np.ones((15, n_pairs(16)))
    with rdm_heatmap_figure(rdms, names, names=[f"conv{i}" for i in range(15)]) as fig:
        assert "1 condition0, 2 condition1" in words(fig)
        assert sum(ax.get_visible() for ax in fig.axes) == 16


@pytest.mark.parametrize(("change", "subject", "found"), [
    ({"conditions": ["a", "b"]}, "conditions", "2"),
    ({"names": ["x", "y"]}, "names", "2"),
    ({"groups": ["g"]}, "groups", "1"),
    ({"dissimilarities": np.ones((1, 4))}, "rdm", "shape (1, 4)"),
])  # fmt: skip
def test_rdms_and_names_that_do_not_fit_are_refused(change, subject, found):
    given = {"dissimilarities": np.ones((1, 3)), "conditions": list("abc")} | change
    error = refused(rdm_heatmap_figure, **given)
    assert (error.subject, error.found) == (subject, found)


# Points


def test_names_stand_at_their_points_and_do_not_cover_each_other():
    points = np.array([[0, 0], [1, 0.0], [0.02, 0.01], [0.5, 0.8]])
    names = ["zero", "one", "two", "three"]
    with mds_figure(points, names, stress=0.123, simulated=True) as fig:
        ax = fig.axes[0]
        np.testing.assert_allclose(ax.collections[0].get_offsets(), points)
        said = words(fig)
        written = {t.get_text(): t for t in ax.texts if t.get_text() in names}
        boxes = {name: t.get_window_extent() for name, t in written.items()}
        for place, name in zip(points, names, strict=True):
            shown = ax.transData.transform(place)
            box = boxes[name]
            assert box.x0 - 12 < shown[0] < box.x1 + 12 and box.y0 - 12 < shown[1] < box.y1 + 12
        assert not boxes["zero"].overlaps(boxes["two"])
        assert ax.get_aspect() == 1
    assert "stress 0.12" in said and "simulated data" in said


def test_pictures_stand_at_their_points_in_the_colour_of_their_group():
    points = np.array([[0.0, 0], [1, 0], [0, 1]])
    images = [np.full((20, 10, 3), value, np.uint8) for value in (10, 120, 250)]
    with mds_figure(points, list("abc"), images=images, groups=["x", "y", "x"]) as fig:
        ax = fig.axes[0]
        boxes = [child for child in ax.get_children() if isinstance(child, AnnotationBbox)]
        for place, image, name, box in zip(points, images, "xyx", boxes, strict=True):
            assert tuple(box.xybox) == tuple(place)
            assert (box.offsetbox.get_data() == image).all()
            colour = group_colours(["x", "y"])[name]
            assert box.patch.get_edgecolor()[:3] == pytest.approx(to_rgb(colour))
        assert "stress" not in words(fig)


@pytest.mark.parametrize(("change", "subject"), [
    ({"coordinates": np.zeros((3, 3))}, "coordinates"),
    ({"coordinates": np.full((3, 2), np.nan)}, "coordinates"),
    ({"conditions": ["a"]}, "conditions"),
    ({"images": [np.zeros((4, 4))]}, "images"),
    ({"images": [np.zeros((4, 4, 2))] * 3}, "images"),
    ({"groups": ["g"] * 2}, "groups"),
])  # fmt: skip
def test_points_and_names_that_do_not_fit_are_refused(change, subject):
    given = {"coordinates": np.eye(3)[:, :2], "conditions": list("abc")} | change
    assert refused(mds_figure, **given).subject == subject


# Bars


def similarities():
    rows = [("V1", "conv", 0.5, 0.01), ("V1", "fc", -0.1, 0.6), ("LOC", "conv", 0.2, 0.04),
            ("LOC", "fc", 0.7, 0.001)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["rdm", "model", "value", "q"])
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.2)


def bars_of(ax, face=True):
    """Bars over 0 without those of ceilings: height and whether filled."""
    own = [patch for patch in ax.patches if patch.get_y() == 0]
    return [(patch.get_height(), patch.get_facecolor()[:3] != (1, 1, 1)) for patch in own]


def test_bars_intervals_and_hollow_ones():
    with similarity_figure(similarities(), panels="rdm", label="ρ", simulated=True) as fig:
        v1, loc = fig.axes
        assert bars_of(v1) == [(0.5, True), (-0.1, False)]
        assert bars_of(loc) == [(0.2, True), (0.7, True)]
        ends = [segment[:, 1] for segment in v1.collections[-1].get_segments()]
        np.testing.assert_allclose(ends, [[0.4, 0.7], [-0.2, 0.1]])
        said = words(fig)
    assert "Hollow: not significant (q > 0.05)" in said and "95 % intervals" in said
    assert "V1" in said and "fc" in said and "simulated data" in said


def test_the_fewer_are_panels():
    table = pd.DataFrame({"rdm": list("abcabc"), "model": list("xxxyyy"), "value": range(6)})
    with similarity_figure(table) as fig:
        assert [ax.get_title(loc="left") for ax in fig.axes] == ["x", "y"]
        assert [h for h, _ in bars_of(fig.axes[1])] == [3, 4, 5]
        assert "Hollow" not in words(fig)


def test_the_ceiling_is_a_band_behind_its_own_rdm():
    table = similarities().assign(
        ceiling_lower=[0.3, 0.3, np.nan, np.nan], ceiling_upper=[0.6, 0.6, np.nan, np.nan]
    )
    with similarity_figure(table, panels="rdm") as fig:
        bands = [[(p.get_y(), p.get_y() + p.get_height()) for p in ax.patches if p.get_y() > 0]
                 for ax in fig.axes]  # fmt: skip
        assert "noise ceiling" in words(fig)
    assert bands == [[pytest.approx((0.3, 0.6))] * 2, []]


def test_participants_are_points_at_their_bar(rng):
    points = pd.DataFrame({"rdm": ["V1"] * 5, "model": ["fc"] * 5, "value": rng.normal(size=5)})
    with similarity_figure(similarities(), points=points, panels="rdm") as fig:
        dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
        assert len(dots) == 1 and not [x for x in fig.axes[1].lines if x.get_marker() == "o"]
        np.testing.assert_array_equal(dots[0].get_ydata(), points["value"])
        assert (np.abs(dots[0].get_xdata() - 1) < 0.4).all()
        assert "n = 5 participants" in words(fig)


def test_a_pair_that_was_not_tested_is_not_hollow():
    with similarity_figure(similarities().assign(q=[0.5, np.nan, 0.5, 0.5])) as fig:
        filled = [f for ax in fig.axes for _, f in bars_of(ax)]
    assert filled == [False, False, True, False]


def test_tables_that_do_not_fit_are_refused():
    table = similarities()
    error = refused(similarity_figure, table.drop(columns="model"))
    assert error.subject == "rsa" and error.found == "no column model"
    assert refused(similarity_figure, table.iloc[:0]).found == "no row"
    twice = pd.concat([table, table.iloc[:1]])
    assert refused(similarity_figure, twice).found == "'V1' and 'conv' more than once"
    other = pd.DataFrame({"rdm": ["V2"], "model": ["fc"], "value": [1.0]})
    error = refused(similarity_figure, table, points=other)
    assert error.subject == "participants" and error.found == "'V2' and 'fc'"


def regions():
    return pd.DataFrame({
        "roi": ["V1", "V1", "LOC", "LOC"], "map": ["a", "b"] * 2, "voxels": "all", "n": 9,
        "mean": [0.1, 0.2, 0.3, 0.4], "sem": 0.05, "ci_low": [0.0, 0.1, 0.2, 0.3],
        "ci_high": [0.2, 0.3, 0.4, 0.5], "t": [2.0, 4, 6, 8], "p_fdr": [0.2, 0.01, 0.01, 0.01],
    })  # fmt: skip


def test_regions_show_means_or_t_of_all_voxels():
    both = pd.concat([regions(), regions().assign(voxels="positive", mean=9.0)])
    points = pd.DataFrame({"roi": ["V1"], "map": ["a"], "value": [0.15]})
    with region_figure(both, points=points, label="mean r") as fig:
        assert bars_of(fig.axes[0]) == [(0.1, False), (0.2, True)]
        said = words(fig)
        assert [x.get_ydata()[0] for x in fig.axes[0].lines if x.get_marker() == "o"] == [0.15]
    assert "mean r" in said and "Student's t" in said and "LOC" in said
    with region_figure(both, points=points, show="t") as fig:
        assert bars_of(fig.axes[1]) == [(6, True), (8, True)]
        ends = [s[:, 1] for s in fig.axes[1].collections[-1].get_segments()]
        np.testing.assert_allclose(ends, [[4, 8], [6, 10]])
        assert not [x for x in fig.axes[0].lines if x.get_marker() == "o"]
    assert len(region_rows(both)) == 4
    error = refused(region_figure, regions().drop(columns="roi"))
    assert error.subject == "region" and error.found == "no column roi"
    error = refused(region_figure, regions(), points=points.drop(columns="value"))
    assert error.subject == "participants"


# Maps


def test_layers_have_their_colours_and_fade_with_agreement():
    layer = np.full(SHAPE, np.nan, np.float32)
    layer[5:13, 8:20, 8:20], layer[18:26, 8:20, 8:20] = 1, 3
    agreement = np.where(layer == 1, 1.0, 0.0)
    colours = layer_colours(3)
    with assignment_figure(layer, BACKGROUND, AFFINE, LAYERS, planes="z", simulated=True) as fig:
        image = pixels(fig)[:-70]
        assert near(image, colours(0)).sum() > 500 and near(image, colours(2)).sum() > 500
        assert "2,304 voxels – simulated data" in words(fig)
    with assignment_figure(
        layer, BACKGROUND, AFFINE, LAYERS, agreement=agreement, planes="z", simulated=True
    ) as fig:
        image, said = pixels(fig)[:-70], words(fig)
        assert near(image, colours(0)).sum() > 500
        assert near(image, colours(2)).sum() == 0
        assert near(image, faded_colours(3)(2 * LEVELS)).sum() > 500
        key = fig.axes[1].images[0].get_array()
        assert key.shape == (LEVELS, 3, 3)
        np.testing.assert_allclose(key[-1], colours(range(3))[:, :3])
    assert "agreement 0 (below) to 1" in said and "conv2" in said and "simulated data" in said


def test_numbers_of_layers_without_a_name_and_other_grids_are_refused():
    layer = np.zeros(SHAPE)
    layer[5, 5, 5] = 4
    error = refused(assignment_figure, layer, BACKGROUND, AFFINE, LAYERS)
    assert error.expected.startswith("whole numbers from 1 to 3") and error.found[0] == "4"
    layer[5, 5, 5] = 1.5
    assert refused(assignment_figure, layer, BACKGROUND, AFFINE, LAYERS).found[:3] == "1.5"
    layer[5, 5, 5] = 1
    given = (layer, BACKGROUND, AFFINE, LAYERS)
    error = refused(assignment_figure, *given, agreement=np.full(SHAPE, 55.0))
    assert error.hint == "give shares, not per cent"
    error = refused(assignment_figure, *given, agreement=np.ones((2, 2, 2)))
    assert error.found == "shape (2, 2, 2)"


def sphere_values():
    mask = np.zeros(SHAPE, bool)
    mask[5:25, 5:25, 14:16] = True
    values = np.full((2, mask.sum()), -0.3, np.float32)
    x = np.argwhere(mask)[:, 0]
    values[0, x < 12], values[1, x > 18] = 0.5, 0.6
    q = np.where(values > 0, 0.01, 0.4)
    q[1] = 0.2
    values[:, 0] = np.nan
    return mask, values, q


def test_maps_show_only_positive_and_significant_spheres():
    mask, values, q = sphere_values()
    given = (values, mask, BACKGROUND, AFFINE, ["digit", "object"])
    with code_maps_figure(*given, label="ρ", n_slices=2, simulated=True) as fig:
        both, said = fig.axes[0].images[0].get_array(), words(fig)
    assert "above 0" in said and "simulated data" in said and "One scale for all rows" in said
    with code_maps_figure(*given, q=q, n_slices=2) as fig:
        tested, said = fig.axes[0].images[0].get_array(), words(fig)
    n = int((q[0, 1:] <= 0.05).sum())
    assert f"significant (q ≤ 0.05): {n:,} spheres" in said and "simulated" not in said

    def coloured(picture):
        half = len(picture) // 2
        return [(np.ptp(part, axis=-1) > 0.1).sum() for part in (picture[:half], picture[half:])]

    assert min(coloured(both)) > 100
    assert coloured(tested)[0] > 100 and coloured(tested)[1] == 0


def test_spheres_are_counted_by_model():
    _, values, q = sphere_values()
    counts = sphere_counts(values, ["digit", "object"], q)
    first = np.isfinite(values[0]) & (values[0] > 0)
    assert counts["n_shown"].tolist() == [first.sum(), 0]
    assert counts["n_known"].tolist() == [values.shape[1] - 1] * 2
    np.testing.assert_allclose(counts["largest"], [0.5, 0.6])
    open_counts = sphere_counts(values, ["digit", "object"])
    assert open_counts["n_shown"].tolist() == [first.sum(), (values[1] > 0).sum()]
    with sphere_count_figure(counts, simulated=True) as fig:
        assert [p.get_width() for p in fig.axes[0].patches] == counts["n_shown"].tolist()
        said = words(fig)
    assert f"of {values.shape[1] - 1:,} spheres" in said and "q ≤ 0.05" in said
    with sphere_count_figure(open_counts, tested=False) as fig:
        assert "not tested" in words(fig)
