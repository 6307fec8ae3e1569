"""Figure of conditions as points, with their pictures or names, whose distances are an RDM's."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.print_style import INK, SMALL, print_figure
from fmriprod.reports.rdm_groups import check_groups, check_length, group_colours

_SIDE = 6.0  # inches
_ABREAST = 3  # groups in a line of the legend
_PIXELS = 72  # of a thumbnail's longer side, as it is drawn
# Where a name may stand beside its point: direction, and how the text hangs there.
_PLACES = (
    ((0, 1), "center", "bottom"), ((1, 0), "left", "center"), ((0, -1), "center", "top"),
    ((-1, 0), "right", "center"), ((1, 1), "left", "bottom"), ((-1, 1), "right", "bottom"),
    ((1, -1), "left", "top"), ((-1, -1), "right", "top"),
)  # fmt: skip


@contextmanager
def mds_figure(
    coordinates: np.ndarray,
    conditions: Sequence[str],
    *,
    stress: float | None = None,
    images: Sequence[np.ndarray] | None = None,
    groups: Sequence[str] | None = None,
    title: str = "Conditions in two dimensions",
    simulated: bool = False,
) -> Iterator[Figure]:
    """Draw conditions where scaling places them.

    Parameters
    ----------
    coordinates : ndarray, shape (n_conditions, 2)
        As `fmriprod.algorithms.rdm_mds` gives them.
    conditions : sequence of str
        Names, written beside the points where there are no images.
    stress : float, optional
        Kruskal's stress-1, printed below.
    images : sequence of ndarray, optional
        One a condition, shape (height, width) or (height, width, 3 or 4), uint8 or 0 to 1.
    groups : sequence of str, optional
        Group of each condition: the colour of points and frames.
    title : str
        Above everything.
    simulated : bool
        Whether the figure says that its data are simulated.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If there are not two coordinates, or not one name, image and group for each point.
    """
    points = np.asarray(coordinates, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InputError(
            "coordinates", expected="two finite numbers for each condition",
            found=f"shape {points.shape}", hint="scale to two dimensions",
        )  # fmt: skip
    names = check_length(conditions, len(points), "conditions", "a name")
    groups = check_groups(groups, len(points))
    palette = group_colours(groups or ())
    colours = [palette[group] for group in groups] if groups else [INK] * len(points)
    note = "Distances between points stand for those of the RDM"
    if stress is not None and np.isfinite(stress):
        note += f"; stress {stress:.2f} (0: two dimensions hold all of it)"
    note += ". The axes have no meaning of their own."
    with print_figure(
        _SIDE, _SIDE + 0.35 + 0.18 * -(-len(palette) // _ABREAST), title=title, note=note,
        simulated=simulated,
    ) as (fig, ax):  # fmt: skip
        _frame(ax, points, 0.56 if images is None else 0.62)
        if images is None:
            ax.scatter(*points.T, c=colours, s=22, zorder=3, linewidths=0)
            _write_names(ax, points, names)
        else:
            pictures = check_length(images, len(points), "images", "a picture")
            for place, picture, colour in zip(points, pictures, colours, strict=True):
                _thumbnail(ax, place, picture, colour if groups else "#888888", len(points))
        for name, colour in palette.items():
            ax.plot([], [], "s", color=colour, label=name)
        if palette:
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=_ABREAST, fontsize=SMALL,
                      handletextpad=0.2, columnspacing=1, borderaxespad=0.1)  # fmt: skip
        yield fig


def _frame(ax: Axes, points: np.ndarray, room: float) -> None:
    """One unit is equally long on both axes; there is room for pictures at the borders."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    half = room * max(float(np.ptp(points, axis=0).max()), 1e-9)
    ax.set_xlim(centre[0] - half, centre[0] + half)
    ax.set_ylim(centre[1] - half, centre[1] + half)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
    ax.spines[:].set_color("#D0D0D0")
    length = _round_length(half / 2)
    left, low = centre[0] - 0.96 * half, centre[1] - 0.93 * half
    ax.plot([left, left + length], [low, low], color=INK, linewidth=1.5)
    ax.text(left + length / 2, low + 0.015 * half, f"{length:g}", ha="center", va="bottom",
            fontsize=SMALL)  # fmt: skip


def _round_length(most: float) -> float:
    """Give the largest of 1, 2, 5 times a power of ten that is not above."""
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)))


def _thumbnail(ax: Axes, place: np.ndarray, picture: np.ndarray, colour: str, n: int) -> None:
    """Put a picture at a point: the more there are, the smaller."""
    picture = np.asarray(picture)
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (3, 4)):
        raise InputError(
            "images", expected="pictures of height x width, in grey or with 3 or 4 colours",
            found=f"shape {picture.shape}", hint="give each picture as one array",
        )  # fmt: skip
    inches = min(0.55, 2.9 / np.sqrt(n))
    every = max(1, max(picture.shape[:2]) // (2 * _PIXELS))
    picture = picture[::every, ::every]
    zoom = 72 * inches / max(picture.shape[:2])
    options = {"cmap": "gray"} if picture.ndim == 2 else {}
    box = AnnotationBbox(
        OffsetImage(picture, zoom=zoom, **options), place, pad=0.06, zorder=3,
        bboxprops={"edgecolor": colour, "linewidth": 1.6, "facecolor": "white"},
    )  # fmt: skip
    ax.add_artist(box)


def _write_names(ax: Axes, points: np.ndarray, names: Sequence[str]) -> None:
    """Write each name on the side of its point where the least lies already."""
    size = SMALL if len(names) <= 40 else 5.5
    unit = float(np.ptp(ax.get_xlim())) / (_SIDE * 72)  # of the data, a point of print
    taken = [_box(*place, 5 * unit, 5 * unit) for place in points]
    for place, name in zip(points, names, strict=True):
        width, height = 0.62 * size * len(name) * unit, 1.15 * size * unit
        best = None
        for (right, up), ha, va in _PLACES:
            corner = place + np.array([right, up]) * 4 * unit
            middle = corner + np.array([right * width / 2, up * height / 2])
            box = _box(*middle, width, height)
            cost = sum(_overlap(box, other) for other in taken)
            if best is None or cost < best[0] - 1e-12:
                best = (cost, corner, ha, va, box)
        _, corner, ha, va, box = best
        taken.append(box)
        ax.text(*corner, name, ha=ha, va=va, fontsize=size, color=INK, zorder=4)


def _box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Area that two boxes share."""
    across = min(one[1], other[1]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[2], other[2])
    return max(across, 0.0) * max(up, 0.0)
