"""Pictures of workflows show what is there, all of it, and nothing else."""

import itertools
import re
import time

import networkx as nx
import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces import fsl
from nipype.interfaces.io import DataGrabber, DataSink
from nipype.interfaces.utility import Function, IdentityInterface, Merge, Select

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.smooth import Smooth
from fmriprod.workflows.draw import draw_workflow
from fmriprod.workflows.draw_diagram import diagram_of
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf


def step(name, *inputs, cls=pe.Node, **options):
    function = Function(input_names=list(inputs or ["a"]), output_names=["out", "other"])
    return cls(function, name=name, **options)


def identity(name, *fields):
    return pe.Node(IdentityInterface(fields=list(fields)), name=name)


class LiterateWorkflow(pe.Workflow):
    """As niworkflows has it: a workflow with texts."""

    __desc__ = "Something was done."


def chain(name, *steps, cls=pe.Workflow):
    """A workflow in_file -> steps -> out_file, between an inputnode and an outputnode."""
    workflow = cls(name=name)
    inputnode, outputnode = identity("inputnode", "x"), identity("outputnode", "y")
    nodes = [step(s) for s in steps]
    workflow.connect(inputnode, "x", nodes[0], "a")
    for one, two in itertools.pairwise(nodes):
        workflow.connect(one, "out", two, "a")
    workflow.connect(nodes[-1], "out", outputnode, "y")
    return workflow


def as_text(value):
    return str(value)


def joined(*workflows):
    """Workflows of `chain`, one after the other, in a workflow."""
    whole = pe.Workflow(name="whole")
    whole.add_nodes(list(workflows))
    for one, two in itertools.pairwise(workflows):
        whole.connect(one, "outputnode.y", two, "inputnode.x")
    return whole


def titles(diagram, kind=None):
    return [b.title for b in diagram.boxes
            if (b.kind == kind if kind else b.kind not in ("input", "output"))]  # fmt: skip


def pairs(diagram):
    """Arrows between steps, by their titles."""
    names = {box.key: box for box in diagram.boxes}
    ends = [(names[a.source], names[a.target]) for a in diagram.arrows]
    return {(s.title, t.title) for s, t in ends if s.kind != "input" and t.kind != "output"}


# ----- what is joined -----------------------------------------------------------------------


def true_paths(workflow):
    """Oracle: Nipype's own flat graph, of which nodes that hand on are taken out by field."""
    flat = workflow._create_flat_graph()
    graph = nx.DiGraph()
    for source, target, data in flat.edges(data=True):
        for output, name in data["connect"]:
            ports = ((source.fullname, "out", output), (target.fullname, "in", name))
            graph.add_edge(*ports)
    for node in flat.nodes:
        through = isinstance(node.interface, IdentityInterface)
        inputs = [p for p in graph if p[:2] == (node.fullname, "in")]
        outputs = [p for p in graph if p[:2] == (node.fullname, "out")]
        for i in inputs:
            graph.add_edges_from((i, o) for o in outputs if not through or i[2] == o[2])
    steps = [
        n.fullname for n in flat.nodes if not isinstance(n.interface, IdentityInterface | Merge)
    ]
    found = set()
    for one in steps:
        starts = [p for p in graph if p[:2] == (one, "out")]
        reach = set().union(*(nx.descendants(graph, p) for p in starts)) if starts else set()
        found |= {(one, two) for two in steps if two != one and any(p[0] == two for p in reach)}
    return found, steps


def shown_paths(diagram, root):
    graph = nx.DiGraph((a.source, a.target) for a in diagram.arrows)
    keys = {b.key for b in diagram.boxes if b.kind not in ("input", "output")}
    return {(f"{root}.{a}", f"{root}.{b}") for a in keys & set(graph)
            for b in nx.descendants(graph, a) & keys}  # fmt: skip


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("make", [
    lambda: joined(chain("one_wf", "p", "q"), chain("two_wf", "r", "s"), chain("three_wf", "t")),
    init_encoding_wf,
    lambda: init_encoding_wf(n_permutations=100, stimuli="images", responses="bold"),
    lambda: init_searchlight_rsa_wf(keep_rdms=True, assign_layers=True),
])  # fmt: skip
def test_fully_open_it_shows_every_step_and_dependency_and_no_other(make, direct):
    workflow = make()
    diagram = diagram_of(workflow, level=9, savers="show", direct=direct)
    paths, steps = true_paths(workflow)
    shown = {f"{workflow.name}.{k}" for b in diagram.boxes if (k := b.key) and ":" not in k}
    # a workflow with one step is that step
    renamed = {s: s if s in shown else s.rpartition(".")[0] for s in steps}
    assert set(renamed.values()) == shown and len(shown) == len(steps)
    assert shown_paths(diagram, workflow.name) == {(renamed[a], renamed[b]) for a, b in paths}


