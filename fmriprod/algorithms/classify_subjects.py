"""Classify samples by subjects that the classifier has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class SubjectClassification:
    """What a classifier says of subjects that it was not trained on.

    Attributes
    ----------
    predicted : ndarray of str, shape (n_samples,)
        Label of each sample, by the fold in which its subject was tested.
    fold : ndarray of int, shape (n_samples,)
        That fold, from 0.
    accuracy, balanced_accuracy : float
        Share of right samples; mean over labels of the share of right ones.
    null, null_balanced : ndarray of float64, shape (n_permutations,)
        The same with exchanged labels.
    exchange : str
        Which labels are exchanged: ``within`` subjects, or ``across`` whole subjects.
    """

    predicted: np.ndarray
    fold: np.ndarray
    accuracy: float
    balanced_accuracy: float
    null: np.ndarray
    null_balanced: np.ndarray
    exchange: str

    @property
    def p(self) -> float:
        """Share of exchanges that are as accurate, the observed one among them."""
        return _p(self.accuracy, self.null)

    @property
    def p_balanced(self) -> float:
        """The same of balanced accuracy."""
        return _p(self.balanced_accuracy, self.null_balanced)


def classify_subjects(
    features: np.ndarray,
    labels: Sequence[str],
    subjects: Sequence[str],
    *,
    n_folds: int = 5,
    penalty: float = 1.0,
    n_permutations: int = 500,
    seed: int = 0,
) -> SubjectClassification:
    """Cross-validate a logistic classifier; no subject is both in training and in test.

    Each fold is scikit-learn's pipeline of ``StandardScaler`` and ``LogisticRegression`` (L2),
    fitted to training samples only. The null refits it after labels are exchanged: within
    subjects where each has more than one label, or between whole subjects where each has one,
    folds unchanged.

    Parameters
    ----------
    features : ndarray, shape (n_samples, n_features)
        Finite.
    labels, subjects : sequence of str, length n_samples
        Of each sample.
    n_folds : int
        Parts into which subjects are shuffled; at most their number.
    penalty : float
        Strength of the L2 penalty, 1 / C.
    n_permutations : int
        Exchanges of labels; 0 for none.
    seed : int
        Of folds and exchanges.

    Returns
    -------
    SubjectClassification

    Raises
    ------
    InputError
        If there are fewer than two subjects or labels, training samples of a fold have one
        label, some subjects have one label and others several (where labels are to be
        exchanged), or arguments do not fit.

    Notes
    -----
    Where features outnumber training samples, the scaled ones are rotated into the space of the
    samples first, which the L2 penalty does not see: the answers are those of the pipeline.
    """
    features, conditions = np.asarray(features), np.asarray(labels).astype(str)
    _, subject = np.unique(np.asarray(subjects).astype(str), return_inverse=True)
    _check(features, conditions, subject, n_folds, penalty)
    folds = _subject_folds(subject, n_folds, seed)
    known, code = np.unique(conditions, return_inverse=True)
    _check_folds(code, folds, known)
    parts = [_sample_space(features[train], features[test]) for train, test in folds]
    predicted = _predict(parts, code, folds, penalty)
    exchange = _exchange(code, subject, n_permutations)
    rng = np.random.default_rng([seed, 1])
    null = np.empty((2, n_permutations))
    for number in range(n_permutations):
        other = _exchanged(code, subject, exchange, rng)
        null[:, number] = _scores(other, _predict(parts, other, folds, penalty))
    fold = np.empty(len(code), dtype=np.int64)
    for number, (_, test) in enumerate(folds):
        fold[test] = number
    accuracy, balanced = _scores(code, predicted)
    return SubjectClassification(
        known[predicted], fold, accuracy, balanced, null[0], null[1], exchange
    )


_Folds = list[tuple[np.ndarray, np.ndarray]]


def _subject_folds(subject: np.ndarray, n_folds: int, seed: int) -> _Folds:
    from sklearn.model_selection import GroupKFold

    folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(subject, groups=subject))


def _sample_space(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale by the training samples, and rotate into their space if it is smaller."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.astype(np.float64))
    train, test = scaler.transform(train), scaler.transform(test)
    if train.shape[1] <= len(train):
        return train, test
    values, vectors = np.linalg.eigh(train @ train.T)
    kept = values > values[-1] * 1e-12
    if not kept.any() or values[-1] <= 0:
        return train[:, :1] * 0, test[:, :1] * 0  # no feature varies
    root = vectors[:, kept] / np.sqrt(values[kept])
    axes = train.T @ root
    return train @ axes, test @ axes


def _predict(parts: list[Any], code: np.ndarray, folds: _Folds, penalty: float) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    predicted = np.empty(len(code), dtype=code.dtype)
    for (x, y), (train, test) in zip(parts, folds, strict=True):
        own = code[train]
        if (own == own[0]).all():  # after an exchange only
            predicted[test] = own[0]
            continue
        model = LogisticRegression(C=1 / penalty, max_iter=1000)
        predicted[test] = model.fit(x, own).predict(y)
    return predicted


def _exchange(code: np.ndarray, subject: np.ndarray, n_permutations: int) -> str:
    """Tell which labels can be exchanged.

    Raises
    ------
    InputError
        If subjects have one label or several: those with one would stay as they are in exchanges
        within subjects, and accuracy that comes from them could not be seen to be chance.
    """
    pairs = np.unique(np.stack([subject, code]), axis=1)
    own = np.bincount(pairs[0])  # labels of each subject
    several = int((own > 1).sum())
    if n_permutations and 0 < several < len(own):
        raise InputError(
            "labels", expected="one label in every subject, or more than one in every subject",
            found=f"one in {len(own) - several} of {len(own)} subjects, several in {several}",
            hint="labels can be exchanged within or between subjects, not both: leave out the "
            "fewer ones, or set n_permutations to 0",
        )  # fmt: skip
    return "within" if several else "across"


def _exchanged(
    code: np.ndarray, subject: np.ndarray, exchange: str, rng: np.random.Generator
) -> np.ndarray:
    if exchange == "across":
        first = np.unique(subject, return_index=True)[1]
        return rng.permutation(code[first])[subject]
    places = np.argsort(subject, kind="stable")
    shuffled = np.lexsort((rng.random(len(code)), subject))  # in any order within a subject
    other = np.empty_like(code)
    other[places] = code[shuffled]
    return other


def _scores(code: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    right = code == predicted
    return float(right.mean()), float(np.mean([right[code == k].mean() for k in np.unique(code)]))


def _p(observed: float, null: np.ndarray) -> float:
    if not len(null):
        return float("nan")
    return float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))


def _check(
    features: np.ndarray, labels: np.ndarray, subject: np.ndarray, n_folds: int, penalty: float
) -> None:
    n_subjects, n_labels = len(np.unique(subject)), len(np.unique(labels))
    n = len(features)
    rules = (
        ("labels", len(labels) == len(subject) == n, f"a label and subject for each of {n} samples",
         f"{len(labels)} labels, {len(subject)} subjects", "give one for each sample"),
        ("features", features.ndim == 2 and np.isfinite(features).all(), "finite features",
         "some that are not", "leave out features that some sample lacks"),
        ("labels", n_labels > 1, "two labels or more", f"one: {', '.join(np.unique(labels)[:1])}",
         "there is nothing to tell apart; give samples of another label"),
        ("subjects", n_subjects > 1, "two subjects or more", f"{n_subjects}",
         "a subject cannot be both in training and in test"),
        ("n_folds", 2 <= n_folds <= n_subjects, f"2 to {n_subjects}, the number of subjects",
         f"{n_folds}", "give fewer folds"),
        ("penalty", penalty > 0, "above 0", f"{penalty}", "leave it out for 1"),
    )  # fmt: skip
    for name, holds, expected, found, hint in rules:
        if not holds:
            raise InputError(name, expected=expected, found=found, hint=hint)


def _check_folds(code: np.ndarray, folds: _Folds, known: np.ndarray) -> None:
    for number, (train, _) in enumerate(folds):
        lacking = known[~np.isin(np.arange(len(known)), code[train])]
        if len(lacking):
            raise InputError(
                "labels", expected="each label in two subjects or more, so that some train",
                found=f"{', '.join(lacking)} in subjects of fold {number + 1} only",
                hint="leave the label out, give more folds, or another seed",
            )  # fmt: skip
