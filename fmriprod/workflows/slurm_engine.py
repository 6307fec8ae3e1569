"""Nodes as jobs of a SLURM cluster, one each."""

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.reporting_plugin import ReportingPlugin
from fmriprod.workflows.slurm_commands import (
    JobState,
    cancel_jobs,
    counts_memory,
    find_jobs,
    job_states,
    submit_job,
)
from fmriprod.workflows.slurm_node import save_task
from fmriprod.workflows.slurm_scripts import (
    Request,
    check_arguments,
    node_script,
    read_preamble,
)
from fmriprod.workflows.slurm_words import explain_end, last_lines

_LEAST_GB = 0.5  # Python with Nipype, for nodes that declare less
_FILES_S = 0.5  # between two looks for results
_MOST_JOBS = 500  # in the queue at a time: clusters limit what one person may queue
_GONE = JobState("ENDED")


@dataclass
class _Task:
    name: str
    stem: Path
    node_dir: Path
    request: Request
    job: int = 0
    refused: str = ""
    begun: bool = False
    state: JobState | None = None
    ended_at: float | None = None


class SlurmPlugin(ReportingPlugin):
    """Nipype plugin that makes each node a SLURM job.

    As Nipype's own does, but

    - with the threads and memory that nodes declare (memory is left out on a cluster that
      does not count it);
    - with one ``squeue`` for all jobs at an interval, and patience while SLURM does not answer;
    - a job that was killed, ran out of time or memory, or was cancelled fails its node with that
      reason and the last lines of its log;
    - names of folders may have any sign; nothing depends on the variable ``LOGNAME``;
    - jobs are cancelled when the run is broken off. Where the driver was killed itself, its next
      run cancels those that are left, and waits until they are gone, before it begins: a node
      never runs twice at once.

    All machines must see the work folder. Nodes that Nipype runs in the driver stay there.

    Parameters
    ----------
    plugin_args : dict
        ``sbatch_args``: further arguments, a list or a string as in a shell; ``preamble``: file
        of shell lines that each job runs first; ``poll_interval``: seconds between two
        questions to SLURM (5); ``result_wait``: seconds that a shared file system may need to
        show a result (60); ``max_jobs``: most jobs in the queue at a time (500).
    on_event : callable, optional
        As `ReportingPlugin` takes it.

    Raises
    ------
    InputError
        For arguments of sbatch that cannot be kept, or a preamble that cannot run.
    """

    def __init__(
        self,
        plugin_args: dict[str, Any] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        super().__init__({"max_jobs": _MOST_JOBS, **(plugin_args or {})}, on_event)
        given = self.plugin_args.get("sbatch_args") or []
        self._arguments = shlex.split(given) if isinstance(given, str) else list(given)
        check_arguments(self._arguments)
        self._preamble = read_preamble(self.plugin_args.get("preamble"))
        self._interval = float(self.plugin_args.get("poll_interval", 5.0))
        self._patience = float(self.plugin_args.get("result_wait", 60.0))
        self._asks_memory = True  # until the cluster is asked whether it counts memory
        self._tasks: dict[int, _Task] = {}
        self._n_tasks = 0
        self._next_files = self._next_states = 0.0
        self._found: set[str] = set()
        self._folder = Path()
        self._ending = ""

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Run a graph; no job is left in the queue, however it ends."""
        try:
            super().run(graph, config, updatehash=updatehash)
        finally:
            self.close()

    def close(self) -> None:
        """Cancel jobs that nobody waits for, and remove files that nobody needs."""
        jobs = [task.job for task in self._tasks.values() if task.job]
        self._tasks.clear()
        if jobs:
            cancel_jobs(jobs)
        if self._ending and not self.outcome.failures and not jobs:
            shutil.rmtree(self._folder, ignore_errors=True)
        super().close()

    def _prerun_check(self, graph: Any) -> None:
        nodes = list(graph.nodes())
        if not nodes:
            return
        root = nodes[0].fullname.split(".")[0]
        place = Path(nodes[0].base_dir or os.getcwd()).absolute() / root / "slurm"
        self._ending = f"-{sha256(os.fsencode(place)).hexdigest()[:16]}"
        self._folder = place / f"{time.time_ns():020d}-{os.getpid()}"
        self._asks_memory = counts_memory()
        end_leftover_jobs(self._ending, {node.fullname for node in nodes})
        self._folder.mkdir(parents=True)

    def _on_start(self, node: Any, status: str) -> None:
        """Say nothing yet: a node starts when its job does, not when it is queued."""

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        self._n_tasks += 1
        number, name = self._n_tasks, self._name(node)
        stem = self._folder / str(number)
        memory = max(_LEAST_GB, float(node.mem_gb or 0.0))
        task = _Task(
            name, stem, Path(node.output_dir()), Request(max(1, node.n_procs or 1), memory)
        )
        save_task(node, updatehash, stem)
        try:
            task.job = self._submit(task)
        except InputError as err:
            task.refused = str(err)
        self._tasks[number] = task
        return number

    def _submit(self, task: _Task) -> int:
        command = [sys.executable, "-P", "-m", "fmriprod.workflows.slurm_node", str(task.stem)]
        script = node_script(command, task.request, f"{task.stem}.log", self._preamble)
        asked = task.request if self._asks_memory else task.request._replace(memory_gb=None)
        options = ["--output=/dev/null", "--error=/dev/null", "--no-requeue"]
        options += [*asked.options(self._arguments), *self._arguments]
        return submit_job(script, options, f"{task.name}{self._ending}")

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        self._look()
        task = self._tasks[taskid]
        if task.refused:
            return _failure(f"fmriprod.algorithms.checks.InputError: {task.refused}\n")
        if task.stem.name in self._found:
            self._begin(task)
            return self._read(task)
        if task.ended_at is None or task.state is None:
            return None
        # Only a job that ended well may have a result that is not visible yet.
        may_come = task.state.state in ("COMPLETED", _GONE.state)
        if may_come and time.monotonic() - task.ended_at < self._patience:
            return None
        if task.stem.with_suffix(".result").exists():  # written since the last look
            return self._read(task)
        log = task.stem.with_suffix(".log")
        error = explain_end(task.job, task.state, task.request, last_lines(log), str(log))
        return _failure(f"fmriprod.algorithms.checks.InputError: {error}\n")

    def _read(self, task: _Task) -> dict[str, Any] | None:
        """Take the answer of a job once what its node made can be seen here, too."""
        answer = json.loads(task.stem.with_suffix(".result").read_text(encoding="utf-8"))
        if answer["traceback"] is None and not any(task.node_dir.glob("result_*.pklz")):
            task.ended_at = task.ended_at or time.monotonic()
            if time.monotonic() - task.ended_at < self._patience:
                return None
        if answer["traceback"] is None:
            return {"result": None, "traceback": None}
        return _failure(answer["traceback"])

    def _clear_task(self, taskid: int) -> None:
        task = self._tasks.pop(taskid)
        failed = any(failure.node == task.name for failure in self.outcome.failures)
        for suffix in (".task", ".result", *(() if failed else (".log",))):
            task.stem.with_suffix(suffix).unlink(missing_ok=True)

    def _look(self) -> None:
        """Look for results, and ask how jobs are, each not more often than it may."""
        now = time.monotonic()
        if now >= self._next_files:
            self._found = {
                entry.name.removesuffix(".result")
                for entry in os.scandir(self._folder)
                if entry.name.endswith(".result")
            }
            self._next_files = now + _FILES_S
        if now >= self._next_states:
            self._ask(now)
            self._next_states = time.monotonic() + self._interval

    def _ask(self, now: float) -> None:
        waiting = [task for task in self._tasks.values() if task.job]
        states = job_states(task.job for task in waiting)
        for task in waiting if states is not None else ():
            task.state = states.get(str(task.job), _GONE)
            if task.state.state not in ("PENDING", "CONFIGURING", "CANCELLED"):
                self._begin(task)
            if task.ended_at is None and (task.state.ended or task.state is _GONE):
                task.ended_at = now

    def _begin(self, task: _Task) -> None:
        if not task.begun:
            task.begun = True
            self._emit(task.name, "start")


def end_leftover_jobs(ending: str, nodes: set[str], *, patience: float = 120.0) -> None:
    """Cancel jobs that a killed driver left for these nodes, and wait until they are gone.

    Parameters
    ----------
    ending : str
        Last part of the names of all jobs of a work folder.
    nodes : set of str
        Full names of the nodes that are about to run.
    patience : float
        Seconds that the jobs may take to end.

    Raises
    ------
    InputError
        If SLURM does not answer, or a job does not end.
    """
    begun = time.monotonic()
    cancelled: set[int] = set()
    while True:
        jobs = find_jobs(ending)
        left = {
            int(job.partition("_")[0])
            for job, state in (jobs or {}).items()
            if not state.ended and _is_of(state.name.removesuffix(ending), nodes)
        }
        if jobs is not None and not left:
            return
        if time.monotonic() - begun > patience:
            found = "no answer" if jobs is None else f"still in the queue: {sorted(left)}"
            raise InputError(
                "SLURM", expected="no job of an earlier run of the same steps", found=found,
                hint="wait until squeue shows none of them, then give the same command again",
            )  # fmt: skip
        cancel_jobs(left - cancelled)
        cancelled |= left
        time.sleep(0.5)


def _is_of(name: str, nodes: set[str]) -> bool:
    """Tell whether a job is that of one of the nodes, or of a part of a map node."""
    return name in nodes or name.rpartition(".")[0] in nodes


def _failure(trace: str) -> dict[str, Any]:
    """Give a result as Nipype takes it: a list, because its report of crashes adds to a list."""
    return {"result": None, "traceback": [trace]}
