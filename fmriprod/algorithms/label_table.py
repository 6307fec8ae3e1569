"""What can be named in the expressions of regions, and which side of the brain it is on."""

import re
from collections.abc import Iterable

import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_expression import BOTH, LEFT, RIGHT, Atom

_SIDES = {"lh": LEFT, "l": LEFT, "left": LEFT, "rh": RIGHT, "r": RIGHT, "right": RIGHT}
_SIDED = re.compile(r"(?:ctx[-_])?(lh|rh|left|right)[-_.](.+)", re.IGNORECASE)
_PREFIX = {LEFT: "lh", RIGHT: "rh"}


def name_labels(table: pd.DataFrame) -> dict[str, tuple[Atom, ...]]:
    """Name the codes of a label image.

    Parameters
    ----------
    table : DataFrame
        Columns ``index`` (whole numbers) and ``name``, as in a BIDS ``_dseg.tsv``, and if there
        is one ``hemisphere`` (``L`` or ``R``). Without it, names that begin as FreeSurfer's do
        (``ctx-lh-``, ``ctx_rh_``, ``Left-``, ``lh.``) tell the side. An index may have several
        names.

    Returns
    -------
    dict from str to tuple of Atom
        The name itself, the code as text, and for what has a side the name without it (both
        sides) and with ``lh.`` or ``rh.`` before it; of these also the form in lower case:
        ``Left-Hippocampus``, ``17``, ``hippocampus``, ``lh.hippocampus``. Where two could be
        meant, the name as it stands in the table is.

    Raises
    ------
    InputError
        If a column is missing, an index is no whole number, or a name is missing.
    """
    _check(table)
    whole: dict[str, dict[Atom, None]] = {}
    short: dict[str, dict[Atom, None]] = {}
    sides = table.get("hemisphere", [None] * len(table))
    for index, name, hemisphere in zip(table["index"], table["name"].astype(str), sides,
                                       strict=True):  # fmt: skip
        side, base = _side_of(name, hemisphere)
        atom = Atom("code", int(index), side)
        for key in (name, str(int(index))):
            whole.setdefault(key, {})[atom] = None
        for key in _sided_names(base, side):
            short.setdefault(key, {})[atom] = None
    return {name: tuple(atoms) for name, atoms in {**short, **whole}.items()}


def name_surface_labels(file_names: Iterable[str]) -> dict[str, tuple[Atom, ...]]:
    """Name labels of vertices by their files: ``lh.V1_exvivo.label`` and the right one.

    Returns
    -------
    dict from str to tuple of Atom
        ``V1_exvivo`` (both sides), ``lh.V1_exvivo``, ``rh.V1_exvivo``. The key of an atom is the
        file's name without ``.label``.

    Raises
    ------
    InputError
        If the name of a file does not tell the side.
    """
    found: dict[str, list[Atom]] = {}
    for file_name in file_names:
        key = file_name.removesuffix(".label")
        side = side_of_file(file_name)
        for name in (key, key[3:]):
            found.setdefault(name, []).append(Atom("surface", key, side))
    return {name: tuple(dict.fromkeys(atoms)) for name, atoms in found.items()}


def side_of_file(file_name: str) -> int:
    """Tell the side that the name of a file of FreeSurfer's begins with.

    Raises
    ------
    InputError
        If it begins otherwise.

    Examples
    --------
    >>> side_of_file("rh.white") == RIGHT
    True
    """
    if file_name[:3] not in ("lh.", "rh."):
        raise InputError(
            "surface",
            expected="a file name that begins with lh. or rh.",
            found=file_name,
            hint="name it as FreeSurfer does: lh.V1_exvivo.label, rh.white",
        )
    return _SIDES[file_name[:2]]


def _side_of(name: str, hemisphere: object) -> tuple[int, str]:
    """Side and name without it."""
    match = _SIDED.fullmatch(name)
    if isinstance(hemisphere, str) and hemisphere.lower() in _SIDES:
        return _SIDES[hemisphere.lower()], match[2] if match else name
    return (_SIDES[match[1].lower()], match[2]) if match else (BOTH, name)


def _sided_names(base: str, side: int) -> set[str]:
    if side == BOTH:
        return {base, base.lower()}
    forms = {base, base.lower()}
    return forms | {f"{_PREFIX[side]}.{form}" for form in forms}


def _check(table: pd.DataFrame) -> None:
    missing = {"index", "name"} - set(table.columns)
    if missing:
        raise InputError(
            "table",
            expected="columns index and name",
            found=f"no {' and no '.join(sorted(missing))}; columns {', '.join(table.columns)}",
            hint="write a tab-separated table with a row for each label",
        )
    index = pd.to_numeric(table["index"], errors="coerce")
    bad = index.isna() | (index % 1 != 0) | table["name"].isna()
    if bad.any():
        rows = ", ".join(str(row + 2) for row in table.index[bad][:8])
        raise InputError(
            "table",
            expected="a whole number as index and a name in each row",
            found=f"none in line {rows}",
            hint="mend or remove these lines",
        )
