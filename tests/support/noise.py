"""Autoregressive noise for tests."""

import numpy as np
from scipy.signal import lfilter


def ar_noise(n_series: int, n_volumes: int, coefficients, rng) -> np.ndarray:
    """Draw series of stationary autoregressive noise with innovations of unit variance."""
    white = rng.normal(size=(n_series, n_volumes + 200))
    return lfilter([1.0], np.r_[1.0, -np.asarray(coefficients)], white, axis=1)[:, 200:]
