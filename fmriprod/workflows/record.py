"""Write what a run leaves behind about itself: one file a run, a line an event."""

import json
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record_owner import BEAT, this_process

RECORDS = Path(".fmriprod", "runs")


def record_name() -> str:
    """Name of a new record, which no other run has: time in ns, host and process."""
    me = this_process()
    host = "".join(sign if sign.isalnum() or sign in "._" else "_" for sign in me["host"])
    return f"{time.time_ns():020d}-{host}-{me['pid']}.jsonl"


class Recorder:
    """Append events to the record of a run; each line is written at once and whole.

    While it is open, a thread touches the file, so that other machines see that the run lives.
    A disk that is full does not end the run: lines that cannot be written are counted.

    Parameters
    ----------
    out_dir : path
        Output folder.
    command, version : str
        What was called, for people, and the version of this package.
    level, engine : str
        ``participant``, ``group`` or ``rerun`` (of one node), and where nodes run.
    participants : sequence of str
        Whom the run is about.
    work_dir : path, optional
        Where nodes work.
    name : str, optional
        As `record_name` gives it.
    beat : float
        Seconds between two touches.

    Attributes
    ----------
    path : path
        The record.
    n_lost : int
        Lines that could not be written.

    Raises
    ------
    InputError
        If nothing can be written to the output folder.
    """

    def __init__(
        self,
        out_dir: str | Path,
        command: str,
        version: str,
        *,
        level: str = "participant",
        engine: str = "local",
        participants: Sequence[str] = (),
        work_dir: str | Path | None = None,
        name: str | None = None,
        beat: float = BEAT,
    ) -> None:
        folder = Path(out_dir) / RECORDS
        self.path = folder / (name or record_name())
        self.n_lost = 0
        self._torn = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._file = os.open(self.path, flags, 0o666)
        except OSError as err:
            raise not_writable(out_dir, err) from None
        made = os.fstat(self._file).st_mtime
        me = this_process()
        self._write({
            "what": "begin", **me, "command": command, "version": version, "level": level,
            "engine": engine, "participants": list(participants),
            "work_dir": str(work_dir) if work_dir else None,
            "out_dir": os.path.realpath(out_dir),  # where it is then: folders are moved and copied
            "clock": round(time.time() - made, 3),  # ahead of the file system's, in s
        })  # fmt: skip
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._touch, args=(beat,), daemon=True)
        self._thread.start()

    def __call__(self, event: Event, **more: Any) -> None:
        """Note one event of a node, and whatever else is known of it."""
        entry: dict[str, Any] = {"what": event.what, "node": event.node}
        if event.message:
            entry["message"] = event.message
        if event.failure is not None:
            entry["crash_file"] = event.failure.crash_file
        self._write({**entry, **more}, event.time)

    def close(self, ok: bool | None) -> None:
        """Say how the run ended: with all results or not; None where it was interrupted."""
        self.end("interrupted" if ok is None else "finished" if ok else "failed-run")

    def end(self, what: str) -> None:
        """End the record with ``what``; ``submitted``: jobs of a cluster go on with it."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._write({"what": what})
            os.close(self._file)

    def _touch(self, beat: float) -> None:
        while not self._ended.wait(beat):
            try:
                os.utime(self.path)
            except OSError:
                continue  # the folder may come back

    def _write(self, entry: dict[str, Any], when: float | None = None) -> None:
        now = time.time() if when is None else when
        line = json.dumps({"time": round(now, 3), **entry}) + "\n"
        data = (("\n" if self._torn else "") + line).encode()
        try:
            self._torn = os.write(self._file, data) < len(data)
        except OSError:
            self._torn = True
        self.n_lost += self._torn


def not_writable(folder: str | Path, err: OSError, name: str = "OUT_DIR") -> InputError:
    """Say that the output folder, or the one that the option ``name`` gives, is of no use."""
    return InputError(
        str(folder),
        expected=f"{'an output' if name == 'OUT_DIR' else 'a work'} folder that can be written to",
        found=f"{err.filename or folder}: {err.strerror or err}",
        hint=f"give another {name}, or the right to read and write there and room on its disk",
    )
