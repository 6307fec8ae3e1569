"""What a check found, so that all of it can be shown at once."""

import os
from dataclasses import dataclass
from typing import Literal

from fmriprod.algorithms.checks import InputError


@dataclass(frozen=True)
class Problem:
    """Something that a check found.

    Parameters
    ----------
    severity : {"error", "warning"}
        An error stops the analysis or makes its result wrong; a warning may be meant.
    file : str
        File or folder, or the option of the command that it is about.
    expected, found, hint : str
        As in `InputError`: what is needed, what is there, and what to do.
    """

    severity: Literal["error", "warning"]
    file: str
    expected: str
    found: str
    hint: str

    @classmethod
    def of(
        cls,
        error: InputError,
        severity: Literal["error", "warning"] = "error",
        file: str | None = None,
    ) -> "Problem":
        """Turn an error that was caught into a problem."""
        place = file or error.file or error.subject
        return cls(severity, place, error.expected, error.found, error.hint)


def participant_of(file: str, root: str) -> str | None:
    """Tell in which participant's folder a file of a dataset lies.

    Parameters
    ----------
    file : str
        Absolute, or relative to the dataset.
    root : str
        Absolute path of the dataset.

    Returns
    -------
    str or None
        Label without ``sub-``; None for a file of the whole dataset, and for an option.

    Examples
    --------
    >>> participant_of("/data/sub-01/func/sub-01_task-x_bold.nii.gz", "/data")
    '01'
    >>> participant_of("/data/task-x_bold.json", "/data") is None
    True
    """
    first = file.removeprefix(root + os.sep).split(os.sep)[0]
    return first.removeprefix("sub-") if first.startswith("sub-") else None
