"""Files that are locks: made whole and at once, and never changed."""

import json
import os
from pathlib import Path
from typing import Any


def make(path: Path, whole: Path) -> bool:
    """Make a lock with the content of the file ``whole``; False where there is one."""
    try:
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:  # no hard links on this file system
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(whole.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def replace(path: Path, whole: Path) -> None:
    """Put the content of the file ``whole`` in the place of a lock, at once."""
    copy = whole.with_name(f"{whole.name}.new")
    copy.write_text(whole.read_text(encoding="utf-8"), encoding="utf-8")
    copy.replace(path)


def read_lock(path: Path) -> dict[str, Any]:
    """Read a lock: empty where there is none, only an ``id`` where it is cut short.

    Raises
    ------
    OSError
        If there is one that cannot be read: nobody can tell then who has it.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        inode = path.stat().st_ino
    except FileNotFoundError:
        return {}
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    if isinstance(entry, dict) and str(entry.get("id", "")).isalnum():
        return entry
    return {"id": f"torn{inode}"}
