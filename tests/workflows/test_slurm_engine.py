"""Nodes as jobs of a real SLURM."""

import os
import signal
import subprocess
import sys
import time

import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces.utility import Function
from support.fake_slurm import FakeSlurm
from support.interrupts import heed_interrupts
from support.nasty_names import NASTY_NAMES, SHELL_NAMES
from support.slurm import cluster  # noqa: F401

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.execution import configure, run_workflow
from fmriprod.workflows.slurm_commands import find_jobs
from fmriprod.workflows.slurm_engine import SlurmPlugin, end_leftover_jobs

QUICK = {"poll_interval": 0.5}


def work_on(value, mood, log):
    """Note when it begins and ends, and what it was given; add one."""
    import os
    import time

    log = log.removeprefix("in ")  # Nipype takes the content of what is a path for an input
    with open(log, "a") as stream:
        stream.write(
            f"begin {value} {os.environ.get('SLURM_CPUS_PER_TASK')} "
            f"{os.environ.get('SLURM_MEM_PER_NODE')} {os.environ['OMP_NUM_THREADS']}\n"
        )
    if mood == "bad":
        raise ValueError("no good")
    if mood == "killed":
        os.kill(os.getpid(), 9)
    if mood.startswith("slow"):
        time.sleep(float(mood[4:]))
    with open(log, "a") as stream:
        stream.write(f"end {value}\n")
    return value + 1


def step(name, log, mood="fine", **needs):
    function = Function(["value", "mood", "log"], ["out"], function=work_on)
    node = pe.Node(function, name=name, **needs)
    node.inputs.trait_set(mood=mood, log=f"in {log}")
    return node


def chain(folder, moods, **needs):
    """A chain of nodes, and one beside it that is always fine."""
    workflow = pe.Workflow(name="chain")
    log, before = folder / "log", None
    for number, mood in enumerate(moods):
        node = step(f"step{number}", log, mood, **needs)
        if before is None:
            node.inputs.value = 0
            workflow.add_nodes([node])
        else:
            workflow.connect(before, "out", node, "value")
        before = node
    alone = step("alone", log)
    alone.inputs.value = 70
    workflow.add_nodes([alone])
    configure(workflow, folder / "work", folder / "crashes")
    return workflow


def lines(folder):
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def run(workflow, **settings):
    return run_workflow(workflow, engine="slurm", engine_args=QUICK | settings)


pytestmark = pytest.mark.usefixtures("work")
slow = pytest.mark.slow


@slow
def test_nodes_are_jobs_with_what_they_declare(cluster, work, monkeypatch):  # noqa: F811
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    n_procs = min(2, len(os.sched_getaffinity(0)))
    events = []
    outcome = run_workflow(
        chain(work, ["fine"] * 2, n_procs=n_procs, mem_gb=0.75),
        engine="slurm", engine_args=QUICK, on_event=events.append,
    )  # fmt: skip
    assert outcome.ok and sorted(outcome.executed) == ["chain.alone", "chain.step0", "chain.step1"]
    assert f"begin 0 {n_procs} 768 {n_procs}" in lines(work)
    assert f"begin 1 {n_procs} 768 {n_procs}" in lines(work)
    assert "begin 70 1 512 1" in lines(work)
    for name in outcome.executed:
        assert [e.what for e in events if e.node == name] == ["planned", "start", "end"]
    assert not list((work / "work" / "chain" / "slurm").iterdir())
    again = run(chain(work, ["fine"] * 2, n_procs=n_procs, mem_gb=0.75))
    assert again.ok and len(again.cached) == 3


@slow
def test_python_users_give_the_plugin_to_nipype(cluster, work):  # noqa: F811
    chain(work, ["fine"]).run(plugin=SlurmPlugin(plugin_args=QUICK))
    assert lines(work).count("end 0") == 1


@slow
def test_failures_say_why_and_others_go_on(cluster, work):  # noqa: F811
    outcome = run(chain(work, ["fine", "bad", "fine"]))
    (failure,) = outcome.failures
    assert failure.node == "chain.step1" and failure.message.endswith("ValueError: no good")
    assert outcome.not_run == ["chain.step2"] and "chain.alone" in outcome.executed


