import os
import subprocess
import sys
import time

import nipype.pipeline.engine as pe
import pytest
from support.small_graphs import Add, chain

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.workflows.execution import configure, find_engine, run_workflow
from fmriprod.workflows.readable_error import readable_error


def test_a_second_run_answers_from_the_cache(work):
    first = run_workflow(chain(work, ["fine"] * 3), n_procs=2)
    assert first.ok and len(first.executed) == 4 and not first.cached
    events = []
    second = run_workflow(chain(work, ["fine"] * 3), n_procs=2, on_event=events.append)
    assert second.ok and len(second.cached) == 4 and not second.executed
    assert [e.what for e in events] == ["planned"] * 4 + ["cached"] * 4


def test_a_failure_stops_only_what_depends_on_it_and_says_why(work):
    outcome = run_workflow(chain(work, ["fine", "bad", "fine", "fine"]), n_procs=2)
    assert not outcome.ok
    assert sorted(outcome.executed) == ["chain.alone", "chain.step0"]
    assert outcome.not_run == ["chain.step2", "chain.step3"]
    (failure,) = outcome.failures
    assert failure.node == "chain.step1"
    assert failure.message.splitlines()[0] == "Add: value"
    assert "found:    bad" in failure.message and "do:       be good" in failure.message
    assert os.path.exists(failure.crash_file)


def test_a_killed_worker_fails_its_node_and_the_run_ends(work):
    begun = time.monotonic()
    outcome = run_workflow(chain(work, ["killed", "fine"]), n_procs=1)
    assert time.monotonic() - begun < 60
    assert [f.node for f in outcome.failures][:1] == ["chain.step0"]
    assert "memory" in outcome.failures[0].message
    assert "chain.step1" in outcome.not_run


SCRIPT = """
import os
from pathlib import Path
from nipype import Node, Workflow
from nipype.interfaces.utility import Function
from fmriprod.workflows.execution import configure, run_workflow

def leave():
    import os
    os._exit(1)

mine = Workflow(name="mine")
mine.add_nodes([Node(Function(function=leave), name="step")])
configure(mine, "work", "crashes")
{}print(run_workflow(mine, engine="{}").failures[0].message)
"""


@pytest.mark.parametrize(
    ("guard", "engine", "said"),
    [
        ("", "local", "below `if __name__ =="),
        ('if __name__ == "__main__": ', "local", "WorkerKilled"),
        pytest.param("", "dask", "below `if __name__ ==", marks=pytest.mark.slow),
    ],
)
def test_a_script_that_runs_in_its_workers_again_is_told_so_and_no_other(work, guard, engine, said):
    if engine == "dask":
        pytest.importorskip("distributed")
    (work / "mine.py").write_text(SCRIPT.format(guard, engine))
    done = subprocess.run([sys.executable, "mine.py"], capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert said in told and ("before their first step" in told) == (not guard)


def test_what_the_longest_chain_waits_for_starts_first(work):
    workflow = chain(work, ["fine"] * 3)
    for i in range(3):
        workflow.add_nodes([pe.Node(Add(value=i), name=f"a_lone{i}")])
    events = []
    run_workflow(workflow, n_procs=1, on_event=events.append)
    started = [e.node.rpartition(".")[2] for e in events if e.what == "start"]
    assert started[:2] == ["step0", "step1"]


def test_a_change_runs_exactly_what_depends_on_it(work):
    run_workflow(chain(work, ["fine"] * 3), n_procs=1)
    workflow = chain(work, ["fine"] * 3)
    workflow.get_node("alone").inputs.value = 8
    outcome = run_workflow(workflow, n_procs=1)
    assert outcome.executed == ["chain.alone"]


def test_a_result_that_is_damaged_is_made_again(work):
    run_workflow(chain(work, ["fine"] * 3), n_procs=1)
    os.truncate(work / "work" / "chain" / "step1" / "result_step1.pklz", 20)
    outcome = run_workflow(chain(work, ["fine"] * 3), n_procs=1)
    assert outcome.ok and outcome.executed == ["chain.step1"]


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ("Traceback (most recent call last):\n  x\nKeyError: 'a'\n", "KeyError: 'a'"),
        (["T:\n", "  File\n", "OSError: line\n  more\n"], "OSError: line\n  more"),
    ],
)
def test_readable_error_is_the_last_exception(trace, message):
    assert readable_error(trace) == message


def test_nodes_over_lists_run(work):
    paths = []
    for number in range(3):
        paths.append(str(work / f"{number}.tsv"))
        (work / f"{number}.tsv").write_text(f"a\n{number}\n")
    workflow = pe.Workflow("mapped")
    node = pe.MapNode(MergeTables(key=["a"]), iterfield=["in_files"], name="each")
    node.inputs.in_files = [[path] for path in paths]
    workflow.add_nodes([node])
    configure(workflow, work / "work", work / "logs")
    outcome = run_workflow(workflow, n_procs=2)
    assert outcome.ok
    assert len(outcome.executed) == 4


@pytest.mark.parametrize("mood", ["fine", "bad"])
def test_parts_of_map_nodes_have_names_of_their_own(work, mood):
    workflow = pe.Workflow(name="mapped")
    for name in ("one", "two"):
        node = pe.MapNode(Add(mood=mood), iterfield=["value"], name=name)
        node.inputs.value = [1, 2]
        workflow.add_nodes([node])
    configure(workflow, work / "work", work / "crashes")
    events = []
    outcome = run_workflow(workflow, n_procs=2, on_event=events.append)
    parts = {f"mapped.{name}.{number}" for name in ("one", "two") for number in (1, 2)}
    planned = [e.node for e in events if e.what == "planned"]
    ended = {e.node for e in events if e.what in ("end", "failed")}
    assert len(planned) == 6 and parts < set(planned)
    assert parts <= ended and outcome.ok is (mood == "fine")
    assert {failure.node for failure in outcome.failures} >= (parts if mood == "bad" else set())


def test_an_engine_that_there_is_none_of_is_said():
    with pytest.raises(InputError, match="did you mean 'slurm'"):
        find_engine("slrum")
