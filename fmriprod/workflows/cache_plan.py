"""What a workflow would run, and why: asked of the working folder, which stays as it is."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from nipype.pipeline.engine import Workflow

from fmriprod.interfaces.digests import remembering
from fmriprod.interfaces.result_seals import broken, hash_files
from fmriprod.workflows.cache_difference import differences
from fmriprod.workflows.cache_places import named_elsewhere

UP_TO_DATE, RUNS, DEPENDS, ALWAYS = "up to date", "runs", "depends", "always"
DIGESTS = ".digests"  # in the working folder


@dataclass(frozen=True)
class Step:
    """What would become of one node.

    ``verdict`` is ``up to date``, ``runs`` (``reasons`` say why), ``depends`` (on a node that
    runs: it runs if that one's results come out differently) or ``always`` (savers, which
    touch nothing that is the same).
    """

    node: str
    verdict: str
    reasons: tuple[str, ...] = ()


def plan_cache(workflow: Workflow) -> list[Step]:
    """Tell for each node of a workflow whether it would run, and why.

    Nothing is run, and nothing in the working folder is changed; where Nipype itself looks
    whether a result is up to date it removes stale ones.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        As prepared by `configure`.

    Returns
    -------
    list of Step
        In an order in which they could run. A map node is one step.
    """
    planner = _LookingPlugin()
    workflow.run(plugin=planner)
    return planner.steps


def node_place(node: Any) -> Path:
    """Working folder of a node of an expanded graph."""
    return Path(node.output_dir())


def always_runs(node: Any) -> bool:
    """Tell whether a node runs even if its result is up to date."""
    return bool(node.overwrite or (node.overwrite is None and node.interface.always_run))


class _LookingPlugin:
    """What Nipype takes for an engine: it is given the expanded graph, and only looks."""

    plugin_args: dict[str, Any] = {}

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Look at all nodes, those first that others depend on."""
        changing: set[Any] = set()
        for node in nx.topological_sort(graph):
            with remembering(Path(node.base_dir) / DIGESTS, write=False):
                step = _look(node, any(other in changing for other in graph.predecessors(node)))
            if step.verdict in (RUNS, DEPENDS) or (step.verdict == ALWAYS and step.reasons):
                changing.add(node)
            self.steps.append(step)


def _look(node: Any, waits: bool) -> Step:
    reasons = () if waits else tuple(_reasons(node))
    if always_runs(node):
        return Step(node.fullname, ALWAYS, ("depends on a step that runs",) if waits else reasons)
    if waits:
        return Step(node.fullname, DEPENDS)
    return Step(node.fullname, RUNS if reasons else UP_TO_DATE, reasons)


def _reasons(node: Any) -> Iterable[str]:
    """Why a node whose predecessors are up to date would run; empty if it would not."""
    folder = node_place(node)
    hashes = hash_files(folder)
    if not hashes:
        return ["did not finish" if any(folder.glob("_0x*_unfinished.json")) else "never run"]
    if not (folder / f"result_{node.name}.pklz").exists():
        return ["the result is missing"]
    wrong = broken(folder)
    if wrong is not None:
        return [f"result broken: {wrong}"]
    try:
        inputs, key = node._get_hashval()
    except Exception as err:  # whatever a damaged result of another node raises
        return [f"its inputs cannot be looked at: {type(err).__name__}"]
    if folder / f"_0x{key}.json" in hashes:
        old = named_elsewhere(folder, inputs)
        return [f"it names {old}, which it is not given any more"] if old else []
    return differences(_read_inputs(hashes[-1]), inputs)


def _read_inputs(file: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
