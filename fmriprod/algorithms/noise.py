"""Noise of functional series: thermal, autocorrelated, physiological and slow."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter

from fmriprod.algorithms.checks import InputError

_FWHM_TO_SIGMA = 1 / np.sqrt(8 * np.log(2))


def smooth_field(
    shape: tuple[int, ...], zooms: np.ndarray, fwhm: float, rng: np.random.Generator
) -> np.ndarray:
    """Draw a Gaussian random field of zero mean and unit variance.

    Parameters
    ----------
    shape : tuple of int
        Grid.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    fwhm : float
        Full width at half maximum of the kernel in mm; 0 gives white noise.
    rng : numpy.random.Generator
        Source of the randomness.

    Returns
    -------
    ndarray of float32, shape `shape`
        The field; it wraps around, so that its variance is the same up to the borders.
    """
    sigma = fwhm * _FWHM_TO_SIGMA / np.asarray(zooms)
    white = rng.standard_normal(shape, dtype=np.float32)
    if fwhm == 0:
        return white
    smoothed = gaussian_filter(white, sigma, mode="wrap", truncate=3)
    return smoothed / _spread(tuple(shape), tuple(map(float, sigma)))


@cache
def _spread(shape: tuple[int, ...], sigma: tuple[float, ...]) -> np.float32:
    """Compute the standard deviation of white noise after smoothing."""
    impulse = np.zeros(shape, np.float32)
    impulse[tuple(n // 2 for n in shape)] = 1
    kernel = gaussian_filter(impulse, sigma, mode="wrap", truncate=3)
    return np.sqrt((kernel**2).sum())


def autocorrelated_noise(
    shape: tuple[int, ...],
    n_volumes: int,
    *,
    zooms: np.ndarray,
    fwhm: float,
    ar: float,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Draw noise that is smooth in space and first-order autoregressive in time.

    Parameters
    ----------
    shape : (int, int, int)
        Grid.
    n_volumes : int
        Number of volumes.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    fwhm : float
        Smoothness in mm.
    ar : float
        Correlation of a volume with the next, in [0, 1).
    rng : numpy.random.Generator
        Source of the randomness.

    Yields
    ------
    ndarray of float32, shape `shape`
        One volume after the other of stationary noise of unit variance.

    Raises
    ------
    InputError
        If ``ar`` makes no stationary process.
    """
    if not 0 <= ar < 1:
        raise InputError(
            "ar", expected="a correlation in [0, 1)", found=f"{ar:g}", hint="give 0.3 to 0.5"
        )
    volume = smooth_field(shape, zooms, fwhm, rng)
    yield volume
    # Smoothing and the recursion commute: the news of each volume are drawn smooth.
    for _ in range(1, n_volumes):
        news = smooth_field(shape, zooms, fwhm, rng)
        volume = np.float32(ar) * volume + np.float32(np.sqrt(1 - ar**2)) * news
        yield volume


def oscillation(
    times: np.ndarray, frequency: float, rng: np.random.Generator, wander: float = 0.05
) -> np.ndarray:
    """Draw a breathing- or heart-like oscillation whose rate wanders.

    Parameters
    ----------
    times : ndarray, shape (n_volumes,)
        Seconds, increasing. Rates above the Nyquist frequency fold back, as in a scanner.
    frequency : float
        Mean rate in Hz.
    rng : numpy.random.Generator
        Source of the randomness.
    wander : float
        Standard deviation of the rate, as a fraction of it.

    Returns
    -------
    ndarray of float32, shape (2, n_volumes)
        The cosine and the sine of one phase, each of variance 1/2.
    """
    step = np.diff(times, prepend=times[0])
    rate = frequency * (1 + wander * rng.standard_normal(len(times)))
    phase = 2 * np.pi * (rng.uniform() + np.cumsum(rate * step))
    return np.stack([np.cos(phase), np.sin(phase)]).astype(np.float32)


