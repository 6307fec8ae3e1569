"""Linear models with one random intercept a participant, exact and fast."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.mixed_profile import Profile, satterthwaite_dof


@dataclass(frozen=True)
class MixedModel:
    """A fitted model; arrays of coefficients have shape ``(n_coefficients,)``.

    ``standard_error``, ``dof`` (Satterthwaite), ``t`` and ``p`` belong to ``coefficient``;
    ``subject_variance`` and ``residual_variance`` are those of the random parts, and
    ``log_likelihood`` the maximum reached (restricted with method ``reml``).
    """

    coefficient: np.ndarray
    standard_error: np.ndarray
    dof: np.ndarray
    t: np.ndarray
    p: np.ndarray
    subject_variance: float
    residual_variance: float
    log_likelihood: float
    n_subjects: int
    method: str


@dataclass(frozen=True)
class LikelihoodRatio:
    """Comparison of two nested models, both by maximum likelihood.

    ``chi2`` has ``dof`` degrees of freedom; ``weight`` is the Akaike weight of the larger
    model against the smaller one.
    """

    chi2: float
    dof: int
    p: float
    aic: float
    aic_null: float
    weight: float


def fit_mixed(
    values: np.ndarray, design: np.ndarray, subjects: np.ndarray, *, method: str = "reml"
) -> MixedModel:
    """Fit ``values ~ design + (1 | subject)``.

    Parameters
    ----------
    values : ndarray, shape (n_rows,)
        Measurements.
    design : ndarray, shape (n_rows, n_coefficients)
        Fixed effects, the constant included.
    subjects : array_like, shape (n_rows,)
        Participant of each row; participants may have different numbers of rows.
    method : {"reml", "ml"}
        Restricted maximum likelihood, or maximum likelihood for comparing models.

    Returns
    -------
    MixedModel

    Raises
    ------
    InputError
        If shapes differ, values are missing, the design is not of full rank, there is
        nothing left to estimate variances from, or the design explains all there is.

    Notes
    -----
    With V = s2 (I + g ZZ'), everything but the ratio g of the two variances has a closed
    form, and the inverse and determinant of V are those of one number a participant, so that
    the likelihood is profiled over g alone: the criterion of lme4 [1]_. The degrees of
    freedom are Satterthwaite's, with the exact second derivatives of the restricted
    likelihood, as lmerTest [2]_ takes them numerically; where the variance between
    participants is estimated as 0, they are those of the linear model.

    References
    ----------
    .. [1] Bates et al. (2015). Fitting linear mixed-effects models using lme4. Journal of
       Statistical Software 67(1).
    .. [2] Kuznetsova, Brockhoff & Christensen (2017). lmerTest package: tests in linear mixed
       effects models. Journal of Statistical Software 82(13).
    """
    profile, values = _prepare(values, design, subjects, method)
    ratio = profile.best_ratio(values)
    coefficient, scale, log_likelihood = (
        found[..., 0] for found in profile.solve(values, ratio)
    )  # fmt: skip
    covariance = scale * profile.unscaled_covariance(ratio[0])
    dof = satterthwaite_dof(profile, values[:, 0], float(scale), float(scale * ratio[0]))
    error = np.sqrt(covariance.diagonal())
    t = coefficient / error
    return MixedModel(
        coefficient=coefficient,
        standard_error=error,
        dof=dof,
        t=t,
        p=2 * stats.t.sf(np.abs(t), dof),
        subject_variance=float(scale * ratio[0]),
        residual_variance=float(scale),
        log_likelihood=float(log_likelihood),
        n_subjects=profile.n_subjects,
        method=method,
    )


def likelihood_ratio(
    values: np.ndarray, design: np.ndarray, subjects: np.ndarray, tested: list[int]
) -> LikelihoodRatio:
    """Test columns of the design by what the likelihood loses without them.

    Parameters
    ----------
    values, design, subjects
        As `fit_mixed` takes them.
    tested : list of int
        Columns of the design that the smaller model lacks.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    InputError
        As `fit_mixed`.
    """
    smaller = np.delete(np.asarray(design, dtype=float), tested, axis=1)
    larger = fit_mixed(values, design, subjects, method="ml").log_likelihood
    null = fit_mixed(values, smaller, subjects, method="ml").log_likelihood
    chi2 = max(2 * (larger - null), 0.0)
    n_parameters = np.shape(design)[1] + 2  # and the two variances
    aic = 2 * n_parameters - 2 * larger
    aic_null = 2 * (n_parameters - len(tested)) - 2 * null
    return LikelihoodRatio(
        chi2=chi2,
        dof=len(tested),
        p=float(stats.chi2.sf(chi2, len(tested))),
        aic=aic,
        aic_null=aic_null,
        weight=float(1 / (1 + np.exp((aic - aic_null) / 2))),
    )


def bootstrap_mixed(
    model: MixedModel,
    design: np.ndarray,
    subjects: np.ndarray,
    *,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    seed: int | list[int] = 0,
) -> np.ndarray:
    """Parametric bootstrap intervals: simulate the fitted model and fit it again.

    Parameters
    ----------
    model : MixedModel
        The fit; its method is used again.
    design, subjects
        As `fit_mixed` took them.
    n_bootstrap : int
        Simulations.
    level : float
        Coverage, in (0, 1).
    seed : int or list of int
        Source of the random effects and residuals.

    Returns
    -------
    ndarray, shape (2, n_coefficients)
        Percentile intervals of the coefficients.
    """
    drawn = resample_mixed(model, design, subjects, n_bootstrap=n_bootstrap, seed=seed)
    tail = (1 - level) / 2
    return np.quantile(drawn, (tail, 1 - tail), axis=1)


def resample_mixed(
    model: MixedModel,
    design: np.ndarray,
    subjects: np.ndarray,
    *,
    n_bootstrap: int = 1000,
    seed: int | list[int] = 0,
) -> np.ndarray:
    """Coefficients of fits to simulations of a model, shape (n_coefficients, n_bootstrap)."""
    design = np.asarray(design, dtype=float)
    rng = np.random.default_rng(seed)
    _, subject = np.unique(subjects, return_inverse=True)
    between = rng.normal(0, np.sqrt(model.subject_variance), (subject.max() + 1, n_bootstrap))
    within = rng.normal(0, np.sqrt(model.residual_variance), (len(design), n_bootstrap))
    values = (design @ model.coefficient)[:, None] + between[subject] + within
    profile, values = _prepare(values, design, subjects, model.method)
    return profile.solve(values, profile.best_ratio(values))[0]


def _prepare(
    values: np.ndarray, design: np.ndarray, subjects: np.ndarray, method: str
) -> tuple[Profile, np.ndarray]:
    """Check everything; give the profile and the values as columns."""
    values, design = np.asarray(values, dtype=float), np.asarray(design, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    _, subject = np.unique(np.asarray(subjects), return_inverse=True)

    def refuse(name: str, expected: str, found: str, hint: str) -> InputError:
        return InputError(name, expected=expected, found=found, hint=hint)

    if method not in ("reml", "ml"):
        raise refuse("method", "reml or ml", repr(method), "ml is for comparing models")
    if design.ndim != 2 or not len(values) == len(design) == len(subject):
        found = f"{len(values)} values, a design of {design.shape}, {len(subject)} participants"
        raise refuse("design", "a row for each value", found, "make all of one table")
    if not (np.isfinite(values).all() and np.isfinite(design).all()):
        n_bad = (~np.isfinite(values)).sum() + (~np.isfinite(design)).sum()
        raise refuse("values", "numbers", f"{n_bad} missing or infinite", "leave those rows out")
    n_subjects = int(subject.max()) + 1 if len(subject) else 0
    if not 2 <= n_subjects < len(values):
        found = f"{n_subjects} participants in {len(values)} rows"
        hint = "with one row each, use a one-sample test"
        raise refuse("subjects", "2 or more, with several rows each", found, hint)
    rank = np.linalg.matrix_rank(design)
    if rank < design.shape[1] or len(values) <= design.shape[1]:
        found = f"{design.shape[1]} columns of rank {rank} in {len(values)} rows"
        raise refuse("design", "independent columns, fewer than rows", found, "drop a column")
    profile = Profile(design, subject, restricted=method == "reml")
    spread = np.linalg.norm(profile.residuals(values), axis=0)
    if (spread <= 1e-12 * np.maximum(np.linalg.norm(values, axis=0), 1e-300)).any():
        found = "values that the design explains to the last digit"
        raise refuse("values", "values that vary", found, "look for a column of one value")
    return profile, values
