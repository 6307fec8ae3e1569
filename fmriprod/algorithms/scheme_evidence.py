"""Evidence for every label in the test rows of a scheme, in one region."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fmriprod.algorithms.classify import Classifier, fit_dual, gram, log_probabilities
from fmriprod.algorithms.evidence import fit_batches, label_arrangements
from fmriprod.algorithms.resampling_statistics import permuted_codes
from fmriprod.algorithms.schemes import SchemeSplit, used_rows
from fmriprod.algorithms.splits import RUN, Split, row_groups
from fmriprod.algorithms.standardize import Standardize, standardized


@dataclass(frozen=True)
class SchemeEvidence:
    """What the classifiers of a scheme say about the rows that they test.

    Attributes
    ----------
    labels : list of str
        Labels of all classifiers, sorted: the columns below.
    rows : ndarray of int, shape (n_tests,)
        Tested rows of the sample table, ascending.
    log_probability : ndarray of float64, shape (n_tests, n_labels)
        Mean natural logarithm of the label's probability over the classifiers that know it;
        NaN where none does.
    probability : ndarray of float64, shape (n_tests, n_labels)
        Mean probability over the same classifiers.
    correct : ndarray of float64, shape (n_tests,)
        Share of the classifiers that know the row's label and give it the largest
        probability; with one classifier 0 or 1.
    null_accuracy : ndarray of float64, shape (n_permutations,)
        Mean of ``correct`` with permuted labels.
    """

    labels: list[str]
    rows: np.ndarray
    log_probability: np.ndarray
    probability: np.ndarray
    correct: np.ndarray
    null_accuracy: np.ndarray = field(default_factory=lambda: np.zeros(0))


def scheme_evidence(
    features: np.ndarray,
    samples: pd.DataFrame,
    splits: list[SchemeSplit],
    *,
    classifier: Classifier = "logistic_ovr",
    C: float = 1.0,
    standardize: Standardize = "split",
    probability_floor: float = 0.0,
    n_permutations: int = 0,
    seed: int = 0,
) -> SchemeEvidence:
    """Train the classifiers of a scheme and combine what they say.

    With the defaults each classifier is that of Fan et al. [1]_. A label that several
    classifiers know gets the mean of its log-probabilities (and of its probabilities).

    With ``n_permutations`` labels are shuffled between the trials of a run. Where each row is
    tested by one classifier, training and test labels are, never across a split, and all is
    fitted again. Classifiers of a scheme with several for one row do not train on the same
    rows; they stay as they are, and the labels of the test trials are shuffled.

    Parameters
    ----------
    features : ndarray of float32, shape (n_samples, n_voxels)
        Activity of the region's usable voxels.
    samples : DataFrame, n_samples rows
        Columns ``subject, task, run, label, trial``.
    splits : list of SchemeSplit
        From `scheme_splits`.
    classifier : {'logistic_ovr', 'logistic'}
        One-vs-rest or multinomial, see `fit_dual`.
    C : float
        Inverse of the L2 penalty.
    standardize : {'split', 'train', 'run', 'none'}
        See `object_evidence`.
    probability_floor : float
        Smaller probabilities are raised to it before the logarithm (the source puts
        2.22e-16 in place of zeros in its within-drawing scheme).
    n_permutations, seed : int
        Permutations of the labels, and their source.

    Returns
    -------
    SchemeEvidence

    References
    ----------
    .. [1] Fan et al. (2020). Relating visual production and recognition of objects in human
       visual cortex. Journal of Neuroscience 40(8), 1710-1721.
    """
    labels = sorted(set().union(*(split.labels for split in splits)))
    codes = pd.Index(labels).get_indexer(samples["label"])  # -1: no classifier knows it
    rows, times = np.unique(np.concatenate([s.test for s in splits]), return_counts=True)
    refit = bool((times == 1).all())
    permuted = _permuted(codes, samples, splits, rows, refit, n_permutations, seed)
    sums = np.zeros((2, len(rows), len(labels)))  # of log-probabilities, of probabilities
    known_by = np.zeros((len(rows), len(labels)))
    hits, null = np.zeros((2, len(rows))), np.zeros((2, n_permutations, len(rows)))
    for split in splits:
        columns = np.array([labels.index(label) for label in split.labels])
        at = np.searchsorted(rows, split.test)
        train, test = standardized(
            features, samples, Split(split.name, split.train, split.test), standardize
        )
        own = np.searchsorted(columns, codes[split.train])
        kernel = gram(train)
        dual = fit_dual(kernel, own[None], len(columns), classifier=classifier, C=C)[:, 0]
        log_p = log_probabilities(_decision_values(train, test, dual), classifier)
        with np.errstate(divide="ignore"):
            log_p = np.maximum(log_p, np.log(probability_floor))
        sums[np.ix_(np.arange(2), at, columns)] += log_p, np.exp(log_p)
        known_by[np.ix_(at, columns)] += 1
        predicted = columns[log_p.argmax(axis=1)]
        hits[:, at] += _hits(predicted, codes[split.test], columns)
        if n_permutations:
            if refit:
                arranged = np.searchsorted(columns, permuted[:, split.train])
                kernels = kernel, gram(test, train)
                again = fit_batches(*kernels, arranged, len(columns), classifier, C)[1]
                predicted = columns[again]
            null[:, :, at] += _hits(predicted, permuted[:, split.test], columns)
    with np.errstate(invalid="ignore"):
        log_probability, probability = sums / known_by
    accuracies = (null[0] / np.maximum(null[1], 1)).mean(axis=1)
    return SchemeEvidence(labels, rows, log_probability, probability, hits[0] / hits[1], accuracies)


def _decision_values(
    train: np.ndarray, test: np.ndarray, dual: np.ndarray, chunk: int = 8192
) -> np.ndarray:
    """Weigh test rows by ``train' dual``, in float64 and voxels in chunks; the 1 is `gram`'s."""
    values = np.tile(dual.sum(axis=0), (len(test), 1))
    for start in range(0, train.shape[1], chunk):
        here = slice(start, start + chunk)
        weights = train[:, here].astype(np.float64).T @ dual
        values += test[:, here].astype(np.float64) @ weights
    return values


def _hits(predicted: np.ndarray, truth: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Whether a classifier is right, and whether it knows the true label, shape (2, ...)."""
    return np.array([predicted == truth, np.isin(truth, columns)], dtype=np.float64)


def _permuted(
    codes: np.ndarray,
    samples: pd.DataFrame,
    splits: list[SchemeSplit],
    rows: np.ndarray,
    refit: bool,
    n_permutations: int,
    seed: int,
) -> np.ndarray:
    """Permuted label numbers of all rows, shape (n_permutations, n_samples)."""
    if not n_permutations:
        return np.empty((0, len(codes)), dtype=np.int64)
    if refit:
        plain = [Split(split.name, split.train, split.test) for split in splits]
        used = used_rows(splits)
        return label_arrangements(codes, samples, plain, used, n_permutations, seed)[1:]
    drawn = np.tile(codes, (n_permutations, 1))
    trials, runs = (row_groups(samples, names)[rows] for names in ([*RUN, "trial"], RUN))
    drawn[:, rows] = permuted_codes(codes[rows], trials, runs, n_permutations, seed)
    return drawn