@slow
def test_a_killed_job_says_so_with_the_end_of_its_log(cluster, work):  # noqa: F811
    begun = time.monotonic()
    outcome = run(chain(work, ["killed"]))
    (failure,) = outcome.failures
    assert "FAILED" in failure.message and "without a result" in failure.message
    assert "Killed" in failure.message and "0.5 GB" in failure.message
    assert "TypeError" not in failure.message and time.monotonic() - begun < 40


@slow
def test_a_cancelled_job_says_so(cluster, work):  # noqa: F811
    def cancel(event):
        if (event.node, event.what) == ("chain.step0", "start"):
            for job, state in find_jobs("").items():
                if state.name.startswith("chain.step0-") and not state.ended:
                    subprocess.run(["scancel", job], check=True)

    workflow = chain(work, ["slow60"])
    outcome = run_workflow(workflow, engine="slurm", engine_args=QUICK, on_event=cancel)
    assert "CANCELLED: it was cancelled" in outcome.failures[0].message


@slow
@pytest.mark.timeout(300)
def test_a_job_over_its_time_says_so(cluster, work):  # noqa: F811
    outcome = run(chain(work, ["slow200"]), sbatch_args="--time=0:30")  # SLURM rounds up: 1 min
    (failure,) = outcome.failures
    assert "TIMEOUT: it ran longer than it may" in failure.message
    assert "--time" in failure.message and "chain.alone" in outcome.executed


@slow
def test_parts_of_map_nodes_are_jobs(cluster, work):  # noqa: F811
    workflow = pe.Workflow(name="mapped")
    function = Function(["value", "mood", "log"], ["out"], function=work_on)
    node = pe.MapNode(function, iterfield=["value"], name="each")
    node.inputs.trait_set(value=[1, 2, 3], mood="fine", log=f"in {work / 'log'}")
    workflow.add_nodes([node])
    configure(workflow, work / "work", work / "crashes")
    outcome = run(workflow)
    assert outcome.ok and len(outcome.executed) == 4
    assert sorted(line for line in lines(work) if line[:3] == "end") == ["end 1", "end 2", "end 3"]


@slow
@pytest.mark.timeout(600)
def test_any_folder_name_works(cluster, work):  # noqa: F811
    for name in SHELL_NAMES:
        if name == NASTY_NAMES["glob"]:
            continue  # Nipype itself takes the name of a work folder for a pattern
        (work / name).mkdir()
        outcome = run(chain(work / name, ["fine"]))
        assert outcome.ok and len(outcome.executed) == 2, name
    assert not list(work.rglob("INJECTED"))


def start_driver(work, mood):
    """Run a chain in a process of its own."""
    code = (
        "import sys; sys.path[:0] = sys.argv[3:]\n"
        "from pathlib import Path\n"
        "import importlib.util as util\n"
        f"spec = util.spec_from_file_location('theirs', {__file__!r})\n"
        "module = util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "module.run(module.chain(Path(sys.argv[1]), [sys.argv[2]]))\n"
    )
    command = [sys.executable, "-c", code, str(work), mood, *sys.path]
    return subprocess.Popen(command, preexec_fn=heed_interrupts)


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_after_a_driver_is_ended_no_node_runs_twice_at_once(cluster, work, number):  # noqa: F811
    driver = start_driver(work, "slow15")
    wait_until(lambda: any(line.startswith("begin 0") for line in lines(work)))
    driver.send_signal(number)
    assert driver.wait(30) != 0
    if number == signal.SIGINT:
        time.sleep(3)
        assert not [s for s in find_jobs("").values() if not s.ended]
    else:
        assert [s for s in find_jobs("").values() if not s.ended]
    outcome = run(chain(work, ["slow15"]))
    assert outcome.ok
    seen = [line.split()[0] for line in lines(work) if line.split()[1] == "0"]
    assert seen == ["begin", "begin", "end"]  # the first was ended before the second began