def test_fields_are_followed_through_plumbing():
    """Two values through the same node: no arrow from the one to the user of the other."""
    workflow = pe.Workflow("w")
    a, b, c, d = step("a"), step("b"), step("c"), step("d")
    middle = identity("middle", "x", "y")
    workflow.connect([(a, middle, [("out", "x")]), (b, middle, [("out", "y")]),
                      (middle, c, [("x", "a")]), (middle, d, [("y", "a")])])  # fmt: skip
    assert pairs(diagram_of(workflow)) == {("A", "C"), ("B", "D")}


def test_lists_are_gathered_and_functions_in_connections_looked_through():
    workflow = pe.Workflow("w")
    a, b, c = step("a"), step("b"), step("c")
    both, one = pe.Node(Merge(2), "both"), pe.Node(Select(index=0), "one")
    workflow.connect([(a, both, [(("out", as_text), "in1")]), (b, both, [("out", "in2")]),
                      (both, one, [("out", "inlist")]), (one, c, [("out", "a")])])  # fmt: skip
    assert pairs(diagram_of(workflow)) == {("A", "C"), ("B", "C")}
    assert {"Both", "One"} <= set(titles(diagram_of(workflow, plumbing=True)))


def test_arrows_that_a_longer_way_implies_are_left_out_unless_asked_for():
    workflow = pe.Workflow("w")
    a, b, c = step("a"), step("b"), step("c", "a", "b")
    workflow.connect([(a, b, [("out", "a")]), (a, c, [("out", "a")]), (b, c, [("out", "b")])])
    assert pairs(diagram_of(workflow)) == {("A", "B"), ("B", "C")}
    assert pairs(diagram_of(workflow, direct=True)) == {("A", "B"), ("B", "C"), ("A", "C")}


def test_two_workflows_that_feed_each_other_are_drawn(tmp_path):
    one, two = pe.Workflow("one_wf"), pe.Workflow("two_wf")
    first, last, middle, other = step("first"), step("last"), step("middle"), step("other")
    one.add_nodes([first, last])
    two.add_nodes([middle, other])
    whole = pe.Workflow("whole")
    whole.connect([(one, two, [("first.out", "middle.a")]), (two, one, [("middle.out", "last.a")])])
    assert pairs(diagram_of(whole, level=0)) == {("One", "Two"), ("Two", "One")}
    draw_workflow(whole, tmp_path / "f.svg", level=0)


# ----- levels -------------------------------------------------------------------------------


def test_levels_open_workflows_one_after_the_other():
    inner = chain("inner_wf", "p", "q")
    outer = pe.Workflow("outer_wf")
    outer.connect(inner, "outputnode.y", step("r"), "a")
    whole = pe.Workflow("whole")
    whole.connect(outer, "r.out", step("s"), "a")
    assert titles(diagram_of(whole, level=0)) == ["Outer", "S"]
    assert titles(diagram_of(whole, level=1)) == ["Inner", "R", "S"]
    deep = diagram_of(whole, level=2)
    assert titles(deep) == ["P", "Q", "R", "S"]
    assert [(g.title, g.group) for g in deep.groups] == [("Outer", None), ("Inner", "outer_wf")]


# ----- repetition ---------------------------------------------------------------------------


def repeated(names, steps=("p", "q")):
    whole = pe.Workflow("whole")
    last = step("last", *(f"a{i}" for i in range(len(names))))
    for i, name in enumerate(names):
        whole.connect(chain(name, *steps), "outputnode.y", last, f"a{i}")
    return whole


@pytest.mark.parametrize(("names", "title", "count"), [
    ([f"sub_{i:02d}_wf" for i in range(1, 32)], "Participant", "× 31"),
    (["sub_A1_wf", "sub_B2_wf"], "Participant", "× 2"),
    ([f"task_x_run_{i}_wf" for i in range(1, 11)], "Run", "× 10"),
    (["features_task_x_run_1_wf", "features_task_y_run_1_wf"], "Features", "× 2 tasks"),
    (["run1_wf", "run2_wf", "run3_wf"], "Run", "× 3"),
    (["glm_roi_V1_wf", "glm_roi_LOC_wf"], "GLM", "× 2 regions"),
])  # fmt: skip
def test_workflows_that_repeat_each_other_are_drawn_once(names, title, count):
    diagram = diagram_of(repeated(names), level=0)
    (box,) = [b for b in diagram.boxes if b.title != "Last" and b.kind not in ("input", "output")]
    assert (box.title, box.count) == (title, count)
    (group,) = diagram_of(repeated(names), level=1).groups
    assert (group.title, group.count) == (title, count)


