"""What the job of a participant asks for, from what its steps declare."""

import math
from collections.abc import Iterator
from typing import Any

from nipype.pipeline.engine import Workflow

from fmriprod.workflows.slurm_scripts import OWN_SHARE, Request
from fmriprod.workflows.status import participant_of

_DRIVER_GB = 0.6  # the process that starts the steps, and the one that its workers come from
_MOST_CPUS = 8  # more wait longer in the queue than they save


def request_for(
    workflow: Workflow,
    participant: str | None,
    n_runs: int,
    *,
    cpus: int | None = None,
    memory_gb: float | None = None,
) -> Request:
    """Tell what a job that works on one participant asks for.

    Parameters
    ----------
    workflow : Workflow
        Graph with the participant's steps.
    participant : str, optional
        Label; None takes all steps.
    n_runs : int
        Runs of the participant: as many processors are asked for, up to 8, because runs are
        worked on side by side.
    cpus : int, optional
        Processors, where a person has said how many.
    memory_gb : float, optional
        Memory in GB, where a person has said how much. By default there is room for the largest
        steps side by side.

    Returns
    -------
    Request
        Memory in whole GB.
    """
    cpus = cpus or max(1, min(n_runs, _MOST_CPUS))
    if memory_gb is None:
        own = [
            float(node.mem_gb)
            for name, node in _nodes(workflow)
            if participant in (None, participant_of(name))
        ]
        largest = sorted(own, reverse=True)[:cpus]
        memory_gb = float(math.ceil((sum(largest) + _DRIVER_GB) / OWN_SHARE))
    return Request(cpus, memory_gb)


def _nodes(workflow: Workflow, above: str = "") -> Iterator[tuple[str, Any]]:
    """Give nodes with their full names, which Nipype gives them only when they run."""
    place = f"{above}{workflow.name}."
    for node in workflow._graph.nodes:
        if isinstance(node, Workflow):
            yield from _nodes(node, place)
        else:
            yield place + node.name, node
