import traceback

import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces.base import CommandLine, TraitedSpec
from nipype.pipeline.engine.nodes import NodeExecutionError
from support.study_of_sums import Sum

from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.workflows.readable_error import readable_error


class _NoInputSpec(PythonInputSpec):
    pass


class _NoOutputSpec(TraitedSpec):
    pass


class Broken(PythonInterface):
    """Fail as a program does that has a defect."""

    input_spec = _NoInputSpec
    output_spec = _NoOutputSpec

    def _process(self):
        raise OSError("first line\nsecond line")


def trace_of(node, work):
    node.base_dir = str(work)
    with pytest.raises(NodeExecutionError) as raised:
        node.run()
    return traceback.format_exception(raised.value)


def test_what_nipype_wraps_is_unwrapped(work):
    text = readable_error(trace_of(pe.Node(Broken(), "n"), work))
    assert text == "OSError: first line\nsecond line"


def test_our_own_message_is_not_indented(work):
    (work / "a.txt").write_text("no")
    node = pe.Node(Sum(in_file=str(work / "a.txt"), strict=True, log_file=str(work / "l")), "n")
    assert readable_error(trace_of(node, work)).splitlines() == [
        f"Sum: {work}/a.txt",
        "  expected: a number",
        "  found:    no",
        "  do:       write a number there",
    ]


def test_what_a_program_says_is_kept(work):
    node = pe.Node(CommandLine(command="ls", args="/not/there"), "n")
    first, *said = readable_error(trace_of(node, work)).splitlines()
    assert first == "RuntimeError: subprocess exited with code 2."
    assert len(said) == 1 and said[0].startswith("  it said:  ls: ") and "/not/there" in said[0]


def test_of_two_exceptions_the_last_counts():
    trace = [
        "Traceback (most recent call last):\n", '  File "a.py", line 1, in f\n', "    x\n",
        "KeyError: 1\n", "\nDuring handling of the above exception, another one occurred:\n\n",
        "Traceback (most recent call last):\n", '  File "b.py", line 2, in g\n', "    y\n    ^^\n",
        "ValueError: a\nb\n  c\n",
    ]  # fmt: skip
    assert readable_error(trace) == "ValueError: a\nb\n  c"


@pytest.mark.parametrize("text", ["", "\n", "Killed", "\nTraceback:\n\t", "Traceback:\n\n"])
def test_no_text_is_too_strange(text):
    assert isinstance(readable_error(text), str)
