"""Mean patterns of conditions, and of conditions in runs, voxel by voxel."""

import numpy as np

from fmriprod.algorithms.checks import InputError


def condition_maps(patterns: np.ndarray, conditions: np.ndarray, n_conditions: int) -> np.ndarray:
    """Average all patterns of each condition.

    Parameters
    ----------
    patterns : ndarray, shape (n_rows, n_voxels)
        A row a measurement.
    conditions : ndarray of int, shape (n_rows,)
        Condition of each row.
    n_conditions : int
        How many there are.

    Returns
    -------
    ndarray of float32, shape (n_voxels, n_conditions)
        A row a voxel: what a sphere takes of it lies together.

    Raises
    ------
    InputError
        If numbers of rows differ, or a condition has no row.
    """
    conditions = np.asarray(conditions)
    _check_rows(patterns, conditions, "conditions")
    lacking = np.setdiff1d(np.arange(n_conditions), conditions)
    if len(lacking):
        raise InputError(
            "conditions", expected=f"a pattern of each of {n_conditions} conditions",
            found=f"none of {_numbered('condition', lacking)}",
            hint="give its map, or leave the condition out",
        )  # fmt: skip
    if len(conditions) == n_conditions:  # once each: nothing to average
        return np.ascontiguousarray(patterns[np.argsort(conditions)].T, dtype=np.float32)
    maps = np.empty((patterns.shape[1], n_conditions), dtype=np.float32)
    for code in range(n_conditions):
        maps[:, code] = patterns[conditions == code].mean(axis=0, dtype=np.float64)
    return maps


def run_maps(
    patterns: np.ndarray, conditions: np.ndarray, n_conditions: int, runs: np.ndarray | None
) -> np.ndarray:
    """Average the patterns of each condition within each run.

    Parameters
    ----------
    patterns, conditions, n_conditions
        As those of `condition_maps`.
    runs : ndarray of int, shape (n_rows,)
        Run of each row.

    Returns
    -------
    ndarray of float32, shape (n_voxels, n_runs, n_conditions)

    Raises
    ------
    InputError
        If there are no runs or one, or a run lacks a condition.
    """
    found = np.unique([] if runs is None else runs)
    if len(found) < 2:
        raise InputError(
            "runs", expected="2 runs or more, to cross-validate over",
            found="no runs" if runs is None else f"{len(found)} run",
            hint="give the run of each pattern, or choose another distance",
        )  # fmt: skip
    runs, conditions = np.asarray(runs), np.asarray(conditions)
    _check_rows(patterns, runs, "runs")
    maps = np.empty((patterns.shape[1], len(found), n_conditions), dtype=np.float32)
    for place, run in enumerate(found):
        rows = runs == run
        try:
            maps[:, place] = condition_maps(patterns[rows], conditions[rows], n_conditions)
        except InputError as err:
            err.subject, err.expected = "runs", "all conditions in every run"
            err.found = f"{err.found} in run {place + 1} of {len(found)}"
            err.hint = "leave this run or this condition out, or choose another distance"
            raise
    return maps


def _numbered(what: str, places: np.ndarray) -> str:
    return f"{what} {', '.join(str(place + 1) for place in places)}"


def _check_rows(patterns: np.ndarray, labels: np.ndarray, subject: str) -> None:
    if len(labels) != len(patterns):
        raise InputError(
            subject, expected=f"{len(patterns)}, one a pattern", found=f"{len(labels)}",
            hint="name what each pattern is, in the order of the patterns",
        )  # fmt: skip
