"""Draw a graph as a figure for a paper: boxes of steps, frames of workflows, arrows, a legend."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.graph_boxes import WIDEST, BoxText, box_text, frame_length, legend_rows
from fmriprod.reports.graph_drawing import Diagram
from fmriprod.reports.graph_kinds import GREY, KINDS
from fmriprod.reports.graph_layout import STRIP, Layout, Rect, lay_out
from fmriprod.reports.graph_text import FAMILY
from fmriprod.reports.graph_wires import Line
from fmriprod.reports.style import SETTINGS

STYLES = ("paper", "grey")
MARGIN, STACK, ROUND = 3.0, 2.0, 2.2
TITLE, NOTE, LEADING = 7.0, 6.0, 1.22
INK, SOFT, LINE, FRAME, FILL = "#111111", "#444444", "#555555", "#8A8A8A", "#F4F4F4"
MM = 72 / 25.4
_LEGEND = 10.0


def graph_figure(diagram: Diagram, *, width_mm: float = 180.0, style: str = "paper") -> Figure:
    """Draw a graph at the size at which it is printed.

    Parameters
    ----------
    diagram : Diagram
        What is drawn.
    width_mm : float
        Width of the figure in mm, such as 85 for a column and 180 for a page. Letters are 6 and
        7 points there. Where boxes need more room, the figure is wider.
    style : {"paper", "grey"}
        With a colour for each kind of step, or without.

    Returns
    -------
    matplotlib.figure.Figure
        Its size in inches is that of the drawing; to be saved without further cropping.

    Raises
    ------
    InputError
        For a width below 60 mm, or an unknown style.
    """
    if not 60 <= width_mm <= 2000:
        raise InputError(
            "width", expected="60 to 2000 mm", found=f"{width_mm:g} mm",
            hint="a column of a journal has about 85 mm, a page 180 mm",
        )  # fmt: skip
    if style not in STYLES:
        raise InputError(
            "style", expected=" or ".join(STYLES), found=repr(style), hint="give one of these"
        )
    layout, texts = fitted(diagram, width_mm * MM - 2 * MARGIN)
    width = max(width_mm * MM, layout.width + 2 * MARGIN)
    kinds = [kind for kind in KINDS if any(box.kind == kind for box in diagram.boxes)]
    rows = legend_rows(kinds, width - 2 * MARGIN)
    height = layout.height + 2 * MARGIN + _LEGEND * len(rows)
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(width / 72, height / 72))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        left = (width - layout.width) / 2
        _draw(axes, diagram, _moved(layout, left, MARGIN), texts, style)
        _legend(axes, rows, MARGIN, MARGIN + layout.height + 1, style)
    return figure


def fitted(diagram: Diagram, limit: float) -> tuple[Layout, dict[str, BoxText]]:
    """Lay out a graph with the widest lines of text with which it keeps to a width in points."""
    lengths = {group.key: frame_length(group) for group in diagram.groups}
    found: list[tuple[Layout, dict[str, BoxText]]] = []
    for widest in WIDEST:
        texts = {box.key: box_text(box, widest) for box in diagram.boxes}
        sizes = {key: text.size for key, text in texts.items()}
        found.append((lay_out(diagram, sizes, limit, lengths=lengths), texts))
        if found[-1][0].width <= limit:
            return found[-1]
    return min(found, key=lambda pair: pair[0].width)


def _moved(layout: Layout, dx: float, dy: float) -> Layout:
    def move(rects: dict[str, Rect]) -> dict[str, Rect]:
        return {k: r._replace(x=r.x + dx, y=r.y + dy) for k, r in rects.items()}

    lines = [line.moved(dx, dy) for line in layout.lines]
    return Layout(layout.width, layout.height, move(layout.boxes), move(layout.frames), lines)


def _draw(
    axes: Any, diagram: Diagram, layout: Layout, texts: dict[str, BoxText], style: str
) -> None:
    """Draw frames, the outer ones first, then arrows, then boxes."""
    groups = sorted(diagram.groups, key=lambda group: len(diagram.ancestors(group.key)))
    for depth, group in enumerate(groups):
        _frame(axes, layout.frames[group.key], " ".join(filter(None, (group.title, group.count))),
               stacked=bool(group.count), z=1 + 0.01 * depth)  # fmt: skip
    nets: dict[str, list[Line]] = {}
    for line in layout.lines:
        nets.setdefault(line.net, []).append(line)
    for number, lines in enumerate(nets.values()):
        _wire(axes, lines, 3 + 0.001 * number)
    for box in diagram.boxes:
        _box(axes, layout.boxes[box.key], texts[box.key], box.kind, style)


def _rounded(axes: Any, rect: Rect, z: float, **look: Any) -> None:
    axes.add_patch(
        FancyBboxPatch((rect.x + ROUND, rect.y + ROUND), rect.width - 2 * ROUND,
                       rect.height - 2 * ROUND, boxstyle=f"round,pad={ROUND}", zorder=z, **look)
    )  # fmt: skip


def _frame(axes: Any, rect: Rect, title: str, *, stacked: bool, z: float) -> None:
    """Draw the frame of a workflow, its name along the left side."""
    if stacked:
        back = Rect(rect.x + STACK, rect.y - STACK, rect.width, rect.height)
        _rounded(axes, back, z - 0.005, facecolor="white", edgecolor=FRAME, linewidth=0.6)
    _rounded(axes, rect, z, facecolor="white", edgecolor=FRAME, linewidth=0.8)
    strip = Rect(rect.x, rect.y, STRIP, rect.height)
    _rounded(axes, strip, z + 0.001, facecolor="#E4E4E4", edgecolor=FRAME, linewidth=0.8)
    _text(axes, rect.x + STRIP / 2, rect.y + rect.height / 2, title, TITLE, INK, bold=True,
          rotation=90, ha="center", va="center", z=z + 0.002)  # fmt: skip


def _wire(axes: Any, lines: Sequence[Line], z: float) -> None:
    """Draw all arrows of a box; where others are crossed, those are interrupted."""
    vertices: list[tuple[float, float]] = []
    codes: list[int] = []
    for line in lines:
        own, kinds = _bent(line)
        vertices += own
        codes += kinds
    path = Path(vertices, codes)
    for colour, width, above in (("white", 2.4, 0.0), (LINE, 0.7, 0.0005)):
        axes.add_patch(PathPatch(path, fill=False, edgecolor=colour, linewidth=width,
                                 capstyle="butt", joinstyle="round", zorder=z + above))  # fmt: skip
    for line in lines:
        if line.head:
            x, y = line.points[-1]
            head = [(x, y), (x - 1.7, y - 4.2), (x + 1.7, y - 4.2)]
            axes.add_patch(Polygon(head, closed=True, facecolor=LINE, linewidth=0, zorder=z + 1))


def _bent(line: Line) -> tuple[list[tuple[float, float]], list[int]]:
    """Round the corners of a line; it ends within its head."""
    points = list(line.points)
    if line.head:
        points[-1] = (points[-1][0], points[-1][1] - 3.0)
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        ends = []
        for end in (before, after):
            dx, dy = end[0] - corner[0], end[1] - corner[1]
            length = abs(dx) + abs(dy)
            share = min(2.2, length / 2) / length if length else 0.0
            ends.append((corner[0] + dx * share, corner[1] + dy * share))
        vertices += [ends[0], corner, ends[1]]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return [*vertices, points[-1]], [*codes, Path.LINETO]


def _box(axes: Any, rect: Rect, text: BoxText, kind: str, style: str) -> None:
    """Draw a box, behind it others if it stands for many, and what it says."""
    front = rect
    if text.stacked:
        front = Rect(rect.x, rect.y + 2 * STACK, rect.width - 2 * STACK, rect.height - 2 * STACK)
        for n in (2, 1):
            back = Rect(front.x + n * STACK, front.y - n * STACK, front.width, front.height)
            _rounded(axes, back, 5, facecolor="white", edgecolor=FRAME, linewidth=0.6)
    if kind in KINDS:
        colour, ink = (KINDS[kind].colour, KINDS[kind].ink) if style == "paper" else GREY
        _rounded(axes, front, 5.1, facecolor=FILL, edgecolor=INK, linewidth=0.6)
        strip = Rect(front.x, front.y, text.strip, front.height)
        _rounded(axes, strip, 5.2, facecolor=colour, edgecolor=INK, linewidth=0.6)
        _text(axes, strip.x + strip.width / 2, strip.y + strip.height / 2, KINDS[kind].letter,
              TITLE, ink, bold=True, ha="center", va="center")  # fmt: skip
    else:
        _rounded(axes, front, 5.1, facecolor="white", edgecolor=SOFT, linewidth=0.6,
                 linestyle=(0, (3, 1.5)))  # fmt: skip
    x, y = front.x + text.strip + text.pad, front.y + text.pad
    for line, size, bold in text.lines:
        _text(axes, x, y + size * 0.95, line, size, INK if bold else SOFT, bold=bold)
        y += size * LEADING


def _text(
    axes: Any, x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False,
    z: float = 6, **how: Any,
) -> None:  # fmt: skip
    axes.text(x, y, text, size=size, color=colour, weight="bold" if bold else "normal",
              family=[FAMILY, "sans-serif"], parse_math=False, zorder=z, **how)  # fmt: skip


def _legend(
    axes: Any, rows: Sequence[Sequence[tuple[str, float]]], left: float, top: float, style: str
) -> None:
    """Say what the letters and colours mean."""
    for n, row in enumerate(rows):
        y = top + n * _LEGEND + _LEGEND / 2
        for kind, x in row:
            label, letter, colour, ink = KINDS[kind]
            colour, ink = (colour, ink) if style == "paper" else GREY
            axes.add_patch(Rectangle((left + x, y - 3.6), 7.2, 7.2, facecolor=colour,
                                     edgecolor=INK, linewidth=0.4, zorder=5))  # fmt: skip
            _text(axes, left + x + 3.6, y, letter, NOTE, ink, bold=True, ha="center",
                  va="center_baseline")  # fmt: skip
            _text(axes, left + x + 10, y, label, NOTE, INK, va="center_baseline")
