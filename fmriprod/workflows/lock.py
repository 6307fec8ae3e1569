"""One run at a time for each participant of an output folder and of a work folder."""

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.lock_files import make, read_lock, replace
from fmriprod.workflows.record import RECORDS, not_writable
from fmriprod.workflows.record_owner import BEAT, STALE, age_of, this_process, which_live

LOCKS, WORK_LOCKS = Path(".fmriprod", "locks"), Path(".locks")
_SHOWN = 8  # participants named in a message


class Locks(AbstractContextManager):
    """Hold the locks of some participants; all of them, or none.

    A lock is a file that is made whole and at once, by a hard link. One whose process is gone is
    taken over: who makes the takeover's own lock, named after the lock that is stale, may
    replace it, if it is still the same. That one can become stale too, and is taken over
    alike. So of any number of takers one wins, and none waits for a dead one.

    While locks are held or being taken, a thread touches them, so that other machines see that
    their process lives, and looks whether they are still ours: a process that was stopped for
    longer than others wait loses them, and must not go on.

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
    work_dir : path, optional
        Where nodes work. It is locked as well, since runs of other output folders may use it.
    stale, watch : float
        As `lives` takes them.
    beat : float
        Seconds between two touches.

    Raises
    ------
    InputError
        If another run works on one of them, or a folder cannot be written to.
    """

    def __init__(
        self,
        out_dir: str | Path,
        participants: Iterable[str],
        command: str,
        record: str = "",
        *,
        work_dir: str | Path | None = None,
        stale: float = STALE,
        watch: float | None = None,
        beat: float = BEAT,
    ) -> None:
        self._out_dir = Path(out_dir)
        self._patience = {"stale": stale} if watch is None else {"stale": stale, "watch": watch}
        labels = sorted(set(participants))
        self._mine = {
            **this_process(), "id": uuid.uuid4().hex, "command": command,
            "participants": labels, "record": record,
        }  # fmt: skip
        self._held: list[Path] = []
        self._dead: set[str] = set()  # owners of locks that were found gone
        self._lost: Path | None = None
        self._on_loss: Callable[[], None] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._touch, args=(beat,), daemon=True)
        self._thread.start()
        place, name = self._out_dir, "OUT_DIR"
        try:
            self._take_all(place / LOCKS, name)
            if work_dir is not None:
                place, name = Path(work_dir), "--work-dir"
                self._take_all(place / WORK_LOCKS, name)
            self.check()
        except OSError as err:
            self.release()
            raise not_writable(place, err, name) from None
        except BaseException:
            self.release()
            raise

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go of all that is held, where nobody took it over meanwhile."""
        self._ended.set()
        self._thread.join()
        while self._held:
            path = self._held.pop()
            with suppress(OSError):  # taken over later, as that of a process that is gone
                if read_lock(path).get("id") == self._mine["id"]:
                    path.unlink(missing_ok=True)

    def watch(self, on_loss: Callable[[], None]) -> None:
        """Have a function called, from another thread and once, when a lock is not ours any more.

        Parameters
        ----------
        on_loss : callable
            Ends what this process does.
        """
        self._on_loss = on_loss

    def check(self) -> None:
        """Look whether all locks are still ours.

        Raises
        ------
        InputError
            If one is not: another process may have worked on its participant meanwhile.
        """
        for path in self._held:
            self._look_at(path)
        if self._lost is None:
            return
        try:
            other = read_lock(self._lost)
        except OSError:
            other = {}
        by = f"process {other.get('pid', '?')} on {other.get('host', '?')} took it over"
        raise InputError(
            f"the lock of {self._lost.stem}",
            expected="a lock that stays that of this process while it runs",
            found=f"{self._lost}: {by if other else 'it is gone'}",
            hint="this run was ended: it may have stood still, or been cut off from the disk, for "
            "so long that another one went on with its participants. When fmriprod status shows "
            "none at work, give the same command again: it continues",
        )

    def _touch(self, beat: float) -> None:
        while not self._ended.wait(beat):
            for path in tuple(self._held):
                if self._look_at(path):
                    with suppress(OSError):  # the folder may come back
                        os.utime(path)
            if self._lost is not None and self._on_loss is not None:
                on_loss, self._on_loss = self._on_loss, None
                on_loss()

    def _look_at(self, path: Path) -> bool:
        """Tell whether a lock is still ours, and note one that is not."""
        try:
            ours = read_lock(path).get("id") == self._mine["id"]
            if not ours and path.parent.is_dir():
                self._lost = self._lost or path
        except OSError:
            return False  # nobody knows now
        return ours

    def _take_all(self, folder: Path, place: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{label}.lock" for label in self._mine["participants"]]
        self._find_dead(paths)
        whole = folder / f".{self._mine['id']}"
        whole.write_text(json.dumps(self._mine), encoding="utf-8")
        try:
            for path in paths:
                if (other := self._take(path, whole)) is not None:
                    raise self._refusal(path, place, other)
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
            takeover = path.with_name(f".{other['id']}.takeover")
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
        if "pid" not in other:  # cut short: it is being written, or its disk was full
            return abs(age_of(path) or 0.0) <= self._patience["stale"]
        if _owner(other) not in self._dead:
            self._note_dead({_owner(other): (other, self._files(path, other))})
        return _owner(other) not in self._dead

    def _find_dead(self, paths: Iterable[Path]) -> None:
        """Watch all owners that seem gone at once: each by itself would take a while."""
        others = ((path, read_lock(path)) for path in paths)
        self._note_dead({_owner(o): (o, self._files(path, o)) for path, o in others if "pid" in o})

    def _note_dead(self, owners: Mapping[str, tuple[Mapping[str, Any], list[Path]]]) -> None:
        alive = which_live(owners.values(), **self._patience)
        self._dead |= {owner for owner, lives in zip(owners, alive, strict=True) if not lives}

    def _files(self, path: Path, other: Mapping[str, Any]) -> list[Path]:
        record = Path(str(other.get("record") or "")).name
        return [path, self._out_dir / RECORDS / record] if record else [path]

    def _refusal(self, path: Path, place: str, other: Mapping[str, Any]) -> InputError:
        named = other.get("participants")
        theirs = [str(name) for name in named] if isinstance(named, list) else []
        more = f" and {len(theirs) - _SHOWN} more" if len(theirs) > _SHOWN else ""
        hint = (
            "wait until it ends (fmriprod status shows it), end it, or leave its participants out "
            "with --participant-label"
        )
        where = str(self._out_dir)
        if place != "OUT_DIR":
            where = f"the work folder {path.parent.parent}"
            hint = "wait until it ends, end it, or give another --work-dir"
        return InputError(
            path.stem if path.stem == "group" else f"participant {path.stem}",
            expected=f"no other run at work on it in {where}",
            found=f"process {other.get('pid', '?')} on {other.get('host', '?')}, "
            f"{other.get('command') or 'unknown'}, at work on "
            f"{', '.join(theirs[:_SHOWN]) or 'unknown'}{more}",
            hint=hint,
        )


def _owner(lock: Mapping[str, Any]) -> str:
    return f"{lock.get('host')} {lock.get('pid')} {lock.get('born')} {lock.get('record')}"
