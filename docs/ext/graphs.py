"""Draw the graph that a builder makes, without ``dot``; the steps also stand there as text."""

import inspect
from pathlib import Path

import specs
from docutils import nodes
from docutils.parsers.rst import Directive
from nipype.interfaces.utility import IdentityInterface

# What builders are given that cannot be called without.
ARGUMENTS = {
    "init_first_level_wf": {"contrasts": ["face-house"]},
    "init_parcel_task_wf": {"contrast": "fear-neut"},
}
FROM_PLAN = "Its graph depends on what is planned for the participant or the study."


def build(name: str):
    """Build the workflow of a builder; None where it needs a plan."""
    builder = specs.builders()[name]
    given = ARGUMENTS.get(name, {})
    empty = inspect.Parameter.empty
    needed = {p.name for p in inspect.signature(builder).parameters.values() if p.default is empty}
    if needed - set(given):
        return None
    try:
        return builder(**given)
    except TypeError as error:
        if "missing" in str(error):
            return None
        raise


def steps(workflow) -> list[tuple[str, str]]:
    """List the steps in the order in which they can run: name and interface."""
    import networkx as nx

    flat = workflow._create_flat_graph()
    order = nx.lexicographical_topological_sort(flat, key=lambda node: node.fullname)
    return [
        (node.fullname.partition(".")[2], type(node.interface).__name__)
        for node in order
        if not isinstance(node.interface, IdentityInterface)
    ]


def connections(workflow) -> str:
    """Count steps and connections, for the text that stands for the picture."""
    found = steps(workflow)
    return f"{len(found)} steps: " + ", ".join(name for name, _ in found)


def draw(workflow, path: Path) -> bool:
    """Draw the workflow to an SVG file; False while the package cannot draw."""
    try:
        from fmriprod.workflows.draw import draw_workflow
    except ImportError:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_workflow(workflow, path)
    return True


class WorkflowGraph(Directive):
    """``{workflow-graph} init_..._wf``: picture and list of the steps of a workflow."""

    required_arguments = 1

    def run(self):
        """Build, draw, and list."""
        env = self.state.document.settings.env
        name = self.arguments[0]
        workflow = build(name)
        if workflow is None:
            return [nodes.paragraph("", FROM_PLAN)]
        made = []
        place = Path("api") / "graphs" / f"{name}.svg"
        if draw(workflow, Path(env.app.srcdir) / place):
            alt = f"Graph of {workflow.name}. {connections(workflow)}"
            image = nodes.image(uri=f"/{place.as_posix()}", alt=alt, classes=["graph"])
            made.append(nodes.figure("", image))
        listed = nodes.bullet_list()
        known = specs.interfaces()
        for step, kind in steps(workflow):
            line = nodes.paragraph("", "", nodes.literal(text=step), nodes.Text(": "))
            line += self._link(env, kind) if kind in known else nodes.literal(text=kind)
            listed += nodes.list_item("", line)
        made.append(
            nodes.paragraph("", f"The steps of {workflow.name}, in the order of the graph:")
        )
        return [*made, listed]

    @staticmethod
    def _link(env, kind: str):
        from sphinx.addnodes import pending_xref

        words = nodes.literal(text=kind)
        return pending_xref(
            "", words, refdomain="std", reftype="doc", reftarget=f"/api/interfaces/{kind}",
            refexplicit=True, refdoc=env.docname, refwarn=True,
        )  # fmt: skip


def setup(app):
    """Offer the directive."""
    app.add_directive("workflow-graph", WorkflowGraph)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
