"""What of a step's inputs is part of its cache key beside content of files."""

import os
from pathlib import Path
from typing import Any


def named_inputs(spec: Any) -> list[tuple[str, list[str]]]:
    """List names and places of files that make results.

    Nipype's key has the content of files only. With the metadata ``hash_name=True`` of a trait the
    name of its file counts as well, of several files their paths from the folder that holds all;
    with ``hash_path=True`` the whole paths.

    Parameters
    ----------
    spec : nipype.interfaces.base.BaseTraitedSpec
        Inputs.

    Returns
    -------
    list of (str, list of str)
        Such as ``("names of in_files", ["face.txt", "house.txt"])``.
    """
    told = []
    for name, given in sorted(spec.trait_get().items()):
        paths = [os.path.abspath(path) for path in _strings(given)]
        if paths and _has(spec.trait(name), "hash_path"):
            told.append((f"paths of {name}", paths))
        elif paths and _has(spec.trait(name), "hash_name"):
            common = os.path.commonpath([os.path.dirname(path) for path in paths])
            told.append((f"names of {name}", [os.path.relpath(path, common) for path in paths]))
    return told


def is_told(number: float) -> bool:
    """Tell whether the ten decimals that Nipype writes tell a number, as they do not of 1e-11."""
    return float(f"{number:.10f}") == number


def paths_in(value: Any) -> set[Path]:
    """Collect the absolute paths in an input, which may be a list of lists."""
    if isinstance(value, str | os.PathLike):
        return {Path(value).absolute()} if str(value) else set()
    if isinstance(value, list | tuple):
        return {path for part in value for path in paths_in(part)}
    return set()


def _strings(value: Any) -> list[str]:
    """List the strings in an input, which may be a list of lists."""
    if isinstance(value, list | tuple):
        return [text for part in value for text in _strings(part)]
    return [value] if isinstance(value, str) else []


def _has(trait: Any, metadata: str) -> bool:
    """Tell whether a trait has a mark, or what is in its lists (of map nodes)."""
    inner = trait.inner_traits or ()
    return bool(getattr(trait, metadata)) or any(_has(each, metadata) for each in inner)
