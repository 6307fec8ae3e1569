"""Named sets of fMRIPrep's confounds, and how they are combined."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import suggest
from fmriprod.algorithms.noise_components import (
    COMPONENTS,
    choose_components,
    confound_error,
    what_there_is,
)
from fmriprod.algorithms.scrubbing import scrubbed_volumes, spikes
from fmriprod.algorithms.transforms import MOTION_COLUMNS

_EXPANSIONS = ("", "_derivative1", "_power2", "_derivative1_power2")
_WM_CSF = ("csf", "white_matter")
_NON_STEADY = "non_steady_state_outlier"


@dataclass(frozen=True)
class Confounds:
    """Columns that a strategy takes.

    Parameters
    ----------
    table : DataFrame of float64, shape (n_volumes, n_columns)
        The columns, each named once, without missing values.
    filled : dict of str to int
        Number of leading values that were missing and set to 0, by column.
    scrubbed : tuple of int
        Volumes, from 0, that have a column of their own.
    """

    table: pd.DataFrame
    filled: dict[str, int] = field(default_factory=dict)
    scrubbed: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Part:
    name: str
    options: tuple[str, ...] = ()


def choose_confounds(
    table: pd.DataFrame, strategy: str, metadata: Mapping[str, Any] | None = None
) -> Confounds:
    """Take the columns of a strategy from a table of fMRIPrep's confounds.

    Parameters
    ----------
    table : DataFrame, one row a volume
        ``desc-confounds_timeseries.tsv``.
    strategy : str
        Names of sets, or of columns, joined by ``+``, such as ``motion24+wm_csf+scrub``:

        ``none``
            Nothing.
        ``motion6``, ``motion12``, ``motion24``
            Rigid motion; with its derivatives; with both and their squares (Friston 1996).
        ``wm_csf``, ``wm_csf8``, ``global_signal``, ``global_signal4``
            Mean signals of white matter and fluid, and of the brain; with derivatives and
            squares of all.
        ``acompcor[:N | :50%]``, ``tcompcor[:N | :50%]``
            The first N components, or as many as explain that share of the variance (by
            default 50 %) of the combined mask, or of the most variable voxels (Behzadi 2007).
        ``ica_aroma``
            Components that ICA-AROMA took for motion.
        ``cosine``
            Slow drifts, to be taken in place of the model's own.
        ``non_steady_state``
            One column for each volume before the steady state; none where there is none.
        ``scrub[:FD[:DVARS[:SEGMENT]]]``
            One column for each volume with a framewise displacement above FD (0.5 mm) or
            standardised DVARS above DVARS (1.5), and for those in pieces shorter than SEGMENT
            (5 volumes) between them (Power 2014).
    metadata : mapping, optional
        ``desc-confounds_timeseries.json``, which tells what each component is; needed for
        ``acompcor`` and ``tcompcor``.

    Returns
    -------
    Confounds
        The columns. Derivatives and the like have no value in the first row, and components
        none before the steady state: these are set to 0 and counted.

    Raises
    ------
    InputError
        For an unknown name, a column that the table lacks, a missing value elsewhere, or
        components without metadata.

    References
    ----------
    Friston et al. (1996), Magn. Reson. Med. 35, 346; Behzadi et al. (2007), NeuroImage 37, 90;
    Power et al. (2014), NeuroImage 84, 320.

    Examples
    --------
    >>> rows = pd.DataFrame({"csf": [1.0, 2.0], "white_matter": [3.0, 4.0]})
    >>> list(choose_confounds(rows, "wm_csf").table)
    ['csf', 'white_matter']
    """
    parts = parse_strategy(strategy, table.columns)
    names: list[str] = []
    for part in parts:
        if part.name == "scrub":
            continue
        own = columns_of(part, list(table.columns), metadata)
        names += [name for name in own if name not in names]
    chosen, filled = _numbers(table, names)
    scrubbed: list[int] = []
    for part in parts:
        if part.name == "scrub":
            scrubbed = _scrubbed(table, part)
    taken = chosen[[n for n in names if n.startswith(_NON_STEADY)]].to_numpy().any(axis=1)
    scrubbed = [volume for volume in scrubbed if not taken[volume]]
    chosen = pd.concat([chosen, spikes(scrubbed, len(table))], axis=1)
    return Confounds(chosen, filled, tuple(scrubbed))


def parse_strategy(strategy: str, columns: Sequence[str] = ()) -> list[_Part]:
    """Take a strategy apart and check its names and numbers.

    Parameters
    ----------
    strategy : str
        As `choose_confounds` takes it.
    columns : sequence of str
        Columns that may be named besides the sets.

    Returns
    -------
    list of parts
        Each with ``name`` and ``options``.

    Raises
    ------
    InputError
        For a name that is neither set nor column, a set named twice, or options that the set
        does not take.
    """
    if strategy.strip() == "none":
        return []
    parts: list[_Part] = []
    for text in strategy.split("+"):
        name, *options = text.strip().split(":")
        if name not in STRATEGIES and name not in columns:
            hint = suggest(name, STRATEGIES)
            if len(columns):
                hint += "; columns of the file: " + ", ".join(map(str, columns))
            raise confound_error(
                f"names of sets or columns, joined by + ({strategy!r})", repr(name), hint
            )
        if name in (part.name for part in parts):
            raise confound_error("each set once", f"{name} twice", "name it once, with its options")
        part = _Part(name, tuple(options))
        _check_options(part)
        parts.append(part)
    return parts


def uses_set(strategy: str, name: str) -> bool:
    """Tell whether a strategy names a set.

    Examples
    --------
    >>> uses_set("motion6+scrub:0.3", "scrub")
    True
    """
    return name in (text.strip().split(":")[0] for text in strategy.split("+"))


def columns_of(
    part: _Part, present: Sequence[str], metadata: Mapping[str, Any] | None
) -> list[str]:
    """List the columns of one set, all of which must be there.

    Raises
    ------
    InputError
        With the columns that are missing, and those that are there.
    """
    if part.name in COMPONENTS:
        wanted = choose_components(part.name, *part.options, present=present, metadata=metadata)
    elif part.name in _SETS:
        wanted = _SETS[part.name](present)
    else:
        wanted = [part.name]
    missing = [name for name in wanted if name not in present]
    if missing:
        shown = ", ".join(missing)
        raise confound_error(f"the columns of {part.name}", f"no {shown}", what_there_is(present))
    if not wanted and part.name != "non_steady_state":
        raise confound_error(f"columns of {part.name}", "none", what_there_is(present))
    return wanted


def _expanded(bases: Sequence[str], expansions: Sequence[str]) -> Callable[..., list[str]]:
    return lambda present: [base + more for more in expansions for base in bases]


def _starting(prefix: str) -> Callable[..., list[str]]:
    return lambda present: [name for name in present if re.fullmatch(rf"{prefix}_?\d+", name)]


_SETS: dict[str, Callable[..., list[str]]] = {
    "motion6": _expanded(MOTION_COLUMNS, _EXPANSIONS[:1]),
    "motion12": _expanded(MOTION_COLUMNS, _EXPANSIONS[:2]),
    "motion24": _expanded(MOTION_COLUMNS, _EXPANSIONS),
    "wm_csf": _expanded(_WM_CSF, _EXPANSIONS[:1]),
    "wm_csf8": _expanded(_WM_CSF, _EXPANSIONS),
    "global_signal": _expanded(("global_signal",), _EXPANSIONS[:1]),
    "global_signal4": _expanded(("global_signal",), _EXPANSIONS),
    "ica_aroma": _starting("aroma_motion"),
    "cosine": _starting("cosine"),
    "non_steady_state": _starting(_NON_STEADY),
}
STRATEGIES = ("none", *_SETS, *COMPONENTS, "scrub")


def _numbers(table: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Take columns as numbers; what is missing at the start becomes 0 and is counted."""
    numbers = table[list(names)].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    numbers = numbers.where(np.isfinite(numbers))
    before_steady = sum(str(name).startswith(_NON_STEADY) for name in table.columns)
    filled = {}
    for name in names:
        rows = np.flatnonzero(numbers[name].isna())
        if len(rows) and rows[-1] >= max(1, before_steady):
            raise confound_error(
                "a value for every volume (the first may have none)",
                f"no number in {name}, volume {rows[-1] + 1}", "leave that column out",
            )  # fmt: skip
        if len(rows):
            filled[str(name)] = len(rows)
    return numbers.fillna(0.0), filled


