"""Smooth images with a Gaussian given in millimetres."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from fmriprod.algorithms.checks import InputError

SIGMA_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


def kernel_matrices(
    shape: tuple[int, ...], affine: np.ndarray, fwhm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One matrix for each axis that convolves along it with a Gaussian.

    A sampled Gaussian cut at four sigma; beyond the ends of the axis the image is mirrored,
    as SciPy's ``reflect`` does, so that a constant stays constant.

    Parameters
    ----------
    shape : (int, int, int)
        Voxels along each axis.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm. Only the voxel sizes matter, so oblique grids are fine.
    fwhm : float
        Full width at half maximum in mm.

    Returns
    -------
    three ndarrays of float32, shapes (n, n)
        Each row sums to one.
    """
    voxel_sizes = np.linalg.norm(np.asarray(affine)[:3, :3], axis=0)
    sigmas = fwhm * SIGMA_PER_FWHM / voxel_sizes
    first, second, third = (
        gaussian_filter1d(np.eye(n), sigma, axis=0).astype(np.float32)
        for n, sigma in zip(shape, sigmas, strict=True)
    )
    return first, second, third


def smooth(
    data: np.ndarray, affine: np.ndarray, fwhm: float = 3.0, mask: np.ndarray | None = None
) -> np.ndarray:
    """Smooth one volume or each volume of a series with a Gaussian.

    With a mask the convolution is normalised: only voxels of the mask give weight, and the
    weights are scaled to sum to one, so that the edge of the brain does not darken and
    nothing from outside leaks in. Voxels that are not finite are left out in the same way
    and stay as they are: they neither spread nor are they filled. So do, with a mask, voxels
    of a series that never change: they hold no data (`realign` writes 0 where the head left
    the field of view), and would darken their neighbours and get a signal from them.

    Parameters
    ----------
    data : ndarray, shape (x, y, z) or (x, y, z, n_volumes)
        Image; never changed.
    affine : ndarray, shape (4, 4)
        Voxel to world in mm.
    fwhm : float
        Full width at half maximum in mm. 0 leaves the values as they are.
    mask : ndarray of bool, shape (x, y, z), optional
        Voxels to smooth; the others are 0 in the result.

    Returns
    -------
    ndarray of float32, shape of ``data``
        The smoothed image, in the memory order of ``data``.

    Raises
    ------
    InputError
        If ``fwhm`` is negative or not finite.

    References
    ----------
    Knutsson & Westin (1993), Normalized and differential convolution, CVPR, 515-523.

    Examples
    --------
    >>> point = np.zeros((9, 9, 9))
    >>> point[4, 4, 4] = 1
    >>> smooth(point, np.diag([2, 2, 2, 1]), fwhm=4).sum().round(4)
    np.float32(1.0)
    """
    if not (np.isfinite(fwhm) and fwhm >= 0):
        raise InputError(
            "fwhm",
            expected="a full width at half maximum of 0 mm or more",
            found=f"{fwhm} mm",
            hint="give the width in mm; 0 means no smoothing",
        )
    smoothed = np.array(data, dtype=np.float32, order="K")
    inside = np.ones(smoothed.shape[:3], bool) if mask is None else np.asarray(mask, bool)
    smoothed[~inside] = 0
    if fwhm == 0:
        return smoothed
    kernels = kernel_matrices(smoothed.shape[:3], affine, fwhm)
    series = smoothed if smoothed.ndim == 4 else smoothed[..., None]
    weights = None
    if mask is not None:
        if series.shape[3] > 1:
            inside = inside & ~_constant(series)
        weights = _convolve(inside.astype(np.float32), kernels)
    for volume in np.moveaxis(series, -1, 0):
        finite = np.isfinite(volume)
        used, weight = inside, weights
        if not finite.all():
            used = inside & finite
            weight = _convolve(used.astype(np.float32), kernels)
        result = _convolve(np.where(used, volume, np.float32(0)), kernels)
        if weight is None:
            volume[...] = result
        else:
            np.divide(result, weight, out=volume, where=used)
    return smoothed


def _constant(series: np.ndarray) -> np.ndarray:
    """Mark voxels with one value in all volumes; never a second copy of the series."""
    first, same = series[..., 0], np.ones(series.shape[:3], bool)
    for number in range(1, series.shape[3]):
        same &= series[..., number] == first
    return same


def _convolve(volume: np.ndarray, kernels: tuple[np.ndarray, ...]) -> np.ndarray:
    """Apply one matrix along each axis: dense products run faster than short convolutions."""
    first, second, third = kernels
    # NIfTI arrays are in Fortran order, so that the transpose needs no copy.
    turned = np.ascontiguousarray(volume.T)
    turned = (turned.reshape(-1, turned.shape[2]) @ first.T).reshape(turned.shape)
    turned = second @ turned
    return (third @ turned.reshape(turned.shape[0], -1)).reshape(turned.shape).T
