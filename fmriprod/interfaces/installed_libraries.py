"""Which Python libraries are installed, and whether they are new enough."""

import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

_PURPOSES = {
    "av": "films as stimuli",
    "dcm2niix": "DICOM series become images",
    "distributed": "runs on a Dask cluster",
    "onnxruntime": "features of networks in ONNX files",
    "pydicom": "headers of DICOM files",
    "torch": "features of networks, training them, and graphics cards",
}
_IMPORTED_AS = {"pillow": "PIL", "scikit-learn": "sklearn", "simpleitk": "SimpleITK"}
_FOR_DEVELOPERS = {"all", "dev", "docs", "test"}
_IMPORT_S = 120


@dataclass(frozen=True)
class Library:
    """A library that is needed, or that an extra adds.

    Attributes
    ----------
    name : str
        As the package index calls it.
    bounds : str
        Versions that will do, such as ``>=2.0``.
    version : str or None
        What is installed.
    state : str
        ``ok``, ``missing``, ``other version`` (not within the bounds) or ``broken`` (it is
        installed and cannot be imported).
    extra : str or None
        The extra that installs it; none where it is always needed.
    adds : str
        What can be done with it; empty where it is always needed.
    error : str
        What its import said, where it is broken.
    """

    name: str
    bounds: str
    version: str | None
    state: str
    extra: str | None = None
    adds: str = ""
    error: str = ""


def installed_libraries(package: str = "fmriprod", *, imports: bool = False) -> list[Library]:
    """Compare what a package asks for with what is installed.

    Parameters
    ----------
    package : str
        An installed package; its own metadata say what it needs.
    imports : bool
        Import each library that is there in a process of its own (seconds for each); else
        nothing is imported, and one whose files are damaged is not noticed.

    Returns
    -------
    list of Library
        Those that are always needed first. Extras for developers are left out.
    """
    found = []
    for requirement in _requirements(package):
        name, bounds, extra = read_requirement(requirement)
        if extra in _FOR_DEVELOPERS:
            continue
        try:
            there = version(name)
        except PackageNotFoundError:
            there = None
        state = "missing" if there is None else "ok"
        if there is not None and not within(there, bounds):
            state = "other version"
        error = _import_error(name) if imports and there is not None else ""
        purpose = _PURPOSES.get(name.lower(), "") if extra else ""
        found.append(
            Library(name, bounds, there, "broken" if error else state, extra, purpose, error)
        )
    return sorted(found, key=lambda library: (library.extra or "", library.name.lower()))


def _requirements(package: str) -> Iterable[str]:
    try:
        return requires(package) or ()
    except PackageNotFoundError:  # imported from a folder that was never installed
        return ()


def read_requirement(text: str) -> tuple[str, str, str | None]:
    """Split a requirement into name, bounds and extra.

    Only of the kinds that this package has: no addresses, no other markers.

    Examples
    --------
    >>> read_requirement('torch<3,>=2.2; extra == "cnn"')
    ('torch', '<3,>=2.2', 'cnn')
    >>> read_requirement("numpy>=2.0"), read_requirement('mine[a,b]; extra == "all"')
    (('numpy', '>=2.0', None), ('mine', '', 'all'))
    """
    wanted, _, marker = text.partition(";")
    parts = re.fullmatch(r"([\w.-]+)\s*(?:\[[^\]]*\])?(.*)", wanted.strip())
    name, bounds = parts.groups() if parts else (wanted.strip(), "")
    extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", marker)
    return name, bounds.replace(" ", ""), extra[1] if extra else None


def within(found: str, bounds: str) -> bool:
    """Tell whether a version is within bounds; suffixes such as ``+cpu`` do not count.

    Examples
    --------
    >>> within("2.13.0+cpu", ">=2.2,<3"), within("1.9", ">=1.10"), within("2.0", "==2.0.0")
    (True, False, True)
    """
    holds = {
        ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
    }  # fmt: skip
    pairs = re.findall(r"(>=|<=|==|!=|>|<)\s*([\w.]+)", bounds)
    return all(holds[sign](_release(found), _release(bound)) for sign, bound in pairs)


def _release(text: str) -> tuple[int, ...]:
    """Numbers of a version, without zeros at its end: 2.0 and 2.0.0 are the same."""
    numbers = re.match(r"\d+(\.\d+)*", text)
    parts = [int(part) for part in numbers[0].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _import_error(name: str) -> str:
    """Import in a process of its own, which one that crashes takes with it alone."""
    module = _IMPORTED_AS.get(name.lower(), name.lower().replace("-", "_"))
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"],
            capture_output=True, text=True, errors="replace", timeout=_IMPORT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"import {module} took longer than {_IMPORT_S} s"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"import {module} ended with code {done.returncode}"
