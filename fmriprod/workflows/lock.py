"""One run at a time for each participant of an output folder."""

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.record import RECORDS, not_writable
from fmriprod.workflows.record_owner import STALE, age_of, lives, this_process

LOCKS = Path(".fmriprod", "locks")
_SHOWN = 8  # participants named in a message


class Locks(AbstractContextManager):
    """Hold the locks of some participants; all of them, or none.

    A lock is a file that is made whole and at once, by a hard link. One whose process is gone is
    taken over: who makes the takeover's own lock, named after the lock that is stale, may
    replace it, if it is still the same. That one can become stale too, and is taken over
    alike. So of any number of takers one wins, and none waits for a dead one.

    Parameters
    ----------
    out_dir : path
        Output folder.
    participants : iterable of str
        Labels; ``group`` for the group.
    command : str
        What is run, for the message that others get.
    record : str
        Name of the record that this run touches while it lives.
    stale, watch : float
        As `lives` takes them.

    Raises
    ------
    InputError
        If another run works on one of them, or the folder cannot be written to.
    """

    def __init__(
        self,
        out_dir: str | Path,
        participants: Iterable[str],
        command: str,
        record: str = "",
        *,
        stale: float = STALE,
        watch: float | None = None,
    ) -> None:
        self._out_dir = Path(out_dir)
        self._folder = self._out_dir / LOCKS
        self._patience = {"stale": stale} if watch is None else {"stale": stale, "watch": watch}
        labels = sorted(set(participants))
        self._mine = {
            **this_process(), "id": uuid.uuid4().hex, "command": command,
            "participants": labels, "record": record,
        }  # fmt: skip
        self._held: list[Path] = []
        self._dead: set[str] = set()  # ids of locks of processes that were found gone
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._take_all(labels)
        except OSError as err:
            self.release()
            raise not_writable(out_dir, err) from None
        except BaseException:
            self.release()
            raise

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go of all that is held, where nobody took it over meanwhile."""
        while self._held:
            path = self._held.pop()
            if read_lock(path).get("id") == self._mine["id"]:
                path.unlink(missing_ok=True)

    def _take_all(self, labels: Iterable[str]) -> None:
        whole = self._folder / f".{self._mine['id']}"
        whole.write_text(json.dumps(self._mine), encoding="utf-8")
        try:
            for label in labels:
                path = self._folder / f"{label}.lock"
                if (other := self._take(path, whole)) is not None:
                    raise self._refusal(label, other)
                self._held.append(path)
        finally:
            whole.unlink(missing_ok=True)

    def _take(self, path: Path, whole: Path) -> Mapping[str, Any] | None:
        """Take one lock; tell who has it, None where it is ours now."""
        while not make(path, whole):
            other = read_lock(path)
            if not other:
                continue  # let go just now
            if self._is_at_work(path, other):
                return other
            takeover = self._folder / f".{other['id']}.takeover"
            if (rival := self._take(takeover, whole)) is not None:
                return rival
            try:
                if read_lock(path).get("id") == other["id"]:
                    replace(path, whole)
                    return None
            finally:
                takeover.unlink(missing_ok=True)
        return None

    def _is_at_work(self, path: Path, other: Mapping[str, Any]) -> bool:
        owner = f"{other.get('host')} {other.get('pid')} {other.get('born')} {other.get('record')}"
        if owner in self._dead:
            return False
        if "pid" not in other:  # cut short: it is being written, or its disk was full
            return abs(age_of(path) or 0.0) <= self._patience["stale"]
        files = [path]
        if other.get("record"):
            files.append(self._out_dir / RECORDS / Path(str(other["record"])).name)
        if lives(other, files, **self._patience):
            return True
        self._dead.add(owner)
        return False

    def _refusal(self, label: str, other: Mapping[str, Any]) -> InputError:
        theirs = [str(name) for name in other.get("participants", [])]
        more = f" and {len(theirs) - _SHOWN} more" if len(theirs) > _SHOWN else ""
        return InputError(
            label if label == "group" else f"participant {label}",
            expected=f"no other run at work on it in {self._out_dir}",
            found=f"process {other.get('pid', '?')} on {other.get('host', '?')}, "
            f"{other.get('command') or 'unknown'}, at work on "
            f"{', '.join(theirs[:_SHOWN]) or 'unknown'}{more}",
            hint="wait until it ends (fmriprod status shows it), end it, or leave its "
            "participants out with --participant-label",
        )


def make(path: Path, whole: Path) -> bool:
    """Make a lock with the content of the file ``whole``; False where there is one."""
    try:
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError:  # no hard links on this file system
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(whole.read_text(encoding="utf-8"))
        except FileExistsError:
            return False
    return True


def replace(path: Path, whole: Path) -> None:
    """Put the content of the file ``whole`` in the place of a lock, at once."""
    copy = whole.with_name(f"{whole.name}.new")
    copy.write_text(whole.read_text(encoding="utf-8"), encoding="utf-8")
    copy.replace(path)


def read_lock(path: Path) -> dict[str, Any]:
    """Read a lock: empty where there is none, only an ``id`` where it is cut short."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        inode = path.stat().st_ino
    except OSError:
        return {}
    try:
        entry = json.loads(text)
    except ValueError:
        entry = None
    if isinstance(entry, dict) and str(entry.get("id", "")).isalnum():
        return entry
    return {"id": f"torn{inode}"}
