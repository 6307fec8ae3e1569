"""What is asked of the workers of a Dask cluster, and what they run."""

import os
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from nipype.pipeline.plugins.multiproc import run_node

from fmriprod import __version__
from fmriprod.algorithms.checks import InputError

_ALONE = threading.Lock()  # nodes change the working directory of their process


def run_alone(node: Any, updatehash: bool, task: int, topic: str) -> dict[str, Any]:
    """Run a node in a worker, no other in the same process at the same time."""
    from distributed import get_worker

    with _ALONE:
        get_worker().log_event(topic, (task, True))
        try:
            return run_node(node, updatehash, task)
        finally:
            get_worker().log_event(topic, (task, False))


@contextmanager
def shared_marks(folders: Iterable[str]) -> Iterator[list[str]]:
    """Put a file with a new name into each folder: who sees it sees the same folder."""
    marks = [Path(folder, f".seen-by-workers-{uuid4().hex}") for folder in sorted(folders)]
    try:
        for mark in marks:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        yield [str(mark) for mark in marks]
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)


def describe_worker(marks: Iterable[str]) -> dict[str, Any]:
    """Tell from a worker its host, version, and the folders whose marks it does not see."""
    unseen = [os.path.dirname(mark) for mark in marks if not os.path.exists(mark)]
    return {"host": socket.gethostname(), "version": __version__, "unseen": unseen}


def refuse_worker(answer: Mapping[str, Any]) -> None:
    """Refuse a worker that would not do what the driver means.

    Raises
    ------
    InputError
        If it has another version of this package, or does not see a folder.
    """
    if answer["version"] != __version__:
        raise InputError(
            "scheduler", expected=f"workers with fmriprod {__version__}, as here",
            found=f"{answer['version']} on {answer['host']}",
            hint="start the workers from the environment that this command has",
        )  # fmt: skip
    if answer["unseen"]:
        raise InputError(
            "work_dir", expected="a folder that all workers see",
            found=f"{answer['unseen'][0]} is not there on {answer['host']}",
            hint="give a --work-dir on a file system that all machines share",
        )  # fmt: skip
