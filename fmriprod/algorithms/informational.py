"""Informational connectivity: whether regions hold evidence at the same moments."""

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError


def correlate_regions(series: np.ndarray) -> np.ndarray:
    """Correlate the evidence of regions over samples.

    Parameters
    ----------
    series : ndarray, shape (n_regions, n_samples)
        Evidence, such as log-probabilities, of the same samples in each region.

    Returns
    -------
    ndarray, shape (n_regions, n_regions)
        Pearson r; NaN for a region whose evidence does not vary, 1 on the diagonal else.
    """
    series = np.asarray(series, dtype=np.float64)
    centred = series - series.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    largest = np.abs(series).max(axis=1, keepdims=True, initial=0)
    unit = np.where(norm > 1e-12 * largest * np.sqrt(series.shape[1]), centred, np.nan)
    unit = unit / np.where(norm > 0, norm, 1)
    return np.clip(unit @ unit.T, -1, 1)


def moving_correlations(series: np.ndarray, trial: np.ndarray, *, window: int = 5) -> np.ndarray:
    """Correlate regions in a window of trials that moves one trial at a time.

    Parameters
    ----------
    series : ndarray, shape (n_regions, n_samples)
        Evidence.
    trial : ndarray of int, shape (n_samples,)
        Number of the trial of each sample, in the order of time.
    window : int
        Trials in a window.

    Returns
    -------
    ndarray, shape (n_trials - window + 1, n_regions, n_regions)
        Pearson r in each window.

    Raises
    ------
    InputError
        If there are fewer trials than the window needs.
    """
    trials = np.unique(trial)
    if not 1 <= window <= len(trials):
        raise InputError(
            "window",
            expected=f"from 1 to the {len(trials)} trials there are",
            found=str(window),
            hint="make the window shorter",
        )
    starts = range(len(trials) - window + 1)
    inside = [np.isin(trial, trials[start : start + window]) for start in starts]
    return np.array([correlate_regions(np.asarray(series)[:, rows]) for rows in inside])


def correlation_tests(
    correlations: np.ndarray, *, fisher_z: bool = True, level: float = 0.95
) -> dict[str, np.ndarray]:
    """One-sample t tests of correlations over participants.

    Parameters
    ----------
    correlations : ndarray, shape (n_subjects, n_pairs)
        Pearson r; NaN where a participant has none.
    fisher_z : bool
        Test arctanh(r), and turn mean and interval back, instead of r itself.
    level : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    dict of ndarray, shape (n_pairs,)
        ``n, mean_r, ci_low, ci_high, t, dof, p`` (two-sided). No test and no interval (NaN) of
        fewer than two participants, or of one value in all, as in `parcel_group.group_test`.
    """
    values = np.asarray(correlations, dtype=float)
    if fisher_z:  # an r of 1 has no finite z
        values = np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))
    n = np.isfinite(values).sum(axis=0)
    filled = np.nan_to_num(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(axis=0) / n
        squares = np.where(np.isfinite(values), (values - mean) ** 2, 0).sum(axis=0)
        squares[squares <= 1e-14 * n * mean**2] = np.nan  # scatter of no more than rounding
        error = np.sqrt(squares / (n - 1) / n)
        t = np.where(n > 1, mean / error, np.nan)
    dof = np.where(n > 1, n - 1.0, np.nan)
    reach = stats.t.ppf((1 + level) / 2, dof) * error
    ends = np.array([mean, mean - reach, mean + reach])
    mean, low, high = np.tanh(ends) if fisher_z else ends
    p = 2 * stats.t.sf(np.abs(t), dof)
    return {"n": n, "mean_r": mean, "ci_low": low, "ci_high": high, "t": t, "dof": dof, "p": p}
