"""Options about disk space, and what is said of it."""

import argparse
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fmriprod.cli.engines import submits_jobs

if TYPE_CHECKING:
    from fmriprod.interfaces.problems import Problem
    from fmriprod.workflows.clean_work import WorkCleaner


def add_disk_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about disk space."""
    disk = parser.add_argument_group("disk space")
    disk.add_argument(
        "--clean-work", choices=["none", "finished", "all"], default="none",
        help="remove intermediate files. finished: those of a participant as soon as it has all "
        "results, one participant after the other; all: at the end also those of who failed. A "
        "later run computes again what was removed (%(default)s)",
    )  # fmt: skip
    disk.add_argument(
        "--ignore-disk", action="store_true", help="start even if the disk seems too small"
    )


def look_at_disk(args: argparse.Namespace, plans: Any, console: Console) -> list["Problem"]:
    """Say what participants will take on disk; give the problems that this makes.

    Parameters
    ----------
    args : argparse.Namespace
        ``out_dir`` (None where nobody said it), ``work_dir`` and, where the command has them, the
        options of this module.
    plans : sequence of SubjectPlan or ProductionPlan
        What is done for each.
    console : rich.console.Console
        Where it is said.
    """
    from fmriprod.interfaces.disk_space import free_space, size_text
    from fmriprod.workflows.disk import disk_need, disk_problems

    if not plans:
        return []
    need = disk_need(plans)
    clean = getattr(args, "clean_work", "none") != "none"
    # A processor may be at a participant of its own, and the next one has begun.
    n_at_once = min(len(plans), getattr(args, "n_procs", 1) + 1) if clean else None
    out_dir, work_dir = args.out_dir, work_folder(args)
    place = f" in {work_dir}" if work_dir is not None else ""
    peak = f" at a time, {size_text(need.peak())} in all" if clean else ""
    text = (f"Disk: about {size_text(need.peak(n_at_once))} of intermediate files{peak}{place}, "
            f"{size_text(need.results)} of results")  # fmt: skip
    if work_dir is not None:
        text += f"; {size_text(free_space(work_dir))} are free"
    console.print(f"{text}.\n", markup=False, highlight=False, soft_wrap=True)
    if work_dir is None:
        return []
    severity = "warning" if getattr(args, "ignore_disk", False) else "error"
    if submits_jobs(args) and args.work_dir is not None:
        work_dir, n_at_once = out_dir, 0  # a disk of the nodes: each job looks at it
    return disk_problems(
        need, out_dir or work_dir, work_dir, n_at_once=n_at_once, severity=severity
    )


def work_folder(args: argparse.Namespace) -> Any:
    """Tell where intermediate files go; None if neither that nor an output folder is given."""
    from fmriprod.cli.places import WORK

    return args.work_dir or (args.out_dir / WORK if args.out_dir is not None else None)


def disk_holds(args: argparse.Namespace, plans: Any, console: Console) -> bool:
    """Say what a run will take, and whether it may start."""
    from fmriprod.cli.problems import show_problems

    problems = look_at_disk(args, plans, console)
    if problems:
        show_problems(problems, console)
    return not any(problem.severity == "error" for problem in problems)


def say_removed(cleaner: "WorkCleaner", console: Console) -> None:
    """Say whose work was removed, and what could not be."""
    n = len(cleaner.removed)
    if n:
        text = f"Removed the work of {n} participant{'s' * (n > 1)}, as --clean-work says: another "
        console.print(f"{text}run computes it again.", highlight=False, soft_wrap=True)
    for line in cleaner.trouble:
        console.print(f"Not removed: {line}", style="yellow", markup=False, soft_wrap=True)
