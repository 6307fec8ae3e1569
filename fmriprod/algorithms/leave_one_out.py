"""Group maps of all but one subject, for every subject, from running sums.

The maps of a group that lacks subject ``i`` are the maps of those before it and of those after
it taken together. Sums that run over the subjects once from the front and once from the back
therefore give all ``n`` maps for the price of three maps of the whole group. Unlike the total
minus one's own part, such a sum never held subject ``i``: nothing cancels when one subject is
a thousand times as precise as the others, and no digit of a subject's own map can leak into
the mask that is later used on its data.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats
from scipy.interpolate import CubicSpline

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fixed_effects import t_to_z

Model = Literal["fixed", "random"]
_TABLE_END, _TABLE_STEPS = 30.0, 3000  # t beyond the table is converted one by one
_TABLE_DOF = 5  # below, z bends too much for it


@dataclass(frozen=True)
class LeaveOneOut:
    """Group maps without each subject and with all of them.

    Attributes
    ----------
    z : ndarray of float64, shape (n_subjects, n_voxels)
        Row ``i`` is the map of all subjects but the ``i``-th; 0 where too few have data.
    group_z, group_effect : ndarray of float64, shape (n_voxels,)
        Map of all subjects, as z and as mean effect; 0 where too few have data.
    n_covering : ndarray of int32, shape (n_voxels,)
        Subjects that have data in each voxel.
    """

    z: np.ndarray
    group_z: np.ndarray
    group_effect: np.ndarray
    n_covering: np.ndarray


class _Moments(NamedTuple):
    """What some subjects add up to; each of shape (n_voxels,).

    ``weight`` and ``middle`` are the sums of 1 / variance and of effect / variance with fixed
    effects; sum of squares about the mean, and the mean, with random effects.
    """

    count: np.ndarray  # type: ignore[assignment]  # nothing counts the fields of this tuple
    dof: np.ndarray
    weight: np.ndarray
    middle: np.ndarray


def leave_one_out(
    effects: np.ndarray,
    variances: np.ndarray | None = None,
    dof: np.ndarray | None = None,
    *,
    model: Model = "fixed",
    min_subjects: int | None = None,
) -> LeaveOneOut:
    """Combine the effects of all subjects but one, for every subject.

    Parameters
    ----------
    effects : ndarray, shape (n_subjects, n_voxels)
        Effect of each subject on one grid.
    variances : ndarray, shape (n_subjects, n_voxels), optional
        Their variances; needed by the fixed-effects model, not used by the other.
    dof : array_like, shape (n_subjects,), optional
        Degrees of freedom of each subject's variance. Their sum over those combined turns t
        into z with fixed effects; without them the variances count as known, and z is t.
    model : {'fixed', 'random'}
        ``fixed`` weights by precision: sum(e / v) / sum(1 / v) with variance 1 / sum(1 / v),
        as `fmriprod.algorithms.fixed_effects`. It speaks of these subjects only.
        ``random`` is the one-sample t-test over subjects.
    min_subjects : int, optional
        A voxel has a value where at least so many of those combined have data there; by
        default all of them.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    InputError
        If the shapes do not belong together, or there are too few subjects.

    Notes
    -----
    A subject has data in a voxel where its effect is finite and its variance finite and above
    0; without variances, where its effect is finite and not exactly 0 (what is outside of a
    mask). The running mean and sum of squares are those of Welford, and two of them are joined
    as Chan, Golub & LeVeque (1983), Am Stat 37:242 do.
    """
    effects, variances, dof = _checked(effects, variances, dof, model, min_subjects)
    n_subjects, n_voxels = effects.shape
    if variances is None:
        usable = np.isfinite(effects) & (effects != 0)
    else:
        usable = np.isfinite(effects) & np.isfinite(variances) & (variances > 0)
    rows = _rows(effects, variances, dof, usable, model)
    join = _add if model == "fixed" else _merge
    nothing = _Moments(
        np.zeros(n_voxels, np.int32), *(np.zeros(n_voxels) for _ in _Moments._fields[1:])
    )
    after = [nothing]  # from the last subject on, in reverse
    for row in rows[:0:-1]:
        after.append(join(after[-1], row))
    z, before = np.empty((n_subjects, n_voxels)), nothing
    for i, row in enumerate(rows):
        others = join(before, after.pop())
        z[i] = _z(others, model, min_subjects or n_subjects - 1)
        before = join(before, row)
    group = _z(before, model, min_subjects or n_subjects)
    effect = before.middle
    if model == "fixed":
        effect = np.divide(effect, before.weight, out=np.zeros(n_voxels), where=before.weight > 0)
    return LeaveOneOut(z, group, np.where(group != 0, effect, 0.0), before.count)


def _checked(
    effects: np.ndarray, variances: np.ndarray | None, dof: np.ndarray | None,
    model: str, min_subjects: int | None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:  # fmt: skip
    effects = np.asarray(effects, np.float64)
    variances = None if variances is None else np.asarray(variances, np.float64)
    dof = None if dof is None else np.asarray(dof, np.float64)
    if model not in ("fixed", "random"):
        raise InputError(
            "model", expected="fixed or random", found=repr(model), hint="choose one of them"
        )
    if model == "fixed" and variances is None:
        raise InputError(
            "variances",
            expected="the variance of each effect, for the fixed-effects model",
            found="none",
            hint="give them, or use model='random', which needs the effects alone",
        )
    shapes = [x.shape for x in (effects, variances) if x is not None]
    if effects.ndim != 2 or len(set(shapes)) > 1 or (dof is not None and len(dof) != len(effects)):
        raise InputError(
            "effects",
            expected="as many effects as variances and degrees of freedom, on one grid",
            found=", ".join(map(str, [*shapes, *([dof.shape] if dof is not None else [])])),
            hint="give the lists in the same order of subjects",
        )
    least = 2 if model == "fixed" else 3
    if len(effects) < least:
        raise InputError(
            "effects",
            expected=f"at least {least} subjects, so that {least - 1} are left for each map",
            found=f"{len(effects)}",
            hint="a leave-one-out map needs a group",
        )
    if min_subjects is not None and not least - 1 <= min_subjects <= len(effects) - 1:
        raise InputError(
            "min_subjects",
            expected=f"from {least - 1} to {len(effects) - 1}, the number of others",
            found=f"{min_subjects}",
            hint="leave it out to ask for all others",
        )
    return effects, variances, dof


def _rows(
    effects: np.ndarray, variances: np.ndarray | None, dof: np.ndarray | None,
    usable: np.ndarray, model: str,
) -> list[_Moments]:  # fmt: skip
    """Each subject's own part."""
    rows = []
    for i, seen in enumerate(usable):
        count = seen.astype(np.int32)
        effect = effects[i] if seen.all() else np.where(seen, effects[i], 0.0)
        if model == "random" or variances is None:
            rows.append(_Moments(count, np.zeros(1), np.zeros(len(seen)), effect))
            continue
        weight = np.divide(1.0, variances[i], out=np.zeros(len(seen)), where=seen)
        freedom = np.zeros(1) if dof is None else np.where(seen, dof[i], 0.0)
        rows.append(_Moments(count, freedom, weight, effect * weight))
    return rows


