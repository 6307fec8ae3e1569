"""Figure of the layer that each place of the brain is most similar to, on slices."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.layer_colours import layer_colours, name_layers
from fmriprod.reports.layer_maps import winner_figure
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.slices_drawing import INK, WIDTH

LEVELS = 8  # shades from no agreement to full agreement
_GREY = np.array([0.42, 0.42, 0.42])  # of tissue on these slices, half way
_BAR = (0.44, 0.54)  # left edge and width of the key, parts of the page


@contextmanager
def assignment_figure(
    layer: np.ndarray,
    background: np.ndarray,
    affine: np.ndarray,
    layers: Sequence[str],
    *,
    agreement: np.ndarray | None = None,
    agreement_label: str = "agreement",
    title: str = "Most similar layer",
    simulated: bool = False,
    planes: str = "xyz",
) -> Iterator[Figure]:
    """Draw which layer's RDM is the most similar to that of the sphere around each voxel.

    Parameters
    ----------
    layer : ndarray, shape (x, y, z)
        Number of the layer from 1 on; 0 or NaN where there is none.
    background : ndarray, shape (x, y, z)
        Volume in grey on the same grid.
    affine : ndarray, shape (4, 4)
        Voxel to world (RAS, mm).
    layers : sequence of str
        Names in their order.
    agreement : ndarray, shape (x, y, z), optional
        From 0 to 1, such as the share of bootstrap samples that give the same layer. The less,
        the more a colour fades to the grey of the tissue.
    agreement_label : str
        What it is, at the key.
    title : str
        Printed at the top left.
    simulated : bool
        Whether the figure says that its data are simulated.
    planes : str
        Rows, of ``x``, ``y``, ``z``.

    Yields
    ------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If numbers of layers do not fit the names, or agreement is not from 0 to 1.
    """
    numbers = check_layers(layer, layers)
    if agreement is None:
        with winner_figure(
            numbers, background, affine, layers, title=title, simulated=simulated, planes=planes
        ) as figure:
            yield figure
        return
    there = numbers > 0
    level = _levels(agreement, there)
    shown = np.where(there, (numbers - 1) * LEVELS + level + 1, 0)
    found = f"{title}: {int(there.sum()):,} voxels" + " – simulated data" * simulated
    with slices_figure(
        background, affine, overlay=shown, overlay_range=(0.5, len(layers) * LEVELS + 0.5),
        cmap=faded_colours(len(layers)), planes=planes, title=found,
    ) as figure:  # fmt: skip
        _key(figure, figure.axes[1], layers, agreement_label)
        yield figure


def check_layers(layer: np.ndarray, layers: Sequence[str]) -> np.ndarray:
    """Give numbers of layers, 0 where there is none, or refuse what is no such map.

    Raises
    ------
    InputError
        If there is a value that is no number of a layer.
    """
    numbers = np.nan_to_num(np.asarray(layer, dtype=np.float32))
    wrong = (numbers != np.rint(numbers)) | (numbers < 0) | (numbers > len(layers))
    if wrong.any():
        worst = numbers[wrong].max()
        raise InputError(
            "layer_map", expected=f"whole numbers from 1 to {len(layers)}, one a layer, and 0 or "
            "NaN elsewhere", found=f"{worst:g}, and {int(wrong.sum()):,} such voxels",
            hint="give the names of all layers of the map, in their order",
        )  # fmt: skip
    return numbers


def faded_colours(n_layers: int) -> Colormap:
    """Give `LEVELS` colours a layer, from nearly grey to the layer's own."""
    pure = layer_colours(n_layers)(np.arange(n_layers))[:, None, :3]
    opacity = ((np.arange(LEVELS) + 1) / LEVELS)[None, :, None]
    return ListedColormap((opacity * pure + (1 - opacity) * _GREY).reshape(-1, 3))


def _levels(agreement: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Shade of each voxel, from 0 on; voxels whose agreement is not known are the palest."""
    values = np.asarray(agreement, dtype=np.float32)
    if values.shape != there.shape:
        raise InputError(
            "agreement", expected=f"the grid of the layers, shape {there.shape}",
            found=f"shape {values.shape}", hint="give the map of the same step",
        )  # fmt: skip
    known = values[there & np.isfinite(values)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise InputError(
            "agreement", expected="shares from 0 to 1",
            found=f"{known.min():.3g} to {known.max():.3g}", hint="give shares, not per cent",
        )  # fmt: skip
    return np.clip(np.ceil(np.nan_to_num(values) * LEVELS) - 1, 0, LEVELS - 1)


def _key(figure: Figure, bar: Axes, layers: Sequence[str], label: str) -> None:
    """Turn the colour bar into a field: layers side by side, agreement from below to above."""
    height = figure.get_figheight()
    colours = faded_colours(len(layers)).colors.reshape(len(layers), LEVELS, 3)
    bar.clear()
    bar.set_position((_BAR[0], 0.24 / height, _BAR[1], 0.24 / height))
    bar.imshow(colours.transpose(1, 0, 2), origin="lower", aspect="auto", interpolation="nearest",
               extent=(0.5, len(layers) + 0.5, 0, 1))  # fmt: skip
    bar.set_yticks([])
    bar.spines[:].set_visible(False)
    meaning = name_layers(bar, layers, _BAR[1] * WIDTH, INK)
    words = f"{label} 0 (below) to 1" + f"; {meaning}" * bool(meaning)
    figure.text(_BAR[0] - 0.008, 0.36 / height, words, ha="right", va="center", fontsize=8)
