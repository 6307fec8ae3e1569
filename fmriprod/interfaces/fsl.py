"""Run FSL's registration programs through Nipype's interfaces of them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import open_image
from fmriprod.interfaces.transforms import read_fsl_transform


def require_program(program: str) -> None:
    """Refuse to go on when a program of FSL is not installed.

    Raises
    ------
    InputError
        It names the program.
    """
    if shutil.which(program) is None:
        raise InputError(
            "engine",
            expected=f"the program {program} of FSL on the PATH",
            found="no such program",
            hint="install FSL and put its bin folder on the PATH, or use the engine python",
        )


def run_mcflirt(in_file: str, reference: str | int | None, folder: Path) -> np.ndarray:
    """Estimate motion with MCFLIRT.

    Parameters
    ----------
    in_file : path
        4-D image.
    reference : path, int or None
        An image, a volume of the run, or the mean of the run.
    folder : pathlib.Path
        Where it works.

    Returns
    -------
    ndarray, shape (n_volumes, 4, 4)
        Reference to volume, RAS mm.
    """
    from nipype.interfaces.fsl import MCFLIRT

    require_program("mcflirt")
    # As free text: Nipype would look up FSL's version for the name of an image not used here.
    kind: dict[str, Any] = {"args": "-meanvol"}
    if reference is not None:
        kind = {"ref_vol" if isinstance(reference, int) else "ref_file": reference}
    moved = folder / "mcflirt.nii.gz"
    tool = MCFLIRT(in_file=in_file, out_file=str(moved), save_mats=True, **kind)
    tool.inputs.output_type = "NIFTI_GZ"
    files = tool.run(cwd=str(folder)).outputs.mat_file
    moved.unlink(missing_ok=True)  # as long as the run, and interpolated FSL's way
    image = open_image(in_file)
    grid = open_image(reference) if isinstance(reference, str) else image
    return np.array([read_fsl_transform(path, image, grid) for path in files])


def run_flirt(in_file: str, reference_file: str, folder: Path, dof: int = 6) -> np.ndarray:
    """Register one image to another with FLIRT (correlation ratio), rigidly or with 12 dof.

    Returns
    -------
    ndarray, shape (4, 4)
        Reference to ``in_file``, RAS mm.
    """
    from nipype.interfaces.fsl import FLIRT

    require_program("flirt")
    moved, matrix = folder / "flirt.nii.gz", folder / "flirt.mat"
    tool = FLIRT(in_file=in_file, reference=reference_file, dof=dof, cost="corratio")
    tool.inputs.trait_set(out_file=str(moved), out_matrix_file=str(matrix), output_type="NIFTI_GZ")
    tool.run(cwd=str(folder))
    moved.unlink(missing_ok=True)
    return read_fsl_transform(matrix, open_image(in_file), open_image(reference_file))
