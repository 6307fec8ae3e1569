"""Which of fMRIPrep's noise components (CompCor) to take."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError

COMPONENTS = {"acompcor": ("aCompCor", "combined"), "tcompcor": ("tCompCor", None)}


def choose_components(
    name: str,
    amount: str = "50%",
    *,
    present: Sequence[str],
    metadata: Mapping[str, Any] | None,
) -> list[str]:
    """Name the components to take, the most important first.

    Parameters
    ----------
    name : {"acompcor", "tcompcor"}
        From the combined mask of white matter and fluid, or from the most variable voxels.
    amount : str
        Their number, or, with ``%``, the share of the variance that they explain together
        (fMRIPrep writes as many as explain 50 %).
    present : sequence of str
        Columns that there are, for messages.
    metadata : mapping or None
        ``desc-confounds_timeseries.json``: ``Method``, ``Mask``, ``Retained`` and
        ``CumulativeVarianceExplained`` of each component.

    Returns
    -------
    list of str
        Names of columns.

    Raises
    ------
    InputError
        Without metadata, or if there are not as many.
    """
    if not metadata:
        raise confound_error(
            f"the JSON file beside the table, which {name} needs", "none",
            "copy desc-confounds_timeseries.json too, or leave the set out",
        )  # fmt: skip
    method, mask = COMPONENTS[name]
    own = [
        column
        for column, about in metadata.items()
        if isinstance(about, Mapping)
        and about.get("Method") == method
        and about.get("Retained", True)
        and (mask is None or str(about.get("Mask", "")).lower() == mask)
    ]
    own.sort(key=lambda column: int(re.sub(r"\D", "", column) or 0))
    if not amount.endswith("%"):
        if int(amount) > len(own):
            raise confound_error(
                f"{amount} components of {name}", f"{len(own)}", what_there_is(present)
            )
        return own[: int(amount)]
    share = float(amount[:-1]) / 100
    explained = [_explained(metadata[column]) for column in own]
    enough = [i for i, value in enumerate(explained) if value >= share - 1e-6]
    if not enough:
        top = f"{100 * max(explained):.3g} % by all {len(own)}" if own else "no component"
        hint = f"give a number of components instead, such as {name}:5"
        raise confound_error(f"components of {name} that explain {100 * share:g} %", top, hint)
    return own[: enough[0] + 1]


def what_there_is(present: Sequence[str]) -> str:
    """Say which columns a table has."""
    return "the file has: " + (", ".join(map(str, present)) or "no column")


def confound_error(expected: str, found: str, hint: str) -> InputError:
    """Error about the choice of confounds."""
    return InputError("confounds", expected=expected, found=found, hint=hint)


def _explained(about: Mapping[str, Any]) -> float:
    value = about.get("CumulativeVarianceExplained")
    return float(value) if isinstance(value, int | float) else np.nan
