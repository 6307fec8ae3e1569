"""Free space of disks, and what folders take."""

import os
import shutil
from pathlib import Path


def free_space(folder: str | Path) -> int:
    """Bytes that this user may still write where a folder is, or will be."""
    return shutil.disk_usage(existing(folder)).free


def same_disk(one: str | Path, two: str | Path) -> bool:
    """Tell whether two folders, which need not be there yet, take from the same free space."""
    return os.stat(existing(one)).st_dev == os.stat(existing(two)).st_dev


def folder_size(folder: str | Path) -> int:
    """Bytes that a folder takes on its disk, links not followed; 0 if it is not there."""
    total, seen = 0, set()
    for place, _, files in os.walk(folder):
        for name in (".", *files):
            try:
                stat = os.lstat(os.path.join(place, name))
            except OSError:  # removed meanwhile
                continue
            if stat.st_nlink == 1 or name == "." or (stat.st_dev, stat.st_ino) not in seen:
                seen |= {(stat.st_dev, stat.st_ino)} if stat.st_nlink > 1 else set()
                total += stat.st_blocks * 512
    return total


def existing(folder: str | Path) -> Path:
    """Nearest folder, this one or above, that exists."""
    path = Path(os.path.abspath(folder))
    return next(p for p in (path, *path.parents) if p.exists())


def size_text(n_bytes: float) -> str:
    """Write a size for people.

    Examples
    --------
    >>> size_text(53_400_000_000)
    '53 GB'
    >>> size_text(820_000)
    '0.82 MB'
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size or unit == "MB":
            return (
                f"{n_bytes / size:.2g} {unit}"
                if n_bytes < 99.5 * size
                else (f"{n_bytes / size:.0f} {unit}")
            )
    raise AssertionError