def test_parts_of_another_structure_or_name_stay_apart():
    whole = repeated(["run_1_wf", "run_2_wf"])
    whole.add_nodes([chain("run_3_wf", "p", "q", "r"), chain("anat_wf", "p", "q")])
    assert set(titles(diagram_of(whole, level=0))) == {"Run", "Last", "Run 3", "Anatomy"}


def test_parts_that_feed_each_other_stay_apart():
    whole = joined(chain("run_1_wf", "p", "q"), chain("run_2_wf", "p", "q"))
    assert titles(diagram_of(whole, level=0)) == ["Run 1", "Run 2"]


def test_where_some_stay_apart_others_are_still_drawn_once():
    whole = joined(chain("run_1_wf", "p", "q"), chain("run_2_wf", "p", "q"))
    whole.add_nodes([chain("roi_1_wf", "r", "s"), chain("roi_2_wf", "r", "s")])
    assert titles(diagram_of(whole, level=0)) == ["Run 1", "Run 2", "ROI"]


def test_participants_with_different_numbers_of_runs_give_a_range():
    whole = pe.Workflow("whole")
    for subject, runs in (("01", 6), ("02", 4), ("03", 5)):
        one = repeated([f"run_{i}_wf" for i in range(runs)])
        one.name = f"sub_{subject}_wf"
        whole.add_nodes([one])
    diagram = diagram_of(whole, level=1)
    assert [(g.title, g.count) for g in diagram.groups] == [("Participant", "× 3")]
    assert next(b.count for b in diagram.boxes if b.title == "Run") == "× 4–6"


def test_iterables_go_on_until_they_are_joined():
    workflow = pe.Workflow("w")
    source = identity("infosource", "subject_id")
    source.iterables = ("subject_id", ["a", "b", "c"])
    smooth = step("smooth")
    smooth.iterables = [("a", [4, 8])]
    model, mean = step("model"), step("mean", cls=pe.JoinNode, joinsource="infosource",
                                      joinfield="a")  # fmt: skip
    report = step("report")
    workflow.connect([(source, model, [("subject_id", "a")]), (model, mean, [("out", "a")]),
                      (mean, report, [("out", "a")])])  # fmt: skip
    workflow.add_nodes([smooth])
    counts = {b.title: b.count for b in diagram_of(workflow).boxes}
    assert counts == {"Model": "× 3 participants", "Mean": "", "Report": "", "Smooth": "× 2 A"}


def test_map_nodes_say_how_often_where_that_is_known():
    workflow = pe.Workflow("w")
    known = step("known", cls=pe.MapNode, iterfield=["a"])
    known.inputs.a = [1, 2, 3, 4]
    unknown = step("unknown", "in_file", cls=pe.MapNode, iterfield="in_file")
    workflow.connect(known, "out", unknown, "in_file")
    counts = {b.title: b.count for b in diagram_of(workflow).boxes}
    assert counts == {"Known": "× 4", "Unknown": "each input"}


# ----- words --------------------------------------------------------------------------------


def test_a_foreign_workflow_is_drawn_in_words(tmp_path):
    workflow = LiterateWorkflow(name="preproc_wf")
    grab = pe.Node(DataGrabber(infields=["subject_id"], outfields=["func"]), "grab_bids")
    bet = pe.Node(fsl.BET(frac=0.3, mask=True), "brain")
    smooth = pe.Node(Smooth(fwhm=6.0), "smooth")
    sink = pe.Node(DataSink(), "sinker")
    workflow.connect([(grab, bet, [("func", "in_file")]), (bet, smooth, [("out_file", "in_file")]),
                      (smooth, sink, [("out_file", "func.@smooth")])])  # fmt: skip
    boxes = {b.title: b for b in diagram_of(workflow).boxes}
    assert {t: b.kind for t, b in boxes.items()} == {
        "Grab BIDS": "read", "Brain": "preprocess", "Smooth": "preprocess",
    }  # fmt: skip
    assert boxes["Brain"].notes[0] == "FSL BET"
    assert "frac 0.3" in boxes["Brain"].notes
    assert "FWHM 6 mm" in boxes["Smooth"].notes
    assert boxes["Smooth"].notes[-1] == "1 result saved"
    assert "Sinker" in titles(diagram_of(workflow, savers="show"))
    assert "1 result saved" not in str(diagram_of(workflow, savers="hide"))
    renamed = diagram_of(workflow, names={"brain": "Skull stripping"})
    assert "Skull stripping" in titles(renamed)


