import numpy as np
import pytest
from matplotlib.patches import Rectangle

from fmriprod.reports.receptive_fields import receptive_field_figure

FIELDS = np.zeros((5, 4, 6))
FIELDS[0, 1, 2], FIELDS[0, 3, 5], FIELDS[1, 0, 0], FIELDS[2, 2, 2] = 0.5, 0.09, -0.4, 0.9
LABELS = [f"voxel {n}" for n in range(5)]


def panels(figure):
    return [ax for ax in figure.axes if ax.get_title(loc="left")]


def bars(figure):
    return [ax for ax in figure.axes if not ax.get_title(loc="left")]


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text")))


def test_weak_and_negative_coefficients_are_hidden_on_black():
    with receptive_field_figure(FIELDS, LABELS) as figure:
        axes = panels(figure)
        assert [ax.get_title(loc="left") for ax in axes] == LABELS
        for field, ax in zip(FIELDS, axes, strict=True):
            (image,) = ax.images
            np.testing.assert_array_equal(image.get_array().mask, field < 0.1)
            assert image.get_array().shape == (4, 6) and image.get_clim() == (0.1, 0.75)
            assert ax.get_facecolor() == (0, 0, 0, 1)
            assert image.origin == "upper"
        assert "below 0.1 (1 of them -0.1 or less)" in words(figure)


def test_colours_differ_between_neighbours_and_strong_ones_are_bright():
    with receptive_field_figure(FIELDS, LABELS) as figure:
        hues = [tuple(ax.images[0].cmap(0.5)) for ax in panels(figure)]
        assert len(set(hues[:4])) == 4 and hues[4] == hues[0]
        weak, strong = (sum(panels(figure)[0].images[0].cmap(at)[:3]) for at in (0.0, 1.0))
        assert strong > weak + 1
    with receptive_field_figure(FIELDS, LABELS, published_colours=True) as figure:
        weak, strong = (sum(panels(figure)[0].images[0].cmap(at)[:3]) for at in (0.0, 1.0))
        assert weak > strong + 1


def test_bars_tell_the_limits_and_what_is_beyond():
    with receptive_field_figure(FIELDS, LABELS, limits=(0.2, 0.6)) as figure:
        for bar in bars(figure):
            assert [t.get_text() for t in bar.get_yticklabels()] == ["0.2", "0.6"]
        over = [ax.images[0].colorbar.extend for ax in panels(figure)]
        assert over == ["neither", "neither", "max", "neither", "neither"]


@pytest.mark.parametrize("pixel", [(3, 1), (0, 5)])
def test_a_marked_pixel_has_a_box_in_every_field(pixel):
    with receptive_field_figure(FIELDS, LABELS, marked_pixel=pixel) as figure:
        for ax in panels(figure):
            (box,) = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
            assert box.get_xy() == (pixel[1] - 0.5, pixel[0] - 0.5)
            assert (box.get_width(), box.get_height()) == (1, 1)


@pytest.mark.parametrize(("n", "grid"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (50, (9, 6))])
def test_layout_for_any_number_of_voxels(n, grid):
    fields, labels = np.full((n, 10, 10), 0.3), [f"{k}" for k in range(n)]
    with receptive_field_figure(fields, labels, title="Fields", simulated=True) as figure:
        axes = panels(figure)
        assert len(axes) == n
        assert axes[0].get_gridspec().get_geometry() == grid
        assert figure.get_size_inches()[0] < 17
        assert "Fields – simulated data" in words(figure)
