"""Where worker processes come from."""

import logging
import os
import sys
from multiprocessing import forkserver, get_context
from multiprocessing.context import BaseContext

from fmriprod.algorithms.checks import InputError

# What the steps of the main job import: it takes a worker seconds, and most of them once each.
_PRELOADED = (
    "fmriprod.workflows.study",
    "matplotlib.backends.backend_agg",
    "nilearn.glm",
    "SimpleITK",
)


def worker_context() -> BaseContext:
    """Give the way in which workers are started.

    On Linux they are forked from a server process that has imported the libraries, and has
    run nothing: no thread of ours, no computation and no random number is in it that a fork
    could double. Elsewhere each worker starts from nothing.
    """
    if not sys.platform.startswith("linux"):
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def start_early() -> None:
    """Start the server of the workers, which imports libraries while this process plans.

    Call it as soon as it is clear that there will be work. Without it the server is started by
    the first worker.
    """
    worker_context()
    if sys.platform.startswith("linux") and len(os.sched_getaffinity(0)) > 1:
        forkserver.ensure_running()


def no_start(error: BaseException | None = None) -> InputError:
    """Say why no worker process starts: nearly always since each runs the whole script again.

    ``error`` is that of the library that starts them; it is told with what caused it.
    """
    told = []
    while error is not None:
        told.append(str(error).strip() or type(error).__name__)
        error = error.__cause__
    why = f" ({': '.join(told)})" if told else ""
    return InputError(
        "workers", expected="worker processes that start: they read the script that runs, too",
        found=f"they ended before their first step{why}", hint="in the script, put what runs below "
        "`if __name__ == \"__main__\":`; if that is so, look at the error that is printed above",
    )  # fmt: skip


def set_log_level(level: int) -> None:
    """Set from which level on Nipype's messages are printed, here and in workers to come."""
    for name in ("nipype.workflow", "nipype.interface", "nipype.utils"):
        logging.getLogger(name).setLevel(level)
