"""Nodes as tasks of a Dask cluster: on this machine, or wherever Dask's deployments take it."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from uuid import uuid4

from nipype.pipeline.plugins.multiproc import run_node

from fmriprod import __version__
from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import ReportingPlugin
from fmriprod.workflows.workers import set_log_level

_AGAIN = 3  # times that a node is given out again for the death of workers it only waited on
_WAIT = 30.0  # s for a scheduler to answer
_ALONE = threading.Lock()  # nodes change the working directory of their process
_LOST = "the scheduler at {address} is gone: start it (and its workers), and run again to continue"


@dataclass
class _Task:
    """A node that was given to the cluster, and whether a worker is at it."""

    node: Any
    updatehash: bool
    future: Any = None
    n_sent: int = 0
    at_work: bool = False


class DaskPlugin(ReportingPlugin):
    """Nipype plugin that gives each node to a Dask cluster as a task.

    Each worker process works on one node at a time, since nodes change the working directory:
    workers of one thread each are best. All workers have to see the same work folder, and have
    the version of this package that the driver has; both are checked before anything runs.

    Workers that declare the resources ``threads``, ``memory_gb`` or ``GPU``
    (``dask worker ADDRESS --nthreads 1 --resources "threads=4 memory_gb=16"``) are given nodes
    within them; a node that asks for more than any worker has gets all of one.

    A worker that dies is replaced by Dask, and its node is given to another one. A node during
    which workers die three times fails, and so does everything when the scheduler is lost.

    Parameters
    ----------
    plugin_args : dict
        ``scheduler``: address or scheduler file; a cluster in processes of this machine, of
        ``n_procs`` threads and ``memory_gb``, where it is None. ``client``: a
        `distributed.Client` to use instead, which is left open.
    on_event : callable, optional
        As `ReportingPlugin` takes it.

    Raises
    ------
    InputError
        If Dask is not installed, the scheduler does not answer, there is no worker, or a worker
        has another version.
    """

    def __init__(
        self,
        plugin_args: dict[str, Any] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        super().__init__(plugin_args or {}, on_event)
        self._distributed = import_distributed()
        self._n_tasks = 0
        self._tasks: dict[int, _Task] = {}
        self._told: SimpleQueue[tuple[int, bool]] = SimpleQueue()
        self._cluster, self._client = None, self.plugin_args.get("client")
        self._owned = self._client is None
        self._offered: list[dict[str, float]] = []

    def close(self) -> None:
        """Leave the cluster; one that was made here ends."""
        for task in self._tasks.values():
            task.future.cancel()
        if self._owned:
            for part in (self._client, self._cluster):
                if part is not None:
                    part.close(timeout=10)

    def _prerun_check(self, graph: Any) -> None:
        nodes = list(graph.nodes())
        if self._client is None:
            self._connect(nodes)
        topic = self._topic()
        self._client.subscribe_topic(topic, self._on_word)
        self._check_workers({str(node.base_dir) for node in nodes if node.base_dir})

    def _connect(self, nodes: Iterable[Any]) -> None:
        """Make a cluster on this machine, or find the one that is asked for."""
        scheduler = self.plugin_args.get("scheduler")
        if scheduler is None:
            self._cluster = self._local_cluster(max((node.n_procs for node in nodes), default=1))
            self._client = self._distributed.Client(self._cluster)
            return
        is_file = Path(scheduler).is_file()
        place = {"scheduler_file": scheduler} if is_file else {"address": scheduler}
        try:
            self._client = self._distributed.Client(**place, timeout=_WAIT)
        except (OSError, ValueError) as err:
            raise InputError(
                "scheduler", expected="a Dask scheduler that answers", found=f"{scheduler}: {err}",
                hint="start `dask scheduler`, and give its address (tcp://host:8786) or file",
            ) from None  # fmt: skip

    def _local_cluster(self, most_threads: int) -> Any:
        """Start workers that together use no more than ``n_procs`` threads."""
        n_procs = self.plugin_args.get("n_procs") or os.cpu_count() or 1
        n_workers = max(1, n_procs // most_threads)
        memory = self.plugin_args.get("memory_gb")
        resources = {"threads": float(min(most_threads, n_procs))}
        if memory is not None:
            resources["memory_gb"] = memory / n_workers
        return self._distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=True, resources=resources,
            memory_limit=0, dashboard_address=None, silence_logs=logging.CRITICAL,
        )  # fmt: skip

    def _check_workers(self, folders: set[str]) -> None:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            try:
                self._client.wait_for_workers(1, timeout=_WAIT)
            except (TimeoutError, OSError):
                raise InputError(
                    "scheduler", expected="at least one worker",
                    found=f"none at {self._address()} within {_WAIT:g} s",
                    hint="start `dask worker ADDRESS`, or wait for the cluster's jobs to start",
                ) from None  # fmt: skip
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self._offered = [dict(worker.get("resources") or {}) for worker in workers.values()]
        with shared_marks(folders) as marks:
            for answer in self._client.run(describe_worker, marks).values():
                refuse_worker(answer)
        self._client.run(set_log_level, logging.getLogger("nipype.workflow").level)

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        if self._client.status != "running":
            raise InputError(
                "scheduler", expected="a scheduler that answers", found="none any more",
                hint=_LOST.format(address=self._address()),
            )  # fmt: skip
        self._n_tasks += 1
        self._tasks[self._n_tasks] = _Task(node, updatehash)
        self._send(self._n_tasks)
        return self._n_tasks

    def _send(self, number: int) -> None:
        task = self._tasks[number]
        name = self._name(task.node)
        task.future = self._client.submit(
            run_alone, task.node, task.updatehash, number, self._topic(), pure=False, retries=0,
            key=f"{name}-{number}-{task.n_sent}-{self._topic()}",
            priority=self._ranks.get(name, 0),
            resources=wanted_resources(task.node, self._offered) or None,
        )  # fmt: skip
        task.n_sent += 1

    def _on_start(self, node: Any, status: str) -> None:
        """Say nothing yet: a node starts when a worker begins with it, not when it is queued."""

    def _on_word(self, event: tuple[float, tuple[int, bool]]) -> None:
        self._told.put(event[1])

    def _hear_workers(self) -> None:
        while not self._told.empty():
            number, begins = self._told.get()
            task = self._tasks.get(number)
            if task is not None:
                task.at_work = begins
                if begins:
                    self._emit(self._name(task.node), "start")

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        self._hear_workers()
        task = self._tasks[taskid]
        future = task.future
        if future.status == "finished":
            return self._fetch(future)
        if future.status == "error":
            error = future.exception()
            if self._is_blamed(task, error):
                self._send(taskid)
                return None
            return {"result": None, "traceback": [self._explain(error)]}
        if future.status == "cancelled" or self._client.status != "running":
            lost = f"SchedulerLost: {_LOST.format(address=self._address())}\n"
            return {"result": None, "traceback": [lost]}
        return None  # "lost", too: a worker died with the result, and Dask makes it again

    def _fetch(self, future: Any) -> dict[str, Any] | None:
        try:
            return future.result()
        except self._distributed.scheduler.KilledWorker:  # the result was lost on its way here
            return None

    def _is_blamed(self, task: "_Task", error: Any) -> bool:
        """Tell whether a node is blamed for workers that were not at it when they died.

        Dask counts the death of a worker against all that was given to it.
        """
        killed = isinstance(error, self._distributed.scheduler.KilledWorker)
        return killed and not task.at_work and task.n_sent <= _AGAIN

    def _explain(self, error: Any) -> str:
        if isinstance(error, self._distributed.scheduler.KilledWorker):
            return (
                "WorkerKilled: the workers that ran this step died. The usual cause is memory: "
                "give workers more, or declare what they have (--resources memory_gb=...).\n"
            )
        whole = " ".join(str(part) for part in (error, error.__cause__) if part)
        return f"{type(error).__name__}: {' '.join(whole.split())}\n"  # one line is shown

    def _clear_task(self, taskid: int) -> None:
        del self._tasks[taskid]

    def _topic(self) -> str:
        return f"fmriprod-{socket.gethostname()}-{os.getpid()}-{id(self)}"

    def _address(self) -> str:
        return str(self._client.scheduler.address if self._client.scheduler else "?")


def import_distributed() -> Any:
    """Import Dask's scheduler.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise InputError(
            "engine", expected="dask.distributed for the engine dask", found="not installed",
            hint="pip install 'fmriprod[dask]', or use the engine local",
        ) from None  # fmt: skip
    return distributed


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


def wanted_resources(node: Any, offered: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Tell which of the resources that workers declare a node needs.

    Parameters
    ----------
    node : nipype.pipeline.engine.Node
        With its threads (``n_procs``), memory (``mem_gb``), and ``use_gpu`` among its inputs.
    offered : iterable of mapping
        What each worker declares.

    Returns
    -------
    dict
        By name; no more than the worker that has most of it, since more would wait for ever.
    """
    needs = {"threads": float(node.n_procs), "memory_gb": float(node.mem_gb or 0.0),
             "GPU": 1.0 if node.is_gpu_node() else 0.0}  # fmt: skip
    workers = list(offered)
    most = partial(max, default=0.0)
    limits = {name: most(worker.get(name, 0.0) for worker in workers) for name in needs}
    return {name: min(need, limits[name]) for name, need in needs.items() if need and limits[name]}
