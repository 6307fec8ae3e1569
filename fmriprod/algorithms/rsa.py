"""Comparison of many RDMs with models, a block of RDMs at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.pair_subset import PairSubset
from fmriprod.algorithms.rdm_compare import (
    WHITENED,
    check_method,
    check_pairs,
    compare_rdms,
    multiply,
    prepare_models,
    prepare_rdms,
    unusable,
)
from fmriprod.algorithms.rdm_permutation import RelabellingTest, student_p
from fmriprod.algorithms.rdm_ranks import row_blocks
from fmriprod.algorithms.sign_flip import fdr

P_METHODS = ("permutation", "spearmanr", "none")
_AT_ONCE = 1 << 20  # dissimilarities of a block that one thread works on


@dataclass(frozen=True)
class ComparedRDMs:
    """How alike RDMs and models are; arrays of float32, shape ``(n_models, n_rdms)``.

    Attributes
    ----------
    value : ndarray
        NaN where an RDM holds a NaN or is constant.
    p, q : ndarray or None
        p, and adjusted by Benjamini and Hochberg over the RDMs of each model.
    p_familywise : ndarray or None
        Adjusted by the largest value over RDMs in each relabelling.
    among : ndarray, shape (n_models, n_models)
        Models compared with each other.
    n_permutations : int
        Relabellings; 0 where p is not of relabellings.
    exhaustive : bool
        They are all there are.
    n_without_value : int
        RDMs that cannot be compared.
    """

    value: np.ndarray
    p: np.ndarray | None
    q: np.ndarray | None
    p_familywise: np.ndarray | None
    among: np.ndarray
    n_permutations: int
    exhaustive: bool
    n_without_value: int


class BlockwiseComparison:
    """Compare RDMs with models as they come; no RDM is kept.

    Parameters
    ----------
    models : ndarray, shape (n_models, n_pairs)
        All pairs of the conditions.
    names : sequence of str
        Of the models, for errors.
    chosen : PairSubset
        Pairs to compare.
    method : str
        One of `fmriprod.algorithms.rdm_compare.METHODS`.
    p_method : {"permutation", "spearmanr", "none"}
        Relabelling of conditions; Student's t of Spearman's correlation, two-sided, which
        takes pairs as independent; or no p.
    n_permutations, alternative, seed
        See `fmriprod.algorithms.rdm_permutation.RelabellingTest`.
    n_threads : int
        Threads, over RDMs; they do not change the result.

    Attributes
    ----------
    chosen : PairSubset
        Pairs to compare.

    Raises
    ------
    InputError
        If a model is constant or holds a NaN in the pairs, Student's t is asked for another
        method than Spearman, or a whitened comparison for pairs that are not all.
    """

    def __init__(
        self,
        models: np.ndarray,
        names: Sequence[str],
        chosen: PairSubset,
        method: str = "spearman",
        *,
        p_method: str = "permutation",
        n_permutations: int = 1000,
        alternative: str = "greater",
        seed: int = 0,
        n_threads: int = 1,
    ) -> None:
        check_method(method)
        _check_p_method(p_method, method)
        if method in WHITENED and not chosen.complete:
            raise InputError(
                "method", expected="spearman or another that is not whitened, for pairs between "
                "sets", found=f"{method!r}",
                hint="whitening needs all pairs of some conditions: choose within, or spearman",
            )  # fmt: skip
        self._models, self.chosen, self._method = chosen.of(models), chosen, method
        check_models(self._models, names)
        self._rows = prepare_models(self._models, method)
        self._p_method, self._n_threads = p_method, n_threads
        self._test = None
        if p_method == "permutation":
            self._test = RelabellingTest(
                self._rows, method, chosen, n_permutations, seed, alternative
            )
        self._values: list[np.ndarray] = []
        self._p: list[np.ndarray] = []

    def add(self, rdms: np.ndarray) -> None:
        """Compare some RDMs, shape (n, n_pairs); they come after those before."""
        check_pairs(self.chosen.of(rdms[:1]), self._models)
        blocks = row_blocks(len(rdms), len(self.chosen.pairs), _AT_ONCE)
        with threadpool_limits(1), ThreadPoolExecutor(self._n_threads) as pool:
            for value, p in pool.map(lambda block: self._compare(rdms[block]), blocks):
                self._values.append(value)
                self._p.append(p)

    def _compare(self, rdms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept = self.chosen.of(rdms)
        rows = np.empty(kept.shape, dtype=np.float32)
        for block in row_blocks(*kept.shape):
            rows[block] = prepare_rdms(kept[block], self._method)
        values = multiply(self._rows, rows, self._method)
        return values, values if self._test is None else self._test.p_values(rows, values)

    def result(self) -> ComparedRDMs:
        """Give the comparisons of all RDMs that were added."""
        value = np.concatenate(self._values, axis=1)
        test, p, familywise = self._test, None, None
        if test is not None:
            p, familywise = np.concatenate(self._p, axis=1), test.familywise(value)
        elif self._p_method == "spearmanr":
            p = student_p(value, len(self.chosen.pairs))
        return ComparedRDMs(
            value=value,
            p=p,
            q=None if p is None else np.array([fdr(row) for row in p], dtype=np.float32),
            p_familywise=familywise,
            among=compare_rdms(self._models, self._models, self._method),
            n_permutations=test.n_permutations if test else 0,
            exhaustive=bool(test and test.exhaustive),
            n_without_value=int(np.isnan(value).all(axis=0).sum()),
        )


def check_models(models: np.ndarray, names: Sequence[str]) -> None:
    """Refuse models that say nothing of the pairs.

    Raises
    ------
    InputError
        If one is constant, or holds a NaN.
    """
    bad = unusable(models)
    if bad.any():
        told = [
            f"{name!r} {'with NaN' if np.isnan(row).any() else f'{row[0]:g} for all pairs'}"
            for name, row, wrong in zip(names, models, bad, strict=True) if wrong
        ]  # fmt: skip
        raise InputError(
            "models", expected="different dissimilarities, for all pairs that are compared",
            found="; ".join(told), hint="leave these models out, or compare other pairs",
        )  # fmt: skip


def _check_p_method(p_method: str, method: str) -> None:
    if p_method not in P_METHODS:
        raise InputError(
            "p_method", expected=f"one of {', '.join(P_METHODS)}", found=f"{p_method!r}",
            hint=suggest(p_method, P_METHODS),
        )  # fmt: skip
    if p_method == "spearmanr" and method != "spearman":
        raise InputError(
            "p_method", expected="permutation, for another method than spearman",
            found=f"{p_method!r} with {method!r}", hint="Student's t is of correlations of ranks",
        )  # fmt: skip
