"""Outputs of the steps of a graph that has run."""

import pytest
from nipype import Node, Workflow
from nipype.interfaces.utility import Merge

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.results import outputs_of


def step(name, value):
    node = Node(Merge(1), name)
    node.inputs.in1 = [value]
    return node


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    mine = Workflow("mine", base_dir=str(tmp_path_factory.mktemp("graph")))
    for name, value in (("one_wf", 1), ("two_wf", 2)):
        inner = Workflow(name)
        inner.add_nodes([step("step", value)])
        mine.add_nodes([inner])
    mine.add_nodes([step("last_step", 3)])
    return mine.run()


@pytest.mark.parametrize(
    ("name", "value"), [("one_wf.step", 1), ("mine.two_wf.step", 2), ("last_step", 3)]
)
def test_a_step_is_found_by_as_much_of_its_name_as_is_needed(graph, name, value):
    assert outputs_of(graph, name).out == [value]


def test_of_several_the_workflows_are_asked_for(graph):
    with pytest.raises(InputError, match=r"(?s)of which there are 2: mine.one_wf.step, mine.two"):
        outputs_of(graph, "step")


def test_what_is_not_there_is_told_with_the_nearest_name(graph):
    with pytest.raises(InputError, match=r"(?s)there are 0\n.*last_step"):
        outputs_of(graph, "lost_step")
