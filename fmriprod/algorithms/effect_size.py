"""Cohen's d of one sample, with the interval that the noncentral t gives."""

import numpy as np
from scipy import special


def cohen_d(
    t: np.ndarray, n: np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Cohen's d of a mean against 0, and its interval.

    ``t`` of n values follows the noncentral t with n - 1 degrees of freedom and noncentrality
    :math:`\delta \sqrt{n}`; the ends are the :math:`\delta` at which the observed t is the
    upper and the lower quantile [1]_. d is not corrected for small samples.

    Parameters
    ----------
    t : ndarray
        Student's t of the mean.
    n : ndarray
        Values behind each.
    level : float
        Coverage of the interval.

    Returns
    -------
    d, low, high : ndarray of float64
        NaN where t is NaN or infinite.

    References
    ----------
    .. [1] Steiger & Fouladi (1997). Noncentrality interval estimation and the evaluation of
       statistical models. In What if there were no significance tests?, 221. Erlbaum.

    Examples
    --------
    >>> d, low, high = cohen_d(np.array([3.0]), np.array([20]))
    >>> float(d[0].round(3)), float(low[0].round(3)), float(high[0].round(3))
    (0.671, 0.177, 1.15)
    """
    t, n = np.broadcast_arrays(np.asarray(t, float), np.asarray(n, float))
    known = np.isfinite(t) & (n > 1)
    d = np.full((3, *t.shape), np.nan)
    size, root, dof = np.abs(t[known]), np.sqrt(n[known]), n[known] - 1
    tail = (1 - level) / 2
    low = _noncentrality(dof, 1 - tail, size) / root
    high = _noncentrality(dof, tail, size) / root
    below = t[known] < 0
    d[0, known] = t[known] / root
    d[1, known] = np.where(below, -high, low)
    d[2, known] = np.where(below, -low, high)
    return d[0], d[1], d[2]


def _noncentrality(dof: np.ndarray, p: float, t: np.ndarray) -> np.ndarray:
    """Noncentrality at which t is the quantile p; t is positive, as is exact to more digits.

    Where t is so large that its numerator's own scatter is nothing beside that of the standard
    deviation, it is t times a quantile of chi: there SciPy is wrong by percents, or never ends.
    """
    large = t > 100 * np.sqrt(2 * dof)
    found = t * np.sqrt(special.chdtri(dof, p) / dof)
    found[~large] = special.nctdtrinc(dof[~large], p, t[~large])
    return found
