"""Which parcels can be used in all runs of a subject."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError

_CONSTANT = 1e-5  # of a value: the range that rounding gives a constant, as `glm.analysable` has it


def usable_parcels(runs: Sequence[np.ndarray]) -> tuple[np.ndarray, dict[str, int]]:
    """Mark the parcels whose series are finite and vary in every run.

    A parcel that is constant in one of several runs would count as signal without change there
    and draw its correlations and effects towards 0; it is left out of all.

    Parameters
    ----------
    runs : sequence of ndarray, shape (n_parcels, n_volumes)
        Series of the same parcels; lengths may differ.

    Returns
    -------
    usable : ndarray of bool, shape (n_parcels,)
    excluded : dict of str to int
        Parcels that are not usable by reason: ``nonfinite`` in some run, else ``constant``.

    Raises
    ------
    InputError
        If there is no run, or one without volumes, runs have other numbers of parcels, or no
        parcel is usable.
    """
    sizes = sorted({np.shape(run)[0] if np.ndim(run) == 2 and np.size(run) else -1 for run in runs})
    if len(sizes) != 1 or sizes[0] < 1:
        raise InputError(
            "series",
            expected="runs of the same parcels, (n_parcels, n_volumes)",
            found=f"shapes {', '.join(str(np.shape(run)) for run in runs) or 'of no run'}",
            hint="extract all runs of a subject with one parcellation",
        )
    usable, finite = np.ones((2, sizes[0]), dtype=bool)
    for run in runs:
        # Extremes say both: they are NaN or infinite where any value is. One pass each.
        low, high = (np.asarray(x, np.float64) for x in (run.min(axis=1), run.max(axis=1)))
        with np.errstate(invalid="ignore"):
            usable &= high - low > _CONSTANT * np.maximum(np.abs(low), np.abs(high))
        finite &= np.isfinite(low) & np.isfinite(high)
    usable &= finite
    excluded = {"nonfinite": int((~finite).sum()), "constant": int((finite & ~usable).sum())}
    if not usable.any():
        raise InputError(
            "series",
            expected="parcels whose series are finite and vary in every run",
            found=f"none of {len(usable)}: {excluded['nonfinite']} not finite, "
            f"{excluded['constant']} constant",
            hint="check that parcellation and series belong together",
        )
    return usable, excluded
