"""A file for each node that failed: what happened, to what, and how to try it again."""

import contextlib
import hashlib
import json
import os
import shlex
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from fmriprod.algorithms.checks import presentable
from fmriprod.workflows.outcome import Failure
from fmriprod.workflows.record_names import below_participant, participant_of, step_of

FAILURES, WORK = Path("logs", "failures"), Path(".fmriprod", "work")
_LONGEST = 120  # signs of a file name


class FailureReports:
    """Write a report of each failure, and take it away when the node has a result.

    Parameters
    ----------
    out_dir : path
        Output folder; reports go to ``logs/failures/<participant>/<step>.txt`` and ``.json``.
    command : str
        The run's command.
    work_dir : path, optional
        Where nodes work; ``.fmriprod/work`` in the output folder by default.
    """

    def __init__(
        self, out_dir: str | Path, command: str, work_dir: str | Path | None = None
    ) -> None:
        self._out_dir = Path(out_dir).absolute()
        self._command = command
        usual = self._out_dir / WORK
        work = Path(work_dir).absolute() if work_dir else usual
        self._work_dir = None if work == usual else work

    def path(self, node: str) -> Path:
        """Tell where the report of a node is, if there is one."""
        folder = self._out_dir / FAILURES / participant_of(node)
        return folder / f"{_file_name(below_participant(node))}.txt"

    def write(self, failure: Failure) -> Path | None:
        """Write the report of a failure; None where it cannot be written (a full disk)."""
        path = self.path(failure.node)
        content = {
            "format": 1,
            "participant": participant_of(failure.node),
            "step": step_of(failure.node),
            **asdict(failure),
            "inputs": [dict(zip(("name", "file", "is"), i, strict=True)) for i in failure.inputs],
            "rerun": self.rerun(failure.node),
            "command": self._command,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path.with_suffix(".json"), json.dumps(content, indent=2) + "\n")
            _write(path, self._text(failure))
        except OSError:
            return None
        return path

    def resolve(self, node: str) -> None:
        """Take away the report of a node that has a result now."""
        path = self.path(node)
        if path.exists():
            with contextlib.suppress(OSError):
                path.with_suffix(".json").unlink(missing_ok=True)
                path.unlink()
                path.parent.rmdir()  # only when it is empty

    def rerun(self, node: str) -> str:
        """Give the command that runs this node alone again."""
        words = ["fmriprod", "rerun", str(self._out_dir), node]
        if self._work_dir is not None:
            words += ["--work-dir", str(self._work_dir)]
        return shlex.join(words)

    def _text(self, failure: Failure) -> str:
        inputs = [f"  {name:<20} {presentable(file)}\n  {'':<20} {what}"
                  for name, file, what in failure.inputs]  # fmt: skip
        threads = f"{failure.n_procs} thread{'s' * (failure.n_procs > 1)}"
        return "\n".join([
            f"{participant_of(failure.node)}  {step_of(failure.node)}  FAILED "
            f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}",
            "",
            failure.message,
            "",
            "input files",
            *(inputs or ["  none known"]),
            "",
            f"node       {failure.node}",
            f"interface  {failure.interface or 'unknown'}",
            f"declared   {failure.mem_gb:g} GB, {threads}",
            f"crash file {failure.crash_file}",
            "",
            "run this step alone again, with all that it says",
            f"  {self.rerun(failure.node)}",
            "continue the run, when that is mended",
            f"  {presentable(self._command)}",
            "",
            "last lines of its log",
            *(f"  {line}" for line in failure.log.splitlines()),
            "",
        ])  # fmt: skip


def _file_name(name: str) -> str:
    plain = "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)
    if plain == name and len(name) <= _LONGEST:
        return name
    return f"{plain[-_LONGEST:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
