"""Labels of FreeSurfer surfaces as masks of volumes."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import Atom
from fmriprod.algorithms.label_table import side_of_file
from fmriprod.algorithms.surface_projection import fill_voxels, project_label, surface_affine
from fmriprod.interfaces.supplied import check_file

_UNREADABLE = (
    OSError, ValueError, IndexError, EOFError, UserWarning, OverflowError, MemoryError,
)  # fmt: skip


def label_voxels(
    label_files: Sequence[str],
    white_files: Sequence[str],
    volume: Any,
    grid: Any,
    transform: np.ndarray,
    *,
    thickness_files: Sequence[str] = (),
    pial_files: Sequence[str] = (),
) -> dict[Atom, np.ndarray]:
    """Fill the voxels of a grid that labels of vertices pass through, grey matter deep.

    Parameters
    ----------
    label_files : sequence of path
        ``lh.V1_exvivo.label`` and so on.
    white_files : sequence of path
        ``lh.white`` and ``rh.white``, as far as there are labels.
    volume : nibabel image
        A volume of the participant's FreeSurfer folder (conformed): surfaces are told relative
        to its middle.
    grid : nibabel image
        Sets the grid.
    transform : ndarray, shape (4, 4)
        Maps points of the grid's world to points of the volume's (RAS mm).
    thickness_files, pial_files : sequence of path
        Of each hemisphere the thickness, or the pial surface; see `project_label`.

    Returns
    -------
    dict from Atom to ndarray of bool
        The key is the file's name without ``.label``.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or files do not belong together.
    """
    sizes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    to_scanner = volume.affine @ np.linalg.inv(surface_affine(volume.shape, sizes))
    to_grid = np.linalg.inv(transform) @ to_scanner
    surfaces: dict[int, dict[str, Any]] = {}
    found = {}
    for path in label_files:
        name = Path(path).name
        side = side_of_file(name)
        if side not in surfaces:
            surfaces[side] = _read_hemisphere(
                name[:2], white_files, thickness_files, pial_files, volume
            )
        label = _read(nb.freesurfer.read_label, path, "a label of FreeSurfer's")
        try:
            points = project_label(np.atleast_1d(label), **surfaces[side])
        except InputError as err:
            other = pial_files if err.subject == "pial" else thickness_files
            err.file = path if err.subject == "label" else _of_side(other, name[:2], err.subject)
            raise
        points = points @ to_grid[:3, :3].T + to_grid[:3, 3]
        mask, _ = fill_voxels(points, grid.affine, grid.shape[:3])
        found[Atom("surface", name.removesuffix(".label"), side)] = mask
    return found


def _read_hemisphere(
    prefix: str,
    white_files: Sequence[str],
    thickness_files: Sequence[str],
    pial_files: Sequence[str],
    volume: Any,
) -> dict[str, Any]:
    """Read what `project_label` needs of a hemisphere."""
    path = _of_side(white_files, prefix, "white")
    white, faces = _read_surface(path, volume)
    surface = {"white": white, "faces": faces}
    if pial_files:
        surface["pial"] = _read_surface(_of_side(pial_files, prefix, "pial"), volume)[0]
    else:
        path = _of_side(thickness_files, prefix, "thickness")
        what = "a file of one number for each vertex"
        surface["thickness"] = _read(nb.freesurfer.read_morph_data, path, what)
    return surface


def _of_side(paths: Sequence[str], prefix: str, what: str) -> str:
    for path in paths:
        if Path(path).name.startswith(f"{prefix}."):
            return path
    raise InputError(
        f"{what}_files",
        expected=f"the file {prefix}.{what}, for the labels of this hemisphere",
        found=", ".join(Path(path).name for path in paths) or "no file",
        hint=f"give surf/{prefix}.{what} of the participant's FreeSurfer folder",
    )


def _read_surface(path: str, volume: Any) -> tuple[np.ndarray, np.ndarray]:
    """Read vertices and triangles; refuse a surface of another volume."""

    def read(path: str) -> tuple:
        return nb.freesurfer.read_geometry(path, read_metadata=True)

    vertices, faces, about = _read(read, path, "a surface of FreeSurfer's")
    middle = about.get("cras")
    if middle is None:  # an old file does not tell
        return vertices, faces
    half = np.append(np.asarray(volume.shape[:3]) / 2, 1)
    distance = float(np.linalg.norm((volume.affine @ half)[:3] - middle))
    if distance > 0.1:
        raise InputError(
            "surface",
            expected=f"a surface made from {volume.get_filename() or 'the label image'}",
            found=f"one whose volume has its middle {distance:.3g} mm from there",
            hint="give surfaces and label image of one FreeSurfer folder (mri/aparc+aseg.mgz, "
            "not resampled)",
            file=str(path),
        )
    return vertices, faces


def _read(reader: Any, path: str, expected: str) -> Any:
    check_file(path, "surface", expected, 1 << 31)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # NumPy warns of a file without numbers
            warnings.filterwarnings("ignore", "(No volume information|Unknown ext)")  # old
            return reader(str(path))
    except _UNREADABLE as err:
        raise InputError(
            "surface",
            expected=expected,
            found=f"a file that cannot be read ({err})",
            hint="copy it again from the participant's FreeSurfer folder",
            file=str(path),
        ) from None
