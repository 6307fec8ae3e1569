"""Figure of the maps of all layers on the same slices, with one scale."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from fmriprod.algorithms.slices import IN_PLANE, SliceLayout, arrange_slices, bright, sample_slice
from fmriprod.reports.layer_colours import score_colours
from fmriprod.reports.slices_drawing import DPI, INK, WIDTH
from fmriprod.reports.style import SETTINGS

_NAMES = 1.0  # inches on the left for the layers' names
_TOP, _BOTTOM = 0.34, 0.5
_AROUND = 6.0  # mm shown around the voxels
_STYLE = SETTINGS | {
    "savefig.facecolor": "black",
    "savefig.dpi": DPI,
    "text.color": INK,
    "figure.facecolor": "black",
}


@contextmanager
def score_maps_figure(
    values: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    layers: Sequence[str],
    *,
    label: str = "r²",
    threshold: float = 0.0,
    top: float | None = None,
    title: str | None = None,
    simulated: bool = False,
    plane: str = "z",
    n_slices: int = 8,
) -> Iterator[Figure]:
    """Draw the map of each layer as a row of slices through the part with values.

    Parameters
    ----------
    values : ndarray, shape (n_layers, n_voxels)
        Scores, or shares of them, of the voxels of the mask in C order; NaN is not shown.
    mask : ndarray of bool, shape (x, y, z)
        Where the voxels lie.
    background : ndarray, shape (x, y, z)
        Volume in grey.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    layers : sequence of str
        Names in their order.
    label : str
        What the values are, at the colour bar.
    threshold : float
        Values above it are shown.
    top : float, optional
        Upper end of the colours, by default the 99.8th percentile of what is shown.
    title : str, optional
        Printed at the top left; says what is drawn unless given.
    simulated : bool
        Whether the figure says that its data are simulated.
    plane : {"x", "y", "z"}
        Plane of the slices.
    n_slices : int
        Slices a row.

    Yields
    ------
    matplotlib.figure.Figure
    """
    known = np.isfinite(values)
    above = values[known & (np.nan_to_num(values) > threshold)]
    high = top or (float(np.percentile(above, 99.8)) if above.size else threshold + 1)
    norm = Normalize(threshold, max(high, threshold + 1e-6))
    colours = score_colours()
    present = np.zeros(mask.shape, bool)
    present[mask] = known.any(axis=0)
    layout = _layout(background, affine, present, plane, n_slices)
    greys = _greys(background, affine, layout, plane)
    canvas = np.vstack(
        [_row(layer, mask, affine, layout, plane, greys, norm, colours) for layer in values]
    )
    height = _TOP + canvas.shape[0] / DPI + _BOTTOM
    with mpl.rc_context(_STYLE):
        fig = plt.figure(figsize=(WIDTH, height), dpi=DPI)
        try:
            _draw(fig, canvas, layers, layout.positions[plane], plane)
            title = title or ("Scores of each layer" if len(layers) > 1 else "Score of each voxel")
            words = title + " – simulated data" * simulated
            fig.text(0.008, 1 - 0.17 / height, words, fontsize=10, va="center")
            bar = fig.add_axes((0.72, 0.22 / height, 0.24, 0.1 / height))
            drawn = fig.colorbar(ScalarMappable(norm, colours), cax=bar, orientation="horizontal")
            drawn.outline.set_visible(False)
            bar.tick_params(colors=INK, labelsize=8, length=2)
            fig.text(0.712, 0.27 / height, label, ha="right", va="center", fontsize=8)
            yield fig
        finally:
            plt.close(fig)


def _layout(
    background: np.ndarray, affine: np.ndarray, present: np.ndarray, plane: str, n_slices: int
) -> SliceLayout:
    """Slices through the voxels, and a field that is not larger than they need."""
    width = round((WIDTH - _NAMES) * DPI)
    layout = arrange_slices(
        background, affine, [present], planes=plane, n_slices=n_slices, width=width, gutter=0
    )
    world = np.argwhere(present) @ affine[:3, :3].T + affine[:3, 3]
    if len(world):
        layout = layout._replace(
            lower=world.min(axis=0) - _AROUND, upper=world.max(axis=0) + _AROUND
        )
    across = IN_PLANE[plane][0]
    pitch = float((layout.upper - layout.lower)[across]) * 1.02
    return layout._replace(pitch=pitch, step=n_slices * pitch / width)


def _greys(
    background: np.ndarray, affine: np.ndarray, layout: SliceLayout, plane: str
) -> list[np.ndarray]:
    """Slices of the background from 0 to 1; darker than elsewhere, under many maps."""
    background = np.nan_to_num(background).astype(np.float32)
    inside = background[bright(background)]
    low, high = np.percentile(inside, [2, 99.5]) if inside.size else (0.0, 1.0)
    low = min(low, 0.25 * high)
    slices = []
    for position in layout.positions[plane]:
        grey = sample_slice(background, affine, layout, plane, position, step=layout.step, order=1)
        slices.append(0.7 * np.clip((grey - low) / max(high - low, 1e-12), 0, 1))
    return slices


def _row(
    layer: np.ndarray,
    mask: np.ndarray,
    affine: np.ndarray,
    layout: SliceLayout,
    plane: str,
    greys: list[np.ndarray],
    norm: Normalize,
    colours: mpl.colors.Colormap,
) -> np.ndarray:
    """Paint one layer, shape (height, width, 3), from above."""
    volume = np.full(mask.shape, norm.vmin, np.float32)
    volume[mask] = np.where(np.isfinite(layer), layer, norm.vmin)
    height = len(greys[0]) + 4
    row = np.zeros((height, round((WIDTH - _NAMES) * DPI), 3), np.float32)
    for number, (position, grey) in enumerate(zip(layout.positions[plane], greys, strict=True)):
        values = sample_slice(volume, affine, layout, plane, position, step=layout.step, order=0)
        pixels = np.repeat(grey[..., None], 3, axis=2)
        shown = values > norm.vmin
        pixels[shown] = colours(norm(values[shown]))[:, :3]
        left = round(number * layout.pitch / layout.step)
        target = row[2 : 2 + len(grey), left : left + grey.shape[1]]
        target[:] = pixels[::-1][:, : target.shape[1]]
    return row


def _draw(
    fig: Figure, canvas: np.ndarray, layers: Sequence[str], positions: np.ndarray, plane: str
) -> None:
    """Place the picture, one pixel to one of the file, with names and positions."""
    height = fig.get_figheight()
    picture = canvas.shape[0] / DPI
    left = _NAMES / WIDTH
    ax = fig.add_axes((left, _BOTTOM / height, 1 - left, picture / height))
    ax.imshow(np.clip(canvas, 0, 1), interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    row = picture / len(layers)
    for number, name in enumerate(layers):
        y = (_BOTTOM + picture - (number + 0.5) * row) / height
        size = min(9, 72 * (_NAMES - 0.1) / (0.6 * max(len(name), 1)))
        fig.text(left - 0.01, y, name, ha="right", va="center", fontsize=size)
    for number, position in enumerate(positions):
        x = left + (1 - left) * (number + 0.5) / len(positions)
        words = f"{plane} = {position:.0f} mm" if number == 0 else f"{position:.0f}"
        fig.text(x, (_BOTTOM - 0.02) / height, words.replace("-", "−"), ha="center", va="top",
                 fontsize=8)  # fmt: skip
    side = "Left is on the left. " if plane != "x" else "Anterior is on the right. "
    scale = "One scale for all layers." * (len(layers) > 1)
    fig.text(0.008, 0.1 / height, side + scale, fontsize=7.5, color="#A8A8A8", va="center")
