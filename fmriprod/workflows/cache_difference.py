"""In which inputs two runs of a node differ, in words."""

import json
import os
from typing import Any

from fmriprod.interfaces.provenance import noted_files

_SHOWN = 60  # characters of a value


def differences(old: dict[str, Any] | None, new: list[tuple[str, Any]]) -> list[str]:
    """Say how the inputs of a result differ from those that a node has now.

    Parameters
    ----------
    old : dict or None
        Inputs as Nipype noted them with the result, a file as ``[path, digest]``; None if
        that cannot be read.
    new : list of (str, value)
        Inputs now, as Nipype's ``get_hashval`` gives them.

    Returns
    -------
    list of str
        Such as ``fwhm: 5 -> 6``; at least one.
    """
    if old is None:
        return ["the note of its inputs cannot be read"]
    now = dict(json.loads(json.dumps(new, default=str)))
    names = [name for name in {**old, **now} if _kernel(old.get(name)) != _kernel(now.get(name))]
    return [_difference(name, old.get(name), now.get(name)) for name in names] or ["inputs changed"]


def _difference(name: str, old: Any, new: Any) -> str:
    if name == "algorithm_version" and isinstance(old, str) and isinstance(new, str):
        return f"version: {_versions(old, new)}"
    if name == "needed_outputs":
        added = sorted(set(new or []) - set(old or []))
        return f"another result of it is needed: {', '.join(added)}" if added else "fewer results"
    one, two = noted_files(old), noted_files(new)
    if one and two and len(one) == len(two):
        changed = [(a, b) for a, b in zip(one, two, strict=True) if a[1] != b[1]]
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            return f"{name}: {_file_difference(*changed[0])}{more}"
    if one or two:
        return f"{name}: {_count(one)} -> {_count(two)}"
    return f"{name}: {_shown(old)} -> {_shown(new)}"


def _count(files: list[tuple[str, str]]) -> str:
    return f"{len(files)} file{'s' if len(files) != 1 else ''}"


def _file_difference(old: tuple[str, str], new: tuple[str, str]) -> str:
    if old[0] == new[0]:
        return f"the content of {os.path.basename(new[0])} differs"
    return f"{os.path.basename(old[0])} -> {os.path.basename(new[0])}"


def _versions(old: str, new: str) -> str:
    before = dict(part.partition("=")[::2] for part in old.split(";"))
    after = dict(part.partition("=")[::2] for part in new.split(";"))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(f"{n} {before.get(n, '-')} -> {after.get(n, '-')}" for n in names)


def _kernel(value: Any) -> Any:
    """Give what Nipype's hash is made of: of a file the content, not the path."""
    if not isinstance(value, list):
        return value
    is_file = len(value) == 2 and noted_files(value) == [tuple(value)]
    return value[1] if is_file else [_kernel(part) for part in value]


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = _number(value) if isinstance(value, str) else None
    text = text or (value if isinstance(value, str) else json.dumps(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _number(text: str) -> str | None:
    """Nipype notes numbers with ten decimals; give them as people write them."""
    try:
        return repr(float(text)).removesuffix(".0") if text.partition(".")[2].isdecimal() else None
    except ValueError:
        return None
