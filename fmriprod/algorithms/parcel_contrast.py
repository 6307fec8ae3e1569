"""Contrast of conditions in the parcels of one subject."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.contrasts import parse_contrasts

_NEEDED = ("parcel", "condition", "effect")


@dataclass(frozen=True)
class ParcelContrastResult:
    """A contrast.

    Attributes
    ----------
    name : str
        Of the contrast, in letters and digits.
    weights : dict of str to float
        Of each condition.
    table : DataFrame
        A row a parcel in the order of the effects: ``parcel contrast value`` and, where they are
        known, ``variance t dof``. NaN where an effect is.
    n_missing : int
        Parcels without a value.
    """

    name: str
    weights: dict[str, float]
    table: pd.DataFrame
    n_missing: int


def parcel_contrast(effects: pd.DataFrame, contrast: str) -> ParcelContrastResult:
    """Weigh the effects of conditions and add them, in each parcel.

    Parameters
    ----------
    effects : DataFrame
        A row a parcel and condition: ``parcel condition effect`` and, where they are known,
        ``variance t dof``.
    contrast : str
        ``"fear-neut"``, ``"emotion=fear-neut"``, ``"(lh+rh)/2-t"``, or one condition or
        contrast of the table alone.

    Returns
    -------
    ParcelContrastResult
        The variance of a difference needs the covariance of its parts, which the table does not
        hold: ``variance t dof`` are given only of a contrast of one row, such as one that the
        model estimated.

    Raises
    ------
    InputError
        If the table lacks a column, a parcel or a condition, has one twice, or the contrast is
        unknown or has no value in any parcel.

    Examples
    --------
    >>> table = pd.DataFrame({"parcel": ["L_V1"] * 2, "condition": ["fear", "neut"],
    ...                       "effect": [3.0, 1.0]})
    >>> parcel_contrast(table, "fear-neut").table.to_numpy().tolist()
    [['L_V1', 'fearMinusNeut', 2.0]]
    """
    labels = [name for name in _NEEDED[:2] if name in effects]  # tables hold 1 and 2 as numbers
    text = {name: effects[name].map(str, na_action="ignore") for name in labels}
    effects = effects.assign(**text)
    wide = _by_condition(effects)
    spec = parse_contrasts([contrast], list(wide.columns))[0]
    value = sum(weight * wide[name].to_numpy() for name, weight in spec.weights.items())
    missing = np.isnan(value)
    if missing.all():
        raise InputError(
            "effects", expected="parcels with an effect of each condition of the contrast",
            found=f"none of {len(value)} for {contrast!r}", hint="see which parcels were usable",
        )  # fmt: skip
    table = pd.DataFrame({"parcel": wide.index, "contrast": spec.name, "value": value})
    if len(spec.weights) == 1 and {"variance", "t"} <= set(effects.columns):
        ((condition, weight),) = spec.weights.items()
        rows = effects[effects["condition"] == condition].set_index("parcel").loc[wide.index]
        table["variance"] = weight**2 * rows["variance"].to_numpy(np.float64)
        table["t"] = np.sign(weight) * rows["t"].to_numpy(np.float64)
        if "dof" in rows:
            table["dof"] = rows["dof"].to_numpy(np.float64)
    return ParcelContrastResult(spec.name, spec.weights, table, int(missing.sum()))


def _by_condition(effects: pd.DataFrame) -> pd.DataFrame:
    """Give effects as a table parcels x conditions, in the order in which parcels stand."""
    lacking = [name for name in _NEEDED if name not in effects]
    if lacking:
        raise _no_effects(
            f"no column {lacking[0]!r}; {suggest(lacking[0], map(str, effects.columns))}",
            "give effects_file of ConditionAverage or ParcelGLM",
        )
    if not pd.api.types.is_numeric_dtype(effects["effect"]):
        raise _no_effects("an effect that is no number", "write missing effects as n/a")
    twice = effects.duplicated(["parcel", "condition"])
    if twice.any():
        parcel, condition = effects[twice.to_numpy()].iloc[0][["parcel", "condition"]]
        raise _no_effects(f"{parcel} twice for {condition}", "keep one row of each")
    wide = effects.pivot(index="parcel", columns="condition", values="effect")
    if len(effects) != wide.size:
        held = effects.groupby("condition").size()
        raise _no_effects(
            f"{held.max()} parcels for {held.idxmax()}, {held.min()} for {held.idxmin()}, "
            f"{len(wide)} in all", "give every parcel a row for every condition, n/a if unusable",
        )  # fmt: skip
    return wide.loc[effects["parcel"].drop_duplicates()]


def _no_effects(found: str, hint: str) -> InputError:
    return InputError(
        "effects", expected="a row for each parcel and condition: parcel condition effect",
        found=found, hint=hint,
    )  # fmt: skip
