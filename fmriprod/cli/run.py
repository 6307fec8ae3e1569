"""``fmriprod run``: the main job on a BIDS dataset."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from fmriprod.cli.console import output
from fmriprod.cli.dataset import dataset_name, say_left_out, threads
from fmriprod.cli.disk import add_disk_options, disk_holds
from fmriprod.cli.dry_run import show_cache_plan
from fmriprod.cli.engines import (
    add_engine_options,
    chosen_engine,
    refuse_idle_options,
    submits_jobs,
)
from fmriprod.cli.options import (
    add_derivatives_options,
    add_model_options,
    add_resource_options,
    add_study_options,
    model_options,
)
from fmriprod.cli.run_record import record_run, save_methods
from fmriprod.cli.values import folder

if TYPE_CHECKING:
    from fmriprod.workflows.prepare import Prepared


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "run",
        help="the main job on a BIDS dataset",
        description="Goes from raw BOLD and T1w to statistical maps, object evidence and a "
        "report for each participant. Give the same command again to continue.",
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=folder, help="raw BIDS dataset")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=folder, help="where results go")
    parser.add_argument(
        "level", choices=["participant", "group"], nargs="+",
        help="level of analysis, or both; group needs --study, and the participants' results",
    )  # fmt: skip
    add_study_options(parser)
    what = parser.add_argument_group("what to analyse (all by default)")
    what.add_argument("--participant-label", nargs="+", metavar="LABEL", help="without sub-")
    what.add_argument("--session-label", nargs="+", metavar="LABEL", help="without ses-")
    what.add_argument("--task", nargs="+", metavar="LABEL", help="without task-")
    what.add_argument("--run", nargs="+", metavar="NUMBER", dest="runs", help="without run-")
    add_model_options(parser)
    add_derivatives_options(parser)
    add_resource_options(parser)
    add_disk_options(parser)
    add_engine_options(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be done, and stop there"
    )
    parser.add_argument(
        "--part-of-array", action="store_true",
        help="set in jobs: who submitted them has written the methods text, which is of all",
    )  # fmt: skip
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check, plan, show the plan, run, and say where the reports are.

    Participants with errors of their own are left out, and the exit code is 1 then.
    """
    from fmriprod.workflows.workers import start_early

    refuse_idle_options(args)
    if not args.dry_run and not submits_jobs(args):
        start_early()
    from fmriprod.cli.check import prepare
    from fmriprod.cli.problems import show_problems

    console = output()
    if args.study is not None:
        from fmriprod.cli.production import run_study

        return run_study(args, console)
    if "group" in args.level:
        from fmriprod.algorithms.checks import InputError

        raise InputError(
            "group", expected="a study file with the level group", found="none",
            hint="give --study FILE; `fmriprod scaffold` writes one to start from",
        )  # fmt: skip
    prepared = prepare(args)
    if prepared.problems:
        show_problems(prepared.problems, console, root=args.bids_dir)
    if not prepared.plans:
        return 1
    say_left_out(prepared, console)
    code = run_plans(args, prepared, console)
    say_left_out(prepared, console)
    return 1 if prepared.left_out else code


def run_plans(
    args: argparse.Namespace, prepared: "Prepared", console: Console, truth: str | None = None
) -> int:
    """Run what is planned; ``args`` has the model and resource options.

    ``truth`` is the ``truth.json`` of a simulated study.
    """
    plans, root = prepared.plans, prepared.root
    show_plans(plans, console)
    if not disk_holds(args, plans, console) and not getattr(args, "dry_run", False):
        return 1
    from fmriprod.cli.execute import execute, names_folder, summarise
    from fmriprod.interfaces.dataset_description import write_dataset_description
    from fmriprod.workflows.study import init_study_wf
    from fmriprod.workflows.subject import DERIVATIVES_LINK

    out_dir = Path(os.path.abspath(args.out_dir))
    used = next((plan.derivatives for plan in plans if plan.derivatives is not None), None)
    links = {DERIVATIVES_LINK: used.root} if used is not None else {}
    notes = names_folder(out_dir)
    workflow = init_study_wf(
        plans,
        out_dir=str(out_dir),
        bids_dir=root,
        dataset=dataset_name(root),
        truth_file=truth,
        record_dir=notes,
        omp_nthreads=threads(args, sum(len(plan.runs) for plan in plans)),
        **model_options(args),
    )
    if getattr(args, "dry_run", False):
        show_cache_plan(workflow, out_dir, args.work_dir, console)
        return 0
    write_dataset_description(out_dir, raw_directory=root, links=links)
    if submits_jobs(args):
        from fmriprod.cli.slurm import submit

        return submit(args, workflow, {plan.subject: len(plan.runs) for plan in plans}, console)
    outcome = execute(
        workflow, out_dir, work_dir=args.work_dir, n_procs=args.n_procs, memory_gb=args.mem_gb,
        engine=chosen_engine(args), clean_work=args.clean_work,
    )  # fmt: skip
    record_run(args, outcome, notes_dir=notes, raw_directory=root, console=console)
    if not getattr(args, "part_of_array", False):
        save_methods(workflow, out_dir, console, anew=bool(outcome.executed))
    summarise(outcome, out_dir, console)
    return 0 if outcome.ok else 1


def show_plans(plans, console: Console) -> None:
    """Print which runs are analysed how, and what was decided."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("participant", "run", "TR", "conditions", "contrasts", "samples"):
        table.add_column(heading)
    for plan in plans:
        for run in plan.runs:
            names = ", ".join(run.contrast_names)
            shown = ", ".join(run.conditions)
            table.add_row(plan.subject, run.title, f"{run.tr:g} s", shown, names, run.sampling)
    console.print(table)
    for plan in plans:
        for evidence in plan.evidence:
            split = (
                f"leave one {evidence.folds} out"
                if evidence.folds
                else f"train {evidence.train}, test {evidence.test}"
            )
            console.print(
                f"{plan.subject}  evidence {evidence.name}: {split}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        for decision in plan.decisions:
            console.print(
                f"{plan.subject}  note: {decision}", markup=False, highlight=False, soft_wrap=True
            )
    console.print()
