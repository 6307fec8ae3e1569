"""Measures of the quality of a run; each says what it is, its unit and where it comes from."""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.stats import norm

from fmriprod.algorithms.checks import InputError

_BLOCK = 2048  # voxels held in float64 at a time
_AXES = {"i": 0, "j": 1, "k": 2}
_FEW = 50  # voxels that a mean of ghost or background needs


def blocks(series: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Give the rows of a large float32 matrix in float64, some thousands at a time."""
    for start in range(0, len(series), _BLOCK):
        rows = slice(start, start + _BLOCK)
        yield rows, np.array(series[rows], dtype=np.float64)


def polynomial_residuals(series: np.ndarray, order: int = 2) -> np.ndarray:
    """Take the polynomial that fits best off each series, its mean included.

    Parameters
    ----------
    series : ndarray, shape (..., n_volumes)
        Time series.
    order : int
        Order of the polynomial.

    Returns
    -------
    ndarray of float64, shape of ``series``
        Least-squares residuals.
    """
    time = np.linspace(-1, 1, series.shape[-1])
    basis = np.linalg.qr(np.polynomial.legendre.legvander(time, order))[0]
    return series - (series @ basis) @ basis.T


def signal_to_noise(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Temporal signal-to-noise and signal-to-fluctuation-noise ratio of each voxel.

    ``tsnr`` is the mean over time divided by the standard deviation over time, with nothing
    taken off (Krueger & Glover 2001). ``sfnr`` is the mean divided by the standard deviation
    of the residuals from a second-order polynomial (Friedman & Glover 2006), so that slow
    drift does not count as noise. Both have no unit; standard deviations are unbiased
    (``n - 1`` and ``n - 3`` degrees of freedom).

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite time series that are not constant, at least 4 volumes.

    Returns
    -------
    tsnr, sfnr : ndarray of float64, shape (n_voxels,)
        ``sfnr`` is infinite where a polynomial is all there is.

    References
    ----------
    Krueger & Glover (2001), Magn Reson Med 46, 631-637.
    Friedman & Glover (2006), J Magn Reson Imaging 23, 827-839.
    """
    n_volumes = series.shape[1]
    tsnr, sfnr = np.empty(len(series)), np.empty(len(series))
    for rows, block in blocks(series):
        mean = block.mean(axis=1)
        rest = polynomial_residuals(block)
        noise = np.sqrt((rest**2).sum(axis=1) / (n_volumes - 3))
        tsnr[rows] = mean / block.std(axis=1, ddof=1)
        with np.errstate(divide="ignore"):
            sfnr[rows] = mean / noise
    return tsnr, sfnr


def dvars(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square over voxels of the change from the volume before.

    The raw value has the unit of the image. The standardised one is divided by what is
    expected without artefacts: the root of the mean over voxels of ``2 (1 - r) s^2``, with
    ``r`` the lag-one autocorrelation (Yule-Walker) and ``s`` the robust standard deviation
    (interquartile range / 1.349) of a voxel. Clean noise has 1, whatever its level, its
    autocorrelation and their spread over voxels. (Nipype and fMRIPrep divide by the mean of
    the roots instead, which gives more than 1 where voxels differ in their noise.)

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite time series that are not constant.

    Returns
    -------
    dvars, std_dvars : ndarray of float64, shape (n_volumes,)
        The first value of each is NaN.

    References
    ----------
    Power et al. (2012), NeuroImage 59, 2142-2154.
    Nichols (2013), Notes on creating a standardized version of DVARS, arXiv:1704.01469.
    """
    squares, expected = np.zeros(series.shape[1] - 1), 0.0
    for _, block in blocks(series):
        squares += (np.diff(block, axis=1) ** 2).sum(axis=0)
        low, high = np.percentile(block, [25, 75], axis=1)
        block -= block.mean(axis=1, keepdims=True)
        autocorrelation = (block[:, 1:] * block[:, :-1]).sum(axis=1) / (block**2).sum(axis=1)
        expected += (2 * (1 - autocorrelation) * ((high - low) / 1.349) ** 2).sum()
    raw = np.concatenate([[np.nan], np.sqrt(squares / len(series))])
    # Images of a few grey levels can have no interquartile range at all.
    return raw, raw / np.sqrt(expected / len(series)) if expected > 0 else np.full_like(raw, np.nan)


def outlier_fraction(series: np.ndarray, q: float = 1e-3, order: int = 2) -> np.ndarray:
    """Share of voxels that are outliers, for each volume.

    After a polynomial is taken off, a value is an outlier where it is further than
    ``z(q / n_volumes) * sqrt(pi / 2) * MAD`` from the median of its voxel, with ``z`` the
    upper quantile of the normal distribution and MAD the median absolute deviation: the rule
    of AFNI's ``3dToutcount``, save that the polynomial is fitted by least squares. The
    factor ``sqrt(pi / 2)`` makes the limit 0.845 of a nominal one: in long runs of white
    noise, ``2 * sf(0.845 z(q / n_volumes))`` of the values are outliers.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite time series that are not constant.
    q : float
        Nominal number of outliers on each side in a voxel's series.
    order : int
        Order of the polynomial.

    Returns
    -------
    ndarray of float64, shape (n_volumes,)
        Between 0 and 1.

    References
    ----------
    Cox (1996), Comput Biomed Res 29, 162-173; AFNI's ``3dToutcount`` documentation.
    """
    n_voxels, n_volumes = series.shape
    limit = norm.isf(q / n_volumes) * np.sqrt(np.pi / 2)
    count = np.zeros(n_volumes)
    for _, block in blocks(series):
        rest = polynomial_residuals(block, order)
        rest = np.abs(rest - np.median(rest, axis=1, keepdims=True))
        spread = np.median(rest, axis=1, keepdims=True)
        count += ((rest > limit * spread) & (spread > 0)).sum(axis=0)
    return count / n_voxels


def global_drift(signal: np.ndarray) -> dict[str, float]:
    """Slow change and fluctuation of the mean signal, in percent of its mean over time.

    Parameters
    ----------
    signal : ndarray, shape (n_volumes,)
        Mean over the voxels of the mask.

    Returns
    -------
    dict
        ``linear_drift_percent``: change of the straight line that fits best from the first
        to the last volume, with its sign. ``drift_percent``: highest minus lowest value of
        the second-order polynomial that fits best. ``fluctuation_percent``: standard
        deviation (``n - 3`` degrees of freedom) of the residuals from it. The latter two
        are those of Friedman & Glover (2006), J Magn Reson Imaging 23, 827-839. NaN where
        the mean is not above 0 (a run that was demeaned has no percent).
    """
    signal = np.asarray(signal, dtype=float)
    percent = 100 / signal.mean() if signal.mean() > 0 else np.nan
    line = signal - polynomial_residuals(signal, order=1)
    rest = polynomial_residuals(signal)
    return {
        "linear_drift_percent": float(percent * (line[-1] - line[0])),
        "drift_percent": float(percent * np.ptp(signal - rest)),
        "fluctuation_percent": float(percent * np.sqrt((rest**2).sum() / (len(signal) - 3))),
    }


def ghost_ratio(mean_image: np.ndarray, mask: np.ndarray, phase_axis: str = "j") -> float:
    """Nyquist ghost as a share of the signal.

    The ghost is where the mask lies when it is shifted by half the field along the
    phase-encoding axis. The ratio is (mean over the ghost - mean over the background) /
    median over the mask. Voxels within two voxels of the mask belong to neither, because
    scalp and skull lie there.

    Parameters
    ----------
    mean_image : ndarray, shape (x, y, z)
        Mean over time, of the whole field (nothing masked out).
    mask : ndarray of bool, shape (x, y, z)
        Brain.
    phase_axis : str
        ``i``, ``j`` or ``k``, with or without ``-``, as BIDS's PhaseEncodingDirection.

    Returns
    -------
    float
        NaN where it cannot be measured: fewer than 50 voxels of ghost or background, or a
        background without any noise (masked before).

    Raises
    ------
    InputError
        If the axis is not known.

    References
    ----------
    Giannelli et al. (2010), J Appl Clin Med Phys 11, 170-180.
    """
    axis = _AXES.get(phase_axis.removesuffix("-"))
    if axis is None:
        raise InputError(
            "phase_axis",
            expected="i, j or k, with or without - (BIDS PhaseEncodingDirection)",
            found=repr(phase_axis),
            hint="look into the sidecar of the run; j is usual for axial EPI",
        )
    near = binary_dilation(mask, iterations=2)
    shift = mask.shape[axis] // 2
    ghost = np.roll(mask, shift, axis) & ~near
    background = ~np.roll(near, shift, axis) & ~near
    finite = np.isfinite(mean_image)
    inside, ghost, background = (mean_image[m & finite] for m in (mask, ghost, background))
    if min(len(ghost), len(background)) < _FEW or np.ptp(background) == 0:
        return np.nan
    return float((ghost.mean() - background.mean()) / np.median(inside))


def carpet(series: np.ndarray, n_rows: int = 400, n_voxels: int = 20_000) -> np.ndarray:
    """Rows of a carpet plot: voxels in units of their own noise, those alike together.

    Each series has a second-order polynomial taken off and is divided by its standard
    deviation. Voxels are sorted by their correlation with the mean over voxels, highest
    first, so that what all share stands out from what some have (Aquino et al. 2020), and
    neighbours in that order are averaged into rows, as a screen has fewer rows than a brain
    voxels.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Finite time series that are not constant.
    n_rows : int
        At most so many rows.
    n_voxels : int
        At most so many voxels, taken at even steps: always the same ones.

    Returns
    -------
    ndarray of float32, shape (min(n_rows, n_voxels), n_volumes)
        Means of z-scores.

    References
    ----------
    Power (2017), NeuroImage 154, 150-158. Aquino et al. (2020), NeuroImage 212, 116614.
    """
    n_voxels = min(n_voxels, len(series))
    n_rows = min(n_rows, n_voxels)
    chosen = np.linspace(0, len(series) - 1, n_voxels).round().astype(int)
    z = np.zeros((n_voxels, series.shape[1]), dtype=np.float32)
    for rows, block in blocks(series[chosen]):
        rest = polynomial_residuals(block)
        spread = rest.std(axis=1, keepdims=True)
        np.divide(rest, spread, out=z[rows], where=spread > 0, casting="same_kind")
    shared = z @ z.mean(axis=0)
    z = z[np.argsort(-shared, kind="stable")]
    starts = np.linspace(0, n_voxels, n_rows, endpoint=False).round().astype(int)
    sizes = np.diff([*starts, n_voxels])
    return np.add.reduceat(z, starts, axis=0) / sizes[:, None].astype(np.float32)
