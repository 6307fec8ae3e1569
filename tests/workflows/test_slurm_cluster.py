"""Arrays and the group's job on a real SLURM."""

import subprocess
import threading
import time

import pytest
from support.nasty_names import SHELL_NAMES
from support.slurm import cluster  # noqa: F401

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.slurm_array import submit_study, wait_for
from fmriprod.workflows.slurm_array_jobs import read_submissions
from fmriprod.workflows.slurm_scripts import Request

pytestmark = pytest.mark.slow
SMALL = Request(1, 0.5)
# "$2" is the label: --participant-label LABEL --n-procs N --mem-gb M
ELEMENT = 'echo "begin $2 $4 $6" >>events; {}; echo "end $2" >>events'
GROUP = ["bash", "-c", "echo group >>events", "group"]


def element(what="true"):
    return ["bash", "-c", ELEMENT.format(what), "element"]


def submit(out, labels, command, **options):
    group = {"group": SMALL, "group_command": GROUP}
    return submit_study(out, dict.fromkeys(labels, SMALL), command, **group | options)


def wait(submission):
    seen = {}
    codes = wait_for(
        submission, lambda who, code, state: seen.__setitem__(who, state), interval=0.5
    )
    return codes, seen


def events(work):
    path = work / "events"
    return path.read_text().splitlines() if path.exists() else []


def test_an_element_for_each_participant_and_then_the_group(cluster, work):  # noqa: F811
    codes, _ = wait(submit(work / "out", ["01", "02", "03"], element("sleep 1")))
    assert codes == dict.fromkeys(["sub-01", "sub-02", "sub-03", "group"], 0)
    seen = events(work)
    assert seen[-1] == "group" and seen.count("group") == 1
    assert {"begin 01 1 0.45", "begin 02 1 0.45", "end 03"} < set(seen)


def test_the_group_does_not_run_without_those_that_failed(cluster, work):  # noqa: F811
    submission = submit(work / "out", ["01", "02"], element('test "$2" = 01 || exit 3'))
    codes, states = wait(submission)
    assert codes == {"sub-01": 0, "sub-02": 3, "group": None}
    assert states["group"].state == "CANCELLED" and "group" not in events(work)
    assert "exit code 3" in submission.log_file("sub-02").read_text()


def test_a_killed_element_is_no_success(cluster, work):  # noqa: F811
    codes, states = wait(submit(work / "out", ["01"], element(), preamble="kill -9 $$\n"))
    assert codes == {"sub-01": None, "group": None} and states["sub-01"].state == "FAILED"


def test_a_second_submission_is_refused_while_the_first_waits_or_runs(cluster, work):  # noqa: F811
    out = work / "out"
    first = submit(out, ["01", "02"], element("sleep 60"))
    with pytest.raises(InputError) as caught:
        submit(out, ["02", "03"], element())
    assert "sub-02" in caught.value.found and "group" in caught.value.found
    assert "sub-01" not in caught.value.found
    assert len(read_submissions(out)) == 1
    subprocess.run(["scancel", *(str(job.number) for job in first.jobs)], check=True)
    codes, _ = wait(first)
    assert set(codes.values()) == {None}
    codes, _ = wait(submit(out, ["02", "03"], element()))
    assert set(codes.values()) == {0}


def test_any_folder_name_works(cluster, work):  # noqa: F811
    done = [submit(work / name, ["01"], element()) for name in SHELL_NAMES]
    for submission in done:
        codes, _ = wait(submission)
        assert codes == {"sub-01": 0, "group": 0}, submission.folder
    assert not list(work.rglob("INJECTED"))


def test_an_unknown_partition_is_told_in_the_words_of_slurm(cluster, work):  # noqa: F811
    with pytest.raises(InputError, match="sbatch") as caught:
        submit(work / "out", ["01"], element(), arguments=["--partition=nowhere"])
    assert "invalid partition" in caught.value.found


@pytest.mark.timeout(300)
def test_a_machine_that_dies_loses_no_participant(cluster, work):  # noqa: F811
    """SLURM gives the elements of a lost machine out again, or says that they failed."""
    out = work / "out"
    submission = submit(out, ["01", "02"], element("test -e again || sleep 30"))
    end = time.monotonic() + 30
    while sum(line.startswith("begin") for line in events(work)) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    (work / "again").touch()
    for node in ("n1", "n2"):
        cluster.kill_node(node)
        cluster.start_node(node)
    threading.Event().wait(1)
    codes, states = wait(submission)
    assert not (set(codes.values()) - {0, None})
    left = [who.removeprefix("sub-") for who, code in codes.items() if code != 0 and who != "group"]
    if left:  # not given out again: the same command continues
        codes, states = wait(submit(out, left, element()))
        assert set(codes.values()) == {0}, states
    assert {"end 01", "end 02", "group"} <= set(events(work))
