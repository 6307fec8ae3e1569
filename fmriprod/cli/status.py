"""``fmriprod status``: where a run is, or how it ended."""

import argparse
import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, Group

    from fmriprod.workflows.status import RunStatus

_FAILURES = 20  # shown; all with --all
_REFRESH = 2.0  # s


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "status",
        help="where a run is, or how it ended",
        description="Reads what the runs in OUT_DIR left behind, on this machine or others: "
        "while they run, after they ended, and after a crash. Exit code 0: running or finished, "
        "1: failed or interrupted, 2: nothing was run.",
    )
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=Path, help="output folder of `fmriprod run` or `demo`"
    )
    parser.add_argument(
        "--watch", action="store_true", help="show it again and again, until no run is at work"
    )
    parser.add_argument("--json", action="store_true", help="for programs; a line a change")
    parser.add_argument(
        "--all", action="store_true", help="a line for each participant and failure"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; exit code 0 finished or running, 1 failed or interrupted, 2 no run."""
    from rich.console import Console

    from fmriprod.cli.console import output
    from fmriprod.workflows.status import read_status

    out_dir = args.out_dir
    status = read_status(out_dir)
    if status is None and (out_dir / "derivatives").is_dir():  # a demo's
        out_dir = out_dir / "derivatives"
        status = read_status(out_dir)
    if status is None:
        Console(stderr=True).print(
            f"Nothing was run in {args.out_dir}.", markup=False, highlight=False, soft_wrap=True
        )
        return 2
    if args.watch:
        status = _watch(status, out_dir, args, output())
    else:
        _show(status, out_dir, args, output())
    return 0 if status.state in ("running", "finished", "submitted") else 1


def _watch(
    status: "RunStatus", out_dir: Path, args: argparse.Namespace, console: "Console"
) -> "RunStatus":
    """Show the state until no run is at work: a screen that changes, or a text a change."""
    from rich.live import Live

    from fmriprod.workflows.status import read_status

    if console.is_terminal and not args.json:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while status.state == "running":
                live.update(_page(status, out_dir, args, console, watch=True), refresh=True)
                time.sleep(_REFRESH)
                status = read_status(out_dir) or status
        _show(status, out_dir, args, console)
        return status
    before: Any = None
    while True:
        seen = (status.state, [(p.state, p.finished, sorted(p.running), sorted(p.failed))
                               for p in status.participants.values()])  # fmt: skip
        if seen != before:
            _show(status, out_dir, args, console)
            before = seen
        if status.state != "running":
            return status
        time.sleep(_REFRESH)
        status = read_status(out_dir) or status


def _show(status: "RunStatus", out_dir: Path, args: argparse.Namespace, console: "Console") -> None:
    from fmriprod.workflows.status_lines import status_content

    if args.json:
        print(json.dumps(status_content(status, out_dir), sort_keys=True), flush=True)
    else:
        console.print(_page(status, out_dir, args, console), soft_wrap=False)


def _page(
    status: "RunStatus",
    out_dir: Path,
    args: argparse.Namespace,
    console: "Console",
    watch: bool = False,
) -> "Group":
    """Put head, table and failures below each other."""
    from rich.console import Group
    from rich.text import Text

    from fmriprod.cli.progress import progress_table

    failures = _failures(status, out_dir, None if args.all else _FAILURES)
    most = None if args.all else 40
    if console.is_terminal and not args.all:
        most = max(console.height - 5 - (0 if watch else min(len(failures), 12)), 8)
    parts = [*_head(status)]
    table = progress_table(status.participants, status.expected, width=console.width, most=most)
    parts += [table, Text()] if failures and not watch else [table]
    if watch:
        failures = failures[: max(console.height - table.row_count - 6, 0)]
    return Group(*parts, *failures)


def _head(status: "RunStatus") -> list[Any]:
    from collections import Counter

    from rich.text import Text

    from fmriprod.cli.progress import duration
    from fmriprod.workflows.status_progress import STATES

    begun = datetime.fromtimestamp(status.started).strftime("%Y-%m-%d %H:%M")
    counts = Counter(progress.state for progress in status.participants.values())
    said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    head = Text.assemble((status.state, "bold"), f"  started {begun}, fmriprod {status.version}")
    if len(status.participants) > 1:
        head.append(f"  {len(status.participants)} participants: {said}")
    at_work = [run for run in status.runs if run.state == "running"]
    if at_work:
        left = status.left
        head.append(f"  left: {'unknown' if left is None else 'about ' + duration(left)}")
    if len(at_work) > 1:
        hosts = {str(run.begin.get("host")) for run in at_work}
        head.append(f"  {len(at_work)} runs on {', '.join(sorted(hosts)[:4])}")
    return [head, Text(status.command, "dim", overflow="fold")]


def _failures(status: "RunStatus", out_dir: Path, most: int | None) -> list[Any]:
    """Two lines for each failure: why, and where more is said."""
    from rich.text import Text

    from fmriprod.workflows.record_names import step_of
    from fmriprod.workflows.status_lines import one_line

    lines: list[Any] = []
    found = [
        (p, node, text) for p in status.participants.values() for node, text in p.failed.items()
    ]
    for progress, node, message in found[:most]:
        files = progress.files.get(node, {})
        place = files.get("report") or files.get("crash_file") or "no details were left"
        title = Text(f"{progress.participant}  {step_of(node)}  ", "red")
        lines.append(title.append(one_line(message), "not red"))
        lines.append(Text(f"    {_short(place, out_dir)}", "dim", no_wrap=True, overflow="fold"))
    if most is not None and len(found) > most:
        lines.append(Text(f"and {len(found) - most} more failures: fmriprod status --all"))
    return lines


def _short(place: str, out_dir: Path) -> str:
    try:
        return str(Path(place).relative_to(out_dir.absolute()))
    except ValueError:
        return place
