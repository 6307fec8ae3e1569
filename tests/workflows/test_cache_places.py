"""Files of the same content at another place; and results that cannot be looked at any more."""

import gc
import os
import shutil

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.utility import Merge, Select
from support.cache_graph import Graph, InThisProcess, Scale, Subtract

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.provenance import trace_back
from fmriprod.workflows.cache_plan import RUNS, plan_cache
from fmriprod.workflows.cache_truth import TrueCachePlugin
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.local_engine import LocalPlugin


def difference(work, first, engine=None):
    """Build first - y through nodes that only hand files on."""
    workflow = pe.Workflow("wf")
    merge = pe.Node(Merge(2), name="merge")
    merge.inputs.in1, merge.inputs.in2 = str(work / first), str(work / "y.npy")
    select = pe.Node(Select(index=[0, 1]), name="select")
    minus = pe.Node(Subtract(), name="minus")
    workflow.connect([(merge, select, [("out", "inlist")]), (select, minus, [("out", "in_files")])])
    configure(workflow, work / "work", work / "crashes")
    if engine is not None:
        workflow.run(plugin=TrueCachePlugin(engine))
        engine.close()
        return [node.removeprefix("wf.") for node in engine.outcome.executed]
    return workflow


@pytest.mark.parametrize("other", [True, False], ids=["other data there", "nothing there"])
def test_nodes_that_hand_on_files_hand_on_those_that_are_given(work, other):
    numbers = np.arange(500.0)
    np.save(work / "old.npy", numbers)
    np.save(work / "y.npy", np.ones(500))
    assert len(difference(work, "old.npy", InThisProcess())) == 3
    shutil.move(work / "old.npy", work / "new.npy")
    if other:
        np.save(work / "old.npy", numbers + 1000)
    said = plan_cache(difference(work, "new.npy"))
    assert said[0].verdict == RUNS and "old.npy" in said[0].reasons[0]
    assert difference(work, "new.npy", InThisProcess()) == ["merge", "select"]
    np.testing.assert_array_equal(np.load(work / "work/wf/minus/out.npy"), numbers - 1)
    assert difference(work, "new.npy", InThisProcess()) == []
    assert {step.verdict for step in plan_cache(difference(work, "new.npy"))} == {"up to date"}


class HandOn(Scale):
    """Name its input as its output, as a step that writes settings for a program does."""

    def _process(self):
        self.result("out_file", self.inputs.in_file)


def test_a_result_that_names_a_lost_file_is_made_again(work):
    def build(name):
        workflow = pe.Workflow("wf")
        first = pe.Node(HandOn(in_file=str(work / name)), name="first")
        second = pe.Node(Scale(factor=2.0), name="second")
        workflow.connect(first, "out_file", second, "in_file")
        configure(workflow, work / "work", work / "crashes")
        return workflow

    np.save(work / "old.npy", np.arange(500.0))
    run_workflow(build("old.npy"))
    (work / "old.npy").rename(work / "new.npy")
    assert [step.verdict for step in plan_cache(build("new.npy"))] == [RUNS, "depends"]
    outcome = run_workflow(build("new.npy"))
    assert outcome.executed == ["wf.first"] and outcome.cached == ["wf.second"]


def test_provenance_names_raw_files_where_they_are_now(work):
    graph = Graph(work)
    graph.run()
    (work / "raw").mkdir()
    for name in "xyz":
        (work / f"{name}.npy").rename(work / "raw" / f"{name}.npy")
    for _ in range(2):  # the renewed notes are part of the seals
        assert graph.run(inputs=("raw/x", "raw/y"), alone_file="raw/z") == {"saver"}
    files = trace_back(graph.file("end")).files
    assert sorted(files) == [str(work / "raw" / "x.npy"), str(work / "raw" / "y.npy")]


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), InputError("x", expected="a", found="b", hint="c")],
)
def test_a_note_that_cannot_be_renewed_costs_no_result(work, monkeypatch, error):
    graph = Graph(work)
    graph.run()
    (work / "raw").mkdir()
    (work / "x.npy").rename(work / "raw" / "x.npy")

    def refuse(*_):
        raise error

    monkeypatch.setattr("fmriprod.interfaces.result_seals.save_text", refuse)
    outcome = run_workflow(graph.build(inputs=("raw/x", "y")), n_procs=2)
    assert not outcome.failures and "wf.left" in outcome.cached


def damaging(path):
    """Damage a result when the run has begun, and results have been looked at."""
    return lambda event: event.what == "planned" and os.truncate(path, 20)


def test_a_result_that_is_damaged_meanwhile_fails_the_step_that_reads_it(work):
    graph = Graph(work)
    graph.run()
    path = graph.file("minus", "result_minus.pklz")
    outcome = run_workflow(graph.build(), n_procs=2, on_event=damaging(path))
    assert [failure.node for failure in outcome.failures] == ["wf.end"]
    assert outcome.not_run == ["wf.saver"] and "wf.alone" in outcome.cached
    assert graph.run() == {"minus", "saver"}


def test_so_it_does_with_engines_that_do_not_choose_what_runs_next(work):
    graph, engine = Graph(work), InThisProcess()
    graph.run()
    engine._on_event = damaging(graph.file("minus", "result_minus.pklz"))
    with pytest.raises(RuntimeError, match="EOFError"):
        graph.run(engine)
    assert [failure.node for failure in engine.outcome.failures] == ["wf.end"]
    assert graph.run() == {"minus", "saver"}


def test_nothing_stays_out_of_the_garbage_when_an_engine_is_closed(work):
    gc.unfreeze()
    Graph(work).run(LocalPlugin({"n_procs": 1, "raise_insufficient": False}))
    assert gc.get_freeze_count() == 0
