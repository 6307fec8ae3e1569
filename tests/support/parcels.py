"""Small files that hold series of parcels."""

import nibabel as nb
import numpy as np
from nibabel.cifti2 import BrainModelAxis, LabelAxis, ParcelsAxis, SeriesAxis

AFFINE = np.diag([2.0, 2, 2, 1])
SHAPE = (4, 4, 4)


def brain(n_vertices=20, left=15, right=12):
    """Vertices of both cortices and a few voxels, as a grayordinate axis."""
    parts = [
        BrainModelAxis.from_surface(np.arange(n), n_vertices, f"CORTEX_{side}")
        for n, side in ((left, "LEFT"), (right, "RIGHT"))
    ]
    voxels = np.zeros(SHAPE, bool)
    voxels[1:3, 1:3, 1] = True
    return parts[0] + parts[1] + BrainModelAxis.from_mask(voxels, "BRAIN_STEM", AFFINE)


def save_dtseries(path, data, axis, tr=0.72, unit="SECOND"):
    header = nb.Cifti2Header.from_axes((SeriesAxis(0, tr, len(data), unit), axis))
    nb.Cifti2Image(np.asarray(data, np.float32), header).to_filename(path)


def save_dlabel(path, keys, axis, names):
    """Keys of grayordinates; names of keys from 1 on (0 is ``???``)."""
    table = {0: ("???", (0.0, 0.0, 0.0, 0.0))}
    table |= {k: (name, (1.0, 0.0, 0.0, 1.0)) for k, name in enumerate(names, 1)}
    header = nb.Cifti2Header.from_axes((LabelAxis(["labels"], [table]), axis))
    nb.Cifti2Image(np.asarray(keys, np.float32)[None], header).to_filename(path)


def save_ptseries(path, data, names, tr=0.72, unit="SECOND"):
    """Parcels of one vertex each, the first half on the left."""
    half = len(names) // 2
    axis = ParcelsAxis(
        names,
        np.array([np.zeros((0, 3), int)] * len(names) + [None], dtype=object)[:-1],
        np.array(
            [{f"CIFTI_STRUCTURE_CORTEX_{'LEFT' if k < half else 'RIGHT'}": np.array([k])}
             for k in range(len(names))], dtype=object
        ),
        nvertices={f"CIFTI_STRUCTURE_CORTEX_{s}": 20 for s in ("LEFT", "RIGHT")},
    )  # fmt: skip
    header = nb.Cifti2Header.from_axes((SeriesAxis(0, tr, len(data), unit), axis))
    nb.Cifti2Image(np.asarray(data, np.float32), header).to_filename(path)
