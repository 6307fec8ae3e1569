"""Values of parcels on the inflated cortex of fsaverage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.parcel_values import in_order, read_contrast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SOURCES = ("label_files", "atlas_file", "nearest_centres")


class VerticesInputSpec(PythonInputSpec):
    """Inputs that say which parcel each vertex of fsaverage belongs to: one of three."""

    label_files = InputMultiObject(
        File(exists=True),
        desc="labels of both hemispheres of fsaverage, fsaverage6 or fsaverage5: .annot of "
        "FreeSurfer or .label.gii, with the parcels' names",
    )
    atlas_file = File(
        exists=True, requires=["regions_file"],
        desc="atlas.npz of the Neuromatch Academy's subset of the HCP (labels on fsaverage5)",
    )  # fmt: skip
    regions_file = File(
        exists=True, requires=["atlas_file"], desc="regions.npy that comes with atlas_file"
    )
    nearest_centres = traits.Bool(
        False, usedefault=True,
        desc="without labels, colour each vertex as the parcel with the nearest centre (x y z of "
        "parcels_file, mm): boundaries are then approximate, and the figure says so",
    )  # fmt: skip


class _ParcelSurfaceInputSpec(VerticesInputSpec):
    contrast_file = File(
        exists=True, mandatory=True,
        desc="TSV, a row a parcel: parcel value, as ParcelContrast writes, or ParcelGroup",
    )  # fmt: skip
    parcels_file = File(
        exists=True, mandatory=True, desc="TSV of the same parcels: name hemisphere (x y z)"
    )
    column = traits.Str("value", usedefault=True, desc="column that is drawn, such as mean or t")
    limit = traits.Range(
        low=0.0, exclude_low=True,
        desc="value at the end of the colours (default: the largest absolute value)",
    )  # fmt: skip
    label = traits.Str(desc="what the values are (default: column)")
    title = traits.Str("On the cortex", usedefault=True, desc="title of the figure")
    simulated = traits.Bool(
        False, usedefault=True, desc="the data are simulated: the figure says so"
    )


class _ParcelSurfaceOutputSpec(TraitedSpec):
    out_figure = File(exists=True, desc="both hemispheres from outside and from the middle (PNG)")


class ParcelSurface(PythonInterface):
    """Draw values of parcels on both hemispheres of fsaverage, from four sides.

    One scale for all, around 0 where values are signed. Vertices of no parcel (the medial wall)
    and parcels without a value stay grey. Parcels are matched with labels by name.

    Examples
    --------
    >>> ParcelSurface(column="t").inputs.nearest_centres
    False
    """

    input_spec = _ParcelSurfaceInputSpec
    output_spec = _ParcelSurfaceOutputSpec
    _libraries = ("nilearn", "matplotlib")

    def _process(self) -> None:
        given = self.inputs
        parcels = read_parcels(given.parcels_file)
        column = given.column
        values = read_contrast(given.contrast_file, column)
        names = parcels["name"].tolist()
        values = in_order(values, names, "contrast", given.contrast_file).to_numpy()
        drawing = draw_surface(
            values, parcels, given, limit=given_or_none(given.limit),
            label=given_or_none(given.label) or column, title=given.title,
            simulated=given.simulated,
        )  # fmt: skip
        with drawing as figure:
            self.save_figure("out_figure", "surface.png", figure)


def surface_sources(given: Any) -> list[str]:
    """List which inputs say where parcels lie on the surface; ``given`` has `VerticesInputSpec`."""
    return [name for name in _SOURCES if isdefined(value := getattr(given, name)) and value]


@contextmanager
def draw_surface(
    values: np.ndarray, parcels: pd.DataFrame, given: Any, **look: Any
) -> Iterator["Figure"]:
    """Draw values of parcels, with what is known of their vertices.

    Parameters
    ----------
    values : ndarray of float, shape (n_parcels,)
    parcels : DataFrame
        ``name hemisphere`` of each (``x y z`` for the nearest centres).
    given : inputs
        Of an interface whose specification has `VerticesInputSpec`.
    **look
        As `parcel_surface_figure` takes it.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there is no source of labels or more than one, or files and parcels disagree.
    """
    from fmriprod.interfaces import parcel_vertices
    from fmriprod.reports.parcel_surface import parcel_surface_figure

    sources = surface_sources(given)
    if len(sources) != 1:
        raise InputError(
            "label_files", expected=f"one of {', '.join(_SOURCES)}",
            found=", ".join(sources) or "none",
            hint="give labels of the parcellation; nearest_centres only where there are none",
        )  # fmt: skip
    if sources == ["label_files"]:
        rows = parcel_vertices.read_vertices(given.label_files, parcels)
    elif sources == ["atlas_file"]:
        rows = parcel_vertices.atlas_vertices(given.atlas_file, given.regions_file, parcels)
    else:
        rows = parcel_vertices.nearest_vertices(parcels)
    note = surface_note(rows, values, approximate=sources == ["nearest_centres"])
    surfaces = parcel_vertices.paint_vertices(rows, values)
    with parcel_surface_figure(surfaces, note=note, **look) as figure:
        yield figure


def surface_note(rows: dict[str, np.ndarray], values: np.ndarray, *, approximate: bool) -> str:
    """Say what is grey, what is not shown, and whether boundaries are true.

    Examples
    --------
    >>> rows = {"left": np.array([0, 0, -1]), "right": np.array([1, 1, -1])}
    >>> surface_note(rows, np.array([1.0, np.nan, 2.0]), approximate=False)
    'Grey: the medial wall, and 1 parcel without a value. 1 parcel has no vertex.'
    """
    drawn = np.unique(np.concatenate([own[own >= 0] for own in rows.values()] or [[]])).astype(int)
    empty, away = int(np.isnan(values[drawn]).sum()), len(values) - len(drawn)
    grey = ["the medial wall"] * any((own < 0).any() for own in rows.values())
    grey += [f"{empty} parcel{'s' * (empty > 1)} without a value"] * bool(empty)
    words = f"Grey: {', and '.join(grey)}." if grey else "Each vertex belongs to a parcel."
    for side in [side for side in ("left", "right") if side not in rows]:
        words += f" No labels of the {side} hemisphere."
    if away:
        words += f" {away} parcel{'s have' if away > 1 else ' has'} no vertex."
    if approximate:
        words += "\nBoundaries are approximate: each vertex has the colour of the nearest centre."
    return words
