"""Mixed models of a group: learning in recognition, and connectivity over phases."""

import zlib
from collections.abc import Callable

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_tables import SCORE_KEY, with_fdr
from fmriprod.algorithms.mixed_model import MixedModel, bootstrap_mixed, fit_mixed, likelihood_ratio

CONNECTION = ("region_1", "region_2", "features", "scheme")


def trained_models(scores: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Fit ``accuracy ~ phase * trained + (1 | subject)`` in each region, by REML.

    Parameters
    ----------
    scores : DataFrame
        With ``accuracy_trained`` and ``accuracy_control``.
    before, after : str
        The two phases. Coefficients are coded as published: ``phase`` is 1 before and 0
        after, ``trained`` 1 for the trained objects and 0 for the controls.

    Returns
    -------
    DataFrame
        A row a region, scheme and term (``intercept, phase, trained, phase:trained``):
        ``estimate, standard_error, dof`` (Satterthwaite), ``t, p, p_fdr`` (over regions),
        ``subject_variance, residual_variance, n_subjects, n_rows``. Participants who lack a
        phase take part with the other one.

    Notes
    -----
    The published scores of V1 give p of .841 for the phase, .703 for training and .832 for
    both together, as lmerTest does (90 degrees of freedom each).
    """
    measures = ["accuracy_control", "accuracy_trained"]
    kept = scores[scores["phase"].isin([before, after])]
    rows = kept.melt(list(SCORE_KEY), measures, value_name="value")
    rows = rows.dropna(subset=["value"])
    terms = ["intercept", "phase", "trained", "phase:trained"]
    parts = []
    for (region, scheme), part in rows.groupby(["region", "scheme"], sort=False):
        if part["phase"].nunique() < 2 or part["variable"].nunique() < 2:
            continue
        phase = (part["phase"] == before).to_numpy(float)
        trained = (part["variable"] == "accuracy_trained").to_numpy(float)
        design = np.column_stack([np.ones(len(part)), phase, trained, phase * trained])
        model = _located(region, fit_mixed, part["value"], design, part["subject"])
        content = {
            "region": region, "scheme": scheme, "term": terms, "estimate": model.coefficient,
            "standard_error": model.standard_error, "dof": model.dof, "t": model.t, "p": model.p,
            "subject_variance": model.subject_variance,
            "residual_variance": model.residual_variance,
            "n_subjects": model.n_subjects, "n_rows": len(part),
        }  # fmt: skip
        parts.append(pd.DataFrame(content))
    if not parts:
        names = ["region", "scheme", "term", "estimate", "standard_error", "dof", "t", "p",
                 "subject_variance", "residual_variance", "n_subjects", "n_rows"]  # fmt: skip
        return with_fdr(pd.DataFrame(columns=names), ["scheme", "term"])
    return with_fdr(pd.concat(parts, ignore_index=True), ["scheme", "term"])


def connectivity_models(
    rows: pd.DataFrame, phase: str = "half", *, n_bootstrap: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Fit ``log_odds ~ phase + (1 | subject)`` to the trials of each pair of regions.

    Parameters
    ----------
    rows : DataFrame
        One row a trial: ``subject, region_1, region_2, features, scheme``, ``log_odds`` and
        the phase.
    phase : str
        Column of the phase, numbers: 1 in the first half of production, 2 in the second.
    n_bootstrap : int
        Simulations for the interval of the slope.
    seed : int
        Source of the simulations; each pair has its own stream, by its names.

    Returns
    -------
    DataFrame
        A row a pair, kind of features and scheme: ``slope`` (log odds a step of the phase)
        with ``standard_error`` (REML), ``ci_low, ci_high`` (95 %, parametric bootstrap),
        ``chi2, p`` of the likelihood ratio against no phase (ML, 1 degree of freedom),
        ``aic, aic_null, weight`` (Akaike weight of the model with phase), ``p_fdr`` (over
        pairs), ``n_subjects, n_trials``. Trials without evidence are left out.
    """
    parts = []
    groups = rows.dropna(subset=["log_odds", phase]).groupby(list(CONNECTION), sort=False)
    for cell, part in groups:
        values, subjects = part["log_odds"].to_numpy(float), part["subject"].to_numpy()
        design = np.column_stack([np.ones(len(part)), part[phase].to_numpy(float)])
        place = f"{cell[0]} and {cell[1]}"
        model = _located(place, fit_mixed, values, design, subjects)
        low, high = bootstrap_mixed(
            model, design, subjects, n_bootstrap=n_bootstrap,
            seed=[seed, zlib.crc32("\t".join(map(str, cell)).encode())],
        )  # fmt: skip
        ratio = likelihood_ratio(values, design, subjects, [1])
        content = {
            "slope": model.coefficient[1], "standard_error": model.standard_error[1],
            "ci_low": low[1], "ci_high": high[1], "chi2": ratio.chi2, "p": ratio.p,
            "aic": ratio.aic, "aic_null": ratio.aic_null, "weight": ratio.weight,
            "n_subjects": model.n_subjects, "n_trials": len(part),
        }  # fmt: skip
        parts.append(dict(zip(CONNECTION, cell, strict=True)) | content)
    return with_fdr(pd.DataFrame(parts), ["features", "scheme"])


def _located(
    place: str, fit: Callable[..., MixedModel], *arguments: np.ndarray | pd.Series
) -> MixedModel:
    """Fit; an error says where."""
    try:
        return fit(*arguments)
    except InputError as err:
        err.found = f"{err.found} (in {place})"
        raise
