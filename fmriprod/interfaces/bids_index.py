"""A light index of a raw BIDS dataset: who took part, and which files each run has."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fmriprod.algorithms.bids_names import BidsName, strip_prefix
from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.bids_listing import Listing, applying, dataset_error
from fmriprod.interfaces.supplied import MOST_TEXT, file_problem

_DATATYPES = ("anat", "func")


@dataclass(frozen=True)
class Run:
    """One BOLD series and what belongs to it.

    ``metadata`` is read from the JSON files when it is first asked for.

    Parameters
    ----------
    name : BidsName
        The name of the BOLD file in its parts.
    bold_file : str
        Absolute path of the image.
    events_file : str or None
        Nearest events table that applies (run, session, subject or whole dataset).
    json_files : tuple of str
        JSON files that apply, the most general first.
    """

    name: BidsName
    bold_file: str
    events_file: str | None = None
    json_files: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Label of the participant, without ``sub-``."""
        return self.name.get("sub") or ""

    @property
    def session(self) -> str | None:
        """Label of the session, without ``ses-``."""
        return self.name.get("ses")

    @property
    def task(self) -> str:
        """Label of the task."""
        return self.name.get("task") or ""

    @property
    def run(self) -> str | None:
        """Number of the run as the file name writes it (``1`` or ``01``)."""
        return self.name.get("run")

    @property
    def number(self) -> str:
        """Number of the run without leading zeros; empty if the name has none."""
        return _number(self.run or "")

    @property
    def label(self) -> str:
        """Run as sample tables name it, 1 if the name has none: unique within a task.

        With a session it is text that nobody takes for a number: ``ses-01_run-1``.
        """
        run = self.run or "1"
        return f"ses-{self.session}_run-{run}" if self.session else run

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Merged JSON metadata; a nearer file wins over a more general one."""
        merged: dict[str, Any] = {}
        for file in self.json_files:
            merged.update(read_json(file))
        return merged


@dataclass(frozen=True)
class Participant:
    """One subject: anatomical images and BOLD runs.

    Parameters
    ----------
    label : str
        Without ``sub-``.
    t1w_files : tuple of str
        Absolute paths of the T1-weighted images, sorted.
    runs : tuple of Run
        Sorted by session, task and run.
    """

    label: str
    t1w_files: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        """Labels of the sessions that have BOLD runs."""
        return tuple(sorted({run.session for run in self.runs if run.session}))

    def t1w_for(self, session: str | None = None) -> str | None:
        """T1-weighted image of the session, or else the first of the participant."""
        own = [f for f in self.t1w_files if session and f"_ses-{session}_" in os.path.basename(f)]
        return next(iter([*own, *self.t1w_files]), None)


@dataclass(frozen=True)
class BidsIndex:
    """What `index_dataset` found.

    Parameters
    ----------
    root : str
        Absolute path of the dataset.
    participants : tuple of Participant
        Sorted by label.
    broken_links : tuple of str
        Files whose content is not on this machine (DataLad and git-annex).
    ignored : tuple of InputError
        Images and tables that were left out because of their names, and why.
    """

    root: str
    participants: tuple[Participant, ...]
    broken_links: tuple[str, ...] = ()
    ignored: tuple[InputError, ...] = field(default=(), compare=False)

    @property
    def runs(self) -> tuple[Run, ...]:
        """BOLD runs of all participants."""
        return tuple(run for participant in self.participants for run in participant.runs)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Labels of the tasks, sorted."""
        return tuple(sorted({run.task for run in self.runs}))

    def select(
        self,
        participants: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        runs: Sequence[str | int] | None = None,
        sessions: Sequence[str] | None = None,
    ) -> "BidsIndex":
        """Keep the participants and runs that are named; None keeps all.

        Parameters
        ----------
        participants, tasks, sessions : sequence of str, optional
            Labels, with or without ``sub-``, ``task-`` and ``ses-``.
        runs : sequence of str or int, optional
            Run numbers; 1 and 01 are the same.

        Raises
        ------
        InputError
            For a label that the dataset does not have, with the nearest that it has.
        """
        known = [p.label for p in self.participants]
        wanted = set(_chosen("participants", participants, known, "sub"))
        kept = [p for p in self.participants if participants is None or p.label in wanted]
        present = [run for p in kept for run in p.runs]
        tests = []
        if sessions is not None:
            labels = {run.session for run in present if run.session}
            chosen = set(_chosen("sessions", sessions, sorted(labels), "ses"))
            tests.append(lambda run: run.session in chosen)
        if tasks is not None:
            labels = {run.task for run in present}
            names = set(_chosen("tasks", tasks, sorted(labels), "task"))
            tests.append(lambda run: run.task in names)
        if runs is not None:
            labels = {_number(run.run) for run in present if run.run}
            numbers = set(_chosen("runs", map(_number, runs), sorted(labels), "run"))
            tests.append(lambda run: run.run is not None and _number(run.run) in numbers)
        kept = [replace(p, runs=tuple(r for r in p.runs if all(t(r) for t in tests))) for p in kept]
        return replace(self, participants=tuple(kept))


