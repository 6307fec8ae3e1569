"""Remove what a run no longer needs from its work folder, and nothing else."""

import os
import shutil
import uuid
from pathlib import Path
from typing import Literal

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event

Level = Literal["none", "finished", "all"]
LEVELS = ("none", "finished", "all")
MARK = ".fmriprod-work"
_REMOVED = ".removing-"
_TEXT = "fmriprod made this folder for intermediate files; --clean-work may empty it.\n"


class WorkCleaner:
    """Remove the work of each participant whose steps all have results.

    Called with the events of a run. A later run of who is removed computes all of it again. What
    is removed lies in a folder that this package has marked when it made it; links are not
    followed.

    Parameters
    ----------
    work_dir : path
        Where nodes work; each workflow has a folder of its own name in it.
    workflow : str
        Name of the workflow.
    level : {"none", "finished", "all"}
        ``finished``: participants as soon as all their steps have results (and the group, which
        counts as one). ``all``: at the end of the run also those that failed.

    Attributes
    ----------
    removed : list of str
        Folders that were removed.
    trouble : list of str
        Why others were not.

    Raises
    ------
    InputError
        For another level, and if the workflow's folder is there and was not made by this package.
    """

    def __init__(self, work_dir: str | Path, workflow: str, level: Level = "none") -> None:
        if level not in LEVELS:
            raise InputError(
                "clean_work", expected=", ".join(LEVELS), found=repr(level), hint="give one of them"
            )  # fmt: skip
        self._level = level
        self._work_dir = Path(work_dir).absolute()
        self._pending: dict[tuple[str, ...], set[str]] = {}
        self.removed: list[str] = []
        self.trouble: list[str] = []
        home = self._work_dir / workflow
        if not os.path.lexists(home):
            _make(home)
        if level != "none" and not _is_ours(home):
            raise InputError(
                "--clean-work", expected=f"a work folder that fmriprod made, with {MARK}",
                found=f"{home} without it" if home.exists() else f"{home}, a link",
                hint="give another --work-dir, or run without --clean-work and remove the "
                "folder yourself",
            )  # fmt: skip

    def __call__(self, event: Event) -> None:
        """Note an event, and remove the work of who has all results now."""
        unit = unit_of(event.node)
        if event.what == "planned":
            self._pending.setdefault(unit, set()).add(event.node)
        elif event.what in ("end", "cached") and unit in self._pending:
            self._pending[unit].discard(event.node)
            if self._level != "none" and not self._pending[unit]:
                self._remove_finished(unit[:1])

    def end(self) -> None:
        """Say that the run has come to its end by itself: with level ``all``, remove the rest."""
        if self._level == "all":
            for unit in sorted(self._pending, key=len, reverse=True):
                self._remove(unit)

    def _remove_finished(self, top: tuple[str, ...]) -> None:
        """Remove all units of a workflow that are finished; its own folder when all are."""
        own = [unit for unit in self._pending if unit[:1] == top]
        for unit in own:
            if not self._pending[unit] and len(unit) > 1:
                self._remove(unit)
        if top in own and not any(self._pending[unit] for unit in own):
            self._remove(top)

    def _remove(self, unit: tuple[str, ...]) -> None:
        folder = self._work_dir.joinpath(*unit)
        home = self._work_dir / unit[0]
        if not os.path.lexists(folder):
            return
        if folder.is_symlink() or not _is_ours(home):
            self.trouble.append(f"{folder}: a link, or in a folder without {MARK}")
            return
        try:
            if folder == home:
                for path in home.iterdir():
                    if path.name != MARK:
                        _delete(path, home)
            else:
                _delete(folder, home)
        except OSError as err:
            self.trouble.append(f"{err.filename or folder}: {err.strerror or err}")
        else:
            self.removed.append(str(folder))


def unit_of(node: str) -> tuple[str, ...]:
    """Tell whose node it is, as the parts of the path of their folder below the work folder.

    Examples
    --------
    >>> unit_of("fmriprod.sub_01_wf.anat_wf.skullstrip")
    ('fmriprod', 'sub_01_wf')
    >>> unit_of("group_wf.collect")
    ('group_wf',)
    """
    parts = node.split(".")
    whose = next((i for i, p in enumerate(parts) if p[:4] == "sub_" and p[-3:] == "_wf"), 0)
    return tuple(parts[: whose + 1])


def _make(home: Path) -> None:
    """Make a marked folder, whole and at once: other runs may be about to make it, too."""
    new = home.with_name(f".making-{uuid.uuid4().hex}")
    new.mkdir(parents=True)
    try:
        (new / MARK).write_text(_TEXT, encoding="utf-8")
        new.rename(home)
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        if not home.is_dir():  # nobody else has made it
            raise


def _is_ours(home: Path) -> bool:
    return not home.is_symlink() and (home / MARK).is_file()


def _delete(path: Path, home: Path) -> None:
    """Delete a file, link or folder; a folder that is half deleted has another name."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    aside = home / f"{_REMOVED}{uuid.uuid4().hex}"
    path.rename(aside)
    for old in home.glob(f"{_REMOVED}*"):  # those of a run that was killed, too
        shutil.rmtree(old, ignore_errors=old != aside)
