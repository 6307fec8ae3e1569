"""Collect the methods text of a workflow, ready for a paper or a report."""

from collections.abc import Iterator

import networkx as nx
from nipype.pipeline.engine import Workflow

from fmriprod.reports.references import bibliography, citations, describe_html

__all__ = ["bibliography", "citations", "describe", "describe_html"]


def describe(workflow: Workflow) -> str:
    """Collect the texts that a workflow and all workflows within it bring along.

    A text is the attribute ``__desc__`` of a workflow, printed before those of the workflows
    inside it, or ``__postdesc__``, printed after them. Workflows that feed others come
    first. Plain Nipype workflows without texts are looked through. A text that occurs again,
    as when each run has a workflow of its own, is printed once.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Any workflow, nested to any depth.

    Returns
    -------
    str
        One paragraph for the text of each workflow, parted by blank lines; citations are
        ``[@key]`` with keys of ``data/references.bib``.
    """
    texts = (" ".join(text.split()) for text in _texts(workflow))
    return "\n\n".join(dict.fromkeys(text for text in texts if text))


def _texts(workflow: Workflow) -> Iterator[str]:
    yield getattr(workflow, "__desc__", None) or ""
    for child in _in_order(workflow._graph):
        if isinstance(child, Workflow):
            yield from _texts(child)
    yield getattr(workflow, "__postdesc__", None) or ""


def _in_order(graph: nx.DiGraph) -> list:
    """Nodes by dependency, and where that leaves a choice as they were added."""
    added = {node: i for i, node in enumerate(graph.nodes)}
    try:
        return list(nx.lexicographical_topological_sort(graph, key=added.get))
    except nx.NetworkXUnfeasible:  # two workflows may feed each other through their parts
        return list(graph.nodes)
