"""Run a workflow on this machine: no telemetry, short polls, workers that die with their driver."""

import ctypes
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any

import networkx as nx
from nipype.pipeline.engine import Workflow
from nipype.pipeline.plugins.multiproc import MultiProcPlugin, process_initializer, run_node

from fmriprod.interfaces.processes import is_alive
from fmriprod.workflows.readable_error import readable_error
from fmriprod.workflows.workers import worker_context

_PDEATHSIG, _SIGKILL = 1, 9
_KILLED = (
    "WorkerKilled: the process that ran this step was killed. The usual cause is memory: "
    "run fewer steps at a time (--n-procs) or give more memory.\n"
)


@dataclass(frozen=True)
class Failure:
    """A node that failed: its full name, its message, and where Nipype wrote the details."""

    node: str
    message: str
    crash_file: str


@dataclass
class Outcome:
    """What a run did: how many nodes ran, were answered from the cache, or failed."""

    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every node finished."""
        return not self.failures and not self.not_run


@dataclass(frozen=True)
class Event:
    """One thing that happened to a node.

    ``what`` is ``planned`` (once for each node, before the first starts), ``start``, ``end``,
    ``cached`` or ``failed``; ``time`` is in seconds since the epoch.
    """

    node: str
    what: str
    time: float
    message: str = ""


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
    n_procs: int = 1,
    memory_gb: float | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Outcome:
    """Run a workflow in worker processes on this machine.

    A failed node stops what depends on it and nothing else.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        As prepared by `configure`.
    n_procs : int
        Threads that all running nodes may use together.
    memory_gb : float, optional
        Memory that all running nodes may declare together; 90 % of the machine's by default.
    on_event : callable, optional
        Called in this process with an `Event` whenever a node starts or ends.

    Returns
    -------
    Outcome
        Which nodes ran, were cached, failed or were never reached.
    """
    os.environ.setdefault("NO_ET", "1")
    args: dict[str, Any] = {"n_procs": n_procs, "raise_insufficient": False}
    if memory_gb is not None:
        args["memory_gb"] = memory_gb
    plugin = LocalPlugin(args, on_event)
    begun = time.monotonic()
    try:
        workflow.run(plugin=plugin)
    except RuntimeError:
        if not plugin.outcome.failures:
            raise
    finally:
        gc.unfreeze()
        plugin.close()
    plugin.outcome.seconds = time.monotonic() - begun
    return plugin.outcome


def set_log_level(level: int) -> None:
    """Set from which level on Nipype's messages are printed, here and in workers to come."""
    for name in ("nipype.workflow", "nipype.interface", "nipype.utils"):
        logging.getLogger(name).setLevel(level)


