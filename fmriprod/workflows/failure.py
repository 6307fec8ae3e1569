"""What is said of a node that failed: its message, its inputs, and the end of its log."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nipype.interfaces.base import isdefined

from fmriprod.algorithms.checks import presentable
from fmriprod.workflows.outcome import Failure
from fmriprod.workflows.readable_error import readable_error

_LOG_LINES = 40
_FILES = 60  # input files that are described


def describe_failure(node: Any, name: str, trace: str | list[str], crash_file: str) -> Failure:
    """Collect what a person needs to know of a node that failed.

    Parameters
    ----------
    node : nipype.pipeline.engine.Node
        Its inputs are looked up where earlier steps have left them.
    name : str
        Its full name.
    trace : str or list of str
        Its traceback.
    crash_file : str
        Where Nipype wrote the details.

    Returns
    -------
    Failure
    """
    kind = type(node.interface)
    return Failure(
        name,
        presentable(readable_error(trace)),
        crash_file,
        interface=f"{kind.__module__}.{kind.__qualname__}",
        inputs=tuple(describe_inputs(node)),
        log=last_lines(trace),
        mem_gb=float(node.mem_gb or 0.0),
        n_procs=int(node.n_procs or 1),
    )


def describe_inputs(node: Any) -> Iterator[tuple[str, str, str]]:
    """Give name, path, and shape or size of each input that is a file; never fail."""
    try:
        node._get_inputs()  # of nodes that a worker ran, this process has not asked for them
        given = node.inputs.get()
    except Exception:  # an earlier step's result is gone or torn: say what is known
        given = {}
    count = 0
    for name, value in sorted(given.items()):
        if not isdefined(value):
            continue
        for path in _paths(value):
            count += 1
            if count > _FILES:
                return
            yield name, path, describe_file(path)


def describe_file(path: str) -> str:
    """Say in a few words what a file is: its shape, where its kind has one, and its size.

    Parameters
    ----------
    path : str
        A file that may not be there.
    """
    try:
        if os.path.isdir(path):
            return "folder"
        size = _size(os.path.getsize(path))
    except FileNotFoundError:
        return "MISSING"
    except OSError as err:
        return f"cannot be read: {err.strerror or err}"
    try:
        shape = _shape(path)
    except Exception as err:  # whatever is wrong with it, the message of the step says it
        return f"{size}, header cannot be read ({type(err).__name__})"
    return f"{shape}, {size}" if shape else size


def last_lines(trace: str | list[str]) -> str:
    """Keep the last lines of a log or traceback, without signs that steer a terminal."""
    lines = "".join(trace).rstrip().splitlines()
    cut = [f"... {len(lines) - _LOG_LINES} lines before"] if len(lines) > _LOG_LINES else []
    return presentable("\n".join([*cut, *lines[-_LOG_LINES:]]), most=12000)


def _shape(path: str) -> str:
    if path.endswith((".nii", ".nii.gz")):
        import nibabel as nib

        image = nib.load(path)
        return f"{_times(image.shape)} {image.get_data_dtype()}"
    if path.endswith(".npy"):
        import numpy as np

        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return f"{_times(array.shape)} {array.dtype}"
    if path.endswith(".tsv") and os.path.getsize(path) < 20e6:
        with open(path, encoding="utf-8", errors="replace") as stream:
            columns = len(stream.readline().split("\t"))
            return f"{sum(1 for _ in stream)} rows x {columns} columns"
    return ""


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape) or "a number"


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} GB"


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, str | os.PathLike):
        text = str(value)
        if os.path.isabs(text) and (Path(text).suffix or os.path.lexists(text)):
            yield text
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _paths(part)
