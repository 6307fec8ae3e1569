"""Solve the least-squares problem of every single trial: all at once (LSA) or separately (LSS).

The estimate of a trial is one row of a pseudo-inverse, a weight for each volume, whatever the
voxel. By the theorem of Frisch, Waugh and Lovell that row is the part of the trial's regressor
that nothing else in its model explains, over its squared norm.
"""

from dataclasses import dataclass

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import row_space, tolerance, unit_columns
from fmriprod.algorithms.trial_design import TrialDesign, refuse_trials

METHODS = ("lss", "lsa")
OTHERS = ("all", "label")
_ESTIMABLE = 1e-6  # what is left of a regressor, as a share of it


@dataclass(frozen=True)
class TrialModel:
    """Weights that turn a (whitened) series into estimates.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_trials, n_volumes)
        ``series @ weights.T`` are the estimates.
    common : ndarray of float64, shape (n_volumes, rank)
        Orthonormal basis of what the models of all trials have in common.
    own : ndarray of float64, shape (n_trials, n_own, n_volumes)
        Orthonormal rows that a trial's model adds to it; 0 where it adds less.
    dof : ndarray of int, shape (n_trials,)
        Volumes less the rank of each trial's model.
    vif : ndarray of float64, shape (n_trials,)
        Variance inflation of a trial's regressor against everything else in its model.
    """

    weights: np.ndarray
    common: np.ndarray
    own: np.ndarray
    dof: np.ndarray
    vif: np.ndarray