def slow_drift(n_volumes: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the time courses of scanner drift: a line and two slow waves, unit variance each.

    Parameters
    ----------
    n_volumes : int
        Number of volumes.
    rng : numpy.random.Generator
        Decides the phases of the waves.

    Returns
    -------
    ndarray of float32, shape (3, n_volumes)
        Courses of zero mean.
    """
    run = np.linspace(-1, 1, n_volumes)
    waves = [np.cos(np.pi * run * cycles + rng.uniform(0, 2 * np.pi)) for cycles in (0.7, 1.3)]
    courses = np.stack([run, *waves])
    courses -= courses.mean(axis=1, keepdims=True)
    return (courses / courses.std(axis=1, keepdims=True)).astype(np.float32)


def tissue_noise(
    shape: tuple[int, ...],
    n_volumes: int,
    tr: float,
    *,
    zooms: np.ndarray,
    rng: np.random.Generator,
    fwhm: float = 8.0,
    ar: float = 0.4,
    share_physiological: float = 0.2,
    share_drift: float = 0.2,
) -> Iterator[np.ndarray]:
    """Draw the noise that tissue makes, in units of its standard deviation.

    Spontaneous fluctuation (smooth, autoregressive), breathing (0.28 Hz) and heart beat
    (1.1 Hz) with smooth maps of strength, and drift. The parts follow the usual account of
    physiological noise, which grows with the signal; see [1]_.

    Parameters
    ----------
    shape : (int, int, int)
        Grid.
    n_volumes : int
        Number of volumes.
    tr : float
        Repetition time in seconds.
    zooms : array_like, shape (3,)
        Voxel sizes in mm.
    rng : numpy.random.Generator
        Source of the randomness.
    fwhm : float
        Smoothness of the fluctuation in mm.
    ar : float
        Its correlation from one volume to the next.
    share_physiological, share_drift : float
        Shares of the variance; the rest is spontaneous fluctuation.

    Yields
    ------
    ndarray of float32, shape `shape`
        One volume after the other of noise whose variance is 1 on average.

    Raises
    ------
    InputError
        If the shares are no shares.

    References
    ----------
    .. [1] Kruger G, Glover GH (2001). Physiological noise in oxygenation-sensitive magnetic
       resonance imaging. Magnetic Resonance in Medicine 46, 631-637.
    """
    share = 1 - share_physiological - share_drift
    if min(share, share_physiological, share_drift) < 0:
        raise InputError(
            "share_physiological",
            expected="shares of the variance that are 0 or more and sum to 1 at most",
            found=f"share_physiological={share_physiological:g}, share_drift={share_drift:g}",
            hint="lower one of them",
        )
    times = np.arange(n_volumes) * tr
    breathing, heart = oscillation(times, 0.28, rng), oscillation(times, 1.1, rng)
    courses = np.concatenate([breathing, heart, slow_drift(n_volumes, rng)])
    # Two quadrature pairs of variance 1/2 each, three drift courses of variance 1.
    weights = np.sqrt([share_physiological / 2] * 4 + [share_drift / 3] * 3)
    maps = [w * smooth_field(shape, zooms, 20, rng) for w in weights]
    own = autocorrelated_noise(shape, n_volumes, zooms=zooms, fwhm=fwhm, ar=ar, rng=rng)
    for course, volume in zip(courses.T, own, strict=True):
        noise = np.float32(np.sqrt(share)) * volume
        for field, strength in zip(maps, course, strict=True):
            noise += strength * field
        yield noise


def rician(signal: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add thermal noise to both channels of a magnitude image.

    Parameters
    ----------
    signal : ndarray of float32
        Noise-free magnitudes.
    sigma : float
        Standard deviation of the noise in each channel, in units of the signal.
    rng : numpy.random.Generator
        Source of the randomness.

    Returns
    -------
    ndarray of float32
        Rician values (Gudbjartsson & Patz 1995): Rayleigh noise where there is no signal,
        nearly Gaussian noise where it is strong.
    """
    real = sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    real += signal
    imaginary = sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    return np.hypot(real, imaginary, out=real)
