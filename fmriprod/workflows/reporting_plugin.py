"""What all engines share: they tell what happens, and start first what others wait for."""

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from traceback import format_exception
from typing import Any

import networkx as nx
from nipype.pipeline.plugins.base import DistributedPluginBase

from fmriprod.workflows.cache_places import settle_places
from fmriprod.workflows.cache_plan import always_runs
from fmriprod.workflows.failure import describe_failure
from fmriprod.workflows.outcome import Event, Failure, Outcome
from fmriprod.workflows.record_names import participant_of

_SPARED = 0.5  # s between looks for garbage in all that is new


class ReportingPlugin(DistributedPluginBase):
    """A Nipype plugin that keeps an `Outcome` and tells of each event.

    The parts of a map node are called ``<map node>.<number>``, from 1, where Nipype has the same
    names for those of all map nodes alike. A failed node stops what depends on it and nothing
    else.

    A subclass implements Nipype's ``_submit_job``, ``_get_result`` and ``_clear_task``, and
    `close`.

    Parameters
    ----------
    plugin_args : dict
        As Nipype's plugins take them. With ``one_by_one`` all steps of a participant come before
        those of the next one, so that as few as possible are half done.
    on_event : callable, optional
        Called in this process with an `Event` whenever a node starts or ends.
    """

    def __init__(
        self, plugin_args: dict[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> None:
        super().__init__({**plugin_args, "status_callback": self._on_start})
        self._on_event = on_event
        self._ranks: dict[str, int] = {}
        self._spared = 0.0
        self.outcome = Outcome()

    def close(self) -> None:
        """Let go of workers and connections; called once, also after an error.

        What was kept out of the garbage is garbage like any other again.
        """
        gc.unfreeze()

    def _generate_dependency_list(self, graph: Any) -> None:
        super()._generate_dependency_list(graph)
        self._ranks = chain_lengths(graph)
        if self.plugin_args.get("one_by_one"):
            self._ranks = one_by_one(self._ranks)
        for node in self.procs:
            vars(node).pop("use_plugin", None)  # map nodes get the plugin, which no copy holds
            self._emit(node.fullname, "planned")
        self._spare_collector()

    def _spare_collector(self) -> None:
        """Keep libraries, graph and results out of the garbage that Nipype collects.

        It does so at every poll, and after each node that takes no worker.
        """
        gc.collect()
        gc.freeze()
        self._spared = time.monotonic()

    def _local_hash_check(self, jobid: int, graph: Any) -> bool:
        """Tell whether a node needs not be run: it is cached, or cannot even be looked at.

        Its inputs are read from the results of the nodes before it, which may have been damaged
        since: that is a failure of this node, and not the end of the run.
        """
        node = self.procs[jobid]
        try:
            if node.is_cached() == (True, True) and not always_runs(node):
                settle_places(Path(node.output_dir()), node._hashed_inputs)
        except Exception:
            trace = format_exception(*sys.exc_info())
            self._run_errors.append(trace)
            self._clean_queue(jobid, graph, result={"result": None, "traceback": trace})
            self._task_finished_cb(jobid)
            return True
        return super()._local_hash_check(jobid, graph)

    def _submit_mapnode(self, jobid: int) -> bool:
        n_before, node = len(self.procs), self.procs[jobid]
        known = super()._submit_mapnode(jobid)
        for number, part in enumerate(self.procs[n_before:], start=1):
            name = f"{node.fullname}.{number}"
            part.reported_as = name
            self._ranks[name] = self._ranks.get(node.fullname, 0)
            self._emit(name, "planned")
        return known

    def _name(self, node: Any) -> str:
        """Name a node, or a copy of it; parts of map nodes carry theirs with them."""
        return getattr(node, "reported_as", node.fullname)

    def _on_start(self, node: Any, status: str) -> None:
        if status == "start":
            self._emit(self._name(node), "start")

    def _task_finished_cb(self, jobid: int, cached: bool = False) -> None:
        super()._task_finished_cb(jobid, cached=cached)
        if time.monotonic() - self._spared > _SPARED:
            self._spare_collector()
        name = self._name(self.procs[jobid])
        if any(failure.node == name for failure in self.outcome.failures):
            return  # Nipype says "finished" of failed nodes that run in the driver
        (self.outcome.cached if cached else self.outcome.executed).append(name)
        self._emit(name, "cached" if cached else "end")

    def _report_crash(self, node: Any, result: Any = None) -> str:
        try:
            return str(super()._report_crash(node, result=result))
        except OSError:  # no room for that either: the run goes on without it
            return ""

    def _clean_queue(self, jobid: int, graph: Any, result: Any = None) -> dict:
        trace = "".join(result["traceback"] if result else format_exception(*sys.exc_info()))
        info = super()._clean_queue(jobid, graph, result=result)
        node = self.procs[jobid]
        name = self._name(node)
        failure = describe_failure(node, name, trace, str(info["crashfile"]))
        self.outcome.failures.append(failure)
        reached = {name, *self.outcome.executed, *self.outcome.cached, *self.outcome.not_run}
        for node in info["dependents"]:
            if node.fullname not in reached:
                self.outcome.not_run.append(node.fullname)
        self._emit(name, "failed", failure.message, failure)
        return info

    def _emit(
        self, name: str, what: str, message: str = "", failure: Failure | None = None
    ) -> None:
        if self._on_event is not None:
            self._on_event(Event(name, what, time.time(), message, failure))


def one_by_one(ranks: dict[str, int]) -> dict[str, int]:
    """Raise the ranks of nodes, by full name, above those of participants that come later."""
    members = sorted({participant_of(name) for name in ranks}, reverse=True)
    place = {member: i for i, member in enumerate(members)}
    step = max(ranks.values(), default=0) + 1
    return {name: rank + step * place[participant_of(name)] for name, rank in ranks.items()}


def chain_lengths(graph: Any) -> dict[str, int]:
    """Count for each node, by full name, the steps in the longest chain that waits for it.

    Savers and the like, which the driver runs itself, count as nothing.
    """
    ranks: dict[Any, int] = {}
    for node in reversed(list(nx.topological_sort(graph))):
        below = (ranks[other] + (not other.run_without_submitting) for other in graph[node])
        ranks[node] = max(below, default=0)
    return {node.fullname: rank for node, rank in ranks.items()}