def trial_model(
    design: TrialDesign,
    *,
    method: str = "lss",
    others: str = "all",
    whiten: float = 0.0,
) -> TrialModel:
    """Solve the least-squares problem of every trial, without data.

    Parameters
    ----------
    design : TrialDesign
        Of the run. A constant is always part of the model.
    method : {"lss", "lsa"}
        A model for each trial, in which the other trials share regressors (least squares,
        separate), or one model with a regressor for each trial (least squares, all).
    others : {"all", "label"}
        For ``"lss"``: the other trials have one regressor, or one for each label.
    whiten : float
        Coefficient of first-order autoregressive noise; 0 for white noise.

    Returns
    -------
    TrialModel
        Exact to rounding for a design of any rank.

    Raises
    ------
    InputError
        If a trial cannot be estimated (it is named), or regressors are not fewer than volumes.

    References
    ----------
    Mumford et al. (2012), NeuroImage 59, 2636-2643. Frisch & Waugh (1933), Econometrica 1,
    387-401; Lovell (1963), Journal of the American Statistical Association 58, 993-1010.
    """
    _check(method, others)
    n_volumes = design.regressors.shape[2]
    nuisance = np.column_stack([np.ones(n_volumes), design.nuisance.to_numpy()])
    nuisance = row_space(unit_columns(whitened(nuisance.T, whiten).T))[0]
    codes = _codes(design, others)
    n_groups = len(design.trials) if method == "lsa" else codes.max() + 2
    _check_freedom(nuisance.shape[1] + n_groups * design.regressors.shape[1], n_volumes)
    x = whitened(design.regressors, whiten)
    norm = np.linalg.norm(x[:, 0], axis=1)
    refuse_trials(design.trials, norm == 0, "no volume shows a response")
    rest = _remove(x.reshape(-1, n_volumes), nuisance).reshape(x.shape)
    rest[np.linalg.norm(rest, axis=2) <= _ESTIMABLE * np.linalg.norm(x, axis=2)] = 0
    if method == "lsa":
        common, own, unexplained = _all_at_once(rest, nuisance)
    else:
        common, own, unexplained = _each_against_others(rest, nuisance, codes)
    left = np.linalg.norm(unexplained, axis=1)
    bad = left <= _ESTIMABLE * norm
    refuse_trials(design.trials, bad, "the other columns of the model explain it wholly")
    added = np.round((own**2).sum(axis=(1, 2))).astype(int)
    dof = n_volumes - common.shape[1] - added
    first = x[:, 0]
    total = ((first - first.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return TrialModel(unexplained / left[:, None] ** 2, common, own, dof, total / left**2)


def _each_against_others(
    rest: np.ndarray, nuisance: np.ndarray, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give common basis, own rows and unexplained part of each trial among sums of the others.

    A trial and the sum of the others span the same space as the trial and the sum of all,
    which is the same for all trials.
    """
    n_trials, _, n_volumes = rest.shape
    scale = np.linalg.norm(rest[:, 0], axis=1)
    member = codes[:, None] == np.arange(codes.max() + 1)  # trials x labels
    sums = np.einsum("tc,tpv->cpv", member.astype(float), rest)
    minus = sums[None] - member[:, :, None, None] * rest[:, None]
    minus = minus.reshape(n_trials, -1, n_volumes)
    others = np.concatenate([minus, rest[:, 1:]], axis=1)
    basis = _row_bases(others, scale)
    unexplained = _remove_each(rest[:, :1], basis)[:, 0]
    shared = _row_bases(sums.reshape(1, -1, n_volumes), scale.max(keepdims=True))[0]
    common = np.column_stack([nuisance, shared[shared.any(axis=1)].T])
    own = _row_bases(_remove(rest.reshape(-1, n_volumes), common).reshape(rest.shape), scale)
    return common, own, unexplained


def _all_at_once(
    rest: np.ndarray, nuisance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the basis of all trials, nothing of their own, and each trial's unexplained part."""
    n_trials, n_parts, n_volumes = rest.shape
    columns = rest.reshape(-1, n_volumes).T
    norm = np.linalg.norm(columns, axis=0)
    norm[norm == 0] = 1
    u, s, vt = row_space(columns / norm)
    first = slice(None, None, n_parts)  # the response, not its derivatives
    weights = (vt[:, first] / norm[first] / s[:, None]).T @ u.T
    # Where others explain a trial wholly, its unit vector is not in the row space.
    lost = 1 - (vt[:, first] ** 2).sum(axis=0) > _ESTIMABLE
    length = (weights**2).sum(axis=1)
    unexplained = weights / np.where(length > 0, length, 1)[:, None]
    unexplained[lost] = 0
    own = np.zeros((n_trials, 1, n_volumes))
    return np.column_stack([nuisance, u]), own, unexplained


def whitened(rows: np.ndarray, rho: float) -> np.ndarray:
    """Take the noise's memory out of series: each value less ``rho`` times the one before.

    Parameters
    ----------
    rows : ndarray, shape (..., n_volumes)
        Series or regressors; the first value stays as it is, as in Nilearn's ``ARModel``.
    rho : float
        Coefficient.
    """
    if not rho:
        return rows
    white = rows.copy()
    white[..., 1:] -= np.asarray(rho, rows.dtype) * rows[..., :-1]
    return white


def _remove(rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Project rows off the orthonormal columns of a basis, twice against rounding."""
    for _ in range(2):
        rows = rows - (rows @ basis) @ basis.T
    return rows


def _remove_each(rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Project rows, shape (n, m, v), off the orthonormal rows of a basis each, (n, k, v)."""
    for _ in range(2):
        rows = rows - np.einsum("nmv,nkv->nmk", rows, basis) @ basis
    return rows


def _row_bases(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span rows, shape (n, k, v); 0 where their rank is less than k.

    A row counts as zero where it is less than rounding of ``scale``, shape (n,).
    """
    norm = np.linalg.norm(rows, axis=2, keepdims=True)
    seen = norm > _ESTIMABLE * scale[:, None, None]
    unit = np.where(seen, rows / np.where(norm > 0, norm, 1), 0)
    if rows.shape[1] == 1:
        return unit
    _, s, vt = np.linalg.svd(unit, full_matrices=False)
    return vt * (s > tolerance(unit[0]) * s[:, :1])[..., None]


def _codes(design: TrialDesign, others: str) -> np.ndarray:
    if others == "all":
        return np.zeros(len(design.trials), int)
    return np.unique(design.trials["label"], return_inverse=True)[1]


def _check(method: str, others: str) -> None:
    for name, value, known in (("method", method, METHODS), ("others", others, OTHERS)):
        if value not in known:
            raise InputError(
                name, expected=" or ".join(known), found=repr(value), hint="choose one of these"
            )


def _check_freedom(n_columns: int, n_volumes: int) -> None:
    if n_columns >= n_volumes:
        raise InputError(
            "design",
            expected=f"fewer regressors than volumes ({n_volumes})",
            found=f"{n_columns} regressors in the model of a trial",
            hint="take method='lss', fewer confounds, a longer high_pass, or an hrf without "
            "derivatives",
        )
