"""``fmriprod rerun``: one step again, alone, with all that it says."""

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "rerun",
        help="one step of a run again, alone, with all that it says",
        description="Runs one step again in the foreground, with its log and traceback, even "
        "if it has a result. `fmriprod status` and the reports in OUT_DIR/logs/failures name "
        "the steps. Use it on output folders of your own only: it loads Python objects that the "
        "run left in its work folder.",
    )
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=Path, help="output folder of `fmriprod run` or `demo`"
    )
    parser.add_argument(
        "node", metavar="NODE", help="full name of the step, or as much of its end as is unique"
    )
    parser.add_argument(
        "--work-dir", metavar="DIR", type=Path, help="work folder (that of the latest run)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the step; exit code 0 if it has a result now, 1 if it failed."""
    import logging
    import shlex
    import sys

    from fmriprod.algorithms.checks import InputError
    from fmriprod.cli.console import errors
    from fmriprod.cli.execute import recorded, tell
    from fmriprod.cli.places import WORK
    from fmriprod.workflows.failure_report import FailureReports
    from fmriprod.workflows.record_names import participant_of, step_of
    from fmriprod.workflows.rerun import find_node, known_nodes, rerun_node
    from fmriprod.workflows.workers import set_log_level

    out_dir = args.out_dir.absolute()
    known = known_nodes(out_dir) or known_nodes(out_dir / "derivatives")
    if known.out_dir is not None:
        out_dir = known.out_dir
    node = find_node(args.node, known.nodes)
    work_dir = (args.work_dir or known.work_dir or out_dir / WORK).absolute()
    if not work_dir.is_dir():
        raise InputError(
            "work_dir", expected="the work folder of the run", found=f"no folder {work_dir}",
            hint="give --work-dir as the run had it, or run the study again",
        )  # fmt: skip
    command = shlex.join(["fmriprod", *sys.argv[1:]])
    reports = FailureReports(
        out_dir, known.command, None if work_dir == out_dir / WORK else work_dir
    )
    console = errors()
    whose = [participant_of(node)]
    with recorded(
        out_dir, command, whose, work_dir=work_dir, level="rerun"
    ) as (recorder, locks):  # fmt: skip
        console.print(f"{participant_of(node)}  {step_of(node)}", style="bold", markup=False)
        set_log_level(logging.INFO)

        def on_event(event):
            recorder(event, **tell(event, reports))

        failure = rerun_node(node, work_dir, out_dir / "logs", on_event)
        locks.check()
        recorder.close(failure is None)
    if failure is None:
        console.print("\nIt has a result now. Continue the run with the command that began it:")
        console.print(f"  {known.command}", markup=False, highlight=False, soft_wrap=True)
        return 0
    console.print(f"\n{failure.log}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n{failure.message}\n", style="red", markup=False, soft_wrap=True)
    console.print(f"details:  {reports.path(node)}", markup=False, highlight=False, soft_wrap=True)
    return 1