def test_settings_that_differ_between_repeated_steps_are_all_said():
    workflow = pe.Workflow("w")
    workflow.add_nodes([pe.Node(Smooth(fwhm=float(f)), f"smooth_{f}") for f in (4, 8)])
    (box,) = [b for b in diagram_of(workflow).boxes if b.kind != "input"]
    assert (box.count, box.notes[-1]) == ("× 2", "FWHM 4, 8 mm")


def test_inputs_and_outputs_are_those_of_the_workflow():
    diagram = diagram_of(init_encoding_wf())
    boxes = {box.key: box.title for box in diagram.boxes}
    into = {(boxes[a.source], boxes[a.target]) for a in diagram.arrows if "input" in a.source}
    assert ("Background", "Figures") in into
    assert any("esponses" in s and t == "Encode" for s, t in into)
    out = {boxes[a.source] for a in diagram.arrows if "output" in a.target}
    assert out == {"Encode", "Figures"}
    assert not titles(diagram_of(init_encoding_wf(), ports=False), "input")


def test_an_output_that_is_handed_on_is_drawn_once_under_its_last_name():
    whole, out = pe.Workflow("whole"), identity("outputnode", "answer")
    whole.connect(chain("one_wf", "p", "q"), "outputnode.y", out, "answer")
    assert titles(diagram_of(whole), "output") == ["Answer"]
    assert titles(diagram_of(whole), "input") == ["X"]


# ----- files --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_the_same_workflow_gives_the_same_bytes(tmp_path, ending):
    files = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for file in files:
        draw_workflow(init_searchlight_rsa_wf(assign_layers=True), file, width_mm=85)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_figure_is_as_wide_as_asked_and_its_text_is_text(tmp_path):
    figure = draw_workflow(init_encoding_wf(), tmp_path / "f.svg", width_mm=120)
    assert figure.get_figwidth() * 25.4 == pytest.approx(120)
    svg = (tmp_path / "f.svg").read_text()
    for word in ("Encode", "Figures", "ridge encode"):
        assert re.search(rf"<text[^>]*>{word}</text>", svg), word
    styles = set(re.findall(r'<text style="([^"]*)"', svg))
    assert styles and all(re.search(r"font(-size)?:[^;]*[67]px", style) for style in styles)
    assert all("sans-serif" in style for style in styles)  # where there is no DejaVu Sans


def test_drawing_changes_nothing_in_the_workflow():
    workflow = init_encoding_wf(n_permutations=10)
    before = [(n.fullname, n.inputs.get()) for n in workflow._create_flat_graph().nodes]
    draw_workflow(workflow)
    assert [(n.fullname, n.inputs.get()) for n in workflow._create_flat_graph().nodes] == before


@pytest.mark.parametrize(("options", "message"), [
    ({"path": "f.jpg"}, r"ends in .svg, .pdf, .png.*'f.jpg'"),
    ({"level": -1}, r"a whole number from 0.*-1"),
    ({"savers": "x"}, r"fold or hide or show.*'x'"),
    ({"style": "x"}, r"paper or grey.*'x'"),
    ({"width_mm": 10}, r"60 to 2000 mm.*10 mm"),
])  # fmt: skip
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=f"(?s){message}"):
        draw_workflow(chain("w", "p"), **options)


def test_a_workflow_without_steps_is_refused():
    with pytest.raises(InputError, match=r"(?s)a workflow with steps.*w: none"):
        draw_workflow(pe.Workflow("w"))


def test_hundreds_of_nodes_are_drawn_in_little_time(tmp_path):
    whole = pe.Workflow("whole")
    last = None
    for i in range(60):
        part = chain(f"part{'abcdefgh'[i % 8]}x{'abcdefgh'[i // 8]}_wf", *"pqrstu")
        whole.add_nodes([part])
        if last is not None and i % 4:
            whole.connect(last, "outputnode.y", part, "inputnode.x")
        last = part
    draw_workflow(chain("warm", "p"), tmp_path / "w.svg")
    start = time.process_time()
    draw_workflow(whole, tmp_path / "f.svg", level=1)
    assert time.process_time() - start < 4  # about 1.5 s alone on this size: 360 steps
