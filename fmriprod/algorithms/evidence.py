"""Evidence for objects in activity patterns: train on some samples, test on others."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.classify import Classifier, fit_dual, gram, log_probabilities
from fmriprod.algorithms.resampling_statistics import permuted_codes
from fmriprod.algorithms.splits import RUN, Split, check_splits, row_groups
from fmriprod.algorithms.standardize import Standardize, standardized
from fmriprod.algorithms.voxel_choice import best_columns, usable_columns, variance_ratio

_PROBLEM_VALUES = 500_000  # in each array of a batch of fits: 4 MB
_RATIO_VALUES = 10_000_000  # in each array of a batch of voxel selections: 40 MB


@dataclass(frozen=True)
class Evidence:
    """What a decoding analysis found.

    Attributes
    ----------
    labels : list of str
        Trained labels, sorted: the columns of ``log_probability``.
    rows : ndarray of int, shape (n_tests,)
        Rows of the sample table that were tested.
    split : ndarray of int, shape (n_tests,)
        Number of the split that tested them.
    log_probability : ndarray of float64, shape (n_tests, n_labels)
        Natural logarithms of the labels' probabilities.
    predicted : ndarray of int, shape (n_tests,)
        Number of the label with the largest probability.
    correct : ndarray of bool, shape (n_tests,)
        Whether that is the true label.
    voxels : ndarray of bool, shape (n_voxels,)
        Voxels that could be used.
    null_accuracy : ndarray of float64, shape (n_permutations,)
        Accuracy with permuted labels.
    """

    labels: list[str]
    rows: np.ndarray
    split: np.ndarray
    log_probability: np.ndarray
    predicted: np.ndarray
    correct: np.ndarray
    voxels: np.ndarray
    null_accuracy: np.ndarray = field(default_factory=lambda: np.zeros(0))


def object_evidence(
    features: np.ndarray,
    samples: pd.DataFrame,
    splits: list[Split],
    *,
    classifier: Classifier = "logistic_ovr",
    C: float = 1.0,
    standardize: Standardize = "split",
    n_voxels: int | None = None,
    n_permutations: int = 0,
    seed: int = 0,
) -> Evidence:
    """Train on the training rows of each split and weigh the labels in its test rows.

    With ``logistic_ovr``, ``C=1`` and ``standardize="split"`` this is the classifier of
    Fan et al. [1]_. With ``n_permutations`` the whole analysis is repeated with labels
    that are shuffled between the trials of a run, never between training and test rows;
    standardisation uses no labels, and voxels are selected anew for each permutation.

    Parameters
    ----------
    features : ndarray of float32, shape (n_samples, n_voxels)
        Activity.
    samples : DataFrame, n_samples rows
        Columns ``subject, task, run, label, trial, tr``.
    splits : list of Split
        Training and test rows.
    classifier : {'logistic_ovr', 'logistic'}
        One-vs-rest or multinomial logistic regression, see `fit_dual`.
    C : float
        Inverse of the L2 penalty.
    standardize : {'split', 'train', 'run', 'none'}
        Mean 0 and standard deviation 1 per voxel: separately over all training and over
        all test rows; with the training rows' mean and deviation; over each run, apart for
        training and test rows; not at all.
    n_voxels : int, optional
        Use the voxels with the largest F over labels in the training rows of the split.
    n_permutations : int
        Permutations of the labels.
    seed : int
        Source of the permutations.

    Returns
    -------
    Evidence

    Raises
    ------
    InputError
        If rows, labels or voxels do not allow it; see also `check_splits`.

    References
    ----------
    .. [1] Fan et al. (2020). Relating visual production and recognition of objects in human
       visual cortex. Journal of Neuroscience 40(8), 1710-1721.
    """
    labels = check_splits(samples, splits)
    codes = pd.Categorical(samples["label"], categories=labels).codes.astype(np.int64)
    used = np.unique(np.concatenate([np.concatenate(split[1:]) for split in splits]))
    voxels = usable_columns(features, samples, used)
    _check_voxels(voxels, n_voxels)
    features = features if voxels.all() else features[:, voxels]
    arrangements = label_arrangements(codes, samples, splits, used, n_permutations, seed)
    scores, hits = [], np.zeros(len(arrangements))
    for split in splits:
        train, test = standardized(features, samples, split, standardize)
        fold = _fold(
            train, test, arrangements[:, split.train], len(labels), classifier, C, n_voxels
        )
        true_scores, predicted = fold
        hits += (predicted == arrangements[:, split.test]).sum(axis=1)
        scores.append(true_scores)
    log_p = log_probabilities(np.concatenate(scores), classifier)
    rows = np.concatenate([split.test for split in splits])
    predicted = log_p.argmax(axis=1)
    number = np.repeat(np.arange(len(splits)), [len(split.test) for split in splits])
    null = hits[1:] / len(rows)
    right = predicted == codes[rows]
    return Evidence(labels, rows, number, log_p, predicted, right, voxels, null)


def label_arrangements(
    codes: np.ndarray,
    samples: pd.DataFrame,
    splits: list[Split],
    used: np.ndarray,
    n_permutations: int,
    seed: int,
) -> np.ndarray:
    """Permute the labels of used rows between trials of a run, apart for each test set.

    Parameters
    ----------
    codes : ndarray of int, shape (n_samples,)
        Label numbers.
    samples : DataFrame, n_samples rows
        Columns ``subject, task, run, trial``.
    splits : list of Split
        Training and test rows; no row is tested twice.
    used : ndarray of int
        Rows that take part.
    n_permutations, seed : int
        How many, and the source of the draws.

    Returns
    -------
    ndarray of int, shape (n_permutations + 1, n_samples)
        The true label numbers, then a permutation in each row.
    """
    arrangements = np.tile(codes, (n_permutations + 1, 1))
    if n_permutations:
        trials = row_groups(samples, [*RUN, "trial"])[used]
        strata = _strata(samples, splits)[used]
        drawn = permuted_codes(codes[used], trials, strata, n_permutations, seed)
        arrangements[1:, used] = drawn
    return arrangements


def _fold(
    train: np.ndarray,
    test: np.ndarray,
    codes: np.ndarray,
    n_labels: int,
    classifier: Classifier,
    C: float,
    n_voxels: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit all label vectors of a split.

    Returns
    -------
    scores : ndarray, shape (n_test, n_labels)
        Decision values of the first label vector.
    predicted : ndarray of int, shape (n_fits, n_test)
    """
    if n_voxels is None or n_voxels == train.shape[1]:
        return fit_batches(gram(train), gram(test, train), codes, n_labels, classifier, C)
    results = []
    batch = max(1, _RATIO_VALUES // (n_labels * train.shape[1]))
    for start in range(0, len(codes), batch):
        part = codes[start : start + batch]
        for ratio, code in zip(variance_ratio(train, part, n_labels), part, strict=True):
            best = best_columns(ratio, n_voxels)
            kernels = gram(train[:, best]), gram(test[:, best], train[:, best])
            results.append(fit_batches(*kernels, code[None], n_labels, classifier, C))
    return results[0][0], np.concatenate([predicted for _, predicted in results])


def fit_batches(
    kernel: np.ndarray,
    test_kernel: np.ndarray,
    codes: np.ndarray,
    n_labels: int,
    classifier: Classifier,
    C: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit label vectors that share their kernel, so many at a time as memory allows.

    Parameters
    ----------
    kernel, test_kernel : ndarray, shape (n_train, n_train) and (n_test, n_train)
        From `gram`.
    codes : ndarray of int, shape (n_fits, n_train)
        Label numbers of each fit.
    n_labels, classifier, C
        As `fit_dual` takes them.

    Returns
    -------
    scores : ndarray, shape (n_test, n_labels)
        Decision values of the first label vector.
    predicted : ndarray of int, shape (n_fits, n_test)
    """
    first, predicted = np.empty(0), []
    batch = max(1, _PROBLEM_VALUES // (len(kernel) * n_labels))
    for start in range(0, len(codes), batch):
        part = codes[start : start + batch]
        dual = fit_dual(kernel, part, n_labels, classifier=classifier, C=C)
        scores = np.tensordot(test_kernel, dual, axes=1)
        first = scores[:, 0] if start == 0 else first
        predicted.append(scores.argmax(axis=2).T)
    return first, np.concatenate(predicted)


def _strata(samples: pd.DataFrame, splits: list[Split]) -> np.ndarray:
    """Group rows by run and by the splits that test them: labels are shuffled within these."""
    tested_in = np.full(len(samples), -1)
    for number, split in enumerate(splits):
        tested_in[split.test] = number
    columns = samples[RUN].assign(tested_in=tested_in)
    return row_groups(columns, [*RUN, "tested_in"])


def _check_voxels(voxels: np.ndarray, n_voxels: int | None) -> None:
    count = int(voxels.sum())
    if not count:
        raise InputError(
            "features",
            expected="voxels that vary and are finite in every run",
            found=f"none of {len(voxels)}",
            hint="check that the mask lies in the brain and that the series is not empty",
        )
    if n_voxels is not None and not 1 <= n_voxels <= count:
        raise InputError(
            "n_voxels",
            expected=f"from 1 to the {count} usable voxels (of {len(voxels)})",
            found=f"{n_voxels}",
            hint="ask for fewer, or leave n_voxels out to use all",
        )
