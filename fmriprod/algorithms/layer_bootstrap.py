"""How sure the layer of a voxel is: conditions, or participants, are drawn anew."""

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_assignment import Agreement, LayerCounts, check_level
from fmriprod.algorithms.rdm import check_n_conditions, n_pairs, pair_indices

_AT_ONCE = 1 << 19  # values of a block of RDMs: a few of these fit the processor's own memory


def bootstrap_layers(
    rdms: np.ndarray,
    models: np.ndarray,
    layer: np.ndarray,
    *,
    n_bootstrap: int = 1000,
    coverage: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Find how often other conditions of the same kind would give a voxel the same layer.

    Conditions are drawn with replacement; the RDMs of brain and layers consist of the pairs of
    what was drawn, as often as they occur, without those of a condition with itself. Spearman's
    rho of these, with ties shared, gives the best layer of the draw; layers that were not
    significant in the data can win too.

    Parameters
    ----------
    rdms : ndarray, shape (n_voxels, n_pairs)
        Dissimilarities of the voxels' spheres; may be a memory map. Only those of voxels with a
        layer are read.
    models : ndarray, shape (n_layers, n_pairs)
        Those of the layers, pairs in the same order.
    layer : ndarray, shape (n_voxels,)
        Layers of the data, from 1, NaN where there is none: see `assign_layers`.
    n_bootstrap : int
        Draws; those with fewer than three different conditions are drawn again.
    coverage : float
        Of the interval of the layer's number, in (0, 1).
    seed : int
        Seed of the draws.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If pairs or voxels do not fit, or layers are not finite or constant.

    References
    ----------
    Nili et al. 2014, PLoS Comput Biol 10:e1003553 (bootstrap of conditions); rsatoolbox,
    ``bootstrap_sample_pattern``.
    """
    models, layer = np.atleast_2d(models), np.asarray(layer)
    weights = condition_draws(_n_conditions(rdms, models, layer), n_bootstrap, seed)
    check_level(coverage)
    prepared = [prepare_models(models, w) for w in weights]
    counts = LayerCounts(len(models), len(layer))
    where = np.flatnonzero(np.isfinite(layer))
    step = max(1, _AT_ONCE // rdms.shape[1])
    for start in range(0, len(where), step):
        block = where[start : start + step]
        ranks = WeightedRanks(np.asarray(rdms[block]))
        for w, model in zip(weights, prepared, strict=True):
            counts.add(model @ ranks(w).T, block)
    return counts.agreement(layer, coverage)


def bootstrap_participants(
    values: np.ndarray,
    layer: np.ndarray,
    *,
    best: str = "mean",
    n_bootstrap: int = 1000,
    coverage: float = 0.95,
    seed: int = 0,
) -> Agreement:
    """Find how often other participants would give a voxel the same layer.

    Participants are drawn with replacement; the best layer of a draw is that with the largest
    mean over participants, or t, whether or not it was significant in the data.

    Parameters
    ----------
    values : ndarray, shape (n_subjects, n_layers, n_voxels)
        Fisher's z of the comparison with each layer; only voxels with a layer need be finite.
    best : {"mean", "t"}
        What is largest: as in `GroupRule`.
    layer, n_bootstrap, coverage, seed
        As `bootstrap_layers` takes them; draws of one participant only are drawn again.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If shapes do not fit, or there are fewer than three participants.
    """
    if values.ndim != 3 or values.shape[2] != len(layer) or len(values) < 3:
        raise InputError(
            "values", expected=f"at least 3 participants x layers x {len(layer)} voxels",
            found=f"shape {values.shape}", hint="give the maps that the layers come from",
        )  # fmt: skip
    n_subjects, n_layers, _ = values.shape
    check_level(coverage)
    drawn = _draw(n_subjects, n_bootstrap, 2, seed).astype(np.float32)
    counts = LayerCounts(n_layers, len(layer))
    where = np.flatnonzero(np.isfinite(layer))
    for start in range(0, len(where), 1024):
        block = where[start : start + 1024]
        z = values[:, :, block].astype(np.float32).reshape(n_subjects, -1)
        square = z**2
        for some in np.array_split(drawn, max(1, n_bootstrap // 64)):
            size = some @ z / n_subjects
            if best == "t":  # up to a factor that all layers share
                scatter = some @ square / n_subjects
                scatter = np.maximum(scatter - size**2, 1e-7 * scatter)
                with np.errstate(invalid="ignore", divide="ignore"):
                    size /= np.sqrt(scatter)
            for each in size.reshape(len(some), n_layers, -1):
                counts.add(each, block)
    return counts.agreement(layer, coverage)


def condition_draws(n_conditions: int, n_bootstrap: int, seed: int = 0) -> np.ndarray:
    """Draw conditions with replacement; tell how often each pair of different ones occurs.

    Returns
    -------
    ndarray of float32, shape (n_bootstrap, n_pairs)
        Whole numbers; 0 where one of the pair was not drawn.
    """
    counts = _draw(n_conditions, n_bootstrap, 3, seed)
    first, second = pair_indices(n_conditions)
    return (counts[:, first] * counts[:, second]).astype(np.float32)


class WeightedRanks:
    """Ranks of rows whose values occur several times, or not at all, sorted once.

    Parameters
    ----------
    rows : ndarray, shape (n, n_pairs)
        Rows with a NaN have ranks of 0.
    """

    def __init__(self, rows: np.ndarray) -> None:
        n, k = rows.shape
        order = np.argsort(rows, axis=1, kind="stable")
        ordered = np.take_along_axis(rows, order, axis=1)
        self._order = order
        self._place = np.empty_like(order)
        np.put_along_axis(self._place, order, np.arange(k)[None], axis=1)
        self._place += (np.arange(n) * k)[:, None]
        self._unknown = ~np.isfinite(rows).all(axis=1)
        same = ordered[:, 1:] == ordered[:, :-1]
        self._tied = np.flatnonzero(same.any(axis=1))
        self._groups = [_tie_groups(row) for row in same[self._tied]]

    def __call__(self, weight: np.ndarray) -> np.ndarray:
        """Rank values that occur ``weight`` times each, shape (n_pairs,), ties shared.

        Returns
        -------
        ndarray of float32, shape (n, n_pairs)
            Up to a constant: half the last plus half the first rank of a value's copies.
        """
        w = weight[self._order]
        upto = np.cumsum(w, axis=1, dtype=np.float32)  # whole numbers: exact
        ranks = upto - w / 2
        for row, (first, last) in zip(self._tied, self._groups, strict=True):
            total = upto[row]
            ranks[row] = (total[last] + total[first] - w[row, first]) / 2
        ranks[self._unknown] = 0
        return ranks.ravel()[self._place]


def prepare_models(models: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rank models so that their product with weighted ranks rises with Spearman's rho.

    Up to a factor of each RDM, which no layer's place among layers depends on.

    Parameters
    ----------
    models : ndarray, shape (n_layers, n_pairs)
        Dissimilarities.
    weight : ndarray, shape (n_pairs,)
        How often each pair occurs.

    Returns
    -------
    ndarray of float32, shape (n_layers, n_pairs)
        0 for a model that is constant over what occurs.
    """
    ranks = WeightedRanks(models)(weight).astype(np.float64)
    ranks -= (ranks @ weight / weight.sum())[:, None]
    norm = np.sqrt(ranks**2 @ weight)[:, None]
    unit = np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 1e-6)
    return (unit * weight).astype(np.float32)


