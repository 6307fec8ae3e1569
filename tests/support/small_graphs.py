"""Small graphs of interfaces that add, wait, fail, or kill their process."""

import os
import time
from pathlib import Path

import nipype.pipeline.engine as pe
from nipype.interfaces.base import TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.workflows.execution import configure


class _AddInputSpec(PythonInputSpec):
    value = traits.Int(mandatory=True, desc="number")
    mood = traits.Enum("fine", "bad", "killed", usedefault=True, desc="what happens")


class _AddOutputSpec(TraitedSpec):
    out = traits.Int(desc="number plus one")


class Add(PythonInterface):
    """Add one, or fail."""

    input_spec = _AddInputSpec
    output_spec = _AddOutputSpec

    def _process(self):
        Path("../pid.txt").write_text(str(os.getpid()))
        if self.inputs.mood == "bad":
            raise InputError("value", expected="good", found="bad", hint="be good")
        if self.inputs.mood == "killed":
            os.kill(os.getpid(), 9)
        self.result("out", self.inputs.value + 1)


class _SlowInputSpec(PythonInputSpec):
    value = traits.Int(mandatory=True, desc="number")
    seconds = traits.Float(1.0, usedefault=True, desc="s to wait")


class Slow(PythonInterface):
    """Add one after a while; notes who worked on it and when."""

    input_spec = _SlowInputSpec
    output_spec = _AddOutputSpec

    def _process(self):
        begun = time.time()
        Path(f"../began-{os.getpid()}-{self.inputs.value}").write_text(str(os.getpid()))
        time.sleep(self.inputs.seconds)
        Path(f"../span-{self.inputs.value}.txt").write_text(f"{begun} {time.time()}")
        self.result("out", self.inputs.value + 1)


def chain(folder, moods, name="chain"):
    """Make a chain of nodes with these moods, and one node beside it that is always fine."""
    workflow = pe.Workflow(name=name)
    previous = None
    for i, mood in enumerate(moods):
        node = pe.Node(Add(mood=mood), name=f"step{i}")
        if previous is None:
            node.inputs.value = 0
            workflow.add_nodes([node])
        else:
            workflow.connect(previous, "out", node, "value")
        previous = node
    workflow.add_nodes([pe.Node(Add(value=7), name="alone")])
    configure(workflow, folder / "work", folder / "crashes")
    return workflow
