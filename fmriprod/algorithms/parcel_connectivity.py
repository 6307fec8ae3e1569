"""Functional connectivity between the parcels of one subject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import fisher_z
from fmriprod.algorithms.parcel_runs import usable_parcels
from fmriprod.algorithms.run_correlation import centred_runs, run_correlation, to_correlation

KINDS = ("correlation", "partial correlation", "covariance", "tangent")
RUNS = ("concatenate", "average")
_CORRELATIONS = KINDS[:2]


@dataclass(frozen=True)
class Connectivity:
    """Connectivity of one subject.

    Attributes
    ----------
    matrix : ndarray of float32, shape (n_parcels, n_parcels)
        Symmetric. NaN in rows and columns of parcels that are not usable. The diagonal tells
        what it holds: NaN of correlations, infinity of their Fisher's z (that of 1), and
        numbers of covariance and tangent, whose variances a reference needs.
    usable : ndarray of bool, shape (n_parcels,)
    excluded : dict of str to int
        Parcels left out by reason: ``nonfinite``, ``constant`` and, of tangent,
        ``not_in_reference``.
    n_volumes : int
        Of all runs.
    shrinkage : list of float
        Weight of the target that Ledoit and Wolf's estimate took, from 0 to 1, for each matrix
        that was estimated; empty for plain correlation.
    n_clipped : int
        Pairs of parcels whose correlation reached 1 or -1 and was clipped to .999999 for
        Fisher's z.
    """

    matrix: np.ndarray
    usable: np.ndarray
    excluded: dict[str, int]
    n_volumes: int
    shrinkage: list[float]
    n_clipped: int


def parcel_connectivity(
    runs: Sequence[np.ndarray],
    *,
    kind: str = "correlation",
    combine: str = "concatenate",
    fisher: bool = False,
    reference: np.ndarray | None = None,
    names: Sequence[str] | None = None,
) -> Connectivity:
    """Estimate the connectivity of all pairs of parcels.

    Parameters
    ----------
    runs : sequence of ndarray, shape (n_parcels, n_volumes)
        Series of the runs of one subject; the mean of each parcel in each run is removed.
    kind : {"correlation", "partial correlation", "covariance", "tangent"}
        Pearson's correlation, not shrunk (as `numpy.corrcoef`); correlation of two parcels
        given all others that are usable, from the inverse of the correlations shrunk as Ledoit
        and Wolf do it; covariance shrunk so, in squared units of the series; or the matrix
        logarithm of that covariance, whitened by ``reference``.
    combine : {"concatenate", "average"}
        One estimate of all volumes, or one of each run and their plain mean (of Fisher's z for
        correlations, which is turned back unless ``fisher``).
    fisher : bool
        Give Fisher's z of correlations.
    reference : ndarray, shape (n_parcels, n_parcels), optional
        Covariance of the group, for ``"tangent"`` only: deviations from a group have no meaning
        without one. Parcels that are NaN in it are left out; all others must be usable, since
        each value is of the whole set: that of fewer parcels is in another space.
    names : sequence of str, optional
        Of the parcels, for messages.

    Returns
    -------
    Connectivity

    Raises
    ------
    InputError
        If fewer than two parcels are usable, a run has fewer than three volumes, the estimate
        has no inverse, or the reference does not belong to the parcels or has one that is not
        usable.

    References
    ----------
    Ledoit & Wolf (2004), Journal of Multivariate Analysis 88, 365 (shrinkage). Varoquaux et
    al. (2010), MICCAI, LNCS 6361, 200 (tangent). Marrelec et al. (2006), NeuroImage 32, 228
    (partial correlation).
    """
    _check_choices(kind, combine, fisher, reference)
    usable, excluded = usable_parcels(runs)
    short = min(run.shape[1] for run in runs)
    if short < 3:
        raise InputError(
            "series", expected="runs of at least 3 volumes", found=f"a run of {short}",
            hint="two volumes correlate 1 or -1 whatever they hold; leave that run out",
        )  # fmt: skip
    inside = None
    if reference is not None:
        known = _in_reference(reference, len(usable))
        _check_whole(known & ~usable, names)
        excluded["not_in_reference"] = int((usable & ~known).sum())
        usable = usable & known
        inside = _part_of(np.asarray(reference, np.float64), usable)
    if usable.sum() < 2:
        raise InputError(
            "series", expected="at least 2 parcels that can be used",
            found=f"{usable.sum()} of {len(usable)}", hint="connectivity is of pairs",
        )  # fmt: skip
    groups = [runs] if combine == "concatenate" else [[run] for run in runs]
    found = [_estimate(group, usable, kind, inside) for group in groups]
    matrix, n_clipped = _combined([one for one, _ in found], kind, fisher)
    full = _among_all(matrix, usable)
    shrinkage = [weight for _, weight in found if weight is not None]
    n_volumes = sum(run.shape[1] for run in runs)
    return Connectivity(full, usable, excluded, n_volumes, shrinkage, n_clipped)


def ledoit_wolf(blocks: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """Shrink the covariance of centred series towards a multiple of the identity.

    Blocks of volumes are read one after the other; the fourth moments that the weight needs
    are sums over volumes of squared lengths, so no array of pairs beyond the covariance is made.

    Parameters
    ----------
    blocks : sequence of ndarray of float64, shape (n_parcels, n_volumes)
        Each with a mean of 0 in each row.

    Returns
    -------
    covariance : ndarray of float64, shape (n_parcels, n_parcels)
    shrinkage : float
        From 0, the sample covariance, to 1, its target.

    References
    ----------
    Ledoit & Wolf (2004), Journal of Multivariate Analysis 88, 365.
    """
    n = sum(block.shape[1] for block in blocks)
    sample = _sample(blocks)
    size = len(sample)
    fourth = sum(float(((block**2).sum(axis=0) ** 2).sum()) for block in blocks) / n
    level = float(np.trace(sample)) / size
    square = float((sample**2).sum())
    distance = (square - size * level**2) / size
    error = min((fourth - square) / (size * n), distance)
    weight = error / distance if error > 0 else 0.0
    return (1 - weight) * sample + weight * level * np.eye(size), weight


def _estimate(
    runs: Sequence[np.ndarray], usable: np.ndarray, kind: str, reference: np.ndarray | None
) -> tuple[np.ndarray, float | None]:
    runs = runs if usable.all() else [run[usable] for run in runs]
    if kind == "correlation":
        return run_correlation(runs), None
    blocks = centred_runs(runs)
    if kind == "partial correlation":
        # One unit for all: shrinking would otherwise depend on how large a parcel's signal is.
        total = sum((block**2).sum(axis=1) for block in blocks)
        scale = np.sqrt(total / sum(block.shape[1] for block in blocks))[:, None]
        shrunk, weight = ledoit_wolf([block / scale for block in blocks])
        return _partial(shrunk), weight
    shrunk, weight = ledoit_wolf(blocks)
    if reference is None:
        return shrunk, weight
    whiten = _of_eigenvalues(reference, lambda x: 1 / np.sqrt(x), "reference")
    return _of_eigenvalues(whiten @ shrunk @ whiten, np.log, "series"), weight


def _sample(blocks: Sequence[np.ndarray]) -> np.ndarray:
    return sum(block @ block.T for block in blocks) / sum(block.shape[1] for block in blocks)


def _partial(covariance: np.ndarray) -> np.ndarray:
    return -to_correlation(_of_eigenvalues(covariance, lambda x: 1 / x, "series"))


def _of_eigenvalues(
    matrix: np.ndarray, function: Callable[[np.ndarray], np.ndarray], subject: str
) -> np.ndarray:
    """Apply a function to the eigenvalues of a symmetric matrix, which must be above 0."""
    values, vectors = linalg.eigh(matrix)
    if values[0] <= len(values) * np.finfo(np.float64).eps * values[-1]:
        raise InputError(
            subject,
            expected="a covariance with an inverse (all eigenvalues above 0)",
            found=f"eigenvalues from {values[0]:.3g} to {values[-1]:.3g}",
            hint="leave out parcels that are sums or copies of others, or give more volumes",
        )
    changed = (vectors * function(values)) @ vectors.T
    return (changed + changed.T) / 2  # the same but for rounding


def _among_all(matrix: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Put a matrix of the usable parcels into one of all, float32, NaN elsewhere."""
    if usable.all():
        return matrix.astype(np.float32)
    full = np.full((len(usable), len(usable)), np.nan, dtype=np.float32)
    full[np.ix_(usable, usable)] = matrix
    return full


