"""What the machine has: cores, memory, free space, and the threads of its linear algebra."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

_GB = 1e9


def machine_facts(*folders: Path) -> dict[str, Any]:
    """Look up what a run may use here.

    Parameters
    ----------
    *folders : pathlib.Path
        Folders whose free space is wanted; of one that is not there yet, its nearest parent's.

    Returns
    -------
    dict
        ``cores`` (those that this process may use), ``memory_gb`` (of the machine, or the
        limit of the container) and ``memory_free_gb`` (none where the system does not say),
        ``free_gb`` by folder, ``blas``: a list with ``name``, ``version`` and ``threads`` of
        each library of linear algebra that NumPy and SciPy load.
    """
    total, free = _memory()
    return {
        "cores": _cores(),
        "memory_gb": total,
        "memory_free_gb": free,
        "free_gb": {str(folder): free_gb(folder) for folder in folders},
        "blas": _blas(),
    }


def free_gb(folder: Path) -> float:
    """Free space in GB where a folder is or would be."""
    folder = folder.absolute()
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    return shutil.disk_usage(there).free / _GB


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory(
    meminfo: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")
) -> tuple[float | None, float | None]:
    """Memory in GB, all and free; what a container may have where that is less."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if len(line.split()) > 1}
    total, free = (kib[name] * 1024 / _GB for name in ("MemTotal", "MemAvailable"))
    try:
        most = int(limit.read_text(encoding="ascii")) / _GB
    except (OSError, ValueError):  # no control groups, or "max"
        return total, free
    return min(total, most), min(free, most)


def _blas() -> list[dict[str, Any]]:
    """Libraries of linear algebra; empty where NumPy cannot be loaded."""
    try:
        import numpy.linalg  # noqa: F401
        import scipy.linalg  # noqa: F401
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    keys = {"name": "internal_api", "version": "version", "threads": "num_threads"}
    return [
        {key: pool.get(source) for key, source in keys.items()}
        for pool in sorted(pools, key=lambda pool: str(pool["filepath"]))
    ]


def python_version() -> str:
    """Version of the interpreter."""
    return ".".join(map(str, sys.version_info[:3]))
