"""Collect the methods text of a workflow, ready for a paper or a report."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import networkx as nx
from nipype.pipeline.engine import Workflow

from fmriprod.reports.references import bibliography, citations, describe_html
from fmriprod.workflows.describe_nodes import Steps
from fmriprod.workflows.describe_software import software_text

__all__ = ["bibliography", "citations", "describe", "describe_html"]


def describe(workflow: Workflow, *, software: bool | str = True) -> str:
    """Collect the texts that a workflow and all workflows within it bring along.

    A text is the attribute ``__desc__`` of a workflow, printed before those of the workflows
    inside it, or ``__postdesc__``, printed after them (the names that niworkflows uses). Texts
    of this package's workflows are made from their nodes now, so they say what was changed
    after the workflow was built. Workflows that feed others come first. Plain Nipype workflows
    without texts are looked through. A text that occurs again, as when each run has a workflow
    of its own, is printed once, and says how often.

    Parameters
    ----------
    workflow : nipype.pipeline.engine.Workflow
        Any workflow, nested to any depth.
    software : bool or str
        End with the programs and libraries behind the steps of this package, with versions;
        words such as ``analysis of the group`` say what was made with them.

    Returns
    -------
    str
        One paragraph for the text of each workflow, parted by blank lines; citations are
        ``[@key]`` with keys of ``data/references.bib``.
    """
    found = [(" ".join((text or "").split()), of) for text, of in _texts(Steps(workflow))]
    counts = Counter(text for text, of in found if of is not None)
    first = {text: of for text, of in reversed(found) if text}
    order = dict.fromkeys(text for text, _ in found if text)
    paragraphs = [_counted(text, counts[text], first[text]) for text in order]
    if software:
        of = software if isinstance(software, str) else "analysis"
        paragraphs += [text for text in [software_text(workflow, of)] if text]
    return "\n\n".join(paragraphs)


def _texts(steps: Steps) -> Iterator[tuple[str | None, Any]]:
    """Texts in order, and the workflow of this package's kind that made it."""
    workflow = steps.workflow
    ours = workflow if hasattr(workflow, "text_at") else None  # `DescribedWorkflow`, above here
    text = ours.text(steps) if ours else getattr(workflow, "__desc__", None)
    at = ours.get_node(ours.text_at) if ours and ours.text_at else None
    if at is None:
        yield text, ours
    for child in _in_order(workflow._graph):
        if child is at:
            yield text, ours
        if isinstance(child, Workflow):
            yield from _texts(steps.inside(child))
    yield getattr(workflow, "__postdesc__", None), None


def _counted(text: str, count: int, of: Any) -> str:
    """Say how often a step was done: in its own words, of what it is made for, or as a number."""
    if count < 2 or of is None:
        return text
    if "Each run was" in text:
        return text.replace("Each run was", f"Each of {count} runs was", 1)
    if of.each:
        return f"{text} This was done for each of {count} {of.each}s."
    return f"{text} This was done {count} times, with the same settings."


def _in_order(graph: nx.DiGraph) -> list:
    """Nodes by dependency, and where that leaves a choice as they were added."""
    added = {node: i for i, node in enumerate(graph.nodes)}
    try:
        return list(nx.lexicographical_topological_sort(graph, key=added.get))
    except nx.NetworkXUnfeasible:  # two workflows may feed each other through their parts
        return list(graph.nodes)
