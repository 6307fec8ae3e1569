"""What was submitted for an output folder, and which of it waits or runs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.record_names import row_of
from fmriprod.workflows.slurm_commands import JobState, job_states

FOLDER = Path("logs", "slurm")
GROUP = "group"
_SOON_S = 10  # for an answer that somebody waits for


@dataclass(frozen=True)
class Job:
    """A job that was submitted; ``participants`` are those of an array's elements, from 1 on."""

    number: int
    name: str
    participants: tuple[str, ...] = ()

    def parts(self) -> Iterator[tuple[str, str]]:
        """Give who is worked on (``sub-01`` or ``group``), and what ``squeue`` calls that part."""
        if not self.participants:
            yield GROUP, str(self.number)
        for index, label in enumerate(self.participants, start=1):
            yield f"sub-{label}", f"{self.number}_{index}"


@dataclass(frozen=True)
class Submission:
    """Jobs of one command; ``folder`` has their scripts, their logs and ``jobs.json``."""

    folder: Path
    jobs: tuple[Job, ...]

    def parts(self) -> dict[str, str]:
        """Give what ``squeue`` calls the element of ``sub-01`` ..., and the job of ``group``."""
        return {who: part for job in self.jobs for who, part in job.parts()}

    def log_file(self, who: str) -> Path:
        """Where the element of ``sub-01``, or the job of ``group``, writes what it prints."""
        return self.folder / f"{who}.log"

    def exit_code(self, who: str) -> int | None:
        """Exit code that was left behind; None while there is none, or if it was killed."""
        try:
            return int((self.folder / "ended" / who).read_text())
        except (OSError, ValueError):
            return None


def refuse_queued(out_dir: Path, wanted: Sequence[str]) -> None:
    """Refuse those (``sub-01``, ``group``) whose job of an earlier submission waits or runs.

    Raises
    ------
    InputError
        That names them, and how to cancel their jobs.
    """
    known = read_submissions(out_dir)
    numbers = [job.number for submission in known for job in submission.jobs]
    states = job_states(numbers) if numbers else {}
    if states is None:
        raise InputError(
            "SLURM", expected="an answer about the jobs submitted before", found="none",
            hint="try again when squeue answers",
        )  # fmt: skip
    busy = {}
    for job in (job for submission in known for job in submission.jobs):
        for who, part in job.parts():
            if who in wanted and _goes_on(job, part, states):
                busy[who] = part
    if busy:
        raise InputError(
            "--engine slurm", expected="participants without a job that waits or runs",
            found=", ".join(f"{who} (job {part})" for who, part in busy.items()),
            hint=f"wait for these, or cancel them: scancel {' '.join(busy.values())}",
        )  # fmt: skip


def unfinished(out_dir: str | Path) -> set[str] | None:
    """Tell who has a job that waits or runs, as records name participants and the group.

    Jobs that left an exit code have ended. Of the others SLURM is asked; where there is none on
    this machine, or no answer soon, all of them count.

    Returns
    -------
    set of str or None
        None where it cannot be read what was submitted.
    """
    try:
        known = read_submissions(out_dir)
    except InputError:
        return None
    parts = [
        (job, who, part)
        for submission in known
        for job in submission.jobs
        for who, part in job.parts()
        if submission.exit_code(who) is None
    ]
    try:
        states = job_states({job.number for job, _, _ in parts}, timeout=_SOON_S)
    except InputError:
        states = None
    open_parts = (who for job, who, part in parts if states is None or _goes_on(job, part, states))
    return {who if who == GROUP else row_of(who.removeprefix("sub-")) for who in open_parts}


def _goes_on(job: Job, part: str, states: Mapping[str, JobState]) -> bool:
    state = states.get(part)  # numbers are used again: the name is nobody else's
    return state is not None and not state.ended and state.name == job.name


def read_submissions(out_dir: str | Path) -> list[Submission]:
    """Read what was submitted for an output folder, oldest first.

    Raises
    ------
    InputError
        If that cannot be read: nobody could tell then whose jobs wait or run.
    """
    found = []
    for path in sorted((Path(out_dir) / FOLDER).glob("*/jobs.json")):
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))["jobs"]
            jobs = tuple(_job(**entry) for entry in entries)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as err:
            raise InputError(
                str(path), expected="the jobs that fmriprod submitted", found=str(err) or repr(err),
                hint="look with squeue whether jobs of this folder wait or run, and remove "
                f"{path.parent} when none does",
            ) from None  # fmt: skip
        found.append(Submission(path.parent, jobs))
    return found


def _job(number: object, name: object, participants: object) -> Job:
    texts = isinstance(participants, list) and all(isinstance(p, str) for p in participants)
    if type(number) is not int or not isinstance(name, str) or not texts:
        raise ValueError("not a number, a name and participants")
    return Job(number, name, tuple(participants))
