"""Why a SLURM job gave no result, in words."""

from pathlib import Path

from fmriprod.algorithms.checks import InputError, presentable
from fmriprod.workflows.slurm_commands import JobState
from fmriprod.workflows.slurm_scripts import Request

_MORE_TIME = "give it more time, such as --slurm-args=--time=8:00:00"
_AGAIN = "run again: it continues"
_WHY = {
    "TIMEOUT": ("it ran longer than it may", _MORE_TIME),
    "DEADLINE": ("it was not done before its deadline", _MORE_TIME),
    "CANCELLED": ("it was cancelled", _AGAIN),
    "PREEMPTED": ("it made room for another job", _AGAIN),
    "NODE_FAIL": ("the machine that it ran on failed", _AGAIN),
    "BOOT_FAIL": ("the machine that it should run on did not start", _AGAIN),
    "JobLaunchFailure": ("its machine could not start it, or lost it", _AGAIN),
    "COMPLETED": ("it ended, and its result is not there",
                  "use a work folder that all machines see (--work-dir)"),
}  # fmt: skip
_TAIL_BYTES = 20_000


def explain_end(
    job: int, state: JobState, request: Request, lines: list[str], log_file: str
) -> InputError:
    """Say why a job gave no result, and what to do.

    Parameters
    ----------
    job : int
        Its number.
    state : JobState
        How it ended, as SLURM says.
    request : Request
        What it had asked for.
    lines : list of str
        Last lines of its log.
    log_file : str
        Where the rest of the log is.
    """
    asked = f"the {request.memory_gb:g} GB that it asked for" if request.memory_gb else "it may"
    more = "give it more, such as --slurm-args=--mem=8G"
    if state.state == "OUT_OF_MEMORY":
        why, hint = f"it used more memory than {asked}", more
    else:
        killed = (
            "its process ended without a result",
            f"read the log; if it was killed it may have used more memory than {asked}: {more}",
        )
        why, hint = _WHY.get(state.reason) or _WHY.get(state.state, killed)
    found = f"{state.state}: {why}"
    if state.reason not in ("", "None"):
        found += f" ({state.reason})"
    if lines:
        found += f"; its log ends with: {' | '.join(lines)}"
    return InputError(
        f"SLURM job {job}", expected="the step to finish", found=found,
        hint=f"{hint}. Log: {log_file}",
    )  # fmt: skip


def last_lines(path: str | Path, n_lines: int = 3) -> list[str]:
    """Read the last lines of a log that are not empty; none where there is no log."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:
        return []
    return [presentable(line.strip()) for line in text.splitlines() if line.strip()][-n_lines:]
