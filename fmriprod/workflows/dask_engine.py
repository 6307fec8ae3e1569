"""Nodes as tasks of a Dask cluster: on this machine, or wherever Dask's deployments take it."""

import json
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from nipype.utils.profiler import get_system_total_memory_gb

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.dask_resources import Room, wanted_resources
from fmriprod.workflows.dask_workers import describe_worker, refuse_worker, run_alone, shared_marks
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import ReportingPlugin
from fmriprod.workflows.workers import no_start, set_log_level

_AGAIN = 3  # times that a node is given out again for the death of workers it only waited on
_WAIT = 30.0  # s for a scheduler to answer
_SHARE = 0.9  # of this machine's memory that steps may declare together, as the engine local has it
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
    within them; a node that asks for more than any worker has gets all of the one that comes
    nearest. A cluster in processes of this machine is given no more at a time than threads and
    memory allow.

    A worker that dies is replaced by Dask, and its node is given to another one. A node during
    which workers die three times fails, and so does everything when the scheduler is lost.

    Parameters
    ----------
    plugin_args : dict
        ``scheduler``: address or scheduler file; a cluster in processes of this machine, of
        ``n_procs`` threads and ``memory_gb`` (90 % of the machine's by default), where it is
        None. ``client``: a `distributed.Client` to use instead, which is left open.
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
        self._room: Room | None = None  # of this machine, where the cluster is one of its own
        self._waiting: set[int] = set()

    def close(self) -> None:
        """Leave the cluster; one that was made here ends."""
        for task in self._tasks.values():
            if task.future is not None:
                task.future.cancel()
        if self._owned:
            for part in (self._client, self._cluster):
                if part is not None:
                    part.close(timeout=10)
        elif self._client is not None:  # of somebody else, who may go on with it
            with suppress(ValueError):  # never listened to
                self._client.unsubscribe_topic(self._topic())
        super().close()

    def _prerun_check(self, graph: Any) -> None:
        nodes = list(graph.nodes())
        if self._client is None:
            self._connect()
        topic = self._topic()
        self._client.subscribe_topic(topic, self._on_word)
        self._check_workers({str(node.base_dir) for node in nodes if node.base_dir})

    def _connect(self) -> None:
        """Make a cluster on this machine, or find the one that is asked for."""
        scheduler = self.plugin_args.get("scheduler")
        if scheduler is None:
            self._cluster = self._local_cluster()
            self._client = self._distributed.Client(self._cluster)
            return
        try:
            address = read_address(scheduler) if Path(scheduler).is_file() else scheduler
            self._client = self._distributed.Client(address, timeout=_WAIT)
        except (OSError, ValueError) as err:
            raise InputError(
                "scheduler", expected="a Dask scheduler that answers", found=f"{scheduler}: {err}",
                hint="start `dask scheduler`, and give its address (tcp://host:8786) or file",
            ) from None  # fmt: skip

    def _local_cluster(self) -> Any:
        """Start a worker a thread; they are given no more than ``n_procs`` and ``memory_gb``."""
        n_procs = self.plugin_args.get("n_procs") or os.cpu_count() or 1
        memory = self.plugin_args.get("memory_gb") or get_system_total_memory_gb() * _SHARE
        self._room = Room(n_procs, memory)
        try:
            return self._distributed.LocalCluster(
                n_workers=n_procs, threads_per_worker=1, processes=True, memory_limit=0,
                dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
            )  # fmt: skip
        except RuntimeError as err:
            raise no_start(err) from err

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
        if self._room is None:
            self._send(self._n_tasks)
        else:
            self._waiting.add(self._n_tasks)
            self._send_waiting(self._room)
        return self._n_tasks

    def _send_waiting(self, room: Room) -> None:
        """Give the cluster what there is room for, first what most other steps wait for."""
        if room.is_full():
            return
        for number in sorted(self._waiting, key=lambda number: (-self._rank(number), number)):
            if room.take(number, self._tasks[number].node):
                self._waiting.discard(number)
                self._send(number)

    def _rank(self, number: int) -> int:
        return self._ranks.get(self._name(self._tasks[number].node), 0)

    def _send(self, number: int) -> None:
        task = self._tasks[number]
        name = self._name(task.node)
        task.future = self._client.submit(
            run_alone, task.node, task.updatehash, number, self._topic(), pure=False, retries=0,
            key=f"{name}-{number}-{task.n_sent}-{self._topic()}",
            priority=self._rank(number),
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
        if future is None:
            return self._lost() if self._client.status != "running" else None
        if future.status == "finished":
            return self._fetch(future)
        if future.status == "error":
            error = future.exception()
            if self._is_blamed(task, error):
                self._send(taskid)
                return None
            return {"result": None, "traceback": [self._explain(error)]}
        if future.status == "cancelled" or self._client.status != "running":
            return self._lost()
        return None  # "lost", too: a worker died with the result, and Dask makes it again

    def _lost(self) -> dict[str, Any]:
        lost = f"SchedulerLost: {_LOST.format(address=self._address())}\n"
        return {"result": None, "traceback": [lost]}

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
        self._waiting.discard(taskid)
        if self._room is not None:
            self._room.give(taskid)
            self._send_waiting(self._room)

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


def read_address(file: str | Path) -> str:
    """Read the address of a scheduler from the file that it writes.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or has none.
    """
    content = json.loads(Path(file).read_text(encoding="utf-8"))
    address = content.get("address") if isinstance(content, dict) else None
    if not isinstance(address, str):
        raise ValueError("no address in it")
    return address
