"""Choose volumes of a series, and check that there is something in each."""

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


def check_volumes(series: np.ndarray, subject: str = "series") -> None:
    """Refuse a series with volumes that hold nothing.

    Parameters
    ----------
    series : ndarray, shape (x, y, z, n_volumes)
        The run.
    subject : str
        Name of the argument, for the message.

    Raises
    ------
    InputError
        If a volume is constant or nowhere finite.
    """
    flat = [t for t in range(series.shape[3]) if not varies(series[..., t])]
    if flat:
        raise InputError(
            subject,
            expected="volumes with a head in them",
            found=f"volumes that are constant or have no finite value: {name_some(flat)}"
            f" (counted from 0, {len(flat)} of {series.shape[3]})",
            hint="drop these volumes, or copy or convert the run again",
        )


def varies(volume: np.ndarray) -> bool:
    """Tell whether a volume has two finite values that differ."""
    finite = volume[np.isfinite(volume)]
    return bool(finite.size > 0 and finite.min() < finite.max())


def name_some(numbers: list[int]) -> str:
    """List the first few of many numbers.

    Examples
    --------
    >>> name_some([3, 4])
    '3, 4'
    """
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
