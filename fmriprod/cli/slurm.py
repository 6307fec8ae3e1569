"""``fmriprod run ... --engine slurm``: a job for each participant, and one for the group."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fmriprod.cli.engines import AllCores, sbatch_arguments
from fmriprod.cli.run_record import save_methods

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

    from fmriprod.workflows.slurm_array_jobs import Submission
    from fmriprod.workflows.slurm_scripts import Request

_NOT_IN_JOBS = {
    "help", "engine", "slurm_args", "slurm_preamble", "slurm_job_per_step", "slurm_wait",
    "dask_scheduler", "n_procs", "mem_gb", "dry_run",
}  # fmt: skip
_LAST_LINES = 5


def submit(
    args: argparse.Namespace, workflow: "Workflow", n_runs: Mapping[str, int], console: Console
) -> int:
    """Submit the jobs of what was planned; with ``--slurm-wait`` wait for them.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed arguments of ``fmriprod run``; ``parser`` is what parsed them.
    workflow : Workflow
        Graph of all participants, or of the group: says what its steps need.
    n_runs : mapping
        Number of runs by label of a participant; empty for a group by itself.
    console : Console
        Where it is said what was submitted.

    Returns
    -------
    int
        0 where all was submitted, and with ``--slurm-wait`` ended well.
    """
    from fmriprod.workflows.record_names import row_of
    from fmriprod.workflows.slurm_array import submit_study
    from fmriprod.workflows.slurm_needs import request_for
    from fmriprod.workflows.slurm_scripts import read_preamble

    cpus = None if isinstance(args.n_procs, AllCores) else args.n_procs

    def ask(whose: str | None, most: int) -> "Request":
        whose = None if whose is None else row_of(whose)
        return request_for(workflow, whose, most, cpus=cpus, memory_gb=args.mem_gb)

    participants = {label: ask(label, count) for label, count in n_runs.items()}
    group = None
    if "group" in args.level:
        # There is no graph of the group before there are results: it asks for as much as the
        # largest participant.
        group = max(participants.values()) if participants else ask(None, 1)
    labels = [*map(row_of, participants), *(["group"] if group else [])]
    with _announced(args, labels):
        submission = submit_study(
            args.out_dir,
            participants,
            command_of(args, level=["participant"], participant_label=None, part_of_array=True),
            group=group,
            group_command=command_of(args, level=["group"]),
            arguments=sbatch_arguments(args),
            preamble=read_preamble(args.slurm_preamble),
        )
    if participants:  # one text of them all: an element knows only its own
        save_methods(workflow, Path(args.out_dir).absolute(), console)
    _say(submission, args, console)
    return _wait(submission, args, console) if args.slurm_wait else 0


@contextmanager
def _announced(args: argparse.Namespace, labels: list[str]) -> Iterator[None]:
    """Leave a record of who is submitted, before any of the jobs can; none if the block fails."""
    from fmriprod import __version__
    from fmriprod.cli.places import WORK
    from fmriprod.workflows.record import Recorder

    out_dir = Path(args.out_dir).absolute()
    recorder = Recorder(
        out_dir, shlex.join(["fmriprod", *sys.argv[1:]]), __version__, engine="slurm",
        level="group" if labels == ["group"] else "participant", participants=labels,
        work_dir=Path(args.work_dir or out_dir / WORK).absolute(),
    )  # fmt: skip
    try:
        yield
    except BaseException:
        recorder.close(None)
        recorder.path.unlink(missing_ok=True)
        raise
    recorder.end("submitted")


def command_of(args: argparse.Namespace, **instead: Any) -> list[str]:
    """Write the command whose arguments were parsed, with absolute paths, for a local run.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed arguments; ``parser`` is what parsed them.
    **instead
        Values in place of those given; None leaves an option out.

    Returns
    -------
    list of str
        Python, and its arguments.
    """
    places, options = [], []
    for action in args.parser._actions:
        name = action.dest
        value = instead.get(name, getattr(args, name, None)) if name not in _NOT_IN_JOBS else None
        if value is None or (action.option_strings and value == action.default):
            continue
        given = value if isinstance(value, list | tuple) else [value]
        values = [_absolute(v, is_place=name == "study") for v in given]
        flag = action.option_strings[-1] if action.option_strings else ""
        if not flag:
            places += values
        elif action.nargs == 0:
            options.append(flag)
        elif isinstance(action, argparse._ExtendAction) or len(values) == 1:
            options += [f"{flag}={text}" for text in values]  # a value may begin with a dash
        else:
            options += [flag, *values]
    return [sys.executable, "-P", "-m", "fmriprod.cli.main", "run", *places, *options]


def _absolute(value: Any, *, is_place: bool) -> str:
    """Write a value as text; a path from the root, and so a text for a place, if a file is there.

    A task, or a label, may have the name of a file, too.
    """
    is_path = isinstance(value, Path) or (is_place and os.path.isfile(value))
    return os.path.abspath(value) if is_path else str(value)


def _say(submission: "Submission", args: argparse.Namespace, console: Console) -> None:
    def say(text: str, **style: Any) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True, **style)

    for job in submission.jobs:
        what = f"array of {len(job.participants)} participants" if job.participants else "group"
        say(f"Submitted job {job.number}: {what}")
    numbers = [str(job.number) for job in submission.jobs]
    if len(numbers) > 1 and not submission.jobs[-1].participants:
        say("The group runs once all participants have ended well. If one fails it is cancelled; "
            "then give the same command again, or with the level group alone.")  # fmt: skip
    say(f"Scripts and logs: {submission.folder}")
    say(f"Queue:   squeue --jobs={','.join(numbers)}")
    say(f"State:   {shlex.join(['fmriprod', 'status', os.path.abspath(args.out_dir)])}")
    say(f"Cancel:  scancel {' '.join(numbers)}")


def _wait(submission: "Submission", args: argparse.Namespace, console: Console) -> int:
    from fmriprod.workflows.slurm_array import wait_for

    def on_end(who: str, code: int | None, state: Any) -> None:
        if code == 0:
            console.print(f"{who}  done", markup=False, highlight=False)
            return
        why = f"exit code {code}" if code is not None else f"{state.state} {state.reason}".strip()
        log = submission.log_file(who)
        console.print(f"FAILED  {who}  {why}", style="bold red", markup=False, highlight=False)
        for line in _last_lines(log):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"  details:  {log}", markup=False, highlight=False, soft_wrap=True)

    try:
        codes = wait_for(submission, on_end)
    except KeyboardInterrupt:
        numbers = " ".join(str(job.number) for job in submission.jobs)
        console.print(f"The jobs go on without this command. Cancel them: scancel {numbers}")
        raise
    good = sum(code == 0 for code in codes.values())
    console.print(f"{good} of {len(codes)} jobs ended well.", highlight=False)
    if good < len(codes):
        console.print("Mend what is said above and give the same command again: it continues.")
    return 0 if good == len(codes) else 1


def _last_lines(log: Path) -> Sequence[str]:
    from fmriprod.algorithms.checks import presentable

    if not log.is_file():
        return ["(it never started)"]
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [presentable(line) for line in lines if line.strip()][-_LAST_LINES:]
