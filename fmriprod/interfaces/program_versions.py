"""Versions of programs that are not Python's."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

_FSL = {"mcflirt", "flirt", "bet", "fnirt", "fsl", "feat"}
_ANTS = {"ants"}


def program_versions(engines: Iterable[str]) -> dict[str, str]:
    """Versions of the programs that engines are, ``unknown`` where they do not say.

    Parameters
    ----------
    engines : iterable of str
        Values of ``engine`` inputs; those that are no programs are left out.

    Returns
    -------
    dict
        Such as ``{"FSL": "6.0.7.7"}``.
    """
    chosen = {engine.lower() for engine in engines}
    versions = {}
    if chosen & _FSL:
        versions["FSL"] = _fsl_version(os.environ.get("FSLDIR", ""))
    if chosen & _ANTS:
        versions["ANTs"] = _ants_version(shutil.which("antsRegistration"))
    return versions


def with_programs(version: str, engine: Any) -> str:
    """Let the version of a step end in that of the program that is its engine.

    Parameters
    ----------
    version : str
        Parts ``name=version``, with ``;`` between them.
    engine : object
        The value of the step's input ``engine``; what is no program adds nothing.

    Returns
    -------
    str
        Such as ``Coregister=1;numpy=2.1.0;FSL=6.0.7.7``.
    """
    names = ("FSL=", "ANTs=")
    kept = [part for part in version.split(";") if not part.startswith(names)]
    programs = program_versions([engine] if isinstance(engine, str) else [])
    return ";".join([*kept, *(f"{name}={found}" for name, found in programs.items())])


def _fsl_version(folder: str) -> str:
    """FSL says its version in a file; in a package without one it is unknown."""
    try:
        return Path(folder, "etc", "fslversion").read_text(encoding="utf-8").split(":")[0].strip()
    except (OSError, UnicodeDecodeError):
        return "unknown"


@cache
def _ants_version(program: str | None) -> str:
    if program is None:
        return "unknown"
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    words = done.stdout.split("\n")[0].split()
    return words[-1] if words else "unknown"
