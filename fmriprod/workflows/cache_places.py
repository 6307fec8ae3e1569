"""Results for the same content that now lies at another place."""

import json
from pathlib import Path
from typing import Any

from fmriprod.interfaces.provenance import noted_files, read_inputs
from fmriprod.interfaces.result_seals import discard, hash_files, names_any, renew_note


def named_elsewhere(folder: Path, inputs: list[Any]) -> str | None:
    """Tell which file the result of a node names that the node is not given any more.

    Nipype's key is made of the content of files. A step that only hands on what it is given, such
    as its ``Merge``, has then a result that names files by where they were: they may be gone, or
    be others by now.

    Parameters
    ----------
    folder : path
        Working folder of a node whose result is for inputs of this content.
    inputs : list
        What it is given, as Nipype's ``get_hashval`` gives it.

    Returns
    -------
    str or None
        A path; None where all is well.
    """
    before = {path for path, _ in noted_files(list(read_inputs(folder).values()))}
    gone = before - {path for path, _ in noted_files(_as_noted(inputs))}
    return min(gone) if gone and names_any(folder, gone) else None


def settle_places(folder: Path, inputs: list[Any]) -> None:
    """Bring a result for inputs of this content to where they are now.

    It is discarded if it names files that have another place; else its note is renewed, so
    that provenance names the files by the place that they have.
    """
    noted = read_inputs(folder)
    if not noted or len(hash_files(folder)) != 1 or noted == dict(_as_noted(inputs)):
        return
    if named_elsewhere(folder, inputs) is not None:
        discard(folder)
    else:
        renew_note(folder, inputs)


def _as_noted(inputs: list[Any]) -> list[Any]:
    return json.loads(json.dumps(inputs, default=str))
