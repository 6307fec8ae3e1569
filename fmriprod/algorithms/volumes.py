"""Choose volumes of a series."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def evenly_spaced(n_volumes: int, n: int) -> list[int]:
    """Choose ``n`` volumes spread over a series, or all when there are not as many.

    Each is the middle of one of ``n`` stretches of (nearly) the same length, so that neither
    the first volumes, brighter before the steady state, nor a single moment of large motion
    decides what their mean looks like.

    Examples
    --------
    >>> evenly_spaced(100, 4)
    [12, 37, 62, 87]
    >>> evenly_spaced(3, 20)
    [0, 1, 2]
    """
    if n < 1 or n_volumes < 1:
        raise InputError(
            "n_volumes", expected="at least 1", found=f"{n} of {n_volumes}", hint="ask for more"
        )
    n = min(n, n_volumes)
    return np.floor((np.arange(n) + 0.5) * n_volumes / n).astype(int).tolist()