def _scrubbed(table: pd.DataFrame, part: _Part) -> list[int]:
    fd, dvars, segment = (*map(float, part.options), *(0.5, 1.5, 5.0)[len(part.options) :])
    needed = ["framewise_displacement", "std_dvars"]
    missing = [name for name in needed if name not in table.columns]
    if missing:
        hint = what_there_is(table.columns)
        raise confound_error("the columns of scrub", f"no {', '.join(missing)}", hint)
    measured, _ = _numbers(table, needed)
    return scrubbed_volumes(
        *(measured[name].to_numpy() for name in needed),
        fd_threshold=fd, dvars_threshold=dvars, min_segment=int(segment),
    )  # fmt: skip


def _check_options(part: _Part) -> None:
    """Refuse options that the set does not take, or that are no numbers above 0."""
    if part.name == "scrub":
        patterns = [r"\d*\.?\d+", r"\d*\.?\d+", r"\d+"]
        example = "scrub:0.5:1.5:5 (mm, standardised DVARS, volumes)"
    elif part.name in COMPONENTS:
        patterns, example = [r"[1-9]\d*|\d*\.?\d+%"], f"{part.name}:5 or {part.name}:50%"
    else:
        patterns, example = [], part.name
    fitting = len(part.options) <= len(patterns)
    if not fitting or not all(map(re.fullmatch, patterns, part.options)):
        found = ":".join([part.name, *part.options])
        raise confound_error(f"options that {part.name} takes", repr(found), f"write {example}")
