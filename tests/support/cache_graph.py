"""A small graph with all kinds of nodes, and the quickest engine, to look at what is cached."""

import nipype.pipeline.engine as pe
import numpy as np
from nipype.interfaces.base import File, InputMultiObject, TraitedSpec, traits
from nipype.interfaces.utility import Merge

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.workflows.cache_plan import plan_cache
from fmriprod.workflows.cache_truth import TrueCachePlugin
from fmriprod.workflows.execution import configure
from fmriprod.workflows.reporting_plugin import ReportingPlugin


class _ScaleInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="numbers")
    factor = traits.Float(1.0, usedefault=True, desc="factor")


class _OutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="numbers")


class Scale(PythonInterface):
    """Multiply by a factor."""

    input_spec = _ScaleInputSpec
    output_spec = _OutputSpec
    _libraries = ("numpy",)

    def _process(self):
        self.save_array("out_file", "out.npy", np.load(self.inputs.in_file) * self.inputs.factor)


class _SubtractInputSpec(PythonInputSpec):
    in_files = InputMultiObject(File(exists=True), mandatory=True, desc="numbers")


class Subtract(PythonInterface):
    """First minus second."""

    input_spec = _SubtractInputSpec
    output_spec = _OutputSpec

    def _process(self):
        one, two = (np.load(file) for file in self.inputs.in_files)
        self.save_array("out_file", "out.npy", one - two)


class Look(Scale):
    """Run always, as savers do."""

    _always_run = True


class InThisProcess(ReportingPlugin):
    """The quickest engine."""

    def __init__(self):
        super().__init__({})
        self._results, self._taskid = {}, 0

    def _submit_job(self, node, updatehash=False):
        self._taskid += 1
        self._results[self._taskid] = {"result": node.run(updatehash), "traceback": None}
        return self._taskid

    def _get_result(self, taskid):
        return self._results[taskid]

    def _clear_task(self, taskid):
        self._results.pop(taskid)


class Graph:
    """left, right (of x, y) -> minus -> end; right -> each (a map node); alone (of z); saver."""

    def __init__(self, folder):
        self.folder = folder
        for name, start in zip("xyz", (1, 100, 1000), strict=True):
            np.save(folder / f"{name}.npy", start + np.arange(500.0))

    def build(self, inputs="xy", alone_file="z", **factors):
        workflow = pe.Workflow("wf")
        files = {k: str(self.folder / f"{v}.npy") for k, v in zip(("left", "right"), inputs,
                                                                  strict=True)}  # fmt: skip
        first = {
            name: pe.Node(Scale(in_file=file, factor=factors.get(name, 2.0)), name=name)
            for name, file in {**files, "alone": str(self.folder / f"{alone_file}.npy")}.items()
        }
        both = pe.Node(Merge(2), name="both")
        minus = pe.Node(Subtract(), name="minus")
        end = pe.Node(Scale(factor=factors.get("end", 3.0)), name="end")
        each = pe.MapNode(
            Scale(factor=factors.get("each", 4.0)), iterfield=["in_file"], name="each"
        )
        saver = pe.Node(Look(), name="saver")
        workflow.add_nodes([first["alone"]])
        workflow.connect([
            (first["left"], both, [("out_file", "in1")]),
            (first["right"], both, [("out_file", "in2")]),
            (both, minus, [("out", "in_files")]),
            (both, each, [("out", "in_file")]),
            (minus, end, [("out_file", "in_file")]),
            (end, saver, [("out_file", "in_file")]),
        ])  # fmt: skip
        configure(workflow, self.folder / "work", self.folder / "crashes")
        workflow.config["execution"]["poll_sleep_duration"] = "0.001"
        return workflow

    def run(self, engine=None, **changes):
        """Run; give the names of the nodes that ran, parts of the map node as each.1, each.2."""
        engine = engine or InThisProcess()
        try:
            self.build(**changes).run(plugin=TrueCachePlugin(engine))
        finally:
            engine.close()
        assert engine.outcome.ok
        return {node.removeprefix("wf.") for node in engine.outcome.executed}

    def plan(self, **changes):
        """What a dry run says, by node."""
        return {step.node.removeprefix("wf."): step for step in plan_cache(self.build(**changes))}

    def file(self, node, name="out.npy"):
        return self.folder / "work" / "wf" / node / name


EACH = {"each", "each.1", "each.2"}
ALL = {"left", "right", "both", "minus", "end", "alone", "saver", *EACH}
