"""Run a workflow: on this machine, on a cluster, or wherever an engine takes its nodes."""

import os
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from nipype.pipeline.engine import Workflow

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.workflows.cache_truth import TrueCachePlugin
from fmriprod.workflows.outcome import Event, Outcome

# Where each engine is: a class that takes plugin_args and on_event, has outcome and close().
ENGINES = {
    "local": "fmriprod.workflows.local_engine:LocalPlugin",
    "dask": "fmriprod.workflows.dask_engine:DaskPlugin",
    "slurm": "fmriprod.workflows.slurm_engine:SlurmPlugin",
}


def configure(workflow: Workflow, work_dir: str | Path, crash_dir: str | Path) -> None:
    """Set the execution options that make a run reproducible and quick to look at.

    Files are hashed by content, so that touching a file changes nothing and changing it
    does; crash files are text; intermediate results stay where they are for the next run.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Changed in place.
    work_dir, crash_dir : path
        Where nodes work, and where details of failures are written.
    """
    workflow.base_dir = str(Path(work_dir).absolute())
    workflow.config["execution"] = {
        "hash_method": "content",
        "crashdump_dir": str(Path(crash_dir).absolute()),
        "crashfile_format": "txt",
        "create_report": "false",
        "poll_sleep_duration": "0.05",
        "remove_unnecessary_outputs": "true",
        "stop_on_first_crash": "false",
    }
    workflow.config["monitoring"] = {"enabled": "false"}


def run_workflow(
    workflow: Workflow,
    *,
    engine: str = "local",
    n_procs: int = 1,
    memory_gb: float | None = None,
    engine_args: Mapping[str, Any] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    """Run a workflow, each node in a process of the engine.

    A failed node stops what depends on it and nothing else.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        As prepared by `configure`.
    engine : str
        ``local`` (worker processes on this machine), ``dask`` (a Dask cluster) or ``slurm``
        (a SLURM job for each node).
    n_procs : int
        Threads that all running nodes may use together, on this machine.
    memory_gb : float, optional
        Memory that all running nodes may declare together; 90 % of the machine's by default.
    engine_args : mapping, optional
        What else the engine takes; see its class.
    on_event : callable, optional
        Called in this process with an `Event` whenever a node starts or ends.

    Returns
    -------
    Outcome
        Which nodes ran, were cached, failed or were never reached.

    Raises
    ------
    InputError
        For an engine that there is none of, or that is not installed.
    """
    os.environ.setdefault("NO_ET", "1")
    args: dict[str, Any] = {"n_procs": n_procs, "raise_insufficient": False}
    if memory_gb is not None:
        args["memory_gb"] = memory_gb
    plugin = find_engine(engine)({**args, **(engine_args or {})}, on_event)
    begun = time.monotonic()
    try:
        workflow.run(plugin=TrueCachePlugin(plugin))
    except RuntimeError:
        if not plugin.outcome.failures:
            raise
    finally:
        plugin.close()
    plugin.outcome.seconds = time.monotonic() - begun
    return plugin.outcome


def find_engine(name: str) -> Any:
    """Import the class of an engine.

    Raises
    ------
    InputError
        For a name that no engine has.
    """
    if name not in ENGINES:
        raise InputError(
            "engine", expected=", ".join(ENGINES), found=repr(name), hint=suggest(name, ENGINES)
        )
    module, _, attribute = ENGINES[name].partition(":")
    return getattr(import_module(module), attribute)
