"""Run a workflow inside another, and see its outputs as that one does."""

import nipype.pipeline.engine as pe
from nipype.interfaces.utility import Merge


def run_inside(workflow, folder, fields):
    """Run a workflow within a graph of one's own; give what arrives at its outputs, by name."""
    mine = pe.Workflow("mine", base_dir=str(folder))
    mine.config["execution"] = {"crashdump_dir": str(folder), "crashfile_format": "txt"}
    kept = pe.Node(Merge(len(fields), no_flatten=True), "kept")
    pairs = [(f"outputnode.{field}", f"in{n}") for n, field in enumerate(fields, 1)]
    mine.connect([(workflow, kept, pairs)])
    nodes = mine.run().nodes
    found = next(node for node in nodes if node.name == "kept").result.outputs.out
    return dict(zip(fields, found, strict=True))
