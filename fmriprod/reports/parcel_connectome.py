"""A connectome of parcels that can be turned, within one HTML page and without a network.

Nilearn's `view_connectome` makes such pages too, with Plotly inside: 2.5 MB each, WebGL needed, an
icon from the network, no names and no choice of the number of edges. This one is SVG, some 50 kB.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.page import Page, Section, Text, render_page
from fmriprod.reports.panels import inside_script
from fmriprod.reports.parcel_edges import Edges, node_strength, parcel_places, strongest_edges
from fmriprod.reports.parcel_glass_brain import check_matrix, node_sizes
from fmriprod.reports.parcel_order import network_colours

_VIEWS = ("left", "right", "top", "front", "back")
_UNKNOWN = "#8A8A8A"
_RADIUS = 0.5  # units of the picture for the root of a point squared


def connectome_markup(
    matrix: np.ndarray,
    parcels: pd.DataFrame,
    outline: Sequence[np.ndarray] = (),
    *,
    n_edges: int | None = None,
    most_edges: int = 1000,
    view: str = "left",
    label: str = "correlation r",
    simulated: bool = False,
) -> Markup:
    """Make a connectome that can be turned, with a slider for the number of its connections.

    Pointing at a parcel tells its name, its network and what it is connected with. Styles, data
    and script are inside; nothing is loaded, so it works where a page forbids that.

    Parameters
    ----------
    matrix : ndarray of float, shape (n_parcels, n_parcels)
        Symmetric; NaN is no pair.
    parcels : DataFrame
        ``name hemisphere network x y z`` (MNI, mm), a row a parcel in the order of the matrix.
    outline : sequence of ndarray, shape (n_points, 3)
        Points (mm) of bodies whose convex outline is drawn, such as the hemispheres.
    n_edges : int, optional
        Connections at first; see `strongest_edges`.
    most_edges : int
        Connections at the end of the slider.
    view : {"left", "right", "top", "front", "back"}
        From where it is seen at first.
    label : str
        What the values are.
    simulated : bool
        Whether it says that its data are simulated.

    Returns
    -------
    markupsafe.Markup
        Some HTML; the same data give the same.

    Raises
    ------
    InputError
        If the matrix is not square, parcels are not its rows or have no places, or there is no
        such view.
    """
    if view not in _VIEWS:
        raise InputError(
            "view", expected=f"one of {', '.join(_VIEWS)}", found=repr(view), hint="choose one"
        )
    matrix, table = check_matrix(matrix, parcels)
    edges = strongest_edges(matrix, most_edges)
    shown = min(len(strongest_edges(matrix, n_edges).value), len(edges.value))
    colours = network_colours(table["network"].tolist())
    known = set(table["network"])
    data = _data(matrix, table, edges, [np.asarray(points, float) for points in outline])
    data |= {"view": view, "label": label, "simulated": simulated}
    environment = Environment(
        loader=PackageLoader("fmriprod.reports"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made = environment.get_template("connectome.html.j2").render(
        n_edges=len(edges.value), n_shown=shown, views=_VIEWS, names=table["name"].tolist(),
        anchor="connectome", data=inside_script(data),
        alt=f"Connectome of {len(table)} parcels, seen from one side; it can be turned."
        + " Simulated data." * simulated,
        key=[(name if name != "n/a" else "no network", colour) for name, colour in colours.items()
             if name in known],
    )  # fmt: skip
    return Markup(made)


def connectome_page(
    markup: Markup, *, title: str = "Connectome of parcels", simulated: bool = False
) -> str:
    """Put a connectome on a page of its own.

    Parameters
    ----------
    markup : markupsafe.Markup
        Of `connectome_markup`.
    title : str
        Of the page.
    simulated : bool
        Whether a banner says that the data are simulated.

    Returns
    -------
    str
        HTML that needs no other file and no network.
    """
    banner = "Simulated data: no person was scanned for this report." if simulated else ""
    section = Section("Strongest connections", READING, [Text(markup)])
    return render_page(Page(title=title, subtitle="", sections=[section], banner=banner))


READING = (
    "Each dot is a parcel in the colour of its network, the larger the stronger it is connected "
    "on average; the slider adds connections from the strongest on."
)


def _data(matrix: np.ndarray, table: pd.DataFrame, edges: Edges, outline: list[np.ndarray]) -> dict:
    places, strength = parcel_places(table), node_strength(matrix)
    colours = network_colours(table["network"].tolist())
    radii = _RADIUS * np.sqrt(node_sizes(strength))
    nodes = [
        {
            "name": str(name), "side": side,
            "network": network if network != "n/a" else "no network",
            "colour": colours[network] if np.isfinite(size) else _UNKNOWN,
            "at": np.round(place, 1).tolist(), "r": round(float(radius), 2),
            "strength": round(float(size), 4) if np.isfinite(size) else None,
        }
        for name, side, network, place, size, radius in zip(
            table["name"], table["hemisphere"], table["network"], places, strength, radii,
            strict=True,
        )
    ]  # fmt: skip
    every = np.concatenate([places, *outline])
    return {
        "nodes": nodes,
        "edges": [[int(i), int(k), float(f"{v:.4g}")] for i, k, v in zip(*edges, strict=True)],
        "outline": [np.round(points, 1).tolist() for points in outline],
        "centre": np.round((every.min(axis=0) + every.max(axis=0)) / 2, 1).tolist(),
        "largest": float(np.abs(edges.value).max()) if len(edges.value) else 1.0,
        "pairs": int(np.isfinite(matrix[np.triu_indices(len(matrix), 1)]).sum()),
    }  # fmt: skip
