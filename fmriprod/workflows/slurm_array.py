"""A study as SLURM jobs: an array with an element for each participant, then the group's job."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from fmriprod.interfaces.atomic_files import save_json
from fmriprod.workflows.slurm_array_jobs import (
    FOLDER,
    GROUP,
    Job,
    Submission,
    refuse_queued,
)
from fmriprod.workflows.slurm_commands import (
    JobState,
    cancel_jobs,
    counts_memory,
    dependency,
    job_states,
    submit_job,
)
from fmriprod.workflows.slurm_scripts import (
    Request,
    check_arguments,
    element_script,
    group_script,
)

_MOST_ELEMENTS = 1000  # SLURM's own limit (MaxArraySize) where a cluster sets no other
_NO_OUTPUT = ["--output=/dev/null", "--error=/dev/null"]


def submit_study(
    out_dir: str | Path,
    participants: Mapping[str, Request],
    command: Sequence[str],
    *,
    group: Request | None = None,
    group_command: Sequence[str] = (),
    arguments: Sequence[str] = (),
    preamble: str = "",
) -> Submission:
    """Submit an array with an element for each participant, and the group's job after it.

    Participants that ask for the same are one array (of at most 1000 elements). The group's
    job runs once all have ended well; if one has not, it is cancelled.

    Parameters
    ----------
    out_dir : path
        Output folder; ``logs/slurm/<time>`` in it gets scripts and logs.
    participants : mapping of str to Request
        What each one's job asks for; may be empty.
    command, group_command : sequence of str
        What an element runs, without participant, threads and memory; and the group's job.
    group : Request, optional
        What the group's job asks for; there is none by default.
    arguments : sequence of str
        Further options of ``sbatch``; they win over ours.
    preamble : str
        Shell lines that each job runs first.

    Returns
    -------
    Submission
        What was submitted.

    Raises
    ------
    InputError
        If ``sbatch`` refuses (nothing stays submitted then), or somebody's job of an earlier
        submission has not ended yet.
    """
    check_arguments(arguments)
    folder = Path(out_dir).absolute()
    names = [f"sub-{label}" for label in participants]
    refuse_queued(folder, [*names, *([GROUP] if group else [])])
    folder = _new_folder(folder / FOLDER)
    jobs: list[Job] = []
    has_memory = counts_memory()

    def submit(script: str, file: str, request: Request, more: list[str], who: tuple = ()) -> None:
        (folder / file).write_bytes(os.fsencode(script))
        (folder / file).chmod(0o755)
        name = f"fmriprod-{file.removesuffix('.sh')}-{folder.name}"
        asked = request if has_memory else request._replace(memory_gb=None)
        options = [*_NO_OUTPUT, *asked.options(arguments), *arguments, *more]
        jobs.append(Job(submit_job(script, options, name), name, who))
        save_json({"jobs": [asdict(job) for job in jobs]}, folder / "jobs.json")

    try:
        for number, (request, labels) in enumerate(_arrays(participants), start=1):
            text = "".join(f"{label}\n" for label in labels)
            (folder / f"participants-{number}.txt").write_text(text, encoding="utf-8")
            script = element_script(command, request, folder, number, preamble)
            span = [f"--array=1-{len(labels)}"]
            submit(script, f"array-{number}.sh", request, span, tuple(labels))
        if group:
            script = group_script(group_command, group, folder, preamble)
            submit(script, "group.sh", group, dependency([job.number for job in jobs]))
    except BaseException:
        if jobs:
            cancel_jobs(job.number for job in jobs)
        raise
    return Submission(folder, tuple(jobs))


def wait_for(
    submission: Submission,
    on_end: Callable[[str, int | None, JobState], None],
    *,
    interval: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int | None]:
    """Wait until all jobs of a submission have ended.

    Parameters
    ----------
    submission : Submission
        As `submit_study` gave it.
    on_end : callable
        Called with ``sub-01`` ... or ``group``, its exit code (None: killed, or it never ran) and
        the state of its job, when that has ended.
    interval : float
        Seconds between two questions to SLURM.
    sleep : callable
        Called with that number between them.

    Returns
    -------
    dict
        Exit code, or None, by ``sub-01`` ... and ``group``.
    """
    open_parts, codes = submission.parts(), {}
    numbers = [job.number for job in submission.jobs]
    while True:
        states = job_states(numbers)
        for who, part in list(open_parts.items()) if states is not None else ():
            state = states.get(part, JobState("ENDED"))  # forgotten by SLURM: it ended long ago
            if state.ended or state.state == "ENDED":
                done = 0 if state.state == "COMPLETED" else None  # its file may not be visible yet
                code = submission.exit_code(who)
                codes[who] = done if code is None or done == 0 else code
                del open_parts[who]
                on_end(who, codes[who], state)
        if not open_parts:
            return codes
        sleep(interval)


def _arrays(participants: Mapping[str, Request]) -> Iterator[tuple[Request, list[str]]]:
    """Gather those that ask for the same."""
    alike = defaultdict(list)
    for label, request in participants.items():
        alike[request].append(label)
    for request, labels in alike.items():
        for start in range(0, len(labels), _MOST_ELEMENTS):
            yield request, labels[start : start + _MOST_ELEMENTS]


def _new_folder(parent: Path) -> Path:
    """Make a folder that is named after the time, and that nobody else has made."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        seconds, rest = divmod(time.time_ns(), 10**9)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
        folder = parent / f"{stamp}.{rest // 10**6:03d}"
        try:
            folder.mkdir()
            (folder / "ended").mkdir()
            return folder
        except FileExistsError:
            time.sleep(0.001)
