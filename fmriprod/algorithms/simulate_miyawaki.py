"""A simulated study in the design of Miyawaki et al. (2008, Neuron 60:915).

Runs of random 10 x 10 images, runs of figures, and voxels that each see a small part of them. Label
rows and receptive fields list pixels down the columns of the image (Fortran order), and rest is
-1, as in the published data.
"""

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_visual_fields import lay_out_areas, visual_field

SIDE = 10  # pixels of an image's side
RADIUS = 5.75  # half of an image's width, in degrees of the visual field
REST = -1
POINTS = {
    "V1": ((9, -86, 3),),
    "V2": ((14, -96, 15), (15, -80, -10)),
    "V3": ((24, -91, 19), (25, -76, -13)),
    "V3A": ((20, -88, 32),),
    "V4v": ((33, -80, -16),),
}
"""About where areas lie: ``(|x|, y, z)``, MNI mm."""

_SIZES = {"V1": 1.0, "V2": 1.2, "V3": 1.4, "V3A": 1.8, "V4v": 1.8}
_UPPER_LOWER = {"V1": ("V1v", "V1d"), "V2": ("V2v", "V2d"), "V3": ("VP", "V3")}
_FARTHEST = 11.0  # degrees
_LEAD, _ON, _OFF, _TAIL = 7, 3, 3, 6  # volumes of rest, image, rest after it, rest
_KERNEL = (0.25, 0.5, 0.25)  # what blood flow blurs, about the lag
_AR = 0.3
_FIGURES = (
    "0000000000 0111111110 0111111110 0110000110 0110000110 0110000110 0110000110 0111111110 "
    "0111111110 0000000000",
    "0000000000 0000000000 0011111100 0011111100 0011001100 0011001100 0011111100 0011111100 "
    "0000000000 0000000000",
    "0000000000 0000110000 0000110000 0000110000 0111111110 0111111110 0000110000 0000110000 "
    "0000110000 0000000000",
    "0000000000 0110000110 0111001110 0011111100 0001111000 0001111000 0011111100 0111001110 "
    "0110000110 0000000000",
    "0000000000 0000000000 0001111000 0001111000 0001111000 0001111000 0001111000 0001111000 "
    "0000000000 0000000000",
    "0000000000 0110000110 0111000110 0111100110 0110110110 0110011110 0110001110 0110000110 "
    "0110000110 0000000000",
    "0000000000 0111111110 0111111110 0110000000 0111111000 0111111000 0110000000 0111111110 "
    "0111111110 0000000000",
    "0000000000 0110000110 0110000110 0110000110 0110000110 0110000110 0110000110 0111111110 "
    "0011111100 0000000000",
    "0000000000 0111111100 0111111110 0110000110 0111111100 0111111000 0110011100 0110001110 "
    "0110000110 0000000000",
    "0000000000 0011111100 0111111110 0110000110 0110000110 0110000110 0110000110 0111111110 "
    "0011111100 0000000000",
)


def figures() -> np.ndarray:
    """Give the figures: two frames, plus, cross and square, and the letters n, e, u, r and o.

    Returns
    -------
    ndarray of int, shape (10, 10, 10)
        Images of 0 and 1: figure, row from the top, column.
    """
    return np.array([[[int(p) for p in row] for row in text.split()] for text in _FIGURES])


def plan_labels(kind: str, run: int, *, seed: int = 0, n_blocks: int | None = None) -> np.ndarray:
    """Plan what is shown in a run.

    Seven volumes of rest, then blocks of three volumes of an image and three of rest, then six
    volumes of rest.

    Parameters
    ----------
    kind : {"figure", "random"}
        Figures, each equally often, or images whose pixels are drawn.
    run : int
        Number of the run.
    seed : int
        Seed of the draws.
    n_blocks : int, optional
        Images; 22 random ones (145 volumes), or 10 figures (73 volumes) unless given.

    Returns
    -------
    ndarray of int, shape (n_volumes, 100)
        Pixels of each volume, 0 or 1, down the columns of the image; -1 at rest.

    Raises
    ------
    InputError
        If there is no such kind, or no block.
    """
    if kind not in ("figure", "random") or (n_blocks is not None and n_blocks < 1):
        raise InputError(
            "n_blocks", expected="runs of kind figure or random, with at least one image",
            found=f"{kind!r}, {n_blocks}", hint="give 10 to 30 images",
        )  # fmt: skip
    rng = np.random.default_rng([seed, kind == "figure", run])
    if kind == "random":
        images = rng.integers(0, 2, (n_blocks or 22, SIDE**2))
    else:
        known = figures().transpose(0, 2, 1).reshape(-1, SIDE**2)
        images = known[rng.permutation(np.arange(n_blocks or 10) % len(known))]
    labels = np.full((_LEAD + len(images) * (_ON + _OFF) + _TAIL, SIDE**2), REST)
    for block, image in enumerate(images):
        start = _LEAD + block * (_ON + _OFF)
        labels[start : start + _ON] = image
    return labels


