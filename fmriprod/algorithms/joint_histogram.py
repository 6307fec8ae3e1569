"""Joint histogram of two images under a transform, and what the one tells about the other."""

import numpy as np
from scipy import ndimage

from fmriprod.algorithms.registration import spreading_step
from fmriprod.algorithms.transforms import mask_points

_BLUR = 0.5  # bins: wider, and blur itself pulls towards contrast


class JointHistogram:
    """Count pairs of intensities at points of a fixed image and of another one.

    Parameters
    ----------
    fixed : ndarray of float32, shape (x, y, z)
        Finite image.
    fixed_affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    other : ndarray of float32, shape (x', y', z')
        Finite image; beyond it there is air, its lowest value.
    other_affine : ndarray, shape (4, 4)
        Its voxel to world (RAS, mm).
    mask : ndarray of bool, shape of fixed
        Voxels that are compared.
    max_points : int
        Number of voxels, spread evenly over the mask, that are used.
    bins : int
        Parts that each range of intensities is cut into: few see across a larger distance,
        many tell a smaller one.
    """

    def __init__(
        self,
        fixed: np.ndarray,
        fixed_affine: np.ndarray,
        other: np.ndarray,
        other_affine: np.ndarray,
        mask: np.ndarray,
        max_points: int,
        bins: int = 64,
    ) -> None:
        points = np.flatnonzero(mask)
        points = points[:: spreading_step(len(points), mask.shape, max_points)]
        self._bins = bins
        few = np.zeros(mask.shape, bool)
        few.ravel()[points] = True
        self._points = mask_points(few, fixed_affine).T
        self._rows = np.rint(_scale(fixed[few], fixed[few], bins)).astype(np.int64) * bins
        bright = other[other > other.mean()]
        self._other = np.minimum(_scale(other, bright, bins, other.min()), bins - 1.001)
        self._to_voxel = np.linalg.inv(other_affine)
        self.center = self._points.mean(axis=1)

    def counts(self, transform: np.ndarray) -> np.ndarray:
        """Count pairs under a transform from fixed to other (RAS mm), blurred; (bins, bins)."""
        seen = ndimage.map_coordinates(
            self._other, self._at(transform), order=1, mode="constant", output=np.float32
        )
        # Each value is shared by the bins beside it, so that counts change smoothly.
        lower = seen.astype(np.int64)
        upper_part = seen - lower
        cells = self._rows + lower
        counts = np.bincount(cells, 1 - upper_part, self._bins**2)
        counts += np.bincount(cells + 1, upper_part, self._bins**2)
        return ndimage.gaussian_filter(counts.reshape(self._bins, -1), _BLUR, mode="constant")

    def overlap(self, transform: np.ndarray) -> float:
        """Share of the points that lie within the other image."""
        at, top = self._at(transform), np.array(self._other.shape)[:, None] - 1
        return float(((at >= 0) & (at <= top)).all(axis=0).mean())

    def _at(self, transform: np.ndarray) -> np.ndarray:
        to_voxel = self._to_voxel @ transform
        return to_voxel[:3, :3] @ self._points + to_voxel[:3, 3:]


def normalised_information(counts: np.ndarray) -> float:
    """Normalised mutual information of a joint histogram (Studholme et al. 1999).

    Parameters
    ----------
    counts : ndarray, shape (n, m)
        Not negative, not all zero.

    Returns
    -------
    float
        ``(H(a) + H(b)) / H(a, b)``, from 1 (independent) to 2 (each tells the other).
        1 when there is a single cell.
    """
    joint = counts / counts.sum()
    both = _entropy(joint.ravel())
    if both < 1e-12:
        return 1.0
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both


def _entropy(parts: np.ndarray) -> float:
    parts = parts[parts > 0]
    return float(-(parts * np.log(parts)).sum())


def _scale(values: np.ndarray, like: np.ndarray, bins: int, low: float | None = None) -> np.ndarray:
    """Map to 0 .. bins - 1, cutting off the outer half per cent of ``like``."""
    low = np.percentile(like, 0.5) if low is None else low
    high = np.percentile(like, 99.5)
    return np.clip((values - low) * ((bins - 1) / max(high - low, 1e-30)), 0, bins - 1)
