"""What a simulated head holds: tissues seen by EPI, planted regions, their responses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.noise import smooth_field
from fmriprod.algorithms.phantom_anatomy import LABEL, TISSUES

GREY = 800.0  # signal of grey matter in the simulated series
# Signal of each tissue in a gradient-echo EPI at 3 T relative to grey matter: fluid bright,
# white matter darker than grey, bone and air dark, fat suppressed.
_EPI = {
    "csf": 1.35, "grey": 1.0, "white": 0.82, "dura": 0.35, "marrow": 0.2, "fat": 0.2,
    "skin": 0.45, "muscle": 0.45, "eye": 1.2, "nerve": 0.6, "cord": 0.8, "vessel": 0.3,
}  # fmt: skip
# Where air in the sinus and in the ear canals dephases the signal: MNI mm, radius mm.
_DROPOUT = (((0, 36, -22), 15), ((52, -22, -30), 12), ((-52, -22, -30), 12))


@dataclass(frozen=True)
class Region:
    """Grey matter within spheres around points of MNI space.

    Attributes
    ----------
    name : str
        How it is called in file names.
    centres : tuple of (float, float, float)
        MNI coordinates in mm.
    radius : float
        Of each sphere, mm.
    role : str
        What is planted there, in words.
    """

    name: str
    centres: tuple[tuple[float, float, float], ...]
    radius: float
    role: str


REGIONS = (
    Region(
        "visual",
        ((40, -72, -8), (-40, -72, -8), (26, -90, 0), (-26, -90, 0)),
        14,
        "answers to every object, each with its own pattern; weaker while drawing",
    ),
    Region(
        "motor", ((-36, -28, 56), (-32, -52, 54)), 13, "answers while drawing, not to seen objects"
    ),
    Region("control", ((32, 46, 20), (-32, 46, 20)), 16, "answers to nothing"),
)


def region_masks(
    mni: np.ndarray, grey: np.ndarray, regions: Sequence[Region] = REGIONS
) -> dict[str, np.ndarray]:
    """Find the planted regions in a head.

    Parameters
    ----------
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel.
    grey : ndarray of bool, shape (x, y, z)
        Grey matter.
    regions : sequence of Region
        What to find.

    Returns
    -------
    dict of str to ndarray of bool
        Masks by name.
    """
    masks = {}
    for region in regions:
        near = np.zeros(grey.shape, bool)
        for centre in region.centres:
            near |= ((mni - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0) < region.radius**2
        masks[region.name] = near & grey
    return masks


def epi_signal(labels: np.ndarray, mni: np.ndarray) -> np.ndarray:
    """Give a labelled head the contrast of a gradient-echo EPI, with signal dropout.

    Parameters
    ----------
    labels : ndarray of uint8, shape (x, y, z)
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel; they place the dropout.

    Returns
    -------
    ndarray of float32, shape (x, y, z)
        Signal, grey matter at 800.
    """
    table = np.array([_EPI.get(name, 0.0) for name in TISSUES], np.float32)
    signal = GREY * table[labels]
    for centre, radius in _DROPOUT:
        distance = ((mni - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0)
        signal *= 1 - 0.8 * np.exp(-distance / (2 * (radius / 2) ** 2)).astype(np.float32)
    return signal


def response_maps(
    masks: dict[str, np.ndarray],
    zooms: np.ndarray,
    *,
    rng: np.random.Generator,
    n_objects: int,
    amplitude: float,
    pattern: float,
    pattern_fwhm: float = 5.0,
) -> dict[str, np.ndarray]:
    """Draw what each object and the act of drawing evoke at each place.

    Parameters
    ----------
    masks : dict of str to ndarray of bool, shape (x, y, z)
        Regions ``visual`` and ``motor``.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    rng : numpy.random.Generator
        Draws the patterns.
    n_objects : int
        Objects that are told apart.
    amplitude : float
        Peak response that all objects share, as a fraction of the signal.
    pattern : float
        Standard deviation over the region of what is an object's own, as a fraction of the
        signal.
    pattern_fwhm : float
        Grain of the patterns in mm.

    Returns
    -------
    dict of str to ndarray of float32
        ``objects``, shape (n_objects, x, y, z), and ``drawing``, shape (x, y, z).
    """
    visual, motor = masks["visual"], masks["motor"]
    shape = visual.shape
    own = np.stack([smooth_field(shape, zooms, pattern_fwhm, rng) for _ in range(n_objects)])
    own -= own.mean(axis=0)  # what all objects share is the amplitude alone
    own *= pattern / own[:, visual].std()
    drawing = (1 + 0.2 * smooth_field(shape, zooms, 8.0, rng)) * (amplitude * motor)
    return {
        "objects": ((amplitude + own) * visual).astype(np.float32),
        "drawing": drawing.astype(np.float32),
    }


def grey_matter(labels: np.ndarray) -> np.ndarray:
    """Grey matter of a labelled head.

    Parameters
    ----------
    labels : ndarray of uint8
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.

    Returns
    -------
    ndarray of bool
        Where the label is grey matter.
    """
    return labels == LABEL["grey"]
