"""The end of ``fmriprod run --dry-run``: which steps would run, and why."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

    from fmriprod.workflows.cache_plan import Step

_NAMED = 4  # steps with the same reason; of more, three are named and the others counted


def show_cache_plan(
    workflow: "Workflow", out_dir: Path, work_dir: Path | None, console: Console
) -> None:
    """Print for each participant which steps would run, and why; nothing is changed.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        That the command would run.
    out_dir, work_dir : path
        As `fmriprod.cli.execute.execute` takes them.
    console : rich.console.Console
        Where it is printed.
    """
    from fmriprod.cli.places import CRASHES, WORK
    from fmriprod.workflows.cache_plan import plan_cache
    from fmriprod.workflows.execution import configure
    from fmriprod.workflows.workers import set_log_level

    set_log_level(logging.CRITICAL)
    configure(workflow, work_dir or out_dir / WORK, out_dir / CRASHES)
    for line in summary_lines(plan_cache(workflow)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def summary_lines(steps: Sequence["Step"]) -> list[str]:
    """Sum up what would run; participants of whom the same is to be said share their lines."""
    from fmriprod.workflows.record_names import participant_of

    own: dict[str, list[Step]] = {}
    for step in steps:
        own.setdefault(participant_of(step.node), []).append(step)
    said: dict[tuple[str, ...], list[str]] = {}
    for label, theirs in own.items():
        said.setdefault(tuple(_lines(theirs)), []).append(label)
    found = []
    for (first, *others), labels in said.items():
        names = [label if label == "group" else f"sub-{label}" for label in labels]
        found += [f"{_some(names)}: {first}", *(f"    {line}" for line in others)]
    return found


def _lines(steps: Sequence["Step"]) -> list[str]:
    """Say of one participant how many steps would run, and the reasons."""
    from fmriprod.workflows.cache_plan import ALWAYS, DEPENDS, RUNS, UP_TO_DATE
    from fmriprod.workflows.record_names import step_of

    n = {v: sum(s.verdict == v for s in steps) for v in (ALWAYS, DEPENDS, RUNS, UP_TO_DATE)}
    reasons: dict[str, list[str]] = {}
    for step in steps:
        if step.verdict == RUNS:
            for reason in step.reasons:
                reasons.setdefault(reason, []).append(step_of(step.node))
    always = f"; {_count(n[ALWAYS])} only save, and always look" if n[ALWAYS] else ""
    if not n[UP_TO_DATE] and set(reasons) == {"never run"}:
        return [f"nothing has run yet, {_count(len(steps))}"]
    if not n[RUNS]:
        return [f"all is up to date, {_count(n[UP_TO_DATE])}{always}"]
    follow = f", up to {n[DEPENDS]} more because of that" if n[DEPENDS] else ""
    up_to_date = f"{_count(n[UP_TO_DATE])} up to date"
    first = f"{_count(n[RUNS])} to run{follow}, {up_to_date}{always}"
    return [first, *(f"{_some(names)}: {reason}" for reason, names in reasons.items())]


def _count(n: int) -> str:
    return f"{n} step{'s' if n != 1 else ''}"


def _some(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more"
