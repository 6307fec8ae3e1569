"""Values of parcels on the cortex have their colours, on one scale."""

from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_surface import parcel_surface_figure, surface_scale


@dataclass
class Octahedron:
    """Eight triangles around the middle; each vertex of half of them has a value."""

    maps: np.ndarray
    vertices = np.array(
        [[40, 0, 0], [-40, 0, 0], [0, 60, 0], [0, -60, 0], [0, 0, 50], [0, 0, -50]], float
    )
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4],
                      [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])  # fmt: skip
    sulcus = np.zeros(6, bool)


class Larger(Octahedron):
    """Another hemisphere: twice as large."""

    vertices = 2 * Octahedron.vertices


def hue(colours):
    """Red minus blue of each triangle: above 0 for positive values."""
    return colours[:, 0] - colours[:, 2]


@pytest.fixture
def surfaces():
    value = np.array([[2.0, 2, 2, 2, 2, np.nan]])
    return {"left": Octahedron(value), "right": Larger(-0.5 * value)}


def test_four_views_on_one_scale(surfaces):
    with parcel_surface_figure(surfaces, label="t", title="T", note="N.", simulated=True) as fig:
        fig.draw_without_rendering()
        said = [t.get_text() for t in fig.findobj(mpl.text.Text) if t.get_text()]
        found = {ax.texts[0].get_text(): ax.collections[0].get_facecolors()
                 for ax in fig.axes[:4]}  # fmt: skip
        limits = fig.axes[4].get_xlim()
        widths = {ax.texts[0].get_text(): np.ptp(ax.get_xlim()) for ax in fig.axes[:4]}
    assert list(found) == ["L lateral", "R lateral", "L medial", "R medial"]
    assert limits == (-2, 2)
    assert all((width > 200) == name.startswith("R") for name, width in widths.items())
    assert {"T – simulated data", "N.", "t"} <= set(said)
    for name, colours in found.items():
        assert len(colours) == 4  # those that face the reader
        upper = np.abs(hue(colours)) > 0.01
        assert upper.sum() == 2  # the lower ones touch the vertex without a value: grey
        assert (hue(colours)[upper] > 0).all() == name.startswith("L")


def test_the_side_that_faces_the_reader():
    value = np.array([[0.0, 1, 1, 1, 1, 1]])  # vertex 0 is the one at the right, x > 0
    right = Octahedron(np.where(np.arange(6) == 0, np.nan, value))
    with parcel_surface_figure({"left": Octahedron(value), "right": right}) as fig:
        found = {ax.texts[0].get_text(): ax.collections[0].get_facecolors()
                 for ax in fig.axes[:4]}  # fmt: skip
    grey = {name: (np.ptp(c[:, :3], axis=1) < 0.01).all() for name, c in found.items()}
    assert grey["R lateral"] and not grey["R medial"]


@pytest.mark.parametrize(
    ("values", "limit", "wanted", "colours"),
    [([-1, 3], None, (-3, 3), "RdBu_r"), ([-1, 3], 2.0, (-2, 2), "RdBu_r"),
     ([0, 4], None, (0, 4), "viridis"), ([-4, -1], None, (-4, 4), "RdBu_r"),
     ([np.nan], None, (-1, 1), "RdBu_r"), ([0, 0], None, (-1, 1), "RdBu_r")],
)  # fmt: skip
def test_scale(values, limit, wanted, colours):
    norm, cmap = surface_scale([np.array(values, float)], limit)
    assert (norm.vmin, norm.vmax, cmap.name) == (*wanted, colours)


def test_values_beyond_the_colours_have_an_arrow(surfaces):
    with parcel_surface_figure(surfaces, limit=1.5) as fig:
        assert fig.axes[4]._colorbar.extend == "max"


def test_limit(surfaces):
    with pytest.raises(InputError, match="above 0"), parcel_surface_figure(surfaces, limit=0.0):
        pass