def index_dataset(folder: str | Path) -> BidsIndex:
    """List T1-weighted images, BOLD runs, events and sidecars of a raw BIDS dataset.

    Only folders are listed: no image and no JSON file is opened. Symbolic links count as
    the files they point to; those that point nowhere are listed in ``broken_links``.

    Parameters
    ----------
    folder : path
        Root of the dataset.

    Returns
    -------
    BidsIndex
        Sorted, so that the same dataset gives the same index.

    Raises
    ------
    InputError
        If the folder is not there or has no ``sub-*`` folder.
    """
    root = os.path.abspath(folder)
    if not os.path.isdir(root):
        raise dataset_error(root, "no such folder", "check the path")
    top = Listing(root, {})
    subjects = sorted(e.name for e in top.folders if e.name.startswith("sub-"))
    if not subjects:
        found = "none; it holds " + (
            ", ".join(sorted(e.name for e in top.folders)[:8]) or "nothing"
        )
        raise dataset_error(root, found, "give the folder that holds the sub-* folders")
    broken, ignored = list(top.broken), list(top.ignored)
    participants = []
    for subject in subjects:
        label = subject.removeprefix("sub-")
        participants.append(_index_participant(root, label, top, broken, ignored))
    return BidsIndex(root, tuple(participants), tuple(sorted(broken)), tuple(ignored))


def read_json(file: str | Path) -> dict[str, Any]:
    """Read a JSON object; a mark of byte order at its beginning is left out.

    Raises
    ------
    InputError
        If the file cannot be read, is no JSON, or holds something else than an object.
    """
    if found := file_problem(file, MOST_TEXT):
        raise _json_error(file, found)
    try:
        content = json.loads(Path(file).read_text(encoding="utf-8-sig"), parse_constant=_refuse)
    except (OSError, UnicodeDecodeError, ValueError) as err:
        raise _json_error(file, str(err)) from None
    except RecursionError:
        raise _json_error(file, "brackets within brackets without end") from None
    if not isinstance(content, dict):
        raise _json_error(file, f"a {type(content).__name__}")
    return content


def _index_participant(
    root: str, label: str, top: Listing, broken: list[str], ignored: list[InputError]
) -> Participant:
    place = {"sub": label}
    home = Listing(os.path.join(root, f"sub-{label}"), place)
    levels = [(home, [top, home], place)]
    for entry in home.folders:
        if entry.name.startswith("ses-"):
            inside = {**place, "ses": entry.name.removeprefix("ses-")}
            session = Listing(entry.path, inside)
            levels.append((session, [top, home, session], inside))
    t1w: list[str] = []
    runs: list[Run] = []
    for level, above, inside in levels:
        for entry in level.folders:
            if entry.name in _DATATYPES:
                leaf = Listing(entry.path, inside)
                t1w += [path for _, path in leaf.data["T1w"] if entry.name == "anat"]
                if entry.name == "func":
                    runs += _runs_of(leaf, [*above, leaf])
                broken += leaf.broken
                ignored += leaf.ignored
        broken += level.broken
        ignored += level.ignored
    runs.sort(key=lambda r: (r.session or "", r.task, r.number.zfill(6), r.bold_file))
    return Participant(label, tuple(sorted(t1w)), tuple(runs))


def _runs_of(leaf: Listing, levels: Sequence[Listing]) -> list[Run]:
    runs = []
    for name, path in leaf.data["bold"]:
        json_files = [f for lv in levels for f in applying(lv, "bold", ".json", name)]
        tables = [f for lv in levels for f in applying(lv, "events", ".tsv", name)]
        events = tables[-1] if tables else None
        runs.append(Run(name, path, events, tuple(json_files)))
    return runs


def _chosen(subject: str, labels: Iterable[Any] | None, known: list[str], key: str) -> list[str]:
    chosen = [strip_prefix(str(label), key) for label in labels or ()]
    for label in chosen:
        if label not in known:
            raise InputError(
                subject,
                expected=f"labels that the dataset has ({key}-<label>)",
                found=repr(label),
                hint=suggest(label, known),
            )
    return chosen


def _number(run: str | int) -> str:
    """Run number without leading zeros, so that run-1 and run-01 are the same."""
    text = strip_prefix(str(run), "run")
    return str(int(text)) if text.isdecimal() else text


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{constant} is no JSON value")


def _json_error(file: str | Path, found: str) -> InputError:
    return InputError(
        "metadata",
        expected="a JSON object",
        found=found,
        hint="mend the file (a comma too many is the usual reason)",
        file=str(file),
    )
