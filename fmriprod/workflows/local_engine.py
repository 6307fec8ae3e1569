"""Nodes in worker processes on this machine; the workers end when their driver does."""

import ctypes
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from traceback import format_exception
from typing import Any

from nipype.pipeline.plugins.multiproc import MultiProcPlugin, process_initializer, run_node

from fmriprod.interfaces.processes import is_alive
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import ReportingPlugin
from fmriprod.workflows.workers import set_log_level, worker_context

_PDEATHSIG, _SIGKILL = 1, 9
_KILLED = (
    "WorkerKilled: the process that ran this step was killed. The usual cause is memory: "
    "run fewer steps at a time (--n-procs) or give more memory.\n"
)


class LocalPlugin(ReportingPlugin, MultiProcPlugin):
    """Nipype's MultiProc, with two more differences than `ReportingPlugin` has.

    Workers end when the driver does, however it ends: else the orphans of a killed run would
    write into folders that its restart is using. A worker that is killed fails its node,
    where MultiProc waits for it for ever.
    """

    def __init__(
        self, plugin_args: dict[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> None:
        super().__init__(plugin_args, on_event)
        self.pool.shutdown()
        self._start_pool()

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