def _add(one: _Moments, two: _Moments) -> _Moments:
    return _Moments(*(a + b for a, b in zip(one, two, strict=True)))


def _merge(one: _Moments, two: _Moments) -> _Moments:
    """Join two groups' means and sums of squares about them."""
    count = one.count + two.count
    change = two.middle - one.middle
    share = two.count / np.maximum(count, 1)
    middle = one.middle + change * share
    return _Moments(count, one.dof, one.weight + two.weight + change**2 * share * one.count, middle)


def _z(moments: _Moments, model: str, least: int) -> np.ndarray:
    enough = moments.count >= least
    if model == "fixed":
        enough &= moments.weight > 0
        root = np.sqrt(moments.weight)
        t = np.divide(moments.middle, root, out=np.zeros(len(root)), where=enough)
        return _to_z(t, moments.dof) if moments.dof.any() else t
    dof = moments.count - 1
    enough &= (dof > 0) & (moments.weight > 0)
    error = np.sqrt(moments.weight / np.maximum(dof * moments.count, 1))
    t = np.divide(moments.middle, error, out=np.zeros(len(error)), where=enough)
    return _to_z(t, np.maximum(dof, 1).astype(float))


def _to_z(t: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """Convert as `t_to_z`, by a table of each of a few degrees of freedom."""
    kinds = dof[:1] if dof.min() == dof.max() else np.unique(dof)
    if len(kinds) > 1 and len(kinds) * 3000 > len(t):
        return t_to_z(t, dof)
    z = np.zeros(len(t))
    for kind in kinds:
        chosen = slice(None) if len(kinds) == 1 else dof == kind
        if kind > 0:
            z[chosen] = _by_table(t[chosen], float(kind))
    return z


def _by_table(t: np.ndarray, dof: float) -> np.ndarray:
    if dof < _TABLE_DOF:
        return t_to_z(t, dof)
    size = np.abs(t)
    place = np.minimum(size * (_TABLE_STEPS / _TABLE_END), _TABLE_STEPS - 1)
    piece = place.astype(np.intp)
    cubic, square, slope, start = _ratio(dof)[piece].T
    rest = (place - piece) * (_TABLE_END / _TABLE_STEPS)
    z = t * (((cubic * rest + square) * rest + slope) * rest + start)
    far = size > (_TABLE_END - _TABLE_END / _TABLE_STEPS)
    if far.any():
        z[far] = t_to_z(t[far], dof)
    return z


@lru_cache(maxsize=256)
def _ratio(dof: float) -> np.ndarray:
    """Cubic pieces (n, 4) of z / t as a function of t, which is smooth; good to 2e-11."""
    knots = np.linspace(0, _TABLE_END, _TABLE_STEPS + 1)
    values = np.empty_like(knots)
    values[0] = stats.t.pdf(0, dof) / stats.norm.pdf(0)
    values[1:] = t_to_z(knots[1:], dof) / knots[1:]
    return CubicSpline(knots, values, bc_type=((1, 0.0), "not-a-knot")).c.T.copy()
