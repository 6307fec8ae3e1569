"""Decoding schemes of the production study: what trains, what is tested, and with which labels."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.splits import RUN, Split, check_leak, row_groups

Scheme = Literal[
    "4way", "3way", "2way", "4way_independent", "2way_within", "within_phase", "transfer"
]
WITHIN: tuple[str, ...] = ("2way_within", "within_phase")
_NEEDS_PAIR = ("3way", "2way", "4way_independent", "2way_within")


class SchemeSplit(NamedTuple):
    """One classifier of a scheme.

    Attributes
    ----------
    name : str
        For messages.
    labels : tuple of str
        What it tells apart.
    train, test : ndarray of int
        Positions of rows; all training rows have one of ``labels``, test rows may not.
    """

    name: str
    labels: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray


def scheme_splits(
    samples: pd.DataFrame,
    scheme: str,
    *,
    test: str,
    train: str | None = None,
    labels: Sequence[str] = (),
    trained: Sequence[str] = (),
) -> list[SchemeSplit]:
    """List the classifiers that a scheme of Fan et al. [1]_ needs.

    ======================  ===========================================================
    ``4way``, ``transfer``  one classifier of all labels: train one phase, test another
    ``3way``                one for each control object, which tells it and the trained pair
                            apart (the source drops one of its two control objects at a time)
    ``2way``                the trained pair only
    ``4way_independent``    one for each trained object, which tells it and the control
                            objects apart: evidence for an object that never met its foil
    ``within_phase``        one for each run of the test phase, trained on the other runs
    ``2way_within``         the same with the trained pair only
    ======================  ===========================================================

    The last two also train on the runs of phase ``train`` where it is given.

    Parameters
    ----------
    samples : DataFrame
        Columns ``subject, task, run, label, trial, tr`` and ``phase`` (rows outside all
        phases: missing).
    scheme : str
        Name of the scheme.
    test : str
        Phase to test.
    train : str, optional
        Phase to train on.
    labels : sequence of str
        Labels that take part (all that the phases have by default).
    trained : sequence of str
        The participant's two trained objects, in any order; the others are controls.

    Returns
    -------
    list of SchemeSplit
        Labels are sorted, test rows ascend.

    Raises
    ------
    InputError
        If the scheme or a phase is unknown or is not given, the pair is no pair of labels,
        a classifier lacks training rows of one of its labels, nothing is left to test, or
        training and test rows share a trial or a volume (see `check_splits`).

    References
    ----------
    .. [1] Fan et al. (2020). Relating visual production and recognition of objects in human
       visual cortex. Journal of Neuroscience 40(8), 1710-1721.
    """
    _check_scheme(scheme, train, test)
    here = {
        name: _phase_rows(samples, name, role)
        for name, role in ((test, "test"), (train, "train"))
        if name
    }
    known = _labels(samples, here, labels)
    pair = check_pair(trained, known, needed=scheme in _NEEDS_PAIR)
    sets = _label_sets(scheme, known, pair)
    tested = _with_labels(samples, here[test], sorted(set().union(*sets)))
    if not len(tested):
        raise InputError(
            "test",
            expected=f"samples of {', '.join(sorted(set().union(*sets)))} in phase {test!r}",
            found=f"its {len(here[test])} samples are {_shown(samples, here[test])}",
            hint="check the labels and the trained pair",
        )
    splits = []
    for name, rows, training in _folds(samples, scheme, tested, here, train, test):
        for part in sets:
            title = f"{name}, {' / '.join(part)}" if len(sets) > 1 else name
            splits.append(SchemeSplit(title, part, _with_labels(samples, training, part), rows))
    _check_training(samples, splits)
    return splits


def used_rows(splits: list[SchemeSplit]) -> np.ndarray:
    """Rows that train or are tested by any classifier, ascending."""
    return np.unique(np.concatenate([np.concatenate([s.train, s.test]) for s in splits]))


def check_pair(trained: Sequence[str], labels: Sequence[str], *, needed: bool) -> tuple[str, ...]:
    """Check the two trained objects and sort them.

    Parameters
    ----------
    trained : sequence of str
        The pair, or nothing.
    labels : sequence of str
        Known labels.
    needed : bool
        Refuse an absent pair.

    Returns
    -------
    tuple of str
        Two labels, or none.

    Raises
    ------
    InputError
        If it is not a pair of known labels.
    """
    unknown = [name for name in trained if name not in labels]
    if unknown:
        raise InputError(
            "trained",
            expected="two of the labels",
            found=", ".join(map(repr, unknown)),
            hint=suggest(unknown[0], labels),
        )
    if ((trained or needed) and len(set(trained)) != 2) or len(trained) > 2:
        raise InputError(
            "trained",
            expected="the two trained objects of the participant",
            found=", ".join(map(repr, trained)) or "none",
            hint=f"name two of: {', '.join(labels)}",
        )
    return tuple(sorted(trained))


def _check_scheme(scheme: str, train: str | None, test: str) -> None:
    if scheme not in get_args(Scheme):
        raise InputError(
            "scheme",
            expected="a known scheme",
            found=repr(scheme),
            hint=suggest(scheme, get_args(Scheme)),
        )
    if train is None and scheme not in WITHIN:
        raise InputError(
            "train",
            expected=f"a phase to train on, for scheme {scheme!r}",
            found="none",
            hint=f"name it, or use one of {', '.join(WITHIN)}",
        )
    if train == test:
        raise InputError(
            "test",
            expected="another phase than the one that trains",
            found=f"{test!r} for both",
            hint=f"for training and testing in one phase use one of {', '.join(WITHIN)}",
        )


def _phase_rows(samples: pd.DataFrame, phase: str, role: str) -> np.ndarray:
    rows = np.flatnonzero(samples["phase"] == phase)
    if not len(rows):
        there = sorted(samples["phase"].dropna().unique())
        raise InputError(
            role,
            expected=f"samples of phase {phase!r}",
            found="none",
            hint=suggest(phase, there),
        )
    return rows


def _labels(
    samples: pd.DataFrame, here: dict[str, np.ndarray], labels: Sequence[str]
) -> tuple[str, ...]:
    """Labels that take part, sorted; whether those that are needed are there is seen later."""
    rows = np.concatenate(list(here.values()))
    return tuple(sorted(set(labels or samples["label"].iloc[rows])))


def _label_sets(
    scheme: str, labels: tuple[str, ...], pair: tuple[str, ...]
) -> list[tuple[str, ...]]:
    """Labels of each classifier of a scheme."""
    controls = [label for label in labels if label not in pair]
    if scheme in ("3way", "4way_independent") and not controls:
        raise InputError(
            "labels",
            expected=f"control objects beside the trained pair, for scheme {scheme!r}",
            found=", ".join(labels),
            hint="name all objects in labels, or use scheme '2way'",
        )
    if scheme == "3way":
        return [tuple(sorted((*pair, control))) for control in controls]
    if scheme == "4way_independent":
        return [tuple(sorted((one, *controls))) for one in pair]
    return [pair if scheme in ("2way", "2way_within") else labels]


def _folds(
    samples: pd.DataFrame,
    scheme: str,
    tested: np.ndarray,
    here: dict[str, np.ndarray],
    train: str | None,
    test: str,
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Name, test rows and candidates for training of each fold."""
    more = here[train] if train else np.zeros(0, dtype=np.int64)
    if scheme not in WITHIN:
        return [(f"{train} to {test}", tested, more)]
    run = row_groups(samples, RUN)
    numbers = pd.unique(run[tested])
    if len(numbers) < 2:
        raise InputError(
            "test",
            expected=f"two runs or more of phase {test!r}, for scheme {scheme!r}",
            found=f"{len(numbers)}",
            hint="train on another phase (scheme 'transfer'), or leave the participant out",
        )
    folds = []
    for number in numbers:
        rows = tested[run[tested] == number]
        others = here[test][run[here[test]] != number]
        name = f"{test}, run {samples['run'].iloc[rows[0]]}"
        folds.append((name, rows, np.sort(np.concatenate([others, more]))))
    return folds


def _check_training(samples: pd.DataFrame, splits: list[SchemeSplit]) -> None:
    """Name all labels that lack training rows, then look for leaks."""
    problems = []
    for split in splits:
        absent = sorted(set(split.labels) - set(samples["label"].iloc[split.train]))
        if absent:
            problems.append(
                f"{split.name}: no training sample of {', '.join(map(repr, absent))} (there are "
                f"{_shown(samples, split.train) or 'none'})"
            )
        if len(split.labels) < 2:
            problems.append(f"{split.name}: only one label, {split.labels[0]!r}")
    if problems:
        raise InputError(
            "train",
            expected="two labels or more, and training samples of every one",
            found="\n".join(dict.fromkeys(problems)),
            hint="check the phases, or name the labels that take part",
        )
    for split in splits:
        check_leak(samples, Split(split.name, split.train, split.test))


def _with_labels(samples: pd.DataFrame, rows: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    return rows[samples["label"].iloc[rows].isin(labels).to_numpy()]


def _shown(samples: pd.DataFrame, rows: np.ndarray) -> str:
    return ", ".join(sorted(samples["label"].iloc[rows].unique()))