class LocalPlugin(MultiProcPlugin):
    """Nipype's MultiProc, with four differences.

    Workers end when the driver does, however it ends: else the orphans of a killed run would
    write into folders that its restart is using. A worker that is killed fails its node,
    where MultiProc waits for it for ever. The parts of a map node are called
    ``<map node>.<number>``, from 1, where Nipype has the same names for those of all map nodes
    alike. What happened is kept as an `Outcome`.
    """

    def __init__(
        self, plugin_args: dict[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> None:
        super().__init__({**plugin_args, "status_callback": self._on_start})
        self.pool.shutdown()
        self._start_pool()
        self._on_event = on_event
        self._parts: dict[int, str] = {}  # names of the parts of map nodes, by id
        self.outcome = Outcome()

    def _start_pool(self) -> None:
        self.pool = ProcessPoolExecutor(
            max_workers=self.processors,
            initializer=_start_worker,
            initargs=(self._cwd, os.getpid(), logging.getLogger("nipype.workflow").level),
            mp_context=worker_context(),
        )

    def close(self) -> None:
        """End the workers."""
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _generate_dependency_list(self, graph: Any) -> None:
        super()._generate_dependency_list(graph)
        self._ranks = _ranks(graph)
        for node in self.procs:
            vars(node).pop("use_plugin", None)  # map nodes get the plugin, which no copy holds
            self._emit(node.fullname, "planned")
        gc.freeze()  # Nipype collects garbage at every poll: keep libraries and graph out of it

    def _submit_mapnode(self, jobid: int) -> bool:
        n_before, node = len(self.procs), self.procs[jobid]
        known = super()._submit_mapnode(jobid)
        for number, part in enumerate(self.procs[n_before:], start=1):
            name = f"{node.fullname}.{number}"
            self._parts[id(part)] = name
            self._ranks[name] = self._ranks.get(node.fullname, 0)
            self._emit(name, "planned")
        return known

    def _name(self, node: Any) -> str:
        return self._parts.get(id(node)) or node.fullname

    def _sort_jobs(self, jobids: Any, scheduler: str | None = None) -> list[int]:
        """Put first what most other steps wait for, so that none of a long chain is late."""
        return sorted(jobids, key=lambda job: -self._ranks.get(self._name(self.procs[job]), 0))

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        self._taskid += 1
        arguments = (run_node, node, updatehash, self._taskid)
        try:
            future = self.pool.submit(*arguments)
        except BrokenProcessPool:  # a worker was killed: the others' tasks are lost with it
            self._start_pool()
            future = self.pool.submit(*arguments)
        self._task_obj[self._taskid] = future
        future.add_done_callback(partial(self._finish, self._taskid))
        return self._taskid

    def _finish(self, task: int, future: Any) -> None:
        """Keep a task's result; that of a dead worker is a traceback that says so."""
        try:
            self._taskresult[task] = future.result()
        except BaseException:
            trace = [*format_exception(*sys.exc_info()), _KILLED]
            self._taskresult[task] = {"result": None, "traceback": trace, "taskid": task}

    def _on_start(self, node: Any, status: str) -> None:
        if status == "start":
            self._emit(self._name(node), "start")

    def _task_finished_cb(self, jobid: int, cached: bool = False) -> None:
        super()._task_finished_cb(jobid, cached=cached)
        name = self._name(self.procs[jobid])
        if any(failure.node == name for failure in self.outcome.failures):
            return  # Nipype says "finished" of failed nodes that run in the driver
        (self.outcome.cached if cached else self.outcome.executed).append(name)
        self._emit(name, "cached" if cached else "end")

    def _clean_queue(self, jobid: int, graph: Any, result: Any = None) -> dict:
        trace = result["traceback"] if result else format_exception(*sys.exc_info())
        message = readable_error(trace)
        info = super()._clean_queue(jobid, graph, result=result)
        name = self._name(self.procs[jobid])
        self.outcome.failures.append(Failure(name, message, str(info["crashfile"])))
        reached = {name, *self.outcome.executed, *self.outcome.cached, *self.outcome.not_run}
        for node in info["dependents"]:
            if node.fullname not in reached:
                self.outcome.not_run.append(node.fullname)
        self._emit(name, "failed", message)
        return info

    def _emit(self, name: str, what: str, message: str = "") -> None:
        if self._on_event is not None:
            self._on_event(Event(name, what, time.time(), message))


def _ranks(graph: Any) -> dict[str, int]:
    """Count for each node, by full name, the steps in the longest chain that waits for it.

    Savers and the like, which the driver runs itself, count as nothing.
    """
    ranks: dict[Any, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        below = (ranks[other] + (not other.run_without_submitting) for other in graph[node])
        ranks[node] = max(below, default=0)
    return {node.fullname: rank for node, rank in ranks.items()}


def _start_worker(cwd: str, driver: int, log_level: int) -> None:
    """Prepare a worker: work in ``cwd``, log as the driver, and end when ``driver`` does."""
    process_initializer(cwd)
    set_log_level(log_level)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, _SIGKILL)

    def watch() -> None:
        while is_alive(driver):
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
