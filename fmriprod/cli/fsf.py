"""``fmriprod fsf``: settings of FEAT of FSL for the runs of a study, without running FEAT."""

import argparse
import os
from pathlib import Path

from fmriprod.cli.console import output
from fmriprod.cli.options import add_resource_options
from fmriprod.cli.values import folder


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "fsf",
        help="settings of FEAT of FSL for the runs of a study",
        description="Writes OUT_DIR/sub-<label>/fsl: settings (.fsf) of each run and of the mean "
        "over drawing runs, with events and the T1w image that they name. FSL is not needed, and "
        "FEAT is not run; `feat FILE.fsf` runs each, the mean after its runs.",
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=folder, help="raw BIDS dataset")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=folder, help="where results go")
    parser.add_argument(
        "--study", required=True, metavar="FILE",
        help="study file (TOML), or the name of one: fan2020; its engine may be any",
    )  # fmt: skip
    parser.add_argument("--participant-label", nargs="+", metavar="LABEL", help="without sub-")
    parser.add_argument(
        "--standard", type=folder, metavar="FILE",
        help="brain of the standard space, its head beside it "
        "($FSLDIR/data/standard/MNI152_T1_2mm_brain.nii.gz)",
    )  # fmt: skip
    parser.add_argument(
        "--slice-timing", choices=["interleaved", "none", "up", "down"], default="interleaved",
        help="order of the slices (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--skullstrip-engine", choices=["python", "bet"], default="python")
    add_resource_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check, write, and say where; participants with errors are left out (exit code 1)."""
    from fmriprod.workflows.workers import start_early

    start_early()
    from fmriprod.cli.dataset import say_left_out
    from fmriprod.cli.problems import show_problems
    from fmriprod.cli.production import execute_study, feat_builder
    from fmriprod.workflows.prepare_production import prepare_production
    from fmriprod.workflows.study_feat import standard_brain

    console = output()
    standard = standard_brain(args.standard)
    prepared = prepare_production(
        args.bids_dir,
        args.study,
        participants=args.participant_label,
        engines=[("--skullstrip-engine", args.skullstrip_engine)],
        only_fsf=True,
        out_dir=args.out_dir,
        work_dir=args.work_dir,
    )
    if prepared.problems:
        show_problems(prepared.problems, console, root=args.bids_dir)
    if not prepared.plans:
        return 1
    options = {"slice_timing": args.slice_timing, "run_feat": False}
    build = feat_builder(args, prepared, standard, **options)
    code = execute_study(args, prepared, console, build)
    for plan in prepared.plans if code == 0 else ():
        place = Path(os.path.abspath(args.out_dir), f"sub-{plan.subject}", "fsl")
        console.print(f"Settings: {place}", markup=False, highlight=False, soft_wrap=True)
    say_left_out(prepared, console)
    return 1 if prepared.left_out else code
