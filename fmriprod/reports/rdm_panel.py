"""Cells of RDMs that tell which pair of conditions they are."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import n_pairs
from fmriprod.reports.panels import Panel, palette, rounded

MOST_NUMBERS = 100_000  # some 600 kB of text
HOW = (
    "Point at a cell, or tab to the matrix and use the arrow keys, to read the two conditions and "
    "their dissimilarity."
)


def rdm_panel(
    dissimilarities: np.ndarray,
    conditions: Sequence[str],
    names: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    lower_only: bool = False,
    title: str = "",
    label: str = "dissimilarity",
    most_numbers: int = MOST_NUMBERS,
) -> Panel | None:
    """Make RDMs whose cells can be read off.

    Parameters
    ----------
    dissimilarities : ndarray, shape (n_rdms, n_pairs)
        Upper triangles, row by row; NaN is unknown.
    conditions : sequence of str
        Names, in the order of the rows.
    names : sequence of str
        One an RDM.
    groups : sequence of str, optional
        Group of each condition, told beside its name.
    limits : (float, float), optional
        Values at the ends of the colours; by default those that there are.
    lower_only : bool
        Whether the upper triangle stays empty.
    title, label : str
        What the RDMs are, and what their values are.
    most_numbers : int
        RDMs beyond so many values are left out: the page shall stay quick.

    Returns
    -------
    Panel or None
        None where already the first RDM has too many values.

    Raises
    ------
    InputError
        If names or conditions do not fit the values.
    """
    values = np.atleast_2d(np.asarray(dissimilarities, dtype=float))
    groups = None if groups is None else list(groups)
    if values.shape != (len(names), n_pairs(len(conditions))):
        raise InputError(
            "rdm", expected=f"{len(names)} rows of the {n_pairs(len(conditions))} pairs of "
            f"{len(conditions)} conditions", found=f"shape {values.shape}",
            hint="give a name for each RDM and each condition",
        )  # fmt: skip
    if groups is not None and len(groups) != len(conditions):
        raise InputError(
            "groups", expected=f"one for each of {len(conditions)} conditions",
            found=f"{len(groups)}", hint="give them in the order of the conditions",
        )  # fmt: skip
    n_shown = min(len(values), most_numbers // max(values.shape[1], 1))
    if not n_shown:
        return None
    known = values[np.isfinite(values)]
    if limits is None:
        limits = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    data = {
        "conditions": list(map(str, conditions)), "groups": groups,
        "names": list(map(str, names[:n_shown])), "what": label, "lower": lower_only,
        "rdms": [rounded(row, 3) for row in values[:n_shown]],
        "limits": rounded(limits), "colours": palette("viridis"),
    }  # fmt: skip
    more = f" The first {n_shown} of {len(values)} RDMs." if n_shown < len(values) else ""
    return Panel("rdm", data, f"Cells of {title or 'RDMs'}", HOW + more)
