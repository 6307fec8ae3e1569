import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces.utility import IdentityInterface

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.describe import bibliography, citations, describe, describe_html


def workflow(name, desc=None, postdesc=None):
    made = pe.Workflow(name=name)
    if desc is not None:
        made.__desc__ = desc
    if postdesc is not None:
        made.__postdesc__ = postdesc
    made.add_nodes([pe.Node(IdentityInterface(fields=["a"]), name="io")])
    return made


def test_texts_come_in_the_order_of_the_data_with_the_frame_around():
    outer = workflow("outer", "Before.", "After.")
    first, second = workflow("first", "First [@bet]."), workflow("second", "Second [@n4].")
    outer.add_nodes([second])  # added first, but fed by the other
    outer.connect(first, "io.a", second, "io.a")
    assert describe(outer) == "Before.\n\nFirst [@bet].\n\nSecond [@n4].\n\nAfter."


def test_plain_workflows_are_looked_through_at_any_depth():
    outer, middle, inner = workflow("outer"), workflow("middle"), workflow("inner", "Deep.")
    middle.add_nodes([inner])
    outer.add_nodes([middle])
    assert describe(outer) == "Deep."
    assert describe(workflow("nothing")) == ""


def test_the_text_of_the_same_step_for_each_run_is_printed_once():
    outer = workflow("outer", " Each run\n   was  smoothed. ")
    outer.add_nodes([workflow("run_1", "Run text."), workflow("run_2", "Run text.")])
    assert describe(outer) == "Each run was smoothed.\n\nRun text."


def test_workflows_that_feed_each_other_are_described_too():
    outer, one, two = workflow("outer"), workflow("one", "One."), workflow("two", "Two.")
    for inner in (one, two):
        inner.add_nodes([pe.Node(IdentityInterface(fields=["a"]), name="other")])
    outer.connect([(one, two, [("io.a", "io.a")]), (two, one, [("other.a", "other.a")])])
    assert describe(outer) == "One.\n\nTwo."


def test_from_a_workflow_to_references():
    outer = workflow("outer", "Motion [@mcflirt].", "Made with [@nipype].")
    text = describe(outer)
    assert bibliography(citations(text)).index("mcflirt") < bibliography(citations(text)).index(
        "{nipype"
    )
    assert "Nipype: a flexible" in describe_html(text)
    outer.__desc__ = "Wrong [@mcflrit]."
    with pytest.raises(InputError, match="did you mean 'mcflirt'"):
        describe_html(describe(outer))
