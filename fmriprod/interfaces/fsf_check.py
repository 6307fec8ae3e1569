"""Check settings of FEAT against what is on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fsf import missing_settings, named_paths


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that are not complete, or name a path that is not there.

    Raises
    ------
    InputError
        With all that is missing.
    """
    lacking = missing_settings(settings)
    problems = [f"no {name}" for name in lacking]
    for name, value in named_paths(settings).items():
        path = Path(value)
        if not path.is_absolute():
            problems.append(f"{name}: {value} is not absolute")
        elif name != "fmri(outputdir)" and not path.exists():
            problems.append(f"{name}: no {value}")
    if problems:
        more = f" and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise InputError(
            "fsf",
            expected="complete settings of FEAT 6.00, with absolute paths to what is there",
            found="; ".join(problems[:8]) + more,
            hint="render the settings anew for these files",
        )


def absolute(path: str) -> str:
    """Make a path absolute; links stay as they are."""
    return str(Path(path).absolute())
