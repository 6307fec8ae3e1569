"""What the steps of a graph gave."""

import networkx as nx
from nipype.interfaces.base import Bunch

from fmriprod.algorithms.checks import InputError, suggest


def outputs_of(graph: nx.DiGraph, name: str) -> Bunch:
    """Find the outputs of a step in the graph that ``Workflow.run`` returned.

    Parameters
    ----------
    graph : networkx.DiGraph
        What ``Workflow.run`` returned.
    name : str
        Name of a node, or as much of the names of the workflows around it, parted by dots, as
        tells it from others: ``encode`` or ``encoding_wf.encode``.

    Returns
    -------
    nipype.interfaces.base.Bunch
        Its outputs. Of those that nothing was connected to, Nipype removes the files.

    Raises
    ------
    InputError
        If there is no such step, or there are several.
    """
    nodes = {node.fullname: node for node in graph.nodes}
    found = [full for full in nodes if f".{full}".endswith(f".{name}")]
    if len(found) == 1:
        return nodes[found[0]].result.outputs
    short = [full.rpartition(".")[2] for full in nodes]
    raise InputError(
        "name", expected="the name of one step of the graph",
        found=f"{name!r}, of which there are {len(found)}" + ": " * bool(found) + ", ".join(found),
        hint="say in which workflow it is, such as first_wf.step" if found
        else suggest(name, sorted(set(short))),
    )  # fmt: skip
