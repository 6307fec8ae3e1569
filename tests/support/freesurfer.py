"""A participant's FreeSurfer folder with spheres for hemispheres."""

import nibabel as nb
import numpy as np
from nibabel.freesurfer import write_geometry, write_morph_data

from fmriprod.algorithms.surface_projection import surface_affine
from support.spheres import icosphere

SHAPE, EDGE = (72, 72, 72), 2.0
AFFINE = np.array([[-EDGE, 0, 0, 75.0], [0, 0, EDGE, -66.0], [0, -EDGE, 0, 80.0], [0, 0, 0, 1]])
CENTERS = {"lh": (-28.0, 0, 0), "rh": (28.0, 0, 0)}  # in the coordinates of the surfaces
RADIUS, DEPTH = 20.0, 3.0
OFFSET = (AFFINE @ [*(n / 2 for n in SHAPE), 1])[:3]  # from surface to scanner coordinates


def cap(vertices):
    """Vertices of the label V1_exvivo: the posterior pole of the unit sphere."""
    return np.flatnonzero(vertices[:, 1] < -0.6)


def write_subject(folder, labels=("V1_exvivo",)):
    """Write mri/aparc+aseg.mgz, surf and label files of both hemispheres; return the folder."""
    for part in ("mri", "surf", "label"):
        (folder / part).mkdir(parents=True)
    vertices, faces = icosphere(4)
    to_surface = surface_affine(SHAPE, np.full(3, EDGE))
    index = np.indices(SHAPE).reshape(3, -1)
    points = (to_surface[:3, :3] @ index).T + to_surface[:3, 3]
    data = np.zeros(index.shape[1], np.int32)
    for side, (hippocampus, start) in {"lh": (17, 1000), "rh": (53, 2000)}.items():
        away = points - CENTERS[side]
        radius = np.linalg.norm(away, axis=1)
        ribbon = (radius >= RADIUS) & (radius <= RADIUS + DEPTH)
        data[ribbon] = start + np.where(away[ribbon, 1] < 0, 11, 7)  # posterior: lateraloccipital
        data[radius < 8] = hippocampus
        info = {
            "head": np.array([2, 0, 20], np.int32), "valid": "1  # volume info valid",
            "filename": "orig.mgz", "volume": np.array(SHAPE), "voxelsize": np.full(3, EDGE),
            "xras": np.array([-1.0, 0, 0]), "yras": np.array([0, 0, -1.0]),
            "zras": np.array([0, 1.0, 0]), "cras": OFFSET,
        }  # fmt: skip
        white = RADIUS * vertices + CENTERS[side]
        write_geometry(folder / f"surf/{side}.white", white, faces, volume_info=info)
        pial = (RADIUS + DEPTH) * vertices + CENTERS[side]
        write_geometry(folder / f"surf/{side}.pial", pial, faces, volume_info=info)
        write_morph_data(folder / f"surf/{side}.thickness", np.full(len(vertices), DEPTH))
        for name in labels:
            write_label(folder / f"label/{side}.{name}.label", cap(vertices), white)
    image = nb.MGHImage(data.reshape(SHAPE), AFFINE)
    image.to_filename(folder / "mri" / "aparc+aseg.mgz")
    return folder


def write_label(path, chosen, vertices):
    """Write a label of vertices as FreeSurfer does."""
    lines = ["#!ascii label", str(len(chosen))]
    lines += [f"{v} {x:.3f} {y:.3f} {z:.3f} 0.0" for v, (x, y, z) in
              zip(chosen, vertices[chosen], strict=True)]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
