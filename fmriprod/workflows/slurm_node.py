"""What a SLURM job does that runs one node: ``python -m fmriprod.workflows.slurm_node``."""

import json
import os
import pickle
import socket
import sys
from pathlib import Path
from traceback import format_exception
from typing import Any


def save_task(node: Any, updatehash: bool, stem: Path) -> None:
    """Write down a node for its job; where modules are found goes before what is in them."""
    content = {"path": sys.path, "updatehash": updatehash, "node": pickle.dumps(node)}
    stem.with_suffix(".task").write_bytes(pickle.dumps(content))


def run_task(stem: Path) -> None:
    """Run the node of a task, and leave its traceback, or that there is none, as JSON.

    The file appears whole and last, after the results of the node.
    """
    task = pickle.loads(stem.with_suffix(".task").read_bytes())
    sys.path.extend(path for path in task["path"] if path not in sys.path)
    try:
        traceback = _run(pickle.loads(task["node"]), task["updatehash"])
    except BaseException:
        traceback = format_exception(*sys.exc_info())
    answer = {"host": socket.gethostname(), "traceback": "".join(traceback or "") or None}
    unfinished = stem.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(answer), encoding="utf-8")
    unfinished.replace(stem.with_suffix(".result"))


def _run(node: Any, updatehash: bool) -> Any:
    from nipype.pipeline.plugins.multiproc import run_node

    return run_node(node, updatehash, 0)["traceback"]


if __name__ == "__main__":
    run_task(Path(sys.argv[1]))
