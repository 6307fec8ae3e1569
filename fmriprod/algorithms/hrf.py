"""Haemodynamic responses in closed form, and the regressors that they predict.

The response to a stimulus of some duration is a difference of two integrals of the
haemodynamic response function (HRF). For gamma and Gaussian shapes these are known, so
regressors are exact: there is no high-resolution grid and nothing is rounded to it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from fmriprod.algorithms.checks import InputError, suggest

_DISPERSION_STEP = 0.01  # SPM's


@dataclass(frozen=True)
class Gamma:
    """Gamma density: ``delay`` is the mean in s for dispersion 1, as SPM parametrises it.

    Attributes
    ----------
    delay : float
        Shape times scale in s.
    dispersion : float
        Scale in s.
    """

    delay: float
    dispersion: float

    def integral(self, t: np.ndarray) -> np.ndarray:
        """Probability up to ``t`` s."""
        return special.gammainc(self.delay / self.dispersion, np.maximum(t, 0) / self.dispersion)

    def density(self, t: np.ndarray) -> np.ndarray:
        """Density at ``t`` s."""
        shape, x = self.delay / self.dispersion, np.maximum(t, 0) / self.dispersion
        return np.exp(special.xlogy(shape - 1, x) - x - special.gammaln(shape)) / self.dispersion

    def slope(self, t: np.ndarray) -> np.ndarray:
        """Differentiate the density at ``t`` s."""
        shape = self.delay / self.dispersion
        below = Gamma(self.delay - self.dispersion, self.dispersion)
        return (below.density(t) - self.density(t)) / self.dispersion if shape > 1 else 0 * t


@dataclass(frozen=True)
class Gaussian:
    """Normal density from time 0 on.

    Attributes
    ----------
    delay, dispersion : float
        Mean and standard deviation in s.
    """

    delay: float
    dispersion: float

    def integral(self, t: np.ndarray) -> np.ndarray:
        """Area from 0 to ``t`` s."""
        start = special.ndtr(-self.delay / self.dispersion)
        return np.maximum(special.ndtr((t - self.delay) / self.dispersion) - start, 0)

    def density(self, t: np.ndarray) -> np.ndarray:
        """Density at ``t`` s."""
        x = (t - self.delay) / self.dispersion
        return np.where(t >= 0, np.exp(-0.5 * x**2), 0) / (self.dispersion * np.sqrt(2 * np.pi))

    def slope(self, t: np.ndarray) -> np.ndarray:
        """Differentiate the density at ``t`` s.(without the step at 0)."""
        return -(t - self.delay) / self.dispersion**2 * self.density(t)


@dataclass(frozen=True)
class Hrf:
    """Weighted sum of densities, of unit area.

    Attributes
    ----------
    parts : tuple of (weight, density)
        The peak first.
    """

    parts: tuple[tuple[float, Gamma | Gaussian], ...]

    def integral(self, t: np.ndarray) -> np.ndarray:
        """Response to a stimulus that goes on from time 0; 1 in the end."""
        return self._sum("integral", t)

    def density(self, t: np.ndarray) -> np.ndarray:
        """Response to an impulse at time 0, in 1/s."""
        return self._sum("density", t)

    def slope(self, t: np.ndarray) -> np.ndarray:
        """Differentiate the response to an impulse, in 1/s^2."""
        return self._sum("slope", t)

    def _sum(self, name: str, t: np.ndarray) -> np.ndarray:
        t = np.asarray(t, dtype=np.float64)
        area = sum(w * part.integral(np.array(1e4)) for w, part in self.parts)
        return sum(w * getattr(part, name)(t) for w, part in self.parts) / area

    def wider(self, step: float) -> "Hrf":
        """Give the same function with the dispersion of the peak raised by ``step`` s."""
        (weight, peak), *rest = self.parts
        return Hrf(((weight, type(peak)(peak.delay, peak.dispersion + step)), *rest))


HRFS = {
    "spm": Hrf(((1, Gamma(6, 1)), (-1 / 6, Gamma(16, 1)))),
    "glover": Hrf(((1, Gamma(6, 0.9)), (-0.48, Gamma(12, 0.9)))),
    "gamma": Hrf(((1, Gamma(6, 1.5)),)),
    "gaussian": Hrf(((1, Gaussian(5, 2.8)),)),
}
"""``spm``: the canonical function of SPM and, with the same numbers, the double gamma of FSL.
``glover``: Glover (1999), NeuroImage 9, 416-429, with Nilearn's parameters. ``gamma``: FSL's
(lag 6 s, sigma 3 s). ``gaussian``: FSL's (peak 5 s, sigma 2.8 s)."""

MODELS = (
    "spm",
    "spm + derivative",
    "spm + derivative + dispersion",
    "glover",
    "glover + derivative",
    "glover + derivative + dispersion",
    "gamma",
    "gamma + derivative",
    "gaussian",
    "gaussian + derivative",
)


def regressors(
    onset: np.ndarray, duration: np.ndarray, frame_times: np.ndarray, model: str
) -> dict[str, np.ndarray]:
    """Predict the response to the events of one condition.

    Parameters
    ----------
    onset, duration : ndarray, shape (n_events,)
        In s. An event of duration 0 is an impulse of unit area; a stimulus that goes on
        long enough has a plateau of 1.
    frame_times : ndarray, shape (n_volumes,)
        Moments in s at which the response is sampled.
    model : str
        One of `MODELS`.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_volumes,)
        ``""`` for the response itself, ``"derivative"`` for its derivative by time (a
        positive weight means an earlier response), ``"dispersion"`` for its derivative by
        the width of the peak, as SPM defines it. They are not made orthogonal (as in FSL).

    Raises
    ------
    InputError
        If the model is unknown.

    References
    ----------
    Friston et al. (1998), NeuroImage 7, 30-40, for the derivatives.
    """
    if model not in MODELS:
        raise InputError(
            "hrf",
            expected="a haemodynamic model of this package",
            found=repr(model),
            hint=suggest(model, MODELS),
        )
    name, *extras = model.split(" + ")
    hrf = HRFS[name]
    elapsed = np.asarray(frame_times, float)[:, None] - np.asarray(onset, float)
    duration = np.asarray(duration, float)
    columns = {"": _respond(elapsed, duration, hrf.integral, hrf.density)}
    if "derivative" in extras:
        columns["derivative"] = _respond(elapsed, duration, hrf.density, hrf.slope)
    if "dispersion" in extras:
        wide = _respond(elapsed, duration, *_functions(hrf.wider(_DISPERSION_STEP)))
        columns["dispersion"] = (columns[""] - wide) / _DISPERSION_STEP
    return columns


_Function = Callable[[np.ndarray], np.ndarray]


def _functions(hrf: Hrf) -> tuple[_Function, _Function]:
    return hrf.integral, hrf.density


def _respond(
    elapsed: np.ndarray, duration: np.ndarray, integral: _Function, density: _Function
) -> np.ndarray:
    """Sum over events the difference of integrals, or the density of an impulse."""
    long = duration > 0
    after = elapsed[:, long]
    blocks = integral(after) - integral(after - duration[long])
    return blocks.sum(axis=1) + density(elapsed[:, ~long]).sum(axis=1)
