"""A real Dask cluster: nodes run there, faults end in messages, and a restart finishes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import nipype.pipeline.engine as pe
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.small_graphs import Add, Slow, chain

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.dask_engine import DaskPlugin, _Task
from fmriprod.workflows.dask_resources import Room, wanted_resources
from fmriprod.workflows.dask_workers import refuse_worker
from fmriprod.workflows.execution import configure, run_workflow

distributed = pytest.importorskip("distributed")


class _Needs:
    def __init__(self, n_procs=1, mem_gb=0.2, gpu=False):
        self.n_procs, self.mem_gb, self.gpu = n_procs, mem_gb, gpu

    def is_gpu_node(self):
        return self.gpu


def test_resources_are_those_that_workers_declare_and_no_more_than_one_has():
    worker = {"threads": 4.0, "memory_gb": 16.0}
    assert wanted_resources(_Needs(2, 3.0), [worker]) == {"threads": 2.0, "memory_gb": 3.0}
    assert wanted_resources(_Needs(9, 99.0), [worker, {"threads": 8.0}]) == worker
    assert wanted_resources(_Needs(gpu=True), [worker]) == {"threads": 1.0, "memory_gb": 0.2}
    assert wanted_resources(_Needs(gpu=True), [{"GPU": 2.0}]) == {"GPU": 1.0}
    assert wanted_resources(_Needs(), [{}]) == wanted_resources(_Needs(), []) == {}


@given(
    st.builds(_Needs, st.integers(1, 16), st.floats(0, 64), st.booleans()),
    st.lists(
        st.fixed_dictionaries(
            {}, optional={name: st.floats(0, 64) for name in ("threads", "memory_gb", "GPU")}
        )
    ),
)
def test_what_is_asked_is_had_by_one_worker_and_all_of_it_where_one_has_all(node, workers):
    def having(needs):
        return any(all(w.get(n, 0) >= need for n, need in needs.items()) for w in workers)

    asked = wanted_resources(node, workers)
    whole = {"threads": float(node.n_procs), "memory_gb": node.mem_gb, "GPU": float(node.gpu)}
    whole = {name: need for name, need in whole.items() if need}
    assert not asked or having(asked)
    assert (asked == whole) == having(whole)


def test_the_worker_that_comes_nearest_is_asked_for_memory_before_threads():
    workers = [{"threads": 8.0, "memory_gb": 2.0}, {"threads": 1.0, "memory_gb": 64.0}]
    assert wanted_resources(_Needs(4, 32.0), workers) == {"threads": 1.0, "memory_gb": 32.0}


def test_room_is_given_to_what_fits_and_all_of_it_to_what_is_too_large():
    room = Room(4, 8.0)
    assert room.take(1, _Needs(2, 6.0)) and not room.take(2, _Needs(1, 2.5))
    assert room.take(3, _Needs(1, 2.0)) and not room.take(4, _Needs(2, 0.0))
    assert not room.is_full() and room.take(5, _Needs(1, 0.0)) and room.is_full()
    for number in (1, 3):
        room.give(number)
    assert not room.take(6, _Needs(9, 99.0))
    room.give(5)
    assert room.take(6, _Needs(9, 99.0)) and not room.take(7, _Needs(1, 0.1))


def test_a_worker_of_another_version_or_without_the_folder_is_refused():
    with pytest.raises(InputError, match=r"9\.9 on far"):
        refuse_worker({"version": "9.9", "host": "far", "unseen": []})
    import fmriprod

    with pytest.raises(InputError, match="/here is not there on far"):
        refuse_worker({"version": fmriprod.__version__, "host": "far", "unseen": ["/here"]})


def test_a_scheduler_that_does_not_answer_is_said(work, monkeypatch):
    monkeypatch.setattr("fmriprod.workflows.dask_engine._WAIT", 1.0)
    with pytest.raises(InputError, match="a Dask scheduler that answers"):
        run_workflow(
            chain(work, ["fine"]), engine="dask", engine_args={"scheduler": "tcp://127.0.0.1:9"}
        )


@pytest.mark.parametrize("text", ["", '{"addr', "{}", "[]", '{"address": 3}'])
def test_a_scheduler_file_that_is_cut_is_said(work, text):
    (work / "scheduler.json").write_text(text)
    with pytest.raises(InputError, match="a Dask scheduler that answers"):
        run_workflow(
            chain(work, ["fine"]), engine="dask",
            engine_args={"scheduler": str(work / "scheduler.json")},
        )  # fmt: skip


@pytest.fixture
def work(tmp_path):
    """Stay where we are: workers that are started again do so in the folder of this process."""
    return tmp_path


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each with a nanny that starts it again."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            memory_limit=0,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield client


def run(workflow, client, events=None):
    return run_workflow(
        workflow, engine="dask", engine_args={"client": client},
        on_event=events.append if events is not None else None,
    )  # fmt: skip


def test_nodes_run_on_the_cluster_and_a_second_run_is_cached(work, cluster):
    events = []
    first = run(chain(work, ["fine"] * 3), cluster, events)
    assert first.ok and len(first.executed) == 4
    for name in first.executed:
        own = [event.what for event in events if event.node == name]
        assert own == ["planned", "start", "end"]
    assert int(next(work.rglob("pid.txt")).read_text()) != os.getpid()
    second = run(chain(work, ["fine"] * 3), cluster)
    assert second.ok and len(second.cached) == 4 and not second.executed


def test_a_failed_node_has_our_message_and_others_go_on(work, cluster):
    outcome = run(chain(work, ["fine", "bad", "fine"]), cluster)
    assert sorted(outcome.executed) == ["chain.alone", "chain.step0"]
    assert outcome.not_run == ["chain.step2"]
    assert "do:       be good" in outcome.failures[0].message


def test_parts_of_map_nodes_are_told_apart(work, cluster):
    workflow = pe.Workflow(name="maps")
    node = pe.MapNode(Add(), iterfield=["value"], name="each")
    node.inputs.value = [1, 2, 3]
    workflow.add_nodes([node])
    configure(workflow, work / "work", work / "crashes")
    events = []
    outcome = run(workflow, cluster, events)
    assert outcome.ok
    started = sorted(event.node for event in events if event.what == "start")
    assert [name for name in started if name[-2] == "."] == [f"maps.each.{i}" for i in (1, 2, 3)]


def test_a_node_whose_workers_die_fails_and_says_memory(work, cluster):
    """What only waited on the same workers is not to blame, and runs."""
    outcome = run(chain(work, ["killed", "fine"]), cluster)
    assert [failure.node for failure in outcome.failures] == ["chain.step0"], outcome.failures
    assert "memory" in outcome.failures[0].message
    assert outcome.not_run == ["chain.step1"] and outcome.executed == ["chain.alone"]


def test_only_what_no_worker_was_at_is_given_out_again():
    plugin = DaskPlugin({"client": object()})
    killed = distributed.scheduler.KilledWorker("task", None, 3)
    assert plugin._is_blamed(_Task(None, False, n_sent=1), killed)
    assert not plugin._is_blamed(_Task(None, False, n_sent=1, at_work=True), killed)
    assert not plugin._is_blamed(_Task(None, False, n_sent=4), killed)
    assert not plugin._is_blamed(_Task(None, False, n_sent=1), ValueError())


class _Future:
    def __init__(self, status, error=None):
        self.status, self.error = status, error

    def result(self):
        if self.error:
            raise self.error
        return {"result": "made"}


def test_a_result_that_is_lost_with_its_worker_is_waited_for():
    plugin = DaskPlugin({"client": SimpleNamespace(status="running")})
    killed = distributed.scheduler.KilledWorker("task", None, 3)
    task = plugin._tasks[1] = _Task(None, False)
    for task.future in (_Future("lost"), _Future("pending"), _Future("finished", killed)):
        assert plugin._get_result(1) is None
    task.future = _Future("finished")
    assert plugin._get_result(1) == {"result": "made"}


def test_a_worker_that_is_killed_is_replaced_and_the_run_finishes(work, cluster):
    """Other than the node itself, whoever kills a worker once changes nothing."""
    workflow = slow_chain(work, seconds=3.0)
    killer = threading.Thread(target=kill_once, args=(work / "work",))
    killer.start()
    outcome = run(workflow, cluster)
    killer.join()
    assert outcome.ok and len(outcome.executed) == 2
    assert len(list((work / "work").rglob("began-*"))) >= 2, "nobody was killed"


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_and_the_next_one_continues(work):
    scheduler, worker = start_cluster(work)
    try:
        workflow = slow_chain(work, seconds=4.0)
        killer = threading.Thread(
            target=lambda: (wait_for(work / "work", "began-*"), scheduler.kill())
        )
        killer.start()
        args = {"scheduler": str(work / "scheduler.json")}
        outcome = run_workflow(workflow, engine="dask", engine_args=args)
        killer.join()
        assert not outcome.ok
        assert "the scheduler at" in outcome.failures[0].message
    finally:
        stop(scheduler, worker)
    scheduler, worker = start_cluster(work)
    try:
        outcome = run_workflow(slow_chain(work, seconds=4.0), engine="dask", engine_args=args)
        assert outcome.ok and len(outcome.executed) + len(outcome.cached) == 2
    finally:
        stop(scheduler, worker)


@pytest.mark.parametrize(
    ("threads", "memory", "at_once"),  # there are two threads, and 90 % of 8 GB
    [(1, 5.0, 1), *(pytest.param(*p, marks=pytest.mark.slow) for p in ((2, 0.1, 1), (1, 0.1, 2)))],
)
def test_a_cluster_of_its_own_keeps_to_processors_and_memory(
    work, threads, memory, at_once, monkeypatch
):
    monkeypatch.setattr("fmriprod.workflows.dask_engine.get_system_total_memory_gb", lambda: 8.0)
    workflow = pe.Workflow(name="wide")
    for i in range(3):
        step = Slow(seconds=0.3, value=i)
        workflow.add_nodes([pe.Node(step, name=f"step{i}", n_procs=threads, mem_gb=memory)])
    configure(workflow, work / "work", work / "crashes")
    outcome = run_workflow(workflow, engine="dask", n_procs=2)
    assert outcome.ok
    spans = [tuple(map(float, path.read_text().split())) for path in work.rglob("span-*.txt")]
    assert len(spans) == 3
    assert max(sum(a <= t < b for a, b in spans) for t, _ in spans) == at_once


def slow_chain(folder, seconds):
    workflow = pe.Workflow(name="slow")
    first = pe.Node(Slow(seconds=seconds, value=1), name="first")
    second = pe.Node(Add(), name="second")
    workflow.connect(first, "out", second, "value")
    configure(workflow, folder / "work", folder / "crashes")
    return workflow


def wait_for(folder, pattern, seconds=60):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if found := [path for path in folder.rglob(pattern) if path.stat().st_size]:
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"no {pattern} in {folder}")


def kill_once(folder):
    os.kill(int(wait_for(folder, "began-*").read_text()), signal.SIGKILL)


def start_cluster(folder):
    """Start a scheduler and a worker as processes of their own, as on a cluster."""
    place = folder / "scheduler.json"
    place.unlink(missing_ok=True)
    base = [sys.executable, "-m", "distributed.cli"]
    seen = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
             "env": {**os.environ, "PYTHONPATH": seen}}  # fmt: skip
    scheduler = subprocess.Popen(
        [*base[:2], "distributed.cli.dask_scheduler", "--scheduler-file", str(place), "--port", "0",
         "--no-dashboard", "--host", "127.0.0.1"], **quiet,
    )  # fmt: skip
    worker = subprocess.Popen(
        [*base[:2], "distributed.cli.dask_worker", "--scheduler-file", str(place), "--nthreads",
         "1", "--no-dashboard", "--death-timeout", "20"], cwd=folder, **quiet,
    )  # fmt: skip
    wait_for(folder, "scheduler.json")
    return scheduler, worker


def stop(*processes):
    for process in processes:
        process.kill()
        process.wait()
