"""What SLURM is asked: to take a job, how jobs are, and to cancel jobs."""

import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fmriprod.algorithms.checks import InputError

ENDED = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
})  # fmt: skip
_BUSY = ("timed out", "not available at the moment", "temporarily", "unable to contact")
_TIMEOUT_S = 120
_AT_ONCE = 1000  # jobs in one question: an argument must not be longer than 128 KB


class JobState(NamedTuple):
    """State of a job or of an element of an array, as SLURM calls it, and SLURM's reason."""

    state: str
    reason: str = ""
    name: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or will run."""
        return self.state in ENDED


def submit_job(
    script: str, options: Sequence[str], name: str, *, tries: int = 5, pause: float = 2.0
) -> int:
    """Hand a script to ``sbatch``, with no file name and no shell between.

    Parameters
    ----------
    script : str
        Text of the script.
    options : sequence of str
        Options of ``sbatch``.
    name : str
        Name of the job that no other job has: where ``sbatch`` gets no answer in time, the job
        is looked for by it before it is handed over again, so that it never runs twice.
    tries : int
        How often a controller that is too busy is asked.
    pause : float
        Seconds before it is asked again; twice as long each time.

    Returns
    -------
    int
        Number of the job.

    Raises
    ------
    InputError
        With the words of ``sbatch``, where it refuses.
    """
    command = ["sbatch", "--parsable", f"--job-name={name}", *options]
    for left in reversed(range(tries)):
        done = _call(command, script)
        if done.returncode == 0:
            words = done.stdout.split(";")[0].split()
            if words and words[-1].isdecimal():
                return int(words[-1])
            raise InputError(
                "sbatch", expected="the number of the job that it took",
                found=done.stdout.strip() or "nothing", hint=f"look with squeue --name={name} "
                "whether there is such a job, cancel it, and ask those who look after the cluster",
            )  # fmt: skip
        if not left or not _is_busy(done.stderr):
            break
        time.sleep(pause)
        pause *= 2
        for job, state in (find_jobs(name) or {}).items():
            if not state.ended:
                return int(job)
    raise InputError(
        "sbatch", expected="SLURM to take the job", found=done.stderr.strip() or "no answer",
        hint="give what this cluster asks for, such as --slurm-args=--partition=NAME",
    )  # fmt: skip


def job_states(jobs: Iterable[int], *, timeout: float = _TIMEOUT_S) -> dict[str, JobState] | None:
    """Ask once how jobs are.

    Parameters
    ----------
    jobs : iterable of int
        Numbers of jobs, or of arrays.
    timeout : float
        Seconds to wait for an answer.

    Returns
    -------
    dict or None
        State by ``"12"``, or ``"12_3"`` for an element. Jobs that SLURM has forgotten (some
        minutes after they ended) are not in it. None where SLURM does not answer now.
    """
    found: dict[str, JobState] = {}
    for some in _some(jobs):
        answer = _squeue(f"--jobs={','.join(map(str, some))}", timeout)
        if answer is None:
            return None
        found |= answer
    return found


def find_jobs(ending: str) -> dict[str, JobState] | None:
    """Find this user's jobs whose name ends so; None where SLURM does not answer now."""
    answer = _squeue(f"--user={os.getuid()}")
    if answer is None:
        return None
    return {job: state for job, state in answer.items() if state.name.endswith(ending)}


def cancel_jobs(jobs: Iterable[int]) -> None:
    """Cancel jobs; one that has ended is no error, and neither is a SLURM that is away."""
    for some in _some(jobs):
        _call(["scancel", *map(str, some)])


def _some(jobs: Iterable[int]) -> Iterator[list[int]]:
    numbers = sorted(jobs)
    for start in range(0, len(numbers), _AT_ONCE):
        yield numbers[start : start + _AT_ONCE]


def _squeue(which: str, timeout: float = _TIMEOUT_S) -> dict[str, JobState] | None:
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r|%j", which]
    done = _call(command, timeout=timeout)
    if done.returncode:
        return {} if "Invalid job id" in done.stderr else None
    rows = (line.split("|", 3) for line in done.stdout.splitlines() if line.count("|") >= 3)
    return {row[0].strip(): JobState(*(text.strip() for text in row[1:])) for row in rows}


def _call(
    command: Sequence[str], text: str = "", timeout: float = _TIMEOUT_S
) -> subprocess.CompletedProcess:
    try:
        done = subprocess.run(
            command, input=os.fsencode(text), capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "timed out")
    except FileNotFoundError:
        raise InputError(
            command[0], expected="SLURM's programs on this machine", found="none",
            hint="give the command on a login node of the cluster, or --engine local",
        ) from None  # fmt: skip
    out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, out, err)


def _is_busy(text: str) -> bool:
    return any(word in text.lower() for word in _BUSY)


def counts_memory() -> bool:
    """Tell whether the cluster knows how much memory its machines have.

    One that does not (each has 1 MB then) refuses every job that asks for some. Where this
    cannot be found out, it is taken to know.
    """
    done = _call(["sinfo", "--noheader", "--format=%m"])
    sizes = [int(word.rstrip("+")) for word in done.stdout.split() if word.rstrip("+").isdecimal()]
    return done.returncode != 0 or max(sizes, default=2) > 1


def dependency(jobs: Sequence[int]) -> list[str]:
    """Options of a job that runs once all of these, each element too, have ended well.

    Where one does not, the job is cancelled; it does not stay in the queue for ever.
    """
    wait = ":".join(str(job) for job in jobs)
    return [f"--dependency=afterok:{wait}", "--kill-on-invalid-dep=yes"] if wait else []
