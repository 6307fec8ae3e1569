"""Run a workflow from the command line: progress, record, and the summary at the end."""

import logging
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nipype.pipeline.engine import Workflow
from rich.console import Console

from fmriprod import __version__
from fmriprod.cli.console import errors
from fmriprod.cli.disk import say_removed
from fmriprod.cli.engines import Engine
from fmriprod.cli.places import CRASHES, NAMES, WORK
from fmriprod.cli.progress import Display, duration
from fmriprod.workflows.clean_work import Level, WorkCleaner
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.failure_report import FailureReports
from fmriprod.workflows.lock import Locks
from fmriprod.workflows.outcome import Event, Outcome
from fmriprod.workflows.record import Recorder, record_name
from fmriprod.workflows.record_names import participant_of, step_of
from fmriprod.workflows.status import read_status
from fmriprod.workflows.workers import set_log_level


def names_folder(out_dir: Path) -> str:
    """Path of a new folder in which the savers of this run note what they wrote."""
    return str(out_dir / NAMES / f"{time.time_ns():020d}")


def execute(
    workflow: Workflow,
    out_dir: Path,
    *,
    work_dir: Path | None = None,
    n_procs: int = 1,
    memory_gb: float | None = None,
    engine: Engine | None = None,
    clean_work: Level = "none",
    console: Console | None = None,
) -> Outcome:
    """Run a workflow with a progress display and a record for ``fmriprod status``.

    Parameters
    ----------
    workflow : Workflow
        To be run.
    out_dir : path
        Output folder; records, locks, crash files and reports of failures go there too.
    work_dir : path, optional
        Where nodes work; ``.fmriprod/work`` in the output folder by default.
    n_procs, memory_gb
        As `run_workflow` takes them.
    engine : Engine, optional
        Where the steps run; on this machine by default.
    clean_work : {"none", "finished", "all"}
        What is removed from the work folder, as `WorkCleaner` takes it.
    console : rich.console.Console, optional
        Where progress is shown; standard error by default.

    Returns
    -------
    Outcome
        What ran, was cached and failed.

    Raises
    ------
    InputError
        If another run works on one of the participants, or nothing can be written.
    """
    out_dir, engine = Path(out_dir).absolute(), engine or Engine()
    work_dir = Path(work_dir or out_dir / WORK).absolute()
    configure(workflow, work_dir, out_dir / CRASHES)
    set_log_level(logging.CRITICAL)  # the display says it better
    command = shlex.join(["fmriprod", *sys.argv[1:]])
    participants = sorted({participant_of(name) for name in workflow.list_node_names()})
    reports = FailureReports(out_dir, command, None if work_dir == out_dir / WORK else work_dir)
    before = read_status(out_dir, queued=tuple)  # the runs before, not jobs that wait
    earlier = list(before.participants.values()) if before else []
    with recorded(
        out_dir, command, participants, work_dir=work_dir, engine=engine.name,
        level="group" if participants == ["group"] else "participant",
    ) as (recorder, locks), Display(console, earlier) as display:  # fmt: skip
        cleaner = WorkCleaner(work_dir, workflow.name, clean_work)

        def on_event(event: Event) -> None:
            recorder(event, **tell(event, reports))
            with suppress(OSError):  # the disk of a log that it is written to is full
                display(event)
            cleaner(event)

        settings = {**engine.settings, "one_by_one": clean_work != "none"}
        outcome = run_workflow(
            workflow, engine=engine.name, engine_args=settings, n_procs=n_procs,
            memory_gb=memory_gb, on_event=on_event,
        )  # fmt: skip
        locks.check()
        recorder.close(outcome.ok)
        cleaner.end()
    say_removed(cleaner, console or errors())
    if recorder.n_lost:
        display.console.print(
            f"{recorder.n_lost} lines of {recorder.path} could not be written: fmriprod status "
            "will show less than was done.", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    return outcome


@contextmanager
def recorded(
    out_dir: Path, command: str, participants: list[str], *, work_dir: Path, **options: Any
) -> Iterator[tuple[Recorder, Locks]]:
    """Hold the locks of participants and keep a record, and end both however the block ends.

    A signal to terminate (the end of a cluster job's time) counts as one from the keyboard. Where
    another process took a lock over meanwhile, the block is ended and an `InputError` says so.
    """
    name = record_name()
    with Locks(out_dir, participants, command, name, work_dir=work_dir) as locks:
        try:
            with interruptible() as interrupt:
                locks.watch(interrupt)
                recorder = Recorder(
                    out_dir, command, __version__, participants=participants, name=name,
                    work_dir=work_dir, **options,
                )  # fmt: skip
                try:
                    yield recorder, locks
                except KeyboardInterrupt:
                    recorder.close(None)
                    raise
                except BaseException:
                    recorder.close(False)
                    raise
                recorder.close(True)  # where the block has not said otherwise
        except KeyboardInterrupt:
            locks.check()
            raise


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Make a signal to terminate end the block as one from the keyboard does.

    What it gives does the same when another thread calls it; nothing once the block is over.
    """
    guard, is_open = threading.Lock(), [True]
    main = threading.main_thread()

    def on_signal(*_: object) -> None:
        raise KeyboardInterrupt

    def interrupt() -> None:
        with guard:
            if is_open:
                signal.pthread_kill(main.ident, signal.SIGTERM)

    if threading.current_thread() is not main:
        yield lambda: None
        return
    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield interrupt
    finally:
        with guard:
            is_open.clear()
        signal.signal(signal.SIGTERM, before)


def tell(event: Event, reports: FailureReports) -> dict[str, str]:
    """Write the report of a failure, or take away that of a step that has a result now."""
    if event.failure is not None:
        path = reports.write(event.failure)
        return {"report": str(path)} if path else {}
    if event.what in ("end", "cached"):
        reports.resolve(event.node)
    return {}


def summarise(outcome: Outcome, out_dir: Path, console: Console) -> None:
    """Say what was done, what failed and why, and where the reports are."""
    reports = FailureReports(out_dir, "")
    console.print()
    for failure in outcome.failures:
        place = f"{participant_of(failure.node)}  {step_of(failure.node)}"
        console.print(f"FAILED  {place}", style="bold red", highlight=False, markup=False)
        console.print(failure.message, markup=False, highlight=False, soft_wrap=True)
        path = reports.path(failure.node)
        details = path if path.exists() else failure.crash_file
        console.print(f"  details:  {details}\n", markup=False, highlight=False, soft_wrap=True)
    counts = f"{len(outcome.executed)} steps run, {len(outcome.cached)} answered from the cache"
    if not outcome.ok:
        counts += f", {len(outcome.failures)} failed, {len(outcome.not_run)} not reached"
    console.print(f"{counts}, in {duration(outcome.seconds)}.", highlight=False)
    for report in sorted([*out_dir.glob("sub-*_report.html"), *out_dir.glob("group_report.html")]):
        console.print(f"Report: {report}", highlight=False, markup=False, soft_wrap=True)
    if (text := out_dir / "logs" / "methods.html").exists():
        console.print(f"Text for the methods section: {text}", highlight=False, markup=False,
                      soft_wrap=True)  # fmt: skip
    if not outcome.ok:
        console.print("Mend what is said above and give the same command again: it continues.")
