import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from fmriprod.workflows.failure_memory import Allowance, explain_kill, memory_of, read_allowance
from fmriprod.workflows.failure_watch import WorkerWatch, tell

ROOM = "import time, sys; held = bytearray(150_000_000); print('x', flush=True); time.sleep(60)"


def groups(work, version):
    """A folder of control groups like that of Linux: limits stand in any of the levels."""
    root, own = work / "cgroup", work / "own"
    inner = root / ("memory" if version == 1 else "") / "job" / "step"
    inner.mkdir(parents=True)
    if version == 1:
        own.write_text("9:cpu:/elsewhere\n4:memory:/job/step\n0::/other\n")
        (inner.parent / "memory.limit_in_bytes").write_text("8000000000\n")
        (inner / "memory.limit_in_bytes").write_text("9223372036854771712\n")
        (inner / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    else:
        own.write_text("0::/job/step\n")
        (inner.parent / "memory.max").write_text("8000000000\n")
        (inner / "memory.max").write_text("max\n")
        (inner / "memory.events").write_text("low 0\nhigh 0\nmax 1\noom 1\noom_kill 3\n")
    return root, own


@pytest.mark.parametrize("version", [1, 2])
def test_limit_and_kills_of_control_groups(work, version):
    assert read_allowance(*groups(work, version)) == Allowance(8.0, 3)


def test_where_the_system_tells_nothing(work):
    assert read_allowance(work / "none", work / "none") == Allowance()
    (work / "own").write_text("0::/../../etc\n")
    assert read_allowance(work, work / "own") == Allowance()


def test_memory_of_children_counts():
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ROOM!r}])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        assert 0.15 < memory_of(process.pid) < 0.3
    finally:
        subprocess.run(["kill", *children(process.pid)], check=False)
        process.wait()
    assert memory_of(process.pid) == 0.0


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as stream:
        return stream.read().split()


def test_a_watch_knows_who_does_what_and_the_most_memory_of_it():
    process = subprocess.Popen([sys.executable, "-c", ROOM], stdout=subprocess.PIPE)
    watch = WorkerWatch(multiprocessing.get_context("spawn"))
    try:
        process.stdout.readline()
        assert watch.pid(5) is None
        tell(watch.speaker, 5, process.pid)
        tell(watch.speaker, 6, os.getpid())
        assert (watch.pid(5), watch.pid(6)) == (process.pid, os.getpid())
        deadline = time.monotonic() + 10
        while not watch.peak(5) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        time.sleep(0.7)
        assert 0.15 < watch.peak(5) < 0.3  # stays when the process is gone
        watch.forget(5)
        assert watch.pid(5) is None and watch.peak(5) is None
    finally:
        process.kill()
        watch.close()


KILLED = {"asked_gb": 2.0, "n_procs": 1, "signal_name": "SIGKILL"}


@pytest.mark.parametrize(
    ("more", "parts"),
    [
        (
            {"peak_gb": 3.14, "before": Allowance(8.0, 1), "after": Allowance(8.0, 2)},
            ["the kernel killed it: there was no memory left", "3.1 GB at most", "8 GB for all",
             "declared: 2 GB, 1 thread\n", "more than it declares", "--n-procs"],
        ),
        (
            {"before": Allowance(None, 2), "after": Allowance(None, 2)},
            ["nearly always that is for memory", "used:     unknown", "limit:    none known"],
        ),
        (
            {"signal_name": "SIGSEGV", "n_procs": 4, "peak_gb": 1.0},
            ["(SIGSEGV)", "1 GB at most", "a library may have crashed", "4 threads"],
        ),
        (
            {"peak_gb": 123.4, "after": Allowance(1081.0), "asked_gb": 240.25},
            ["123 GB at most", "1081 GB for all", "declared: 240 GB"],
        ),
    ],
)  # fmt: skip
def test_a_kill_is_explained(more, parts):
    text = explain_kill(**{**KILLED, **more})
    assert text.startswith("WorkerKilled: ")
    assert all(line.startswith("  ") for line in text.splitlines()[1:])
    for part in parts:
        assert part in text, text
    assert ("please report" in text) is (more.get("peak_gb") == 3.14)
