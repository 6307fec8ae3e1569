"""A run that is killed continues where it was and ends with the same bytes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.simulated import simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
STEPS_BEFORE_KILL = (2, 8, 14, 20)


def command(bids, out):
    options = ["--n-procs", "2", "--n-voxels", "60", "--n-permutations", "50"]
    return [sys.executable, "-m", "fmriprod.cli.main", "run", str(bids), str(out), "participant",
            *options, "--contrast", "bed-chair"]  # fmt: skip


def run_until(bids, out, steps):
    """Kill the driver with SIGKILL as soon as some steps have results; tell which have."""
    process = subprocess.Popen(command(bids, out), stderr=subprocess.PIPE, text=True)
    seen = []
    for line in process.stderr:
        if line.rstrip().endswith(("s)", "done", "cached")):
            seen.append(line)
        if len(seen) >= steps:
            process.send_signal(signal.SIGKILL)
            break
    process.stderr.close()
    assert process.wait() == -signal.SIGKILL
    return seen


def finish(bids, out):
    done = subprocess.run(command(bids, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def digests(out):
    ours = {".fmriprod", "logs"}
    files = (p for p in Path(out).rglob("*") if p.is_file() and not ours & {*p.parts})
    return {str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def workers_of(folder):
    """Processes that work below a folder (their command line does not show it; their cwd does)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(folder) in os.readlink(entry / "cwd"):
                    found.append(entry.name)
            except OSError:
                continue
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("study"))


def test_killed_runs_continue_and_end_with_the_same_bytes(study, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    finish(study, undisturbed)
    killed = tmp_path / "killed"
    before = 0
    for steps in STEPS_BEFORE_KILL:
        seen = run_until(study, killed, steps)
        cached = sum("cached" in line for line in seen)
        assert cached >= before, "what was done is done again"
        before = cached
        time.sleep(1.0)
        assert not workers_of(killed), "a worker outlived its driver"
    lines = finish(study, killed)
    assert any("cached" in line for line in lines)
    assert digests(killed) == digests(undisturbed)
