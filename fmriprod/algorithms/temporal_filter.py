"""Remove slow drifts from time series and keep their mean."""

import numpy as np

from fmriprod.algorithms.checks import InputError

METHODS = ("cosine", "running_line", "linear")


def cosine_drift(n_volumes: int, tr: float, high_pass: float = 100.0) -> np.ndarray:
    """Discrete cosines that are slower than a cut-off, without the constant.

    The basis of SPM's ``spm_filter`` and of Nilearn's ``cosine`` drift model: cosine ``k``
    has ``k / 2`` periods in the run; those with a period of at least ``high_pass`` are kept.

    Parameters
    ----------
    n_volumes : int
        Length of the run.
    tr : float
        Repetition time in s.
    high_pass : float
        Cut-off period in s. A run shorter than half of it has no such cosine.

    Returns
    -------
    ndarray of float64, shape (n_volumes, n_cosines)
        Orthonormal columns, slowest first, each orthogonal to the constant.

    References
    ----------
    Ashburner et al., SPM12 manual, section 8.1 (high-pass filter).
    """
    n_cosines = int(np.floor(2 * n_volumes * tr / high_pass))
    middle = np.arange(n_volumes) + 0.5
    order = np.arange(1, n_cosines + 1)
    return np.sqrt(2 / n_volumes) * np.cos(np.pi / n_volumes * middle[:, None] * order)


def running_line(n_volumes: int, sigma: float) -> np.ndarray:
    """Matrix that fits a Gaussian-weighted straight line around each volume.

    Row ``t`` gives the value at volume ``t`` of the line that fits the volumes within
    ``floor(3 sigma)`` of it by least squares with weights ``exp(-(s - t)^2 / (2 sigma^2))``.
    At the ends of the run the window holds the volumes that there are. This is the low-pass
    part of FSL's high-pass filter (``fslmaths -bptf``, FEAT's "Gaussian-weighted
    least-squares straight line fitting"). Away from the ends the high-pass keeps
    ``1 - exp(-2 (pi f sigma)^2)`` of a wave of frequency ``f``, a soft edge: with sigma of
    half the cut-off period, 99 % of a wave of that period and 42 % of one three times longer.

    Parameters
    ----------
    n_volumes : int
        Length of the run, at least 2.
    sigma : float
        Width of the weights in volumes, at least 1.

    Returns
    -------
    ndarray of float64, shape (n_volumes, n_volumes)
        Each row sums to one; a straight line is reproduced exactly.

    References
    ----------
    Smith & Jenkinson, FSL: ``fslmaths`` and FEAT documentation (temporal filtering);
    Marchini & Ripley (2000), NeuroImage 12, 366-380.
    """
    distance = np.arange(n_volumes) - np.arange(n_volumes)[:, None]
    weight = np.exp(-(distance**2) / (2 * sigma**2))
    weight[np.abs(distance) > int(3 * sigma)] = 0
    total = weight.sum(axis=1)
    first = (weight * distance).sum(axis=1)
    second = (weight * distance**2).sum(axis=1)
    # Value at distance 0 of the weighted regression line, as weights of the samples.
    intercept = second[:, None] - first[:, None] * distance
    return weight * intercept / (total * second - first**2)[:, None]


def filter_matrix(
    n_volumes: int, tr: float, high_pass: float = 100.0, method: str = "cosine"
) -> np.ndarray:
    """Matrix that takes a series about its mean to its high-passed form, also of mean zero.

    Parameters
    ----------
    n_volumes : int
        Length of the run.
    tr : float
        Repetition time in s.
    high_pass : float
        Cut-off period in s: for ``cosine`` the shortest period that is removed, for
        ``running_line`` twice the sigma of the weights (FEAT's convention); not used by
        ``linear``.
    method : {"cosine", "running_line", "linear"}
        Projection off `cosine_drift`, difference from `running_line`, or projection off one
        straight line: all that may be taken where conditions come back as slowly as drifts.

    Returns
    -------
    ndarray of float64, shape (n_volumes, n_volumes)
        ``filtered = matrix @ (series - mean)``.

    Raises
    ------
    InputError
        If the cut-off is not above two repetition times, the repetition time is not above
        zero, the run has fewer than three volumes, or the method is unknown.
    """
    _check(n_volumes, tr, high_pass, method)
    if method == "cosine":
        basis = cosine_drift(n_volumes, tr, high_pass)
        return np.eye(n_volumes) - basis @ basis.T
    if method == "linear":
        line = np.arange(n_volumes) - (n_volumes - 1) / 2
        return np.eye(n_volumes) - np.outer(line, line) / (line @ line)
    rest = np.eye(n_volumes) - running_line(n_volumes, high_pass / (2 * tr))
    return rest - rest.mean(axis=0)


def temporal_filter(
    series: np.ndarray,
    tr: float,
    high_pass: float = 100.0,
    method: str = "cosine",
    *,
    block_size: int = 2048,
) -> np.ndarray:
    """High-pass filter time series; each keeps its mean.

    Constant series stay exactly constant (rounding noise in them would look like signal to a
    later step). A series with a value that is not finite becomes NaN throughout.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series, one voxel a row.
    tr : float
        Repetition time in s.
    high_pass : float
        Cut-off period in s.
    method : {"cosine", "running_line", "linear"}
        See `filter_matrix`.
    block_size : int
        Voxels that are held in float64 at a time: bounds the memory beyond the result to
        ``16 * block_size * n_volumes`` bytes.

    Returns
    -------
    ndarray of float32, shape (n_voxels, n_volumes)
        The filtered series.

    Raises
    ------
    InputError
        As `filter_matrix`.

    Examples
    --------
    >>> drift = np.linspace(0, 10, 50)[None] + 100
    >>> temporal_filter(drift, tr=2.0, high_pass=60, method="running_line").round(3)[0, :3]
    array([105., 105., 105.], dtype=float32)
    """
    series = np.asarray(series)
    matrix = filter_matrix(series.shape[1], tr, high_pass, method).T
    filtered = np.empty(series.shape, dtype=np.float32)
    for start in range(0, len(series), block_size):
        rows = slice(start, start + block_size)
        block = np.array(series[rows], dtype=np.float64)
        with np.errstate(invalid="ignore"):  # the sum spreads NaN over its own row only
            mean = block.mean(axis=1, keepdims=True)
            block -= mean
            filtered[rows] = block @ matrix + mean
    return filtered


def _check(n_volumes: int, tr: float, high_pass: float, method: str) -> None:
    if method not in METHODS:
        raise InputError(
            "method",
            expected=" or ".join(METHODS),
            found=repr(method),
            hint="cosine is SPM's and Nilearn's filter, running_line FSL's, linear one line",
        )
    if not (np.isfinite(tr) and tr > 0):
        raise InputError(
            "tr",
            expected="a repetition time above 0 s",
            found=f"{tr} s",
            hint="give the repetition time in seconds (RepetitionTime in the BIDS sidecar)",
        )
    if n_volumes < 3:
        raise InputError(
            "in_file",
            expected="a run of at least 3 volumes",
            found=f"{n_volumes}",
            hint="give the whole run; single volumes have no drift",
        )
    if not (np.isfinite(high_pass) and high_pass >= 2 * tr):
        raise InputError(
            "high_pass",
            expected=f"a cut-off period of at least two repetition times ({2 * tr:g} s)",
            found=f"{high_pass:g} s",
            hint="the cut-off is a period in seconds, not a frequency: 100 s is 0.01 Hz",
        )
