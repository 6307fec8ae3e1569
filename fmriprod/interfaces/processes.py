"""Tell whether a process still runs."""

import os
from pathlib import Path


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
