"""What a check found, so that all of it can be shown at once."""

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
