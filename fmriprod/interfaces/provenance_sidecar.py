"""Fields of a sidecar that say where its file comes from."""

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmriprod import __version__
from fmriprod.interfaces.program_versions import program_versions
from fmriprod.interfaces.provenance import Chain, trace_back

_CHANGING = "GeneratedBy"  # versions at the time of saving; the other fields say how it was made


def provenance_fields(in_file: str | Path, datasets: Mapping[str, str | Path]) -> dict[str, Any]:
    """Fields of a sidecar about where a file in the working folder comes from.

    Parameters
    ----------
    in_file : path
        A result, in the folder of the node that made it.
    datasets : mapping of str to path
        Root of each dataset by the prefix of its BIDS URIs, such as ``bids:raw:``.

    Returns
    -------
    dict
        ``SourcesMD5`` (digest of every file from outside that any step behind the result has
        read, by BIDS URI; by folder and name where it lies in no dataset), ``Steps`` (name, version
        and parameters of the steps), ``Libraries`` (versions of what made their numbers) and
        ``GeneratedBy`` (versions of this package, Python, and the programs that were used);
        empty for a file that is no node's result.
    """
    chain = trace_back(in_file)
    if not chain.steps:
        return {}
    fields = {
        "SourcesMD5": source_digests(chain.files, datasets),
        "Steps": chain.steps,
        "Libraries": dict(sorted(chain.libraries.items())),
        _CHANGING: generated_by(chain),
    }
    return {key: value for key, value in fields.items() if value}


def generated_by(chain: Chain | None = None) -> list[dict[str, str]]:
    """Versions of this package, of Python, and of the programs that a chain used."""
    versions = {"fmriprod": __version__, "Python": platform.python_version()}
    if chain is not None:
        versions.update(program_versions(chain.engines))
    return [{"Name": name, "Version": version} for name, version in versions.items()]


def source_digests(files: Mapping[str, str], datasets: Mapping[str, str | Path]) -> dict[str, str]:
    """Name files by BIDS URI, or by folder and name where they lie in no dataset.

    Of several that have the same folder and name, as ``sub-01/mri/T1.mgz`` and
    ``fsaverage/mri/T1.mgz``, as much of the path is given as tells them apart.
    """
    named: dict[str, str] = {}
    left, n_parts = list(files), 2
    while left:
        names = {path: uri_or_name(path, datasets, n_parts) for path in left}
        found = Counter(names.values())
        whole = n_parts >= max(len(Path(path).parts) for path in left)
        single = [path for path in left if whole or found[names[path]] == 1]
        named |= {names[path]: files[path] for path in single}
        left, n_parts = [path for path in left if path not in single], n_parts + 1
    return dict(sorted(named.items()))


def uri_or_name(path: str, datasets: Mapping[str, str | Path], n_parts: int = 2) -> str:
    """BIDS URI of a file; the last parts of its path where it lies in no dataset."""
    for prefix, root in datasets.items():
        place = Path(os.path.abspath(path))
        if place.is_relative_to(os.path.abspath(root)):
            return prefix + place.relative_to(os.path.abspath(root)).as_posix()
    return "/".join(Path(path).parts[-n_parts:])


def linked_datasets(base: str | Path, raw: str | Path | None) -> dict[str, str | Path]:
    """Datasets that files of a derivatives dataset may come from, by the prefix of their URIs."""
    found: dict[str, str | Path] = {"bids:raw:": raw} if raw else {}
    try:
        text = Path(base, "dataset_description.json").read_text(encoding="utf-8")
        links = json.loads(text).get("DatasetLinks", {})
        for name, place in links.items():
            if "://" not in place:
                found.setdefault(f"bids:{name}:", os.path.normpath(os.path.join(base, place)))
            elif place.startswith("file://"):
                found.setdefault(f"bids:{name}:", place.removeprefix("file://"))
    except (OSError, ValueError, AttributeError, TypeError):
        pass
    return {**found, "bids::": base}


def says_the_same(content: Mapping[str, Any], sidecar: Path) -> bool:
    """Tell whether a sidecar says the same but for versions of what has no part in the numbers.

    A file that was not written again was made by the versions that its sidecar names.
    """
    try:
        present = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    kept = {key: value for key, value in content.items() if key != _CHANGING}
    return isinstance(present, dict) and _CHANGING in present and kept == {
        key: value for key, value in present.items() if key != _CHANGING
    }  # fmt: skip
