"""Draw the graph that a builder makes, without ``dot``; the steps also stand there as text."""

from contextlib import contextmanager
from pathlib import Path

import specs
from docutils import nodes
from docutils.parsers.rst import Directive
from nipype.interfaces.utility import IdentityInterface

FROM_PLAN = (
    "Its graph depends on what is planned for a participant or a study: fmriprod graph STUDY, or "
    "fmriprod graph main, draws it for placeholder participants."
)


@contextmanager
def build(name: str):
    """Build the workflow of a builder from placeholders; None where it needs data."""
    from fmriprod.workflows.draw_targets import builders, open_target

    short = name.removeprefix("init_").removesuffix("_wf")
    if short not in builders():
        yield None
        return
    with open_target(short) as workflow:
        yield workflow


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


def draw(workflow, path: Path) -> None:
    """Draw the workflow to an SVG file."""
    from fmriprod.workflows.draw import draw_workflow

    path.parent.mkdir(parents=True, exist_ok=True)
    draw_workflow(workflow, path)


class WorkflowGraph(Directive):
    """``{workflow-graph} init_..._wf``: picture and list of the steps of a workflow."""

    required_arguments = 1

    def run(self):
        """Build, draw, and list."""
        name = self.arguments[0]
        with build(name) as workflow:
            if workflow is None:
                return [nodes.paragraph("", FROM_PLAN)]
            return self._shown(name, workflow)

    def _shown(self, name: str, workflow) -> list:
        env = self.state.document.settings.env
        place = Path("api") / "graphs" / f"{name}.svg"
        draw(workflow, Path(env.app.srcdir) / place)
        alt = f"Graph of {workflow.name}. {connections(workflow)}"
        image = nodes.image(uri=f"/{place.as_posix()}", alt=alt, classes=["graph"])
        listed = nodes.bullet_list()
        known = specs.interfaces()
        for step, kind in steps(workflow):
            line = nodes.paragraph("", "", nodes.literal(text=step), nodes.Text(": "))
            line += self._link(env, kind) if kind in known else nodes.literal(text=kind)
            listed += nodes.list_item("", line)
        words = f"The steps of {workflow.name}, in the order of the graph:"
        return [nodes.figure("", image), nodes.paragraph("", words), listed]

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
