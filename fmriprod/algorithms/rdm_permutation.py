"""How often relabelled conditions make an RDM and a model as alike as they are."""

from collections.abc import Iterator
from threading import Lock

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.pair_subset import PairSubset, relabellings
from fmriprod.algorithms.rdm_compare import multiply

ALTERNATIVES = ("greater", "two-sided")
_ROUNDING = 2e-6  # comparisons that differ by less, in products of float32, count as equal
_AT_ONCE = 1 << 22  # values of permuted models, or of the null, that are held together


class RelabellingTest:
    """Test of RDMs, a block at a time, against models whose conditions are relabelled.

    Relabelling conditions permutes the pairs of a model, so that the null of a block of RDMs
    is a product of their prepared rows with permuted prepared rows of the model [1]_. All
    RDMs get the same relabellings.

    Parameters
    ----------
    model_rows : ndarray of float32, shape (m, n_pairs)
        From `fmriprod.algorithms.rdm_compare.prepare_models`.
    method : str
        That of the comparison.
    chosen : PairSubset
        Which pairs they are, and what may be exchanged.
    n_permutations : int, default 1000
        Relabellings to draw; all of them are used once if there are no more.
    seed : int
        Source of the draws.
    alternative : {"greater", "two-sided"}
        Count relabellings that make them as alike, or as alike or opposed.

    Attributes
    ----------
    n_permutations : int
        How many relabellings there are.
    exhaustive : bool
        Whether they are all there are.
    largest : ndarray of float32, shape (m, n_permutations)
        Largest value, over all RDMs tested so far, of each relabelling.

    References
    ----------
    .. [1] Nili H et al. (2014). A toolbox for representational similarity analysis. PLoS
       Comput Biol 10:e1003553.
    """

    def __init__(
        self,
        model_rows: np.ndarray,
        method: str,
        chosen: PairSubset,
        n_permutations: int = 1000,
        seed: int = 0,
        alternative: str = "greater",
    ) -> None:
        if alternative not in ALTERNATIVES:
            raise InputError(
                "alternative", expected=" or ".join(ALTERNATIVES), found=f"{alternative!r}",
                hint=suggest(alternative, ALTERNATIVES),
            )  # fmt: skip
        self._rows, self._method, self._chosen = model_rows, method, chosen
        self._two_sided = alternative == "two-sided"
        self._orders, self.exhaustive = relabellings(chosen, n_permutations, seed)
        self.n_permutations = len(self._orders)
        self.largest = np.full((len(model_rows), self.n_permutations), -np.inf, dtype=np.float32)
        self._lock = Lock()

    def p_values(self, rdm_rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Test a block of RDMs.

        Parameters
        ----------
        rdm_rows : ndarray of float32, shape (n, n_pairs)
            From `fmriprod.algorithms.rdm_compare.prepare_rdms`.
        values : ndarray of float32, shape (m, n)
            Their comparison with the models.

        Returns
        -------
        ndarray of float32, shape (m, n)
            (1 + relabellings that reach the value) / (1 + relabellings); NaN where the value
            is.
        """
        reached = np.zeros(values.shape, dtype=np.int64)
        bounds = self._magnitude(values) - np.float32(_ROUNDING)
        some = max(1, _AT_ONCE // max(rdm_rows.shape))
        for where, pairs in self._pairs(some):
            for model, row in enumerate(self._rows):
                null = multiply(row[pairs], rdm_rows, self._method)  # (permutations, n)
                null = self._magnitude(null)
                reached[model] += (null >= bounds[model]).sum(axis=0, dtype=np.int32)
                most, largest = np.fmax.reduce(null, axis=1), self.largest[model, where]
                with self._lock:
                    np.fmax(largest, most, out=largest)
        p = ((1 + reached) / (1 + self.n_permutations)).astype(np.float32)
        p[np.isnan(values)] = np.nan
        return p

    def familywise(self, values: np.ndarray) -> np.ndarray:
        """Test against the largest value over all RDMs that were tested.

        Parameters
        ----------
        values : ndarray of float32, shape (m, n)
            Of all RDMs.

        Returns
        -------
        ndarray of float32, shape (m, n)
            p, for each model, of any of its RDMs reaching the value by chance.
        """
        p = np.full(values.shape, np.nan, dtype=np.float32)
        for model, row in enumerate(self._magnitude(values)):
            known = np.isfinite(row)
            ordered = np.sort(self.largest[model])
            below = np.searchsorted(ordered, row[known] - np.float32(_ROUNDING), side="left")
            p[model, known] = (1 + len(ordered) - below) / (1 + len(ordered))
        return p

    def _magnitude(self, values: np.ndarray) -> np.ndarray:
        return np.abs(values) if self._two_sided else values

    def _pairs(self, n_at_once: int) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, self.n_permutations, n_at_once):
            where = slice(start, min(start + n_at_once, self.n_permutations))
            yield where, self._chosen.relabelled(self._orders[where])


def student_p(values: np.ndarray, n_pairs: int) -> np.ndarray:
    """Give the two-sided p of correlations by Student's t, as SciPy's ``spearmanr`` does.

    It takes pairs of conditions as independent, which they are not: those that share a
    condition depend on each other, and p is too small. Kept as a published analysis used it.

    Parameters
    ----------
    values : ndarray, shape (m, n)
        Correlations.
    n_pairs : int
        Pairs behind each.

    Returns
    -------
    ndarray of float32, shape (m, n)
    """
    freedom = n_pairs - 2
    r = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = r * np.sqrt(freedom / np.maximum((1 - r) * (1 + r), 0))
    return (2 * stats.t.sf(np.abs(t), freedom)).astype(np.float32)
