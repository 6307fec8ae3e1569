"""The text form of ITK's linear transforms, as ANTs, ITK-SNAP and fMRIPrep read and write it.

On paper a transform is in LPS coordinates, ``y = M (x - c) + c + t``, and maps points of the
fixed image into the moving one; here it is a 4x4 matrix in RAS mm that does the same.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import check_affine, flip_ras_lps

_HEADER = "#Insight Transform File V1.0"
# How many numbers each kind keeps before its translation, in a file of 3-D transforms.
_LEADING = {
    "AffineTransform": 9,
    "MatrixOffsetTransformBase": 9,
    "Euler3DTransform": 3,
    "VersorRigid3DTransform": 3,
    "TranslationTransform": 0,
}


def format_transforms(matrices: np.ndarray) -> str:
    """Write matrices as the text of an ITK transform file.

    Parameters
    ----------
    matrices : ndarray, shape (4, 4) or (n, 4, 4)
        Point to point, RAS mm.

    Returns
    -------
    str
        One ``AffineTransform_double_3_3`` for each, with its centre at the origin; numbers have
        all the digits that bring back the same doubles.
    """
    matrices = np.asarray(matrices, float).reshape(-1, 4, 4)
    blocks = [_HEADER]
    for number, matrix in enumerate(matrices):
        lps = flip_ras_lps(check_affine(matrix, "matrices")) + 0.0  # no negative zeros
        values = [*lps[:3, :3].ravel(), *lps[:3, 3]]
        blocks += [
            f"#Transform {number}",
            "Transform: AffineTransform_double_3_3",
            "Parameters: " + " ".join(repr(float(v)) for v in values),
            "FixedParameters: 0 0 0",
            "",
        ]
    return "\n".join(blocks)


def parse_transforms(text: str) -> np.ndarray:
    """Read the text of an ITK transform file.

    Parameters
    ----------
    text : str
        One or more linear transforms: affine, matrix with offset, Euler, versor, translation.

    Returns
    -------
    ndarray of float64, shape (n, 4, 4)
        Point to point, RAS mm.

    Raises
    ------
    InputError
        If it is no such text, or holds a transform that is not linear or a composite.
    """
    lines = [line.strip() for line in text.splitlines()]
    if not lines or not lines[0].startswith("#Insight Transform File"):
        first = lines[0][:40] if lines else ""
        raise _error(f"a file that begins with {first!r}")
    matrices, fields = [], {}
    for line in lines:
        key, _, value = line.partition(":")
        if key in ("Transform", "Parameters", "FixedParameters"):
            fields[key] = value.strip()
        if key == "FixedParameters":
            matrices.append(_matrix(fields))
            fields = {}
        elif key == "Transform" and value.strip().split("_")[0] not in _LEADING:
            raise _error(f"a {value.strip()}")
    if not matrices or fields:
        raise _error("a file that ends before its numbers")
    return np.array(matrices)


def _matrix(fields: dict[str, str]) -> np.ndarray:
    kind = fields.get("Transform", "").split("_")[0]
    try:
        numbers = np.array(fields["Parameters"].split(), float)
        fixed = np.array(fields["FixedParameters"].split(), float)
    except (KeyError, ValueError) as err:
        raise _error(f"numbers that cannot be read ({err})") from None
    if kind not in _LEADING:
        raise _error("numbers without the kind of their transform")
    n_leading = _LEADING[kind]
    if len(numbers) != n_leading + 3:
        raise _error(f"{len(numbers)} parameters for a {kind}")
    matrix = np.eye(4)
    matrix[:3, :3] = _linear_part(kind, numbers[:n_leading], fixed)
    center = fixed[:3] if len(fixed) >= 3 else np.zeros(3)
    matrix[:3, 3] = numbers[n_leading:] + center - matrix[:3, :3] @ center
    return check_affine(flip_ras_lps(matrix), "transform")


def _linear_part(kind: str, numbers: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    if kind == "TranslationTransform":
        return np.eye(3)
    if kind == "Euler3DTransform":  # angles are stored x, y, z whatever their order is
        in_zyx = len(fixed) == 4 and fixed[3] != 0
        order, angles = ("ZYX", numbers[[2, 1, 0]]) if in_zyx else ("ZXY", numbers[[2, 0, 1]])
        return Rotation.from_euler(order, angles).as_matrix()
    if kind == "VersorRigid3DTransform":
        real = np.sqrt(max(0.0, 1 - numbers @ numbers))
        return Rotation.from_quat([*numbers, real]).as_matrix()
    return numbers.reshape(3, 3)


def _error(found: str) -> InputError:
    return InputError(
        "transform",
        expected="an ITK text file of linear 3-D transforms (Affine, MatrixOffset, Euler3D, "
        "VersorRigid3D or Translation)",
        found=found,
        hint="write it as ITK text, one file for each step; warp fields are no linear transforms",
    )
