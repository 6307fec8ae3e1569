"""Plan and fit the model of one run: what can be asked of it, and the answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from fmriprod.algorithms.audit import Audit, audit
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import ContrastSpec, parse_contrasts
from fmriprod.algorithms.design import why_not_estimable
from fmriprod.algorithms.glm import GlmResult, analysable, fit_contrasts


@dataclass(frozen=True)
class Plan:
    """Contrasts that a run can answer, and those that it cannot.

    Attributes
    ----------
    contrasts : list of ContrastSpec
        To be estimated, in the order that was asked for.
    left_out : list of (ContrastSpec, str)
        Not to be estimated, and why.
    missing : list of str
        Conditions of the study without an event in this run.
    audit : Audit
        Of the design.
    """

    contrasts: list[ContrastSpec]
    left_out: list[tuple[ContrastSpec, str]]
    missing: list[str]
    audit: Audit


def plan_run(
    matrix: pd.DataFrame,
    present: Collection[str],
    contrasts: Sequence[str],
    *,
    conditions: Collection[str] = (),
    missing_conditions: str = "error",
    not_estimable: str = "error",
) -> Plan:
    """Check the contrasts against the events and the design of a run.

    Parameters
    ----------
    matrix : DataFrame
        Design, as `fmriprod.algorithms.design.design_matrix` gives it.
    present : collection of str
        Conditions with events in this run.
    contrasts : sequence of str
        As `fmriprod.algorithms.contrasts.parse_contrasts` reads them.
    conditions : collection of str
        All conditions of the study, where a run may lack some. A name that is neither here
        nor in the run is always refused.
    missing_conditions, not_estimable : {"error", "skip"}
        Refuse a contrast that this run cannot answer, because a condition has no event or
        because columns cannot be told apart, or leave it out and say so.

    Returns
    -------
    Plan
        With at least one contrast.

    Raises
    ------
    InputError
        For an unreadable, unknown or unanswerable contrast.
    """
    specs = parse_contrasts(contrasts, {*present, *conditions})
    missing = sorted(set(conditions) - set(present))
    kept, left_out = [], []
    for spec in specs:
        reason, policy = _obstacle(spec, matrix, set(present), missing_conditions, not_estimable)
        if reason and policy == "error":
            raise InputError(
                "contrasts",
                expected="contrasts that this run can answer",
                found=f"{spec.expression!r}: {reason}",
                hint="leave the contrast out for this run, or skip such contrasts "
                f"({_option(spec, present)}='skip'); in this run: {', '.join(sorted(present))}",
            )
        if reason:
            left_out.append((spec, reason))
        else:
            kept.append(spec)
    if not kept:
        raise InputError(
            "contrasts",
            expected="at least one contrast that this run can answer",
            found="; ".join(f"{s.expression!r}: {why}" for s, why in left_out) or "no contrast",
            hint=f"ask for contrasts of the conditions that it has: {suggest('', sorted(present))}",
        )
    return Plan(kept, left_out, missing, audit(matrix, sorted(present)))


def _obstacle(
    spec: ContrastSpec, matrix: pd.DataFrame, present: set[str], missing: str, aliased: str
) -> tuple[str | None, str]:
    absent = [name for name in spec.weights if name not in present]
    if absent:
        return f"no event of {', '.join(absent)} in this run", missing
    return why_not_estimable(matrix, spec.weights), aliased


def _option(spec: ContrastSpec, present: Collection[str]) -> str:
    return "not_estimable" if set(spec.weights) <= set(present) else "missing_conditions"


@dataclass(frozen=True)
class FirstLevel:
    """Statistics of a run.

    Attributes
    ----------
    result : GlmResult
        For the voxels of ``analysed``; 0 in voxels without a residual.
    analysed : ndarray of bool, shape (n_voxels,)
        Voxels of the mask for which there are statistics.
    scaling : float
        Factor that the series was multiplied by.
    excluded : dict of str to int
        Voxels that were left out, by reason.
    """

    result: GlmResult
    analysed: np.ndarray
    scaling: float
    excluded: dict[str, int] = field(default_factory=dict)


def fit_run(
    series: np.ndarray,
    matrix: pd.DataFrame,
    contrasts: Sequence[ContrastSpec],
    *,
    noise: str = "ar1",
    correct_bias: bool = True,
    grand_mean_scaling: bool = True,
    block_size: int = 8192,
) -> FirstLevel:
    """Estimate contrasts in all voxels that can be analysed.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series of the voxels of a mask.
    matrix : DataFrame
        Design.
    contrasts : sequence of ContrastSpec
        To be estimated.
    noise, correct_bias, block_size
        As `fmriprod.algorithms.glm.fit_contrasts` takes them.
    grand_mean_scaling : bool
        Scale the whole run by one factor, so that its mean over voxels and volumes is 100
        and effects are in percent of it (FSL scales to 10000 instead).

    Returns
    -------
    FirstLevel
        Maps have one value for each voxel of ``series``; 0 where nothing was analysed.

    Raises
    ------
    InputError
        If no voxel can be analysed, or the mean is not above zero but is to be scaled by.
    """
    usable = analysable(series)
    if not usable.any():
        raise InputError(
            "in_file",
            expected="voxels in the mask whose series are finite and vary",
            found=f"none of {len(series):,}",
            hint="check that series and mask belong together",
        )
    inside = series if usable.all() else series[usable]
    scaling = percent_factor(inside) if grand_mean_scaling else 1.0
    weights = np.array([[spec.weights.get(c, 0.0) for c in matrix.columns] for spec in contrasts])
    inner = fit_contrasts(
        inside,
        matrix.to_numpy(),
        weights,
        noise=noise,
        correct_bias=correct_bias,
        block_size=block_size,
    )
    analysed = usable.copy()
    analysed[usable] = inner.fitted
    excluded = count_excluded(series, usable) | {"without_residual": int((~inner.fitted).sum())}
    return FirstLevel(_spread(inner, usable, scaling), analysed, scaling, excluded)


def count_excluded(series: np.ndarray, usable: np.ndarray) -> dict[str, int]:
    """Count the voxels that are not usable by reason: ``nonfinite`` and ``constant``."""
    rest = series[~usable]
    with np.errstate(invalid="ignore", over="ignore"):
        finite = int(np.isfinite(rest.sum(axis=1, dtype=np.float64)).sum())
    return {"nonfinite": len(rest) - finite, "constant": finite}


def percent_factor(series: np.ndarray) -> float:
    """Factor that gives a series a mean of 100 over voxels and volumes.

    Raises
    ------
    InputError
        If the mean is not above the spread over time.
    """
    mean = float(series.mean(dtype=np.float64))
    spread = float(series[:: max(1, len(series) // 1000)].std(axis=1, dtype=np.float64).mean())
    if not mean > spread:
        raise InputError(
            "grand_mean_scaling",
            expected="a series whose mean in the mask is well above zero",
            found=f"mean {mean:.4g}, standard deviation over time {spread:.4g}",
            hint="give a series that still has its mean, or switch grand_mean_scaling off",
        )
    return 100 / mean


def _spread(inner: GlmResult, usable: np.ndarray, scaling: float) -> GlmResult:
    """Scale effects, and put voxels back to their places among those of the mask."""

    def place(values: np.ndarray) -> np.ndarray:
        full = np.zeros((*values.shape[:-1], len(usable)), values.dtype)
        full[..., usable] = values
        return full

    return GlmResult(
        effect=place(inner.effect * np.float32(scaling)),
        variance=place(inner.variance * np.float32(scaling**2)),
        t=place(inner.t),
        z=place(inner.z),
        dof=inner.dof,
        ar=place(inner.ar.T).T,
        fitted=place(inner.fitted),
    )
