"""Parcels of a simulated cortex, numbered as FreeSurfer numbers them.

Cortex is shared out among points of MNI space, a few for each parcel of Desikan et al. (2006);
each voxel of grey matter goes to the nearest one. The points lie about where the gyri
are, the borders do not: it is a plausible layout, not an atlas.
"""

import numpy as np
from scipy.spatial import cKDTree

from fmriprod.algorithms.phantom_anatomy import LABEL

LEFT, RIGHT = 1000, 2000  # added to the number of a cortical parcel
HIPPOCAMPUS = (17, 53)  # left, right
_WHITE, _CEREBELLUM, _VENTRICLE, _BRAINSTEM = (2, 41), (8, 47), (4, 43), 16
# Number of a parcel, and points of it: |x|, y, z in mm.
_POINTS: dict[int, tuple[tuple[float, float, float], ...]] = {
    1: ((54, -46, 8),),
    2: ((5, 18, 28),),
    3: ((37, 11, 46),),
    5: ((8, -82, 24),),
    6: ((24, -6, -34),),
    7: ((38, -42, -20), (36, -58, -16)),
    8: ((42, -68, 30), (48, -56, 38), (36, -78, 26)),
    9: ((52, -28, -28), (50, -52, -16), (46, -8, -38)),
    10: ((8, -46, 14),),
    11: ((32, -90, -2), (42, -76, 0), (36, -78, -14), (30, -86, 14)),
    12: ((24, 28, -15),),
    13: ((14, -66, -4), (12, -82, -10)),
    14: ((6, 38, -14),),
    15: ((58, -20, -14), (60, -44, -2), (52, 2, -28)),
    16: ((24, -30, -18),),
    17: ((8, -28, 58),),
    18: ((46, 14, 14),),
    19: ((42, 38, -10),),
    20: ((44, 30, 4),),
    21: ((8, -80, 6), (8, -94, 0)),
    22: ((46, -24, 46), (56, -18, 28), (26, -36, 64)),
    23: ((6, -18, 38),),
    24: ((38, -10, 46), (52, -2, 28), (24, -20, 66)),
    25: ((10, -58, 38),),
    26: ((5, 36, 2),),
    27: ((34, 42, 20), (26, 54, 4)),
    28: ((11, 24, 46), (10, 50, 28), (12, 0, 62)),
    29: ((22, -62, 54), (30, -50, 56)),
    30: ((56, -8, -4), (58, -34, 12), (50, 10, -14)),
    31: ((54, -34, 32), (58, -24, 22)),
    32: ((8, 64, -10),),
    33: ((34, 14, -36),),
    34: ((44, -22, 9),),
    35: ((36, 4, 0), (36, -12, 6)),
}


def cerebrum(mni: np.ndarray) -> np.ndarray:
    """Find what lies above a simple tentorium and before it, beside the brain stem.

    Parameters
    ----------
    mni : ndarray, shape (3, ...)
        MNI coordinates in mm.

    Returns
    -------
    ndarray of bool, shape (...)
        False in the cerebellum and in the brain stem.
    """
    x, y, z = np.abs(mni[0]), mni[1], mni[2]
    behind = (y < -38) & (z < -8 - 0.3 * x)
    between = (y >= -38) & (y < -30) & (z < -30)
    return ~(behind | between | _brainstem(x, y, z))


def _brainstem(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return (x < 17) & (y > -46) & (y < -4) & (z < -9) & (z < -16 + 0.3 * (y + 46))


def parcellate(mni: np.ndarray, tissues: np.ndarray) -> np.ndarray:
    """Give the voxels of a simulated brain the numbers of FreeSurfer's aparc+aseg.

    Parameters
    ----------
    mni : ndarray, shape (3, x, y, z)
        MNI coordinates (mm) of every voxel.
    tissues : ndarray of uint8, shape (x, y, z)
        Index into `fmriprod.algorithms.phantom_anatomy.TISSUES`.

    Returns
    -------
    ndarray of int32, shape (x, y, z)
        1001 to 1035 in left cortex, 2001 to 2035 in right, 17 and 53 hippocampus, 2 and 41
        white matter, 4 and 43 fluid within the cerebrum, 8 and 47 cerebellum, 16 brain stem,
        0 elsewhere.
    """
    right = (mni[0] > 0).astype(int)
    above = cerebrum(mni)
    grey, white = tissues == LABEL["grey"], tissues == LABEL["white"]
    codes = np.zeros(tissues.shape, np.int32)
    numbers = np.repeat(list(_POINTS), [len(p) for p in _POINTS.values()])
    tree = cKDTree(np.concatenate([np.asarray(p, float) for p in _POINTS.values()]))
    cortex = grey & above
    places = mni[:, cortex].T.copy()
    places[:, 0] = np.abs(places[:, 0])
    codes[cortex] = numbers[tree.query(places)[1]] + np.where(right[cortex], RIGHT, LEFT)
    pairs = (
        (_WHITE, white & above),
        (_VENTRICLE, (tissues == LABEL["csf"]) & _ventricle(mni)),
        (_CEREBELLUM, (grey | white) & ~above),
        (HIPPOCAMPUS, _hippocampus(mni) & (grey | white) & above),
    )
    for sides, where in pairs:
        codes[where] = np.take(sides, right[where])
    stem = _brainstem(np.abs(mni[0]), mni[1], mni[2])
    codes[stem & (grey | white)] = _BRAINSTEM
    return codes


def _hippocampus(mni: np.ndarray) -> np.ndarray:
    """Ellipsoids that rise towards the back, about 4 ml each."""
    x, y = np.abs(mni[0]) - 27, mni[1] + 21
    z = mni[2] + 15 + 0.35 * y
    return (x / 7.5) ** 2 + (y / 17) ** 2 + (z / 7.5) ** 2 < 1


def _ventricle(mni: np.ndarray) -> np.ndarray:
    return ((mni[0] / 30) ** 2 + ((mni[1] + 10) / 50) ** 2 + ((mni[2] - 12) / 25) ** 2) < 1
