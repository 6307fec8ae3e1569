"""The state of an output folder as plain data, for programs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fmriprod.workflows.failure_report import FailureReports
from fmriprod.workflows.record_names import step_of
from fmriprod.workflows.status import RunStatus
from fmriprod.workflows.status_progress import Progress


def one_line(message: str, most: int = 400, *, advice: bool = True) -> str:
    r"""Put a message of several lines into one, with or without what to do about it.

    Examples
    --------
    >>> one_line("Add: value\n  expected: good\n  found:    bad\n  do:       be good")
    'Add: value; expected: good; found: bad; do: be good'
    """
    lines = [" ".join(line.split()) for line in message.splitlines() if line.strip()]
    text = "; ".join(line for line in lines if advice or not line.startswith("do: "))
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def status_content(status: RunStatus, out_dir: str | Path) -> dict[str, Any]:
    """Give the state of an output folder as a dictionary that JSON takes.

    The keys stay; new ones may come with the same ``format``.

    Returns
    -------
    dict
        ``format`` (1), ``out_dir``, ``state``, ``started`` (ISO 8601, UTC), ``command``,
        ``version``, ``left_seconds`` (None: unknown), ``runs`` (each with ``state``, ``host``,
        ``pid``, ``engine``, ``level``, ``command``, ``record`` and ``trouble``, why that could not
        be read whole, or None) and ``participants``, each with
        ``participant``, ``state`` (one of `STATES`), ``planned``, ``done``, ``cached``,
        ``failed`` (numbers of nodes), ``running`` (``node``, ``step``, ``seconds``),
        ``completed_last`` (``node``, ``step``, or None), ``elapsed_seconds``, ``left_seconds`` and
        ``failures`` (``node``, ``step``, ``reason`` in one line, ``message``, ``crash_file``,
        ``report``, ``rerun``).
    """
    work = next((run.begin.get("work_dir") for run in reversed(status.runs)), None)
    reports = FailureReports(out_dir, status.command, work)
    return {
        "format": 1,
        "out_dir": str(Path(out_dir).absolute()),
        "state": status.state,
        "started": datetime.fromtimestamp(status.started, UTC).isoformat(timespec="seconds"),
        "command": status.command,
        "version": status.version,
        "left_seconds": _rounded(status.left),
        "runs": [
            {
                "state": run.state,
                **{
                    key: run.begin.get(key) for key in ("host", "pid", "engine", "level", "command")
                },
                "record": str(run.path),
                "trouble": run.trouble or None,
            }
            for run in status.runs
        ],
        "participants": [_participant(p, status, reports) for p in status.participants.values()],
    }


def _participant(progress: Progress, status: RunStatus, reports: FailureReports) -> dict[str, Any]:
    now = progress.now or 0.0
    stage = progress.stage
    return {
        "participant": progress.participant,
        "state": progress.state,
        "planned": len(progress.planned),
        "done": len(progress.done),
        "cached": len(progress.cached),
        "failed": len(progress.failed),
        "running": [
            {"node": node, "step": step_of(node), "seconds": _rounded(max(now - begun, 0.0))}
            for node, begun in progress.running.items()
            if progress.run == "running"
        ],
        "completed_last": {"node": stage, "step": step_of(stage)} if stage else None,
        "elapsed_seconds": _rounded(progress.elapsed),
        "left_seconds": _rounded(status.expected.left(progress)),
        "failures": [
            {
                "node": node,
                "step": step_of(node),
                "reason": one_line(message),
                "message": message,
                "crash_file": progress.files.get(node, {}).get("crash_file"),
                "report": progress.files.get(node, {}).get("report"),
                "rerun": reports.rerun(node),
            }
            for node, message in progress.failed.items()
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
