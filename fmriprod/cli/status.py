"""``fmriprod status``: where a run is, or how it ended."""

import argparse
import json
import time
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from fmriprod.workflows.status import RunStatus

_FAILURES = 20  # shown; all with --all
_LOST = 3  # records that cannot be read
_ROWS = 40  # of the table where no window sets them
_REFRESH = 2.0  # s
_ASK_AGAIN = 30.0  # s after which SLURM is asked again how jobs are
_GOING = ("running", "submitted")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "status",
        help="where a run is, or how it ended",
        description="Reads what the runs in OUT_DIR left behind, on this machine or others: "
        "while they run, after they ended, and after a crash; of jobs that wait it asks SLURM. "
        "Exit code 0: running, waiting or finished, 1: failed, interrupted or not to be read, "
        "2: nothing was run.",
    )
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=Path, help="output folder of `fmriprod run` or `demo`"
    )
    parser.add_argument(
        "--watch", action="store_true",
        help="show it again and again, until no run is at work and no job waits",
    )  # fmt: skip
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
    status = read_status(out_dir, queued := _queue_of(out_dir))
    if status is None and (out_dir / "derivatives").is_dir():  # a demo's
        out_dir = out_dir / "derivatives"
        status = read_status(out_dir)
    if status is None:
        Console(stderr=True).print(
            f"Nothing was run in {args.out_dir}.", markup=False, highlight=False, soft_wrap=True
        )
        return 2
    if args.watch:
        status = _watch(status, out_dir, args, output(patient=False), queued)
    else:
        _show(status, out_dir, args, output())
    return 0 if status.state in (*_GOING, "finished") else 1


def _watch(
    status: "RunStatus",
    out_dir: Path,
    args: argparse.Namespace,
    console: "Console",
    queued: "Callable[[], Collection[str] | None]",
) -> "RunStatus":
    """Show the state until no run is at work: a screen that changes, or a text a change."""
    from rich.console import Group
    from rich.live import Live

    from fmriprod.workflows.status import read_status

    if console.is_terminal and not args.json:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while status.state in _GOING:
                page = _page(status, out_dir, args, console, watch=True)
                live.update(Group(*page), refresh=True)
                time.sleep(_REFRESH)
                status = read_status(out_dir, queued) or status
        _show(status, out_dir, args, console)
        return status
    before: Any = None
    while True:
        seen = (status.state, [(p.state, p.finished, sorted(p.running), sorted(p.failed))
                               for p in status.participants.values()])  # fmt: skip
        if seen != before:
            _show(status, out_dir, args, console)
            before = seen
        if status.state not in _GOING:
            return status
        time.sleep(_REFRESH)
        status = read_status(out_dir, queued) or status


def _queue_of(out_dir: Path) -> "Callable[[], Collection[str] | None]":
    """Give what asks SLURM for jobs of an output folder, and not more often than it likes."""
    answers: list[tuple[float, Collection[str] | None]] = []

    def ask() -> "Collection[str] | None":
        from fmriprod.workflows.slurm_array_jobs import unfinished

        if not answers or time.monotonic() - answers[-1][0] > _ASK_AGAIN:
            answers[:] = [(time.monotonic(), unfinished(out_dir))]
        return answers[-1][1]

    return ask


def _show(status: "RunStatus", out_dir: Path, args: argparse.Namespace, console: "Console") -> None:
    from rich.text import Text

    from fmriprod.workflows.status_lines import status_content

    if args.json:
        print(json.dumps(status_content(status, out_dir), sort_keys=True), flush=True)
        return
    for part in _page(status, out_dir, args, console):
        # In a file, lines stay whole.
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def _page(
    status: "RunStatus",
    out_dir: Path,
    args: argparse.Namespace,
    console: "Console",
    watch: bool = False,
) -> list[Any]:
    """Put head, table and failures below each other."""
    from rich.text import Text

    from fmriprod.cli.progress import progress_table

    failures = _failures(status, out_dir, None if args.all else _FAILURES)
    most = None if args.all else _ROWS
    if console.is_terminal and not args.all:
        most = max(console.height - 6 - (0 if watch else min(len(failures), 12)), 8)
    table = progress_table(status.participants, status.expected, width=console.width, most=most)
    if watch:  # no more than the window holds: the rest would scroll out of it at its top
        failures = failures[: max((console.height - table.row_count - 7) // 2, 0)]
    return [*_head(status), table, *([Text(), *failures] if failures else [])]


def _head(status: "RunStatus") -> list[Any]:
    from collections import Counter

    from rich.text import Text

    from fmriprod.cli.progress import duration
    from fmriprod.workflows.status_progress import STATES

    begun = datetime.fromtimestamp(status.started).strftime("%Y-%m-%d %H:%M")
    head = Text.assemble((status.state, "bold"), f"  started {begun}, fmriprod {status.version}")
    at_work = [run for run in status.runs if run.state == "running"]
    if at_work:
        left = status.left
        head.append(f", left: {'unknown' if left is None else 'about ' + duration(left)}")
    lines = [head, Text(status.command, "dim", overflow="fold")]
    counts = Counter(progress.state for progress in status.participants.values())
    if len(status.participants) > 1:
        said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        lines.append(Text(f"{len(status.participants)} participants: {said}"))
    if len(at_work) > 1:
        hosts = sorted({str(run.begin.get("host")) for run in at_work})
        where = ", ".join(hosts) if len(hosts) <= 3 else f"{len(hosts)} machines"
        lines[-1].append(f"; {len(at_work)} runs on {where}")
    lost = [run.trouble for run in status.runs if run.trouble]
    lines += [Text(f"a record could not be read: {why}", "yellow") for why in lost[-_LOST:]]
    if len(lost) > _LOST:
        lines.append(Text(f"and {len(lost) - _LOST} more records"))
    return lines


def _failures(status: "RunStatus", out_dir: Path, most: int | None) -> list[Any]:
    """For each failure, a line with the reason and one with the place where more is said."""
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
        title = (f"{progress.participant}  {step_of(node)}", "red")
        lines.append(Text.assemble(title, f"  {one_line(message, advice=False)}"))
        lines.append(Text(f"    {_short(place, out_dir)}", "dim"))
    if most is not None and len(found) > most:
        lines.append(Text(f"and {len(found) - most} more failures: fmriprod status --all"))
    return lines


def _short(place: str, out_dir: Path) -> str:
    try:
        return str(Path(place).relative_to(out_dir.absolute()))
    except ValueError:
        return place
