"""Fit the model of a subject's runs to parcels, and combine the runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import ContrastSpec, parse_contrasts, word
from fmriprod.algorithms.first_level import FirstLevel, Plan, fit_run, plan_run
from fmriprod.algorithms.fixed_effects import fixed_effects
from fmriprod.algorithms.parcel_runs import usable_parcels


@dataclass(frozen=True)
class ParcelEffects:
    """Effects of a subject; parcels that cannot be analysed in some run are NaN.

    Attributes
    ----------
    names : list of str
        Conditions in alphabetical order as the events write them, then contrasts.
    effect, variance, t : ndarray of float32, shape (n_effects, n_parcels)
        In the unit of the series (or percent of the mean, where scaled), its square, and t.
    dof : ndarray of float64, shape (n_effects,)
        Summed over the runs that an effect comes from.
    n_runs : ndarray of int, shape (n_effects,)
        Runs that an effect comes from.
    usable : ndarray of bool, shape (n_parcels,)
    excluded : dict of str to int
        Parcels left out by reason: ``nonfinite``, ``constant``, ``without_residual``.
    plans : list of Plan
        What each run could answer.
    fits : list of FirstLevel
        Of each run, for the parcels that are usable in all.
    """

    names: list[str]
    effect: np.ndarray
    variance: np.ndarray
    t: np.ndarray
    dof: np.ndarray
    n_runs: np.ndarray
    usable: np.ndarray
    excluded: dict[str, int]
    plans: list[Plan]
    fits: list[FirstLevel]


def parcel_glm(
    runs: Sequence[np.ndarray],
    matrices: Sequence[pd.DataFrame],
    present: Sequence[Sequence[str]],
    *,
    contrasts: Sequence[str] = (),
    missing_conditions: str = "error",
    not_estimable: str = "error",
    noise: str = "ar1",
    correct_bias: bool = True,
    grand_mean_scaling: bool = False,
) -> ParcelEffects:
    """Estimate the effect of each condition and contrast, each parcel with its own noise.

    Parameters
    ----------
    runs : sequence of ndarray, shape (n_parcels, n_volumes)
        Series.
    matrices : sequence of DataFrame
        Design of each run, as `fmriprod.algorithms.design.design_matrix` gives it.
    present : sequence of sequence of str
        Conditions with events in each run.
    contrasts : sequence of str
        As `fmriprod.algorithms.contrasts.parse_contrasts` reads them.
    missing_conditions, not_estimable : {"error", "skip"}
        Refuse effects that a run cannot answer, or take them from the other runs.
    noise, correct_bias
        As `fmriprod.algorithms.glm.fit_contrasts` takes them.
    grand_mean_scaling : bool
        Scale each run so that its mean over parcels and time is 100.

    Returns
    -------
    ParcelEffects
        Runs are combined with weights 1 / variance (`fmriprod.algorithms.fixed_effects`).

    Raises
    ------
    InputError
        If a contrast is unknown or cannot be estimated (where effects are skipped: in any run),
        or no parcel is usable.

    References
    ----------
    The model is that of `fmriprod.algorithms.glm`; Glasser et al. (2016), Nature 536, 171, for
    responses of parcels in place of voxels.
    """
    usable, excluded = usable_parcels(runs)
    conditions = sorted({name for names in present for name in names})
    asked = [*map(word, conditions), *contrasts]
    specs = parse_contrasts(asked, conditions)
    plans, fits = [], []
    for number, (run, matrix, names) in enumerate(zip(runs, matrices, present, strict=True), 1):
        try:
            plan = plan_run(
                matrix, names, asked, conditions=conditions,
                missing_conditions=missing_conditions, not_estimable=not_estimable,
            )  # fmt: skip
        except InputError as err:
            if len(runs) > 1:
                err.found = f"run {number}: {err.found}"
            raise
        plans.append(plan)
        fits.append(
            fit_run(
                run[usable], matrix, plan.contrasts, noise=noise, correct_bias=correct_bias,
                grand_mean_scaling=grand_mean_scaling,
            )
        )  # fmt: skip
    _check_answered(specs[len(conditions) :], plans)
    fitted = np.all([fit.analysed for fit in fits], axis=0)
    kept = [i for i, spec in enumerate(specs) if any(_row(p, spec.name) is not None for p in plans)]
    rows = [_combine(specs[i].name, plans, fits, fitted) for i in kept]
    within = usable.copy()
    within[usable] = fitted
    maps = np.full((3, len(kept), len(usable)), np.nan, dtype=np.float32)
    maps[:, :, within] = np.array([row[:3] for row in rows]).transpose(1, 0, 2)
    names = [conditions[i] if i < len(conditions) else specs[i].name for i in kept]
    dof, n_runs = (np.array([row[i] for row in rows]) for i in (3, 4))
    excluded |= {"without_residual": int((~fitted).sum())}
    effect, variance, t = maps
    return ParcelEffects(names, effect, variance, t, dof, n_runs, within, excluded, plans, fits)


def _row(plan: Plan, name: str) -> int | None:
    """Find the row of a run's results that has a contrast."""
    return next((i for i, spec in enumerate(plan.contrasts) if spec.name == name), None)


def _check_answered(specs: Sequence[ContrastSpec], plans: Sequence[Plan]) -> None:
    """Refuse a contrast that was skipped in all runs: whoever asked for it waits for it."""
    for spec in specs:
        if all(_row(plan, spec.name) is None for plan in plans):
            why = next(why for own, why in plans[0].left_out if own.name == spec.name)
            raise InputError(
                "contrasts", expected="contrasts that some run can answer",
                found=f"{spec.expression!r}: none of {len(plans)} can; the first: {why}",
                hint="leave conditions out of the events that are sums of others, or leave out the "
                "contrast, or the subject",
            )  # fmt: skip


def _combine(
    name: str, plans: list[Plan], fits: list[FirstLevel], fitted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    """Combine what the runs say of a contrast: effect, variance, t, dof, number of runs."""
    found = [(fit.result, _row(plan, name)) for plan, fit in zip(plans, fits, strict=True)]
    found = [(result, row) for result, row in found if row is not None]
    dof = np.array([result.dof for result, _ in found], dtype=np.float64)
    effects = np.array([result.effect[row][fitted] for result, row in found])
    variances = np.array([result.variance[row][fitted] for result, row in found])
    both = fixed_effects(effects, variances, dof)
    return both.effect, both.variance, both.t, float(dof.sum()), len(found)