def _combined(matrices: list[np.ndarray], kind: str, fisher: bool) -> tuple[np.ndarray, int]:
    if kind not in _CORRELATIONS or (len(matrices) == 1 and not fisher):
        return (np.mean(matrices, axis=0) if len(matrices) > 1 else matrices[0]), 0
    z, n_clipped = fisher_z(np.array(matrices))
    mean = z.mean(axis=0)
    if not fisher:
        return np.tanh(mean), n_clipped // 2
    np.fill_diagonal(mean, np.inf)  # tells z from r wherever the file goes
    return mean, n_clipped // 2


def _check_choices(kind: str, combine: str, fisher: bool, reference: np.ndarray | None) -> None:
    for name, value, known in (("kind", kind, KINDS), ("combine", combine, RUNS)):
        if value not in known:
            raise InputError(
                name, expected=", ".join(known), found=repr(value), hint="choose one of these"
            )
    if fisher and kind not in _CORRELATIONS:
        raise InputError(
            "fisher", expected=f"a kind of correlation: {', '.join(_CORRELATIONS)}", found=kind,
            hint="leave fisher off: Fisher's z is of correlations",
        )  # fmt: skip
    if (kind == "tangent") != (reference is not None):
        raise InputError(
            "reference",
            expected="a covariance of the group for kind 'tangent', and for no other",
            found=f"kind {kind!r} {'without' if reference is None else 'with'} a reference",
            hint="give the mean of covariances over subjects (kind='covariance'; of the training "
            "subjects only where a classifier follows)",
        )