@slow
@pytest.mark.timeout(300)
def test_nodes_of_the_cluster_that_die_are_told_and_the_restart_finishes(cluster, work):  # noqa: F811
    done = []

    def kill(event):
        if (event.node, event.what) == ("chain.step0", "start") and not done:
            done.append(1)
            wait_until(lambda: any(line.startswith("begin 0") for line in lines(work)))
            for node in ("n1", "n2"):
                cluster.kill_node(node)
                cluster.start_node(node)

    outcome = run_workflow(
        chain(work, ["slow40", "fine"]), engine="slurm", engine_args=QUICK, on_event=kill
    )
    (failure,) = [one for one in outcome.failures if one.node == "chain.step0"]
    assert "machine" in failure.message and "run again" in failure.message
    again = run(chain(work, ["slow0", "fine"]))
    assert again.ok


@slow
def test_a_daemon_that_is_killed_and_comes_back_loses_nothing(cluster, work):  # noqa: F811
    done = []

    def kill(event):
        if (event.node, event.what) == ("chain.step0", "start") and not done:
            done.append(1)
            for node in ("n1", "n2"):
                cluster.kill_daemon(node)
            time.sleep(1)
            for node in ("n1", "n2"):
                cluster.start_node(node)

    workflow = chain(work, ["slow8", "fine"])
    outcome = run_workflow(workflow, engine="slurm", engine_args=QUICK, on_event=kill)
    assert outcome.ok and done
    assert lines(work).count("end 0") == 1


# --- without a cluster ---


@pytest.fixture
def fake(tmp_path, monkeypatch):
    return FakeSlurm(tmp_path / "fake", monkeypatch)


def test_a_refused_job_fails_its_node_in_the_words_of_sbatch(work, fake):
    for number in (1, 2):
        fake.refuse(number, "sbatch: error: invalid account")
    outcome = run(chain(work, ["fine"]))
    assert len(outcome.failures) == 2
    assert all("invalid account" in failure.message for failure in outcome.failures)
    assert all("--slurm-args" in failure.message for failure in outcome.failures)


def test_memory_is_left_out_where_the_cluster_does_not_count_it(work, fake):
    (fake.folder / "sinfo").write_text("1+\n")
    outcome = run(chain(work, ["fine"]), result_wait=0.0)
    assert not outcome.ok  # nothing runs the jobs
    for options in (fake.options(1), fake.options(2)):
        assert not any(option.startswith("--mem=") for option in options)
        assert any(option.startswith("--job-name=chain.") for option in options)
        assert "--cpus-per-task=1" in options


def test_a_job_without_a_result_is_waited_for_and_then_told(work, fake):
    outcome = run(chain(work, ["fine"]), result_wait=1.0)
    assert 1.0 <= outcome.seconds < 20
    assert len(outcome.failures) == 2 and "SLURM job" in outcome.failures[0].message


def test_one_question_to_slurm_for_all_jobs(work, fake):
    workflow = pe.Workflow(name="many")
    for number in range(20):
        node = step(f"step{number}", work / "log")
        node.inputs.value = number
        workflow.add_nodes([node])
    configure(workflow, work / "work", work / "crashes")
    run(workflow, result_wait=0.0)
    asked = (fake.folder / "squeue.options").read_text().split("--noheader")[1:]
    assert len(asked) <= 4 and any(some.count(",") >= 19 for some in asked)


def test_jobs_that_a_killed_driver_left_are_cancelled_and_no_others(fake, monkeypatch):
    fake.queue("1|RUNNING|None|wf.a-x", "2|PENDING|None|wf.map.3-x", "3|RUNNING|None|wf.b-x",
               "4|COMPLETED|None|wf.a-x", "5|RUNNING|None|wf.a-y")  # fmt: skip
    monkeypatch.setattr(time, "sleep", lambda _: fake.queue("1|CANCELLED|None|wf.a-x"))
    end_leftover_jobs("-x", {"wf.a", "wf.map"})
    assert sorted(fake.cancelled) == ["1", "2"]


def test_jobs_that_do_not_end_stop_the_run(fake):
    fake.queue("1|RUNNING|None|wf.a-x")
    with pytest.raises(InputError, match="SLURM") as caught:
        end_leftover_jobs("-x", {"wf.a"}, patience=0.0)
    assert "[1]" in caught.value.found and "squeue" in caught.value.hint
    fake.queue(fails="Unable to contact slurm controller")
    with pytest.raises(InputError, match="SLURM") as caught:
        end_leftover_jobs("-x", {"wf.a"}, patience=0.0)
    assert caught.value.found == "no answer"
