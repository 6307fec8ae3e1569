"""Tell whether a process still runs."""

import os
import socket
from functools import cache
from hashlib import sha256
from pathlib import Path


@cache
def where_pids_count() -> str:
    """Give six signs for where the numbers of processes are this one's.

    They are others on another host, after another start of this one, and in another container.
    """
    told = [socket.gethostname()]
    try:
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        told.append(os.readlink("/proc/self/ns/pid"))
    except OSError:  # not Linux
        pass
    return sha256("\n".join(told).encode()).hexdigest()[:6]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not waited for does not.

    Parameters
    ----------
    pid : int
        Its number.

    Examples
    --------
    >>> is_alive(os.getpid())
    True
    """
    if pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    try:  # where there is /proc: a zombie can be signalled, but does nothing any more
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in ("Z", "X")
