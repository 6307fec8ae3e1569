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
        visual field do: it compares each pair of angles in one set with the same pair in the
        other. The form without it measures from mean directions, which such angles do not
        have, so that noise alone decides about them and may even turn its sign.

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
    section 8.2; with `uniform` Fisher & Lee (1983), Biometrika 70:327.
    """
    first, second = _pair(first, second, least=3)
    if uniform:
        return _correlation_of_pairs(first, second)
    sines = [np.sin(angle - circular_mean(angle)) for angle in (first, second)]
    spread = np.sqrt((sines[0] ** 2).sum() * (sines[1] ** 2).sum())
    if spread < 1e-12 * len(first):
        return float("nan")
    return float((sines[0] * sines[1]).sum() / spread)


def _correlation_of_pairs(first: np.ndarray, second: np.ndarray) -> float:
    """Correlate the sines of differences within one set with those within the other.

    Sums over pairs follow from sums over angles (Fisher & Lee 1983).
    """
    same, mirrored = (np.abs(np.exp(1j * d).mean()) for d in (first - second, first + second))
    # Of the squared sines of all pairs: the mean is half of this, 0 where no angle differs.
    spread = [1 - np.abs(np.exp(2j * angle).mean()) ** 2 for angle in (first, second)]
    if min(spread) < 1e-12:
        return float("nan")
    return float((same**2 - mirrored**2) / np.sqrt(spread[0] * spread[1]))


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
