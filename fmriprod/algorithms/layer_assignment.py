"""Which layer of a network is most like a place in the brain, and how sure that is."""

from typing import NamedTuple

import numpy as np

from fmriprod.algorithms.checks import InputError


def assign_layers(value: np.ndarray, p: np.ndarray, level: float = 0.05) -> np.ndarray:
    """Give each voxel the number of the layer that it is most like.

    Values of layers with p above ``level`` count as 0; voxels with any positive value are kept,
    and get the number, from 1, of the layer with the largest value, the first of equal ones.

    Parameters
    ----------
    value : ndarray, shape (n_layers, n_voxels)
        Comparison with each layer, such as Spearman's rho; layers from first to last.
    p : ndarray, shape (n_layers, n_voxels)
        Its p, by whichever test; or q.
    level : float
        Largest p of a value that counts, in (0, 1].

    Returns
    -------
    ndarray of float32, shape (n_voxels,)
        1 to n_layers; NaN where no layer counts.

    Raises
    ------
    InputError
        If the shapes differ, ``p`` is no probability, or the level is none.

    Notes
    -----
    The rule of the published layer maps, where p was Student's of Spearman's rho. It takes the
    largest of several values that are alike, since neighbouring layers are: `bootstrap_layers` and
    `bootstrap_participants` say how often other data would give the same layer.

    Examples
    --------
    >>> assign_layers(np.array([[0.5, 0.9, -0.9], [0.4, 0.5, 0.1]]),
    ...               np.array([[0.01, 0.2, 0.01], [0.01, 0.01, 0.5]])).tolist()
    [1.0, 2.0, nan]
    """
    value, p = np.asarray(value), np.asarray(p)
    if value.ndim != 2 or value.shape != p.shape:
        raise InputError(
            "p", expected=f"as value, layers x voxels: shape {value.shape}",
            found=f"shape {p.shape}", hint="give value and p of the same comparison",
        )  # fmt: skip
    check_level(level)
    if np.nanmin(p, initial=0) < 0 or np.nanmax(p, initial=0) > 1:
        raise InputError(
            "p", expected="probabilities, 0 to 1",
            found=f"{np.nanmin(p):.4g} to {np.nanmax(p):.4g}",
            hint="give p or q, not -log10 p and not the value",
        )  # fmt: skip
    return best_of(np.where(p <= level, value, 0))


def check_level(level: float) -> None:
    """Refuse a level of significance that is no share.

    Raises
    ------
    InputError
        If it is not in (0, 1].
    """
    if not 0 < level <= 1:
        raise InputError(
            "level", expected="a share above 0, up to 1", found=f"{level:g}",
            hint="published: 0.05; 1 keeps all that is positive",
        )  # fmt: skip


def best_of(value: np.ndarray) -> np.ndarray:
    """Find the number, from 1, of the largest positive value along the first axis; else NaN.

    Parameters
    ----------
    value : ndarray, shape (n_layers, ...)
        NaN counts as none.

    Returns
    -------
    ndarray of float32, shape (...)
    """
    positive = np.where(value > 0, value, 0)  # NaN > 0 is false
    best = positive.argmax(axis=0)
    top = np.take_along_axis(positive, best[None], axis=0)[0]
    return np.where(top > 0, best + 1, np.nan).astype(np.float32)


class Agreement(NamedTuple):
    """How sure layers are; each of shape ``(n_voxels,)``, float32, NaN where there is no layer.

    Attributes
    ----------
    share : ndarray
        Share of the bootstrap samples whose best layer is that of the data, 0 to 1.
    low, high : ndarray
        Interval of the layer's number over the samples that have one.
    """

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


class LayerCounts:
    """Counts how often each layer is the best of a voxel, a bootstrap sample at a time.

    Parameters
    ----------
    n_layers, n_voxels : int
        How many there are.
    """

    def __init__(self, n_layers: int, n_voxels: int) -> None:
        self._counts = np.zeros((n_layers + 1, n_voxels), dtype=np.int32)  # 0: no layer
        self._voxels = np.arange(n_voxels)

    def add(self, value: np.ndarray, where: slice | np.ndarray = slice(None)) -> None:
        """Count the best layers of a sample: ``value`` has shape (n_layers, n_voxels of where)."""
        best = np.nan_to_num(best_of(value)).astype(np.int64)
        self._counts[best, self._voxels[where]] += 1

    def agreement(self, layer: np.ndarray, coverage: float = 0.95) -> Agreement:
        """Compare the samples with the layer of the data, shape (n_voxels,)."""
        known = np.isfinite(layer)
        total = self._counts.sum(axis=0)
        own = self._counts[np.nan_to_num(layer).astype(np.int64), self._voxels]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = own / total
            below = self._counts[1:].cumsum(axis=0) / self._counts[1:].sum(axis=0)
        tail = (1 - coverage) / 2
        # The smallest number that at least this share of the samples does not exceed.
        ends = [(below >= q - 1e-9).argmax(axis=0) + 1.0 for q in (tail, 1 - tail)]
        known_ends = known & np.isfinite(below[0])
        low, high = (np.where(known_ends, end, np.nan).astype(np.float32) for end in ends)
        return Agreement(np.where(known, share, np.nan).astype(np.float32), low, high)