def _tie_groups(same: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the places, in sorted order, of the first and last value equal to each."""
    new = np.flatnonzero(np.r_[True, ~same])
    lengths = np.diff(new, append=len(same) + 1)
    return np.repeat(new, lengths), np.repeat(new + lengths - 1, lengths)


def _draw(n: int, n_bootstrap: int, least: int, seed: int) -> np.ndarray:
    """Count how often each of n is drawn, with at least so many different ones a draw."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_bootstrap)
    while (few := (counts > 0).sum(axis=1) < least).any():
        counts[few] = rng.multinomial(n, np.full(n, 1 / n), size=int(few.sum()))
    return counts


def _n_conditions(rdms: np.ndarray, models: np.ndarray, layer: np.ndarray) -> int:
    n = round((1 + (1 + 8 * models.shape[1]) ** 0.5) / 2)
    if rdms.ndim != 2 or rdms.shape != (len(layer), models.shape[1]) or n_pairs(n) != rdms.shape[1]:
        raise InputError(
            "rdms", expected=f"{len(layer)} voxels x {models.shape[1]} pairs, as layers and models",
            found=f"shape {rdms.shape}", hint="give the RDMs that the layers come from, whole",
        )  # fmt: skip
    check_n_conditions(n)
    bad = ~np.isfinite(models).all(axis=1)
    if bad.any():
        raise InputError(
            "models", expected="finite dissimilarities of every layer",
            found=f"layers {', '.join(str(i + 1) for i in np.flatnonzero(bad))} with others",
            hint="make their RDMs again, or leave them out",
        )  # fmt: skip
    return n
