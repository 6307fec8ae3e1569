"""``fmriprod status``: where a run is, or how it ended."""

import argparse
import time
from datetime import datetime
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "status",
        help="where a run is, or how it ended",
        description="Reads what the latest run in OUT_DIR left behind: while it runs, after it "
        "ended, and after a crash.",
    )
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=Path, help="output folder of `fmriprod run` or `demo`"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; exit code 0 finished or running, 1 failed or interrupted, 2 no run."""
    from rich.console import Console
    from rich.text import Text

    from fmriprod.cli.console import output
    from fmriprod.cli.progress import progress_table
    from fmriprod.workflows.status import read_status, step_of

    console = output()
    status = read_status(args.out_dir) or read_status(args.out_dir / "derivatives")  # a demo's
    if status is None:
        Console(stderr=True).print(
            f"Nothing was run in {args.out_dir}.", markup=False, highlight=False, soft_wrap=True
        )
        return 2
    begun = datetime.fromtimestamp(status.started).strftime("%Y-%m-%d %H:%M")
    console.print(f"[bold]{status.state}[/]  started {begun}, fmriprod {status.version}")
    console.print(Text(status.command, "dim"), soft_wrap=True)
    console.print(progress_table(status.participants, time.time()))
    for progress in status.participants.values():
        for node, message in progress.failed.items():
            console.print(f"\n[red]{progress.participant}  {step_of(node)}[/]")
            console.print(message, markup=False, highlight=False, soft_wrap=True)
    return 0 if status.state in ("running", "finished") else 1
