"""Nodes in worker processes on this machine; the workers end when their driver does."""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from traceback import format_exception
from typing import Any

from nipype.pipeline.plugins.multiproc import MultiProcPlugin, process_initializer, run_node

from fmriprod.interfaces.processes import is_alive
from fmriprod.workflows.failure_memory import explain_kill, forget_peak, read_allowance
from fmriprod.workflows.failure_watch import WorkerWatch, tell
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import ReportingPlugin
from fmriprod.workflows.workers import no_start, set_log_level, worker_context

_PDEATHSIG, _SIGKILL = 1, 9
_PAUSE = 0.2  # s at most between two looks at lost workers
_AGAIN = 3  # times that a task is given out again for the death of other tasks' workers
_speakers: list[Connection] = []  # in a worker: where it tells what it begins


@dataclass
class _Task:
    node: Any
    updatehash: bool
    n_lost: int = 0


@dataclass
class _Loss:
    """A task whose pool of workers broke: the thread that ends the pool, and its processes."""

    ending: threading.Thread | None
    processes: dict[int, Any]


class LocalPlugin(ReportingPlugin, MultiProcPlugin):
    """Nipype's MultiProc, with more differences than `ReportingPlugin` has.

    Workers end when the driver does, however it ends: else the orphans of a killed run would
    write into folders that its restart is using. A worker that is killed fails its node, where
    MultiProc waits for it for ever, and the message tells the memory that it used; the nodes of
    other workers, which Python ends with it, are begun again.
    """

    def __init__(
        self, plugin_args: dict[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> None:
        super().__init__(plugin_args, on_event)
        self.pool.shutdown()
        self._context = worker_context()
        self._watch = WorkerWatch(self._context)
        self._allowed = read_allowance()
        self._tasks: dict[int, _Task] = {}
        self._lost: dict[int, _Loss] = {}
        self._news = threading.Event()
        self._start_pool()

    def _start_pool(self) -> None:
        level = logging.getLogger("nipype.workflow").level
        self.pool = ProcessPoolExecutor(
            max_workers=self.processors,
            initializer=_start_worker,
            initargs=(self._cwd, os.getpid(), level, self._watch.speaker),
            mp_context=self._context,
        )

    def close(self) -> None:
        """End the workers; at once where the run was broken off and nobody takes their results."""
        if any(not future.done() for future in self._task_obj.values()):
            for process in list((getattr(self.pool, "_processes", None) or {}).values()):
                process.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)
        self._watch.close()
        super().close()

    def _sort_jobs(self, jobids: Any, scheduler: str | None = None) -> list[int]:
        """Put first what most other steps wait for, so that none of a long chain is late."""
        return sorted(jobids, key=lambda job: -self._ranks.get(self._name(self.procs[job]), 0))

    def run(self, graph: Any, config: dict[str, Any], updatehash: bool = False) -> None:
        """Run an expanded graph; what ends is noticed at once, not at the next poll."""
        execution = {**config["execution"], "poll_sleep_duration": 0}
        super().run(graph, {**config, "execution": execution}, updatehash=updatehash)

    def _send_procs_to_workers(self, updatehash: bool = False, graph: Any = None) -> None:
        """Go on at once with what waits for nodes that took no worker.

        MultiProc gives a node its processors before it looks into the cache, and looks again
        after a pause: of nodes that are cached it would take a few at a time.
        """
        n_before = -1
        while n_before != (n_ended := len(self.outcome.cached) + len(self.outcome.executed)):
            n_before = n_ended
            super()._send_procs_to_workers(updatehash=updatehash, graph=graph)
        if self.pending_tasks:
            self._news.wait(_PAUSE)
            self._news.clear()

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        self._taskid += 1
        self._tasks[self._taskid] = _Task(node, updatehash)
        self._send(self._taskid)
        return self._taskid

    def _send(self, number: int) -> None:
        task = self._tasks[number]
        arguments = (_run_task, task.node, task.updatehash, number)
        try:
            future = self.pool.submit(*arguments)
        except BrokenProcessPool:  # a worker was killed
            self._start_pool()
            future = self.pool.submit(*arguments)
        self._task_obj[number] = future
        future.add_done_callback(partial(self._finish, number, self.pool))

    def _finish(self, number: int, pool: ProcessPoolExecutor, future: Any) -> None:
        """Keep a task's result; runs in the thread of the pool."""
        try:
            self._taskresult[number] = future.result()
        except BrokenProcessPool:
            processes = dict(getattr(pool, "_processes", None) or {})
            ending = getattr(pool, "_executor_manager_thread", None)
            self._lost[number] = _Loss(ending, processes)
        except BaseException:
            trace = format_exception(*sys.exc_info())
            self._taskresult[number] = {"result": None, "traceback": trace, "taskid": number}
        self._news.set()

    def _get_result(self, number: int) -> Any:
        loss = self._lost.get(number)
        if loss is None:
            return self._taskresult.get(number)
        if loss.ending is not None and loss.ending.is_alive():
            return None  # other workers may still be about to end
        del self._lost[number]
        task, pid = self._tasks[number], self._watch.pid(number)
        code = None if pid is None else getattr(loss.processes.get(pid), "exitcode", None)
        codes = [getattr(process, "exitcode", None) for process in loss.processes.values()]
        if 1 in codes and not self._watch.heard:
            trace = f"fmriprod.algorithms.checks.InputError: {no_start()}\n"
            return {"result": None, "traceback": [trace], "taskid": number}
        # Python ends the workers that are left by SIGTERM when one dies.
        if (pid is None or code == -signal.SIGTERM) and task.n_lost < _AGAIN:
            task.n_lost += 1
            self._watch.forget(number)
            self._send(number)
            return None
        message = explain_kill(
            asked_gb=float(task.node.mem_gb or 0.0),
            n_procs=task.node.n_procs or 1,
            peak_gb=self._watch.peak(number),
            before=self._allowed,
            after=read_allowance(),
            signal_name=_name_of(code),
        )
        return {"result": None, "traceback": [message], "taskid": number}

    def _clear_task(self, number: int) -> None:
        super()._clear_task(number)
        self._taskresult.pop(number, None)
        del self._tasks[number]
        self._watch.forget(number)


def _name_of(code: int | None) -> str:
    if code is None:
        return ""
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


def _run_task(node: Any, updatehash: bool, number: int) -> dict[str, Any]:
    """Run a node in a worker, which says first that it begins."""
    forget_peak()
    for speaker in _speakers:
        tell(speaker, number, os.getpid())
    return run_node(node, updatehash, number)


def _start_worker(cwd: str, driver: int, log_level: int, speaker: Connection) -> None:
    """Prepare a worker: work in ``cwd``, log as the driver, and end when ``driver`` does."""
    _speakers.append(speaker)
    process_initializer(cwd)
    set_log_level(log_level)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, _SIGKILL)

    def watch() -> None:
        while is_alive(driver):
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
