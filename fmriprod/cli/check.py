"""``fmriprod check``: what is wrong with a dataset, before anything is computed."""

import argparse
from typing import TYPE_CHECKING, Any

from rich.console import Console

from fmriprod.cli.disk import look_at_disk
from fmriprod.cli.options import (
    add_derivatives_options,
    add_model_options,
    add_study_options,
    derivatives_options,
    plan_options,
)
from fmriprod.cli.problems import show_problems
from fmriprod.cli.values import folder, whole

if TYPE_CHECKING:
    from fmriprod.workflows.prepare import Prepared


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "check",
        help="what is wrong with a dataset, before anything is computed",
        description="Looks at names, headers, lengths, events, contrasts and free space, and "
        "lists all problems at once. Takes the options of `fmriprod run`. Exit code 0: nothing "
        "that stops an analysis; 1: errors.",
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=folder, help="raw BIDS dataset")
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=folder, nargs="?", help="where results will go"
    )
    add_study_options(parser)
    what = parser.add_argument_group("what will be analysed (all by default)")
    what.add_argument("--participant-label", nargs="+", metavar="LABEL", help="without sub-")
    what.add_argument("--session-label", nargs="+", metavar="LABEL", help="without ses-")
    what.add_argument("--task", nargs="+", metavar="LABEL", help="without task-")
    what.add_argument("--run", nargs="+", metavar="NUMBER", dest="runs", help="without run-")
    add_model_options(parser)
    add_derivatives_options(parser)
    parser.add_argument("--work-dir", type=folder, metavar="DIR", help="checked for free space")
    parser.add_argument(
        "--full", action="store_true",
        help="decompress every image: finds damage in the middle, too (a second for 100 MB)",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--n-procs", type=whole(1), default=1, help="images at a time (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and show; exit code 0 all is well, 1 errors (with ``--strict`` also warnings)."""
    options = {"full": args.full, "num_threads": args.n_procs}
    if args.study is None:
        prepared = prepare(args, **options)
    else:
        from fmriprod.cli import production

        production.refuse_model_options(args)
        prepared = production.prepare(args, **options)
    console, problems = Console(), list(prepared.problems)
    if not any(problem.severity == "error" for problem in problems):  # else plans are lacking
        problems = [*look_at_disk(args, prepared.plans, console), *problems]
    show_problems(problems, console, root=args.bids_dir)
    stops = [p for p in problems if args.strict or p.severity == "error"]
    return 1 if stops else 0


def prepare(args: argparse.Namespace, **options: Any) -> "Prepared":
    """Check and plan what the arguments of a command ask for."""
    from fmriprod.workflows.prepare import prepare_study

    labels = ("participant_label", "session_label", "task", "runs")
    names = ("participants", "sessions", "tasks", "runs")
    choice = {name: getattr(args, label, None) for name, label in zip(names, labels, strict=True)}
    engines = ("skullstrip_engine", "motion_engine", "coregister_engine")
    return prepare_study(
        args.bids_dir,
        choice=choice,
        plan=plan_options(args),
        engines=[(f"--{name.replace('_', '-')}", getattr(args, name)) for name in engines],
        derivatives=derivatives_options(args),
        hrf=args.hrf,
        out_dir=args.out_dir,
        work_dir=args.work_dir,
        **options,
    )
