"""Means and correlations of angles."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def wrap(angle: np.ndarray) -> np.ndarray:
    """Bring angles in rad to the range from -pi (included) to pi."""
    return (np.asarray(angle, dtype=np.float64) + np.pi) % (2 * np.pi) - np.pi


def circular_mean(angle: np.ndarray) -> float:
    """Mean direction of angles in rad; arbitrary where they point everywhere alike."""
    angle = np.asarray(angle, dtype=np.float64)
    return float(np.angle(np.exp(1j * angle).sum()))


def mean_angular_error(first: np.ndarray, second: np.ndarray) -> float:
    """Mean size of the differences between two sets of angles.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Angles in rad.

    Returns
    -------
    float
        In rad, from 0 (equal) to pi (opposite); pi / 2 for unrelated angles.

    Raises
    ------
    InputError
        If the sets differ in length, are empty or hold values that are not finite.
    """
    first, second = _pair(first, second, least=1)
    return float(np.abs(wrap(first - second)).mean())


def circular_correlation(first: np.ndarray, second: np.ndarray, *, uniform: bool = False) -> float:
    """Correlation of two sets of angles.

    Like Pearson's it is blind to a shift: look at `mean_angular_error` too.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Angles in rad.
    uniform : bool
        The form for angles that point everywhere alike, as preferred angles over the whole
        visual field do: mean directions, from which the other form measures, are then
        arbitrary, and noise in them alone may make it small.

    Returns
    -------
    float
        From -1 (mirrored) to 1 (equal up to a shift); NaN where a set does not vary.

    Raises
    ------
    InputError
        If the sets differ in length, have fewer than 3 angles, or values are not finite.

    References
    ----------
    Jammalamadaka & SenGupta (2001), Topics in Circular Statistics, World Scientific,
    section 8.2; Jammalamadaka & Sarma (1988), Statistical Theory and Data Analysis II, 349.
    """
    first, second = _pair(first, second, least=3)
    sines = [np.sin(angle - circular_mean(angle)) for angle in (first, second)]
    spread = np.sqrt((sines[0] ** 2).sum() * (sines[1] ** 2).sum())
    if spread < 1e-12 * len(first):
        return float("nan")
    if not uniform:
        return float((sines[0] * sines[1]).sum() / spread)
    same = np.abs(np.exp(1j * (first - second)).sum())
    mirrored = np.abs(np.exp(1j * (first + second)).sum())
    return float((same - mirrored) / (2 * spread))


def _pair(first: np.ndarray, second: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = (np.asarray(a, dtype=np.float64).ravel() for a in (first, second))
    finite = np.isfinite(first).all() and np.isfinite(second).all()
    if first.shape != second.shape or len(first) < least or not finite:
        lost = "" if finite else ", some not finite"
        raise InputError(
            "angles",
            expected=f"two sets of at least {least} finite angles in rad, of one length",
            found=f"{len(first)} and {len(second)}{lost}",
            hint="compare voxels that have an angle in both maps",
        )
    return first, second
