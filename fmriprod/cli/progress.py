"""Show how far a run is: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fmriprod.cli.console import errors
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record_names import is_small, participant_of, step_of
from fmriprod.workflows.status_expected import Expectation
from fmriprod.workflows.status_progress import STATES, Progress

_COLOURS = {
    "failed": "red", "interrupted": "yellow", "running": "cyan", "waiting": "dim",
    "submitted": "dim", "done": "green",
}  # fmt: skip
_NARROW = 110  # columns of a window below which there is neither a bar nor what runs now
_BAR = 16  # columns
_EXPECT = 5.0  # s between two estimates of what steps take
_WIDE = ("participant", "state", "progress", "steps", "time", "left")


def duration(seconds: float) -> str:
    """Write a time span for people.

    Examples
    --------
    >>> duration(4.2), duration(75), duration(3700)
    ('4.2 s', '1 min 15 s', '1 h 01 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def brief(seconds: float) -> str:
    """Write a time span for a table.

    Examples
    --------
    >>> brief(4.2), brief(75), brief(3700)
    ('4 s', '1 min', '1 h 01')
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = int(seconds) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d}"


def progress_table(
    participants: dict[str, Progress],
    expected: Expectation | None = None,
    *,
    width: int = 120,
    most: int | None = None,
) -> Table:
    """Table with a row for each participant, the most urgent first.

    Parameters
    ----------
    participants : dict of Progress
        By label.
    expected : Expectation, optional
        For the time that is left.
    width : int
        Columns of the window.
    most : int, optional
        Rows; where there are more participants, those that are done, then those that wait, are
        summed up in one row each.
    """
    expected = expected or Expectation([])
    wide = width >= _NARROW
    rows = sorted(participants.values(), key=lambda p: STATES.index(p.state))
    shown, summed = _choose(rows, most)
    cells = [_row(progress, expected, wide) for progress in shown]
    more = [(f"{count} more", Text(state, _COLOURS[state])) for state, count in summed.items()]
    fixed = _WIDE if wide else _WIDE[:2] + _WIDE[3:]
    gap = 2 if wide else 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    used = 0
    for place, heading in enumerate(fixed):
        texts = [heading, *(row[place] for row in [*cells, *more] if place < len(row))]
        columns = max(cell_len(str(text)) for text in texts)
        used += columns + gap
        right = "right" if heading in ("steps", "time", "left") else "left"
        table.add_column(heading, width=columns, no_wrap=True, justify=right)
    # What is left of the window goes to what is long; rich would take it from all alike.
    rest = max(width - used - (gap if wide else 0), 14)
    longest = max((len(str(row[-2])) for row in cells), default=0)
    first = min(max(longest, 14), rest * 2 // 5) if wide else rest
    for heading, columns in (("completed last", first), ("now", rest - first))[: 1 + wide]:
        table.add_column(heading, width=columns, no_wrap=True, overflow="ellipsis")
    for *row, completed, now in cells:
        ends = [_keep_end(completed, first), now] if wide else [_keep_end(now or completed, first)]
        table.add_row(*row, *ends)
    for row in more:
        table.add_row(*row)
    return table


def _choose(rows: Sequence[Progress], most: int | None) -> tuple[list[Progress], Counter]:
    """Leave out whole states, from the least urgent, until the rest is no more than ``most``."""
    shown, summed = list(rows), Counter()
    for state in ("done", "submitted", "waiting"):
        if most is None or len(shown) + len(summed) <= most:
            break
        count = sum(p.state == state for p in shown)
        if count > 1:
            summed[state] = count
            shown = [p for p in shown if p.state != state]
    if most is not None and len(shown) + len(summed) > most:
        keep = max(most - len(summed) - 1, 1)
        summed = Counter(p.state for p in shown[keep:]) + summed
        shown = shown[:keep]
    return shown, Counter({state: summed[state] for state in STATES if summed[state]})


def _row(progress: Progress, expected: Expectation, wide: bool) -> list[str | Text]:
    total = max(len(progress.planned), 1)
    colour = _COLOURS[progress.state]
    filled = round(_BAR * min(progress.finished / total, 1.0))
    bar = Text("━" * filled, colour).append("━" * (_BAR - filled), "dim")
    left = expected.left(progress)
    going = progress.run == "running" and progress.state != "done"
    return [
        progress.participant,
        Text(progress.state, colour),
        *([bar] if wide else []),
        f"{progress.finished}/{len(progress.planned)}" if progress.planned else "",
        brief(progress.elapsed) if progress.first is not None else "",
        ("unknown" if left is None else f"~{brief(left)}") if going else "",
        Text(step_of(progress.stage)) if progress.stage else Text(),
        _now(progress, wide),
    ]


def _now(progress: Progress, wide: bool) -> Text:
    """Say what failed, and what runs or was running; in a narrow table only what went wrong."""
    parts = [Text(f"failed: {step_of(node)}", "red") for node in progress.failed]
    for node in progress.running:
        if progress.run != "running":
            parts.append(Text(f"stopped in: {step_of(node)}", "yellow"))
        elif wide:
            parts.append(Text(step_of(node)))
    return Text(", ").join(parts)


def _keep_end(text: Text, most: int) -> Text:
    """Cut the start of a text: the end of a step's name tells most."""
    if len(text) <= most:
        return text
    word, _, _ = text.plain.partition(": ")
    lead = f"{word}: …" if word in ("failed", "stopped in") else "…"
    return Text(
        lead + text.plain[len(lead) - most :], text.spans[0].style if text.spans else text.style
    )


class Display(AbstractContextManager):
    """Take events and show them until the block ends.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to write; standard error by default, so that output can be piped.
    earlier : sequence of Progress
        Of earlier runs, to tell what steps take; else it is unknown until some are through.
    """

    def __init__(self, console: Console | None = None, earlier: Sequence[Progress] = ()) -> None:
        self.console = console or errors()
        self.participants: dict[str, Progress] = {}
        self._earlier = tuple(earlier)
        self._expected, self._looked = Expectation(earlier), 0.0
        self._started: dict[str, float] = {}
        self._count = 0
        self._live = (
            Live(get_renderable=self._table, console=self.console, refresh_per_second=4)
            if self.console.is_terminal
            else None
        )

    def __enter__(self) -> "Display":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for progress in self.participants.values():
            progress.run = "finished"
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Note an event and, away from a terminal, print it."""
        label = participant_of(event.node)
        self.participants.setdefault(label, Progress(label)).take(event)
        if event.what == "start":
            self._started[event.node] = event.time
        elif event.what != "planned":
            self._count += 1
            if not self._live:
                self._print(label, event)

    def _print(self, label: str, event: Event) -> None:
        if event.what != "failed" and is_small(event.node):
            return
        total = sum(len(p.planned) for p in self.participants.values())
        took = event.time - self._started.pop(event.node, event.time)
        what = {"end": "done", "cached": "cached", "failed": "FAILED"}[event.what]
        suffix = f" ({duration(took)})" if event.what == "end" and took >= 0.05 else ""
        line = f"[{self._count:>3}/{total}] {label}  {step_of(event.node)}  {what}{suffix}"
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        sys.stderr.flush()

    def _table(self) -> Table:
        now = time.time()
        known = dict(sorted(self.participants.items()))
        for progress in known.values():
            progress.now = now
        if now - self._looked > _EXPECT:
            self._expected, self._looked = Expectation([*known.values(), *self._earlier]), now
        most = max(self.console.height - 3, 5)
        return progress_table(known, self._expected, width=self.console.width, most=most)
