"""Which voxels of each region can be used."""

from typing import Literal

import numpy as np

from fmriprod.algorithms.checks import InputError


def usable_regions(
    columns: dict[str, np.ndarray],
    usable: np.ndarray,
    notes: list[str],
    *,
    missing: Literal["error", "skip"] = "error",
) -> dict[str, np.ndarray]:
    """Take the usable columns of each region.

    Parameters
    ----------
    columns : dict of str to ndarray of int
        Columns of each region.
    usable : ndarray of bool, shape (n_columns,)
        Whether a column varies and is finite.
    notes : list of str
        Voxels and regions that are left out are added here.
    missing : {'error', 'skip'}
        What to do with a region without a usable column.

    Returns
    -------
    dict of str to ndarray of int
        Regions that have usable columns.

    Raises
    ------
    InputError
        If regions have none and may not be left out; all are named.
    """
    chosen = {name: part[usable[part]] for name, part in columns.items()}
    empty = [f"{name} (none of {len(columns[name])})" for name in chosen if not len(chosen[name])]
    if empty and missing == "error":
        raise InputError(
            "mask_files",
            expected="voxels that vary and are finite in every run, in each region",
            found=", ".join(empty),
            hint="check that the masks lie in the brain, or set missing='skip'",
        )
    for name, part in chosen.items():
        lost = len(columns[name]) - len(part)
        if lost:
            notes.append(f"{name}: {lost} of {len(columns[name])} voxels cannot be used")
    return {name: part for name, part in chosen.items() if len(part)}
