"""Names and places of derivatives, as ``data/derivative_names.json`` lists them."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fmriprod.algorithms.bids_names import BidsName


@cache
def derivative_names() -> dict[str, Any]:
    """Table of the names that derivatives may have (``data/derivative_names.json``)."""
    return json.loads(files("fmriprod.data").joinpath("derivative_names.json").read_text("utf-8"))


def derivative_folder(base_directory: str | Path, name: BidsName, datatype: str) -> Path:
    """Folder of a derivative: by participant, session (not for figures) and datatype."""
    parts = [Path(base_directory).absolute()]
    if datatype:
        subject, session = name.get("sub"), name.get("ses")
        parts.append(f"sub-{subject}" if subject else "group")
        if session and datatype != "figures":
            parts.append(f"ses-{session}")
        parts.append(datatype)
    return Path(*parts)
