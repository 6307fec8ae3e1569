"""Run one node again, alone and in this process."""

import os
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import Any

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.result_seals import SEAL
from fmriprod.workflows.failure import describe_failure
from fmriprod.workflows.outcome import Event, Failure
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.record_read import load_record, touched

_SHOWN = 8  # names in a message


@dataclass(frozen=True)
class Known:
    """Nodes that the runs of an output folder planned; work folder and command of the latest."""

    nodes: tuple[str, ...] = ()
    work_dir: Path | None = None
    command: str = ""
    out_dir: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.nodes)


def known_nodes(out_dir: str | Path) -> Known:
    """Collect from the records of an output folder the nodes that its runs planned.

    Parameters
    ----------
    out_dir : path
        Output folder.

    Returns
    -------
    Known
        Empty where nothing was run. Of an output folder that was copied or moved there is no
        work folder: the one that its records name is that of the original.
    """
    names: dict[str, None] = {}
    begin: dict[str, Any] = {}
    latest = ""
    records = (Path(out_dir) / RECORDS).glob("*.jsonl")
    for path in sorted(records, key=lambda path: (touched(path), path.name)):  # as status does
        record = load_record(path)
        if not record.trouble and record.begin.get("level") != "rerun":
            begin, latest = record.begin, path.name
        for entry in record.entries:
            if entry["what"] == "planned" and isinstance(entry.get("node"), str):
                names[entry["node"]] = None
    work = begin.get("work_dir")
    if work and _is_of_another(begin.get("out_dir"), Path(work), Path(out_dir), latest):
        work = None
    return Known(
        tuple(names), Path(work) if work else None, str(begin.get("command", "")), Path(out_dir)
    )


def _is_of_another(noted: str | None, work_dir: Path, out_dir: Path, record: str) -> bool:
    """Tell whether the work folder in a record is that of another output folder."""
    if noted is None:  # a record of an earlier version: whose work folder holds the same record?
        owners = [
            str(folder) for folder in work_dir.parents if (folder / RECORDS / record).exists()
        ]
        noted = owners[0] if owners else str(out_dir)
    return os.path.realpath(noted) != os.path.realpath(out_dir)


def find_node(name: str, nodes: Collection[str]) -> str:
    """Find the one node that a name, or the end of one, means.

    Parameters
    ----------
    name : str
        Full name, or its last parts.
    nodes : collection of str
        Full names.

    Raises
    ------
    InputError
        If no node or more than one is meant.

    Examples
    --------
    >>> find_node("b.fit", ["f.sub_01_wf.a.fit", "f.sub_01_wf.b.fit"])
    'f.sub_01_wf.b.fit'
    """
    if name in nodes:
        return name
    found = [node for node in nodes if node.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InputError(
            "node", expected="a name that one step has",
            found=f"{name!r}, which {len(found)} have: {', '.join(sorted(found)[:_SHOWN])}{more}",
            hint="give more of the name, or all of it",
        )  # fmt: skip
    ends = {".".join(node.split(".")[-n:]) for node in nodes for n in range(1, 4)}
    raise InputError(
        "node", expected="a step of the runs in this folder",
        found=repr(name) if nodes else f"{name!r}, and nothing was run there",
        hint=_meant(name, {*nodes, *ends}) if nodes else "give the output folder of fmriprod run",
    )  # fmt: skip


def rerun_node(
    name: str,
    work_dir: str | Path,
    crash_dir: str | Path,
    on_event: Callable[[Event], None] | None = None,
) -> Failure | None:
    """Run a node again where it ran before, whether it has a result or not.

    Its inputs are looked up again, and so is the version of its algorithm, so that the result
    is what the run would compute, and is answered from the cache when the run continues.

    Parameters
    ----------
    name : str
        Full name.
    work_dir : path
        Work folder of the run. Nipype's pickled node is read from it, and nothing else.
    crash_dir : path
        Where details of a failure are written.
    on_event : callable, optional
        Called with an `Event` when it starts and ends.

    Returns
    -------
    Failure or None
        None when it has a result.

    Raises
    ------
    InputError
        If it has not begun in that work folder, or its files are not of this user.
    """
    node = load_node(name, work_dir)
    emit = on_event or (lambda event: None)
    emit(Event(name, "start", time.time()))
    try:
        node.run()
    except Exception:
        from nipype.pipeline.plugins.tools import report_crash

        trace = "".join(format_exception(*sys.exc_info()))
        node.config["execution"]["crashdump_dir"] = str(crash_dir)
        crash_file = report_crash(node, traceback=trace.splitlines(keepends=True))
        failure = describe_failure(node, name, trace, str(crash_file))
        emit(Event(name, "failed", time.time(), failure.message, failure))
        return failure
    emit(Event(name, "end", time.time()))
    return None


def load_node(name: str, work_dir: str | Path) -> Any:
    """Load a node as it began in a work folder, with nothing remembered of its inputs.

    Raises
    ------
    InputError
        As `rerun_node`.
    """
    from nipype.utils.filemanip import loadpkl

    file = node_folder(name, work_dir) / "_node.pklz"
    if not file.is_file():
        raise InputError(
            "node", expected="a step that has begun", found=f"no {file}",
            hint="give the command of the run: it gets there when the steps before have results",
        )  # fmt: skip
    owner = file.stat().st_uid
    if hasattr(os, "geteuid") and owner not in (os.geteuid(), 0):
        raise InputError(
            "work_dir", expected="a work folder of your own, since Python objects are read from it",
            found=f"{file} of user {owner}", hint="run the study yourself, and rerun it there",
        )  # fmt: skip
    node = loadpkl(str(file))
    if os.path.realpath(node.output_dir()) != os.path.realpath(file.parent):
        raise InputError(
            "work_dir", expected=f"the work folder where it ran, {node.output_dir()}",
            found=str(file.parent), hint="a folder that was moved has to be run as a whole",
        )  # fmt: skip
    node._hashvalue = node._hashed_inputs = node._result = None
    node._got_inputs = False
    node.overwrite = True
    (file.parent / SEAL).unlink(missing_ok=True)  # its result will be another one
    if isinstance(node.interface, PythonInterface):
        node.interface.note_version()
        node.inputs.algorithm_version = node.interface.inputs.algorithm_version
    return node


def node_folder(name: str, work_dir: str | Path) -> Path:
    """Tell where in a work folder a node works; parts of map nodes work inside of it.

    Examples
    --------
    >>> node_folder("f.sub_01_wf.each.2", "work").as_posix()
    'work/f/sub_01_wf/each/mapflow/_each1'
    """
    *parts, last = name.split(".")
    folder = Path(work_dir)
    if not all(part.isidentifier() for part in parts):  # no way out of the work folder
        return folder / "no such step"
    if last.isdecimal() and parts:
        return folder.joinpath(*parts, "mapflow", f"_{parts[-1]}{int(last) - 1}")
    return folder.joinpath(*parts, last) if last.isidentifier() else folder / "no such step"


def _meant(name: str, known: Collection[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    most = suggest(name, sorted(known)[:_SHOWN]) if not close else f"did you mean {close[0]!r}?"
    return f"{most} `fmriprod status` names the steps that failed"