def _in_reference(reference: np.ndarray, n_parcels: int) -> np.ndarray:
    """Mark the parcels that the reference has."""
    if np.shape(reference) != (n_parcels, n_parcels):
        wanted = f"a covariance of {n_parcels} parcels, ({n_parcels}, {n_parcels})"
        raise _no_reference(f"shape {np.shape(reference)}", wanted)
    known = np.isfinite(np.diag(reference))
    if not known.any():
        raise _no_reference("no number on its diagonal", "variances of parcels on the diagonal")
    return known


def _check_whole(lacking: np.ndarray, names: Sequence[str] | None) -> None:
    """Refuse series that lack parcels of the reference: all other values would change."""
    if not lacking.any():
        return
    rows = np.flatnonzero(lacking).tolist()
    shown = [names[row] for row in rows] if names is not None else [f"row {row}" for row in rows]
    raise InputError(
        "series", expected="all parcels of the reference, for tangent is of the whole set",
        found=f"{len(rows)} that are not usable: {', '.join(shown[:5])}"
        f"{' ...' if len(rows) > 5 else ''}{'' if names is not None else ' (counted from 0)'}",
        hint="set rows and columns of these parcels to NaN in the reference, the same for all "
        "subjects, or leave the subject out",
    )  # fmt: skip


def _part_of(reference: np.ndarray, usable: np.ndarray) -> np.ndarray:
    inside = reference[np.ix_(usable, usable)]
    if not np.isfinite(inside).all() or not np.allclose(inside, inside.T, rtol=1e-4):
        found = "one with NaN between its parcels, or that is not symmetric"
        raise _no_reference(found, "a symmetric covariance, NaN in whole rows only")
    return inside


def _no_reference(found: str, expected: str) -> InputError:
    return InputError(
        "reference", expected=expected, found=found,
        hint="give the mean over subjects of what kind='covariance' gives (diagonal included)",
    )  # fmt: skip
