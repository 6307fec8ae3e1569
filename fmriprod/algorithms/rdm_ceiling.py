"""How alike a perfect model could be, given how participants' RDMs differ."""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_compare import (
    WHITENED,
    check_method,
    compare_rdms,
    unusable,
    whitened_squares,
)
from fmriprod.algorithms.rdm_ranks import average_ranks


@dataclass(frozen=True)
class Ceiling:
    """Noise ceiling of one RDM over participants.

    Attributes
    ----------
    lower, upper : float
        Means of the next two; NaN if fewer than two participants have an RDM to compare.
    of_others, of_all : ndarray of float32, shape (n_participants,)
        Each participant's RDM compared with the mean of the others, and with the mean of all.
    n_left_out : int
        Participants whose RDM holds a NaN or is constant.
    """

    lower: float
    upper: float
    of_others: np.ndarray
    of_all: np.ndarray
    n_left_out: int


def rdm_ceiling(rdms: np.ndarray, method: str = "spearman") -> Ceiling:
    """Estimate between which values the true model would lie [1]_.

    The best possible model of all participants is the mean of their RDMs, each brought to
    the scale that the method does not see: ranks (Spearman, and, as nothing better is known,
    Kendall), mean 0 and length 1 (Pearson), length 1 (cosine). Compared with the RDMs it was
    made from, it is too good (upper); compared with one that was left out, not good enough
    (lower).

    Parameters
    ----------
    rdms : ndarray, shape (n_participants, n_pairs)
        One a participant.
    method : str
        One of `fmriprod.algorithms.rdm_compare.METHODS`.

    Raises
    ------
    InputError
        If there are fewer than two participants.

    References
    ----------
    .. [1] Nili H et al. (2014). A toolbox for representational similarity analysis. PLoS
       Comput Biol 10:e1003553.
    """
    check_method(method)
    rdms = np.asarray(rdms)
    if rdms.ndim != 2 or len(rdms) < 2:
        raise InputError(
            "participants", expected="RDMs of 2 participants or more", found=f"shape {rdms.shape}",
            hint="a noise ceiling tells how much participants agree; leave it out",
        )  # fmt: skip
    usable = ~unusable(rdms)
    others, whole = (np.full(len(rdms), np.nan, dtype=np.float32) for _ in range(2))
    n_left_out = int((~usable).sum())
    if usable.sum() < 2:
        return Ceiling(np.nan, np.nan, others, whole, n_left_out)
    kept = rdms[usable]
    scaled = _on_one_scale(kept, method)
    total = scaled.sum(axis=0)
    whole[usable] = compare_rdms(kept, total[None], method)[0]
    left_out = [compare_rdms(own[None], (total - mine)[None], method)[0, 0]
                for own, mine in zip(kept, scaled, strict=True)]  # fmt: skip
    others[usable] = left_out
    return Ceiling(
        float(np.mean(others[usable], dtype=float)), float(np.mean(whole[usable], dtype=float)),
        others, whole, n_left_out,
    )  # fmt: skip


def _on_one_scale(rdms: np.ndarray, method: str) -> np.ndarray:
    if method in ("spearman", "kendall"):
        return average_ranks(rdms).astype(np.float64)
    values = rdms.astype(np.float64)
    if method in ("pearson", "whitened correlation"):
        values = values - values.mean(axis=1, keepdims=True)
    squares = whitened_squares(values) if method in WHITENED else (values**2).sum(axis=1)
    return values / np.sqrt(squares)[:, None]
