"""A page that finds the steps of a graph by itself."""

import pytest
from nipype import Node, Workflow

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.smooth import Smooth
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.encoding_report import add_encoding_report
from fmriprod.workflows.fingerprint import init_fingerprint_wf
from fmriprod.workflows.receptive_field import init_receptive_field_wf
from fmriprod.workflows.synthesis import init_synthesis_wf


def wires(workflow, page):
    """What comes to the page and to its gatherers: target to source."""
    found = {}
    for source, target, edge in workflow._graph.edges(data=True):
        if target.name.startswith(page.name):
            for output, field in edge["connect"]:
                found[f"{target.name}.{field}"] = f"{source.name}.{output}"
    return found


def test_all_that_steps_give_comes_to_the_page():
    mine = Workflow("mine")
    encoding = init_encoding_wf(n_permutations=10)
    profiles = init_fingerprint_wf()
    mine.connect(encoding, "outputnode.scores_file", profiles, "inputnode.scores_file")
    mine.add_nodes([Node(NoiseCeiling(), "ceiling"), Node(Smooth(), "smooth")])
    page = add_encoding_report(mine, title="Mine", decisions=["One."], simulated=True)
    assert page.inputs.title == "Mine" and page.inputs.simulated and page.inputs.decisions
    assert "[@eickenberg2017]" in page.inputs.methods
    assert wires(mine, page) == {
        "report.encode_summary_file": "encoding_wf.encode.summary_file",
        "report.scores_file": "encoding_wf.encode.scores_file",
        "report.significance_summary_file": "encoding_wf.significance.summary_file",
        "report.fingerprint_summary_file": "fingerprint_wf.fingerprint.summary_file",
        "report.profile_file": "fingerprint_wf.fingerprint.profile_file",
        "report.ceiling_summary_file": "ceiling.summary_file",
        "report.brain_panels": "encoding_wf.figures.panel_file",
        "report.figures": "report_figures.out",
        "report.figure_names": "report_figure_names.out",
        "report_figures.in1": "encoding_wf.figures.figures",
        "report_figures.in2": "fingerprint_wf.fingerprint.figures",
        "report_figure_names.in1": "encoding_wf.figures.figure_names",
        "report_figure_names.in2": "fingerprint_wf.fingerprint.figure_names",
    }


def test_pictures_that_say_nothing_of_themselves_are_named():
    mine = Workflow("mine")
    mine.add_nodes([init_synthesis_wf(experiment="contrast"),
                    init_receptive_field_wf(stimulus_shape=(10, 10))])  # fmt: skip
    page = add_encoding_report(mine)
    names = mine.get_node("report_figure_names").inputs
    assert [names.in1, names.in2, names.in3] == [
        ["receptive-fields"], ["precision-recall"], ["contrast-maps"]
    ]  # fmt: skip
    found = wires(mine, page)
    assert found["report_figures.in1"] == "receptive_field_wf.receptive_field.figure"
    assert found["report_figures.in3"] == "synthesis_wf.recovery.map_figure"


def test_fields_without_a_shape_are_not_drawn():
    mine = Workflow("mine")
    mine.add_nodes([init_receptive_field_wf()])
    page = add_encoding_report(mine)
    assert wires(mine, page) == {
        "report.fields_summary_file": "receptive_field_wf.receptive_field.summary_file"
    }


@pytest.mark.parametrize("part", ["second_wf", "second_wf.fingerprint"])
def test_of_a_kind_of_step_one_is_reported(part):
    mine = Workflow("mine")
    mine.add_nodes([init_fingerprint_wf(name="first_wf"), init_fingerprint_wf(name="second_wf")])
    text = r"one of each kind.*first_wf\.fingerprint and second_wf\.fingerprint.*leave_out"
    with pytest.raises(InputError, match=f"(?s){text}"):
        add_encoding_report(mine)
    page = add_encoding_report(mine, leave_out=[part])
    assert wires(mine, page)["report.profile_file"] == "first_wf.fingerprint.profile_file"


def test_a_graph_without_such_steps_has_no_page():
    mine = Workflow("mine")
    mine.add_nodes([Node(Smooth(), "smooth")])
    with pytest.raises(InputError, match=r"(?s)found: +none.*add the page after the steps"):
        add_encoding_report(mine)
    assert mine.list_node_names() == ["smooth"]
