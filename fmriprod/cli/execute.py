"""Run a workflow from the command line: progress, record, and the summary at the end."""

import logging
import shlex
import sys
import time
from pathlib import Path

from nipype.pipeline.engine import Workflow
from rich.console import Console

from fmriprod import __version__
from fmriprod.cli.engines import Engine
from fmriprod.cli.progress import Display, duration
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.outcome import Event, Outcome
from fmriprod.workflows.status import Recorder, participant_of, step_of
from fmriprod.workflows.workers import set_log_level

WORK, CRASHES, NAMES = Path(".fmriprod", "work"), Path("logs"), Path(".fmriprod", "names")


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
    console: Console | None = None,
) -> Outcome:
    """Run a workflow with a progress display and a record for ``fmriprod status``.

    Parameters
    ----------
    workflow : Workflow
        To be run.
    out_dir : path
        Output folder; records and crash files go there too.
    work_dir : path, optional
        Where nodes work; ``.fmriprod/work`` in the output folder by default.
    n_procs, memory_gb
        As `run_workflow` takes them.
    engine : Engine, optional
        Where the steps run; on this machine by default.
    console : rich.console.Console, optional
        Where progress is shown; standard error by default.

    Returns
    -------
    Outcome
        What ran, was cached and failed.
    """
    work_dir, engine = work_dir or out_dir / WORK, engine or Engine()
    configure(workflow, work_dir, out_dir / CRASHES)
    set_log_level(logging.CRITICAL)  # the display says it better
    command = shlex.join(["fmriprod", *sys.argv[1:]])
    recorder = Recorder(out_dir, command, __version__)
    with Display(console) as display:

        def on_event(event: Event) -> None:
            recorder(event)
            display(event)

        try:
            outcome = run_workflow(
                workflow, engine=engine.name, engine_args=engine.settings, n_procs=n_procs,
                memory_gb=memory_gb, on_event=on_event,
            )  # fmt: skip
        except KeyboardInterrupt:
            recorder.close(None)
            raise
        except BaseException:
            recorder.close(False)
            raise
        recorder.close(outcome.ok)
    return outcome


def summarise(outcome: Outcome, out_dir: Path, console: Console) -> None:
    """Say what was done, what failed and why, and where the reports are."""
    console.print()
    for failure in outcome.failures:
        place = f"{participant_of(failure.node)}  {step_of(failure.node)}"
        console.print(f"FAILED  {place}", style="bold red", highlight=False)
        console.print(failure.message, markup=False, highlight=False, soft_wrap=True)
        console.print(
            f"  details:  {failure.crash_file}\n", markup=False, highlight=False, soft_wrap=True
        )
    counts = f"{len(outcome.executed)} steps run, {len(outcome.cached)} answered from the cache"
    if not outcome.ok:
        counts += f", {len(outcome.failures)} failed, {len(outcome.not_run)} not reached"
    console.print(f"{counts}, in {duration(outcome.seconds)}.", highlight=False)
    for report in sorted([*out_dir.glob("sub-*_report.html"), *out_dir.glob("group_report.html")]):
        console.print(f"Report: {report}", highlight=False, markup=False, soft_wrap=True)
    if not outcome.ok:
        console.print("Mend what is said above and give the same command again: it continues.")
