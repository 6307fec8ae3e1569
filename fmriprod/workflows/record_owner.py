"""Who wrote a file of a run, and whether that process still works."""

import os
import socket
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fmriprod.interfaces.processes import is_alive

BEAT = 3.0  # s between two touches of a record
STALE = 60.0  # s without a touch after which the process of another machine counts as gone


def this_process() -> dict[str, Any]:
    """Describe this process so that others can tell whether it still runs.

    Returns
    -------
    dict
        ``host``; ``pid``; ``born`` (its start, in ticks since the machine's: numbers of
        processes are used again); ``machine`` (changes when the machine starts again, and tells
        containers apart that have the same host name; None where the system does not say).
    """
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "born": _born(pid), "machine": _machine()}


def lives(
    owner: Mapping[str, Any],
    files: Iterable[Path],
    *,
    stale: float = STALE,
    watch: float = 2.5 * BEAT,
) -> bool:
    """Tell whether the process that wrote some files still works.

    A process of this machine is asked for. One of another machine lives as long as it touches
    one of its files, which is seen without any clock: their age is that against a file written
    now to the same file system. Where it seems gone, they are watched for a moment, since
    there are file systems on which each machine stamps its own time.

    Parameters
    ----------
    owner : mapping
        As `this_process` gives it.
    files : iterable of path
        What the process touches.
    stale : float
        Age in seconds above which it seems gone.
    watch : float
        Seconds for which files that seem old are watched.
    """
    return which_live([(owner, files)], stale=stale, watch=watch)[0]


def which_live(
    owners: Iterable[tuple[Mapping[str, Any], Iterable[Path]]],
    *,
    stale: float = STALE,
    watch: float = 2.5 * BEAT,
) -> list[bool]:
    """Tell of several processes which still work; those that seem gone are watched together.

    Parameters
    ----------
    owners : iterable of tuple
        Owner and files of each, as `lives` takes them.
    stale, watch : float
        As `lives` takes them.
    """
    found: list[bool] = []
    watched: dict[int, tuple[list[Path], list[int | None]]] = {}
    for owner, of_owner in owners:
        files = list(of_owner)
        if owner.get("machine", _machine()) == _machine() and owner.get("host") in (None, _host()):
            found.append(_runs_here(owner))
            continue
        ages = [age for file in files if (age := age_of(file)) is not None]
        found.append(any(abs(age) <= stale for age in ages))
        if ages and not found[-1]:
            watched[len(found) - 1] = (files, [_stamp(file) for file in files])
    end = time.monotonic() + watch
    while watched and time.monotonic() < end:
        time.sleep(min(0.25, watch))
        for number, (files, stamps) in list(watched.items()):
            if [_stamp(file) for file in files] != stamps:
                found[number] = True
                del watched[number]
    return found


def age_of(file: Path) -> float | None:
    """Give the seconds since a file was touched, by the clock of its file system; None: no file."""
    try:
        return time_of_files(file.parent) - file.stat().st_mtime
    except OSError:
        return None


def time_of_files(folder: Path) -> float:
    """Give the time in seconds that the file system stamps on what is written to a folder now.

    Where nothing can be written, it is the time of this machine.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".now-") as stream:
            return os.stat(stream.name).st_mtime
    except OSError:
        return time.time()


def _runs_here(owner: Mapping[str, Any]) -> bool:
    pid = owner.get("pid", 0)
    if not isinstance(pid, int) or not is_alive(pid):
        return False
    born = owner.get("born")
    return born is None or _born(pid) in (None, born)


def _stamp(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def _host() -> str:
    return socket.gethostname()


def _born(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _machine() -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None