def make_visual_cortex(mask: np.ndarray, affine: np.ndarray, n_voxels: int) -> pd.DataFrame:
    """Lay out visual areas, and the part of the visual field that each voxel sees.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y, z)
        Where there is cortex.
    affine : ndarray, shape (4, 4)
        Voxel to world of a brain in MNI space, mm.
    n_voxels : int
        How many voxels.

    Returns
    -------
    pandas.DataFrame
        A row a voxel in C order: columns of `lay_out_areas`, with dorsal and ventral parts as
        areas of their own (``V1d V1v V2d V2v V3 VP V3A V4v``: dorsal ones see the lower field),
        ``angle`` (rad, see `visual_field`), ``eccentricity`` (degrees, to 11: beyond what images
        cover) and ``sigma`` (standard deviation of the receptive field, degrees).
    """
    table = lay_out_areas(mask, affine, POINTS, n_voxels)
    table[["angle", "eccentricity"]] = visual_field(table, (0.2 / RADIUS, _FARTHEST / RADIUS))
    table["eccentricity"] *= RADIUS
    table["sigma"] = (0.4 + 0.1 * table["eccentricity"]) * table["area"].map(_SIZES)
    for area, (upper, lower) in _UPPER_LOWER.items():
        rows = table.index[table["area"] == area]
        table.loc[rows, "area"] = np.where(np.sin(table.loc[rows, "angle"]) > 0, upper, lower)
    return table


def receptive_fields(cortex: pd.DataFrame) -> np.ndarray:
    """Compute how much each pixel drives each voxel.

    Gaussian fields whose squares add up to 1 over pixels that cover the whole visual field; of
    fields near the border the images reach a part only, or nothing.

    Parameters
    ----------
    cortex : pandas.DataFrame
        As `make_visual_cortex` gives it.

    Returns
    -------
    ndarray of float32, shape (n_voxels, 100)
        Weights, down the columns of the image.
    """
    pixel = 2 * RADIUS / SIDE
    beyond = 12  # pixels on each side, so that the fields at the border are whole
    steps = (np.arange(-beyond, SIDE + beyond) - (SIDE - 1) / 2) * pixel
    angle, far, sigma = (
        cortex[name].to_numpy()[:, None] for name in ("angle", "eccentricity", "sigma")
    )
    right = np.exp(-((steps - far * np.cos(angle)) ** 2) / (2 * sigma**2))
    down = np.exp(-((-steps - far * np.sin(angle)) ** 2) / (2 * sigma**2))
    norm = np.sqrt((right**2).sum(axis=1) * (down**2).sum(axis=1))
    image = slice(beyond, beyond + SIDE)
    fields = right[:, image, None] * down[:, None, image] / norm[:, None, None]
    return fields.reshape(len(cortex), -1).astype(np.float32)


def miyawaki_responses(
    labels: np.ndarray,
    fields: np.ndarray,
    *,
    snr: float = 0.5,
    lag: int = 2,
    drift: float = 1.0,
    rng: np.random.Generator,
) -> np.ndarray:
    """Simulate the series of a run, in percent of the mean signal.

    Parameters
    ----------
    labels : ndarray, shape (n_volumes, 100)
        Pixels of each volume, -1 at rest.
    fields : ndarray, shape (n_voxels, 100)
        Weights of the pixels.
    snr : float
        Variance of what random images evoke, while they are shown, over that of the noise, in a
        voxel whose field is all inside.
    lag : int
        Volumes from an image to the middle of its response, which is blurred over one volume
        before and after.
    drift : float
        Standard deviation of slow drift: a line and two slow waves for every voxel.
    rng : numpy.random.Generator
        Draws noise and drift.

    Returns
    -------
    ndarray of float32, shape (n_volumes, n_voxels)
        About 100; noise has a standard deviation of 1 and is first-order autoregressive (0.3).
    """
    if not snr >= 0 or lag < 1:
        raise InputError(
            "snr", expected="a ratio of 0 or more, and a lag of at least one volume",
            found=f"{snr}, {lag}", hint="give 0.1 to 5, and 2 volumes",
        )  # fmt: skip
    # Pixels are 0 or 1, evenly: a weighted sum of unit norm has a standard deviation of 1/2.
    drive = 2 * np.sqrt(snr) * np.maximum(labels, 0) @ fields.T
    n_volumes = len(drive)
    series = np.full(drive.shape, 100.0, np.float32)
    for shift, weight in enumerate(_KERNEL, start=lag - 1):
        series[shift:] += weight * drive[: n_volumes - shift]
    time = np.linspace(0, np.pi, n_volumes)
    slow = np.stack([time / np.pi * np.sqrt(12), np.sqrt(2) * np.cos(time), np.cos(2 * time) * 1.4])
    slow -= slow.mean(axis=1, keepdims=True)
    weights = rng.standard_normal((3, drive.shape[1])) / np.sqrt(3)
    series += (drift * slow.T @ weights).astype(np.float32)
    noise = rng.standard_normal(drive.shape, dtype=np.float32)
    for row in range(1, n_volumes):
        noise[row] = _AR * noise[row - 1] + np.sqrt(1 - _AR**2) * noise[row]
    return series + noise
