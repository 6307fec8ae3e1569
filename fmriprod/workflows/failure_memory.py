"""What memory a killed step used and was allowed, as far as the system tells."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_GB = 1e9
_NO_LIMIT = 2**60  # version 1 of cgroups writes a huge number where there is none


@dataclass(frozen=True)
class Allowance:
    """Memory that all processes here may use together, and how often one was killed for it.

    ``limit_gb`` is None where no limit is known, ``n_killed`` where the kernel does not tell.
    """

    limit_gb: float | None = None
    n_killed: int | None = None


def read_allowance(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Allowance:
    """Read limit and kills of the control group that this process is in (version 1 or 2).

    Parameters
    ----------
    root, own : path
        Where control groups are mounted, and the file that names those of this process.
    """
    limits, kills = [], []
    for folder in _groups(root, own):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _NO_LIMIT:
            limits.append(limit)
        for name in ("memory.events", "memory.oom_control"):
            count = _entry(folder / name, "oom_kill")
            if count is not None:
                kills.append(count)
    return Allowance(min(limits) / _GB if limits else None, max(kills) if kills else None)


def memory_of(pid: int) -> float:
    """Measure the memory of a process and its children in GB; 0 where it cannot be seen.

    The largest that the process itself ever had counts where that is more.
    """
    status = _status(pid)
    now = status.get("VmRSS", 0.0) + sum(memory_of(child) for child in _children(pid))
    return max(now, status.get("VmHWM", 0.0))


def forget_peak() -> None:
    """Let the largest memory of this process count from now on (Linux; elsewhere nothing)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def explain_kill(
    *,
    asked_gb: float,
    n_procs: int,
    peak_gb: float | None = None,
    before: Allowance | None = None,
    after: Allowance | None = None,
    signal_name: str = "",
) -> str:
    """Say why a step's process was probably killed, and what to do.

    Parameters
    ----------
    asked_gb, n_procs
        What the step declares to need.
    peak_gb : float, optional
        The most that it was seen to use.
    before, after : Allowance, optional
        As `read_allowance` gave it when the run started, and after the kill.
    signal_name : str
        Such as ``SIGKILL``.

    Returns
    -------
    str
        A line that starts with ``WorkerKilled:`` and further ones that are indented.
    """
    after = after or Allowance()
    by_kernel = bool(
        before and after.n_killed is not None and after.n_killed > (before.n_killed or 0)
    )
    threads = f"{n_procs} thread{'s' * (n_procs > 1)}"
    used = f"{_short(peak_gb)} GB at most, as far as seen" if peak_gb else "unknown"
    limit = f"{_short(after.limit_gb)} GB for all steps here" if after.limit_gb else "none known"
    if by_kernel:
        cause = "the kernel killed it: there was no memory left"
    elif signal_name == "SIGKILL":
        cause = "somebody or something killed it; nearly always that is for memory"
    else:
        cause = "it did not say why; a library may have crashed"
    more = asked_gb * 1.2 < (peak_gb or 0.0)
    do = "run fewer steps at a time (--n-procs), or where there is more memory"
    if more:
        do += "; it needs more than it declares: please report that"
    ended = f" ({signal_name})" if signal_name else ""
    return (
        f"WorkerKilled: the process that ran this step was killed{ended}\n"
        f"  why:      {cause}\n"
        f"  declared: {_short(asked_gb)} GB, {threads}\n"
        f"  used:     {used}\n"
        f"  limit:    {limit}\n"
        f"  do:       {do}\n"
    )


def _short(number: float) -> str:
    """Write a number with two digits that count, and never with an exponent.

    Examples
    --------
    >>> _short(3.14), _short(8.0), _short(15.6), _short(1081.0)
    ('3.1', '8', '16', '1081')
    """
    return f"{number:.2g}" if number < 9.95 else f"{number:.0f}"


def _groups(root: Path, own: Path) -> Iterator[Path]:
    """Folders of the memory groups of this process, with those above them."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        kinds, _, place = line.partition(":")[2].partition(":")
        if kinds not in ("", "memory"):
            continue
        top = root / "memory" if kinds else root
        folder = top / place.lstrip("/")
        # In a container, the place may be told as seen from outside of it.
        yield from (f for f in (folder, *folder.parents) if f == top or top in f.parents)


def _status(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return {name.rstrip(":"): int(value) * 1024 / _GB for name, value, *_ in fields}


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except (OSError, ValueError):
        return found
    return found


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _entry(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdecimal():
            return int(words[1])
    return None
