"""A small study whose steps add numbers, wait, fail and count how often they ran.

``python -m support.study_of_sums FOLDER LABEL ...`` runs it as ``fmriprod run`` would, in
FOLDER/out. Each participant has a chain first -> middle -> last and reads FOLDER/<label>.txt: a
number, ``no`` (the middle fails), ``kill`` (its worker dies), or ``wait`` (it waits for
FOLDER/go). Only the middle depends on that file.
"""

import os
import signal
import sys
import time
from pathlib import Path

from nipype.interfaces.base import File, TraitedSpec, traits
from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface


class _SumInputSpec(PythonInputSpec):
    in_file = File(exists=True, mandatory=True, desc="a number, or what shall happen")
    before = traits.Int(0, usedefault=True, desc="result of the step before")
    strict = traits.Bool(False, usedefault=True, desc="do what the file says")
    log_file = traits.Str(mandatory=True, nohash=True, desc="where each run leaves a line")


class _SumOutputSpec(TraitedSpec):
    out = traits.Int(desc="sum")


class Sum(PythonInterface):
    """Add the number in a file."""

    input_spec = _SumInputSpec
    output_spec = _SumOutputSpec

    def _process(self):
        with open(self.inputs.log_file, "a") as stream:
            stream.write(f"{self._folder.parent.name}.{self._folder.name}\n")
        text = Path(self.inputs.in_file).read_text().strip()
        if not self.inputs.strict:
            self.result("out", self.inputs.before + 1)
            return
        if text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while text == "wait" and not Path(self.inputs.in_file).with_name("go").exists():
            time.sleep(0.02)
        if text == "no":
            raise InputError("in", expected="a number", found="no", hint="write a number there")
        self.result("out", self.inputs.before + (1 if text == "wait" else int(text)))


def build(folder, labels):
    workflow = pe.Workflow(name="fmriprod")
    log = str(Path(folder, "ran.txt"))
    for label in labels:
        own, previous = pe.Workflow(name=f"sub_{label}_wf"), None
        for name in ("first", "middle", "last"):
            file = f"{label}.txt" if name == "middle" else "fixed.txt"
            step = Sum(log_file=log, in_file=str(Path(folder, file)), strict=name == "middle")
            node = pe.Node(step, name=name, mem_gb=0.5)
            if previous is None:
                own.add_nodes([node])
            else:
                own.connect(previous, "out", node, "before")
            previous = node
        workflow.add_nodes([own])
    return workflow


def write(folder, **numbers):
    Path(folder, "fixed.txt").write_text("the same for all\n")
    for label, text in numbers.items():
        Path(folder, f"{label.lstrip('_')}.txt").write_text(f"{text}\n")


def ran(folder):
    """Steps that ran so far, in order."""
    path = Path(folder, "ran.txt")
    return path.read_text().split() if path.exists() else []


def run(folder, labels, n_procs=2):
    from fmriprod.cli.execute import execute

    return execute(build(folder, labels), Path(folder, "out"), n_procs=n_procs)


def main():
    from rich.console import Console

    from fmriprod.algorithms.checks import InputError
    from fmriprod.cli.execute import summarise

    folder, *labels = sys.argv[1:]
    try:
        outcome = run(folder, labels)
    except InputError as err:
        print(err, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    summarise(outcome, Path(folder, "out"), Console(width=200))
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    from support.study_of_sums import main

    sys.exit(main())
