"""Compare the tables of a group with what is planted in a simulated production study."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fmriprod.algorithms.checks import InputError

_LEVEL = 0.05
_TABLES = {
    "accuracy": ("region", "phase", "scheme", "n", "mean", "ci_low", "ci_high"),
    "log_odds": ("region", "phase", "scheme", "contrast", "n", "mean", "ci_low", "ci_high"),
    "connectivity": (
        "region_1",
        "region_2",
        "features",
        "n_subjects",
        "slope",
        "ci_low",
        "ci_high",
    ),
}
_BY_SIGN = ("target_control", "foil_control")  # half as large as target_foil, and as variable
_WORDS = {1: "above {}", -1: "below {}", 0: "no different from {}"}


@dataclass(frozen=True)
class Finding:
    """One thing that is planted, or is not, and whether the group's table says so.

    Attributes
    ----------
    name : str
        Table and place, such as ``accuracy V1 pre``.
    expected : str
        In words, with the value of no effect.
    found, low, high : float
        What the table holds; for what is not planted, the interval that was judged.
    ok : bool
        Found as planted: the 95 % interval lies on the right side; of the two contrasts with
        control objects, which a few participants cannot show, the mean does. Or absent as
        planted: the interval, widened for a few participants and many such checks, holds no
        effect.
    """

    name: str
    expected: str
    found: float
    low: float
    high: float
    ok: bool


def score(tables: dict[str, pd.DataFrame], expected: dict[str, Any]) -> list[Finding]:
    """Judge tables of a group by what was planted.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Some of ``accuracy`` (region, phase, scheme, n, mean, ci_low, ci_high), ``log_odds``
        (the same with contrast: target_foil ...) and ``connectivity`` (region_1, region_2,
        features, n_subjects, slope, ci_low, ci_high). Phases are ``pre``, ``post`` and
        ``drawing``; of log odds only those of drawing are judged, of connectivity no
        ``stack`` features. Regions may end in ``Draw``, as those within the task mask do.
    expected : dict
        `fmriprod.algorithms.simulate_expected.expected_findings`; ``expected`` of truth.json.

    Returns
    -------
    list of Finding
        One for each row that something is known about, in the order of the tables. The
        intervals of all that is not planted are widened together, so that they all hold no
        effect with 95 %: by Student's quantile at 5 % over their number against the normal
        one at 5 %, and by sqrt(n / (n - 1)), which the bootstrap is too narrow by.

    Raises
    ------
    InputError
        If a table lacks columns, or none has a row that something is known about.
    """
    rows = []
    for name, table in tables.items():
        _check_columns(name, table)
        rows += list(_rows(name, table, expected[name]))
    if not rows:
        raise InputError(
            "tables",
            expected="rows of " + ", ".join(expected["accuracy"]),
            found="none of them in " + (", ".join(tables) or "no table"),
            hint="give the group's tables of the same study",
        )
    n_null = sum(sign == 0 for *_, sign in rows)
    return [_judged(*row, n_null=n_null) for row in rows]


def _rows(
    name: str, table: pd.DataFrame, known: dict[str, Any]
) -> Iterator[tuple[str, pd.Series, float, int]]:
    """Give name, row, value of no effect and expected sign of what is known."""
    for _, row in table.iterrows():
        if name == "connectivity":
            pair = [_bare(row["region_1"]), _bare(row["region_2"])]
            signs = {key.casefold(): sign for key, sign in known.items()}  # parietal, Parietal
            keys = ["-".join(names).casefold() for names in (pair, pair[::-1])]
            sign = signs.get(keys[0], signs.get(keys[1]))
            if sign is not None and row["features"] != "stack":
                yield f"{name} {'-'.join(pair)}", row, 0.0, sign
            continue
        region, phase = _bare(row["region"]), row["phase"]
        if name == "accuracy":
            sign = known.get(region, {}).get(phase)
            place, null = f"{name} {region} {phase}", _chance(str(row["scheme"]))
        else:
            sign = known.get(region, {}).get(row["contrast"]) if phase == "drawing" else None
            place, null = f"{name} {region} {row['contrast']}", 0.0
        if sign is not None:
            yield place, row, null, sign


def _judged(name: str, row: pd.Series, null: float, sign: int, n_null: int) -> Finding:
    found, low, high = (
        float(row["slope" if "slope" in row else "mean"]),
        float(row["ci_low"]),
        float(row["ci_high"]),
    )
    if sign == 0:
        n = int(row["n_subjects" if "n_subjects" in row else "n"])
        low, high = _widened(found, low, high, n, n_null)
    near, far = (found, found) if name.endswith(_BY_SIGN) else (low, high)
    ok = {1: near > null, -1: far < null, 0: low <= null <= high}[sign]
    return Finding(name, _WORDS[sign].format(f"{null:g}"), found, low, high, bool(ok))


def _widened(found: float, low: float, high: float, n: int, n_null: int) -> tuple[float, float]:
    """Widen a bootstrap interval of few participants that is one of many."""
    if n < 2:
        return -np.inf, np.inf
    wider = np.sqrt(n / (n - 1)) * stats.t.isf(_LEVEL / 2 / n_null, n - 1)
    wider /= stats.norm.isf(_LEVEL / 2)
    return found - wider * (found - low), found + wider * (high - found)


def _bare(region: Any) -> str:
    return str(region).removesuffix("Draw")


def _chance(scheme: str) -> float:
    """Accuracy by guessing; two classes where the name of the scheme says so."""
    return 0.5 if scheme.startswith("2way") else 0.25


def _check_columns(name: str, table: pd.DataFrame) -> None:
    if name not in _TABLES:
        raise InputError(
            "tables", expected=", ".join(_TABLES), found=repr(name), hint="rename the table"
        )
    absent = [column for column in _TABLES[name] if column not in table]
    if absent:
        raise InputError(
            "tables",
            expected=f"{name} with columns " + ", ".join(_TABLES[name]),
            found="no " + ", ".join(absent),
            hint="give the table that the group step writes",
        )
