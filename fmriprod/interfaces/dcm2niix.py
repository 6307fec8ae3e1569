"""Find and run dcm2niix, the program that turns DICOM series into NIfTI images."""

import importlib.util
import json
import re
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError

_NAME = "converted"


def find_program() -> str | None:
    """Path of dcm2niix: of the installed Python package, else on the ``PATH``."""
    package = importlib.util.find_spec("dcm2niix")
    for folder in (package.submodule_search_locations or []) if package else []:
        for name in ("dcm2niix", "dcm2niix.exe"):
            if Path(folder, name).is_file():
                return str(Path(folder, name))
    return shutil.which("dcm2niix")


def require_program() -> str:
    """Path of dcm2niix.

    Raises
    ------
    InputError
        If it is not installed; the message says how to do that.
    """
    program = find_program()
    if program is None:
        raise InputError(
            "dcm2niix",
            expected="the program dcm2niix, which reads DICOM series",
            found="it is neither installed with Python nor on the PATH",
            hint="pip install 'fmriprod[dicom]', or apt install dcm2niix",
        )
    return program


@lru_cache
def program_version(program: str | None) -> str:
    """Tell a program's version, such as ``v1.0.20250505``; ``none`` where there is no program."""
    if program is None:
        return "none"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v\d[\w.]+", done.stdout)
    return found[0] if found else "unknown"


def pydicom_version() -> str:
    """Version of pydicom; ``none`` where it is not installed."""
    try:
        return library_version("pydicom")
    except PackageNotFoundError:
        return "none"


def run_program(
    folder: Path, out_folder: Path
) -> tuple[list[tuple[Path, dict[str, Any]]], list[str]]:
    """Convert the DICOM files of a folder, which are of one series.

    A person's own defaults for the program are left aside, so that the same files give the
    same images everywhere.

    Parameters
    ----------
    folder : pathlib.Path
        DICOM files, nothing else.
    out_folder : pathlib.Path
        An empty folder for the images (NIfTI, not compressed).

    Returns
    -------
    images : list of (pathlib.Path, dict)
        Each image with the content of its sidecar.
    remarks : list of str
        What the program warned of.

    Raises
    ------
    InputError
        If it fails or makes no image.
    """
    options = ["-g", "i", "-b", "y", "-ba", "y", "-z", "n", "-d", "0", "-f", _NAME]
    command = [require_program(), *options, "-o", str(out_folder), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    remarks = [
        line.partition(":")[2].strip() for line in lines if line.startswith(("Warning", "Error"))
    ]
    images = sorted(out_folder.glob("*.nii"))
    if done.returncode or not images:
        said = "; ".join(remarks or [line for line in lines if line][-3:])
        raise InputError(
            "DICOM files",
            expected="a series that dcm2niix converts",
            found=f"exit code {done.returncode}, {len(images)} images: {said}",
            hint="look at the files; SKIP in the run order leaves the series out",
        )
    found = []
    for image in images:
        sidecar = image.with_suffix(".json")
        text = sidecar.read_text(encoding="utf-8") if sidecar.is_file() else "{}"
        found.append((image, json.loads(text)))
    return found, remarks
