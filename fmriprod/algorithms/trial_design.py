"""Design of single-trial models: a regressor for each trial, and what all trials share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import design_matrix
from fmriprod.algorithms.featurize import choose_labels, event_samples
from fmriprod.algorithms.hrf import regressors


@dataclass(frozen=True)
class TrialDesign:
    """Regressors of a run, trial by trial.

    Attributes
    ----------
    trials : DataFrame
        One row a trial in time order: ``label, trial`` (from 0), ``tr`` (volume in which it
        begins, from 0), ``time_point`` (1), ``onset`` (s), ``half``, ``n_volumes`` (1) and
        ``duration`` (s); the form of `fmriprod.algorithms.featurize.event_samples`.
    regressors : ndarray of float64, shape (n_trials, n_parts, n_volumes)
        Predicted response of each trial, followed by its derivatives if the model has any.
    nuisance : DataFrame, one row a volume
        Events that are not estimated one by one, confounds, drifts and the constant.
    """

    trials: pd.DataFrame
    regressors: np.ndarray
    nuisance: pd.DataFrame


def trial_design(
    events: pd.DataFrame,
    n_volumes: int,
    tr: float,
    *,
    labels: Sequence[str] = (),
    hrf: str = "spm",
    drift: str = "cosine",
    high_pass: float = 100.0,
    drift_order: int = 2,
    start_time: float | None = None,
    confounds: pd.DataFrame | None = None,
) -> TrialDesign:
    """Give each trial of a run its own regressor.

    Parameters
    ----------
    events : DataFrame
        As `fmriprod.algorithms.events.check_events` returns it; each row is a trial.
    n_volumes, tr : int, float
        Length of the run and repetition time in s.
    labels : sequence of str
        Conditions whose trials are estimated one by one; events of the others have one
        regressor for each condition. By default all are estimated.
    hrf : str
        One of `fmriprod.algorithms.hrf.MODELS`; without derivatives by default, because they
        take as many degrees of freedom as there are trials.
    drift, high_pass, drift_order, start_time, confounds
        As `fmriprod.algorithms.design.design_matrix` takes them.

    Returns
    -------
    TrialDesign
        With at least one trial.

    Raises
    ------
    InputError
        If a label has no event, or trials begin outside the run.
    """
    table = events.rename(columns={"trial_type": "label"})
    chosen = choose_labels(table, list(labels)) if labels else table
    others = events.loc[events.index.difference(chosen.index)]
    nuisance = design_matrix(
        others, n_volumes, tr, hrf=hrf, drift=drift, high_pass=high_pass,
        drift_order=drift_order, start_time=start_time, confounds=confounds,
    )  # fmt: skip
    chosen = chosen.sort_values("onset", kind="stable").reset_index(drop=True)
    trials = _trials(chosen, n_volumes, tr)
    frames = np.arange(n_volumes) * tr + (tr / 2 if start_time is None else start_time)
    parts = [
        list(regressors(np.array([onset]), np.array([duration]), frames, hrf).values())
        for onset, duration in zip(chosen["onset"], chosen["duration"], strict=True)
    ]
    return TrialDesign(trials, np.array(parts), nuisance)


def _trials(chosen: pd.DataFrame, n_volumes: int, tr: float) -> pd.DataFrame:
    """Give trials the columns of samples; those that begin before the first volume keep tr 0."""
    inside = chosen.assign(onset=chosen["onset"].clip(lower=0))
    samples, _ = event_samples(inside, n_volumes, tr, shift=0.0)
    return samples.assign(onset=chosen["onset"], duration=chosen["duration"])


def trial_name(trials: pd.DataFrame, index: int) -> str:
    """Name a trial for people.

    Examples
    --------
    >>> trial_name(pd.DataFrame({"trial": [0], "label": ["bed"], "onset": [12.0]}), 0)
    "trial 0 ('bed', onset 12 s)"
    """
    row = trials.iloc[index]
    return f"trial {row['trial']} ({row['label']!r}, onset {row['onset']:g} s)"


def refuse_trials(trials: pd.DataFrame, bad: np.ndarray, why: str) -> None:
    """Refuse trials that cannot be estimated, naming them (at most five)."""
    index = np.flatnonzero(bad)
    if not len(index):
        return
    more = f" and {len(index) - 5} more" if len(index) > 5 else ""
    raise InputError(
        "events",
        expected="trials whose response can be told from everything else in the model",
        found="; ".join(trial_name(trials, i) for i in index[:5]) + more + f": {why}",
        hint="leave these trials out or give them a label that is not estimated one by one "
        "(labels), take fewer confounds, or method='lss'",
    )
