import errno
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows import lock as lock_module
from fmriprod.workflows.lock import LOCKS, WORK_LOCKS, Locks, read_lock
from fmriprod.workflows.record import RECORDS
from fmriprod.workflows.record_owner import this_process

COMMAND = "fmriprod run raw out participant"
ELSEWHERE = {"host": "node7", "machine": "another boot"}


def lock(out, label="01"):
    return out / LOCKS / f"{label}.lock"


def leave(out, label="01", touched=0.0, **owner):
    """Put there what a run of another process leaves; ``touched`` seconds from now."""
    path = lock(out, label)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**this_process(), "id": "a1", "command": COMMAND, "participants": [label],
               "record": "other.jsonl", **owner}  # fmt: skip
    path.write_text(json.dumps(content))
    os.utime(path, (time.time() + touched,) * 2)
    return path


def leave_record(out, touched):
    path = out / RECORDS / "other.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() + touched,) * 2)
    return path


def test_held_until_the_end_and_then_gone(work):
    with Locks(work, ["02", "01"], COMMAND):
        assert sorted(p.name for p in (work / LOCKS).iterdir()) == ["01.lock", "02.lock"]
        assert read_lock(lock(work))["participants"] == ["01", "02"]
    assert not list((work / LOCKS).iterdir())


def test_a_second_run_is_refused_and_told_by_whom_and_takes_nothing(work):
    with Locks(work, ["02"], COMMAND):
        with pytest.raises(InputError) as refused:
            Locks(work, ["01", "02", "03"], "fmriprod run")
        assert not lock(work).exists()
    err = refused.value
    assert err.subject == "participant 02"
    assert f"process {os.getpid()} on {this_process()['host']}" in err.found
    assert COMMAND in err.found and err.found.endswith("at work on 02")
    assert "--participant-label" in err.hint


def test_others_run_side_by_side(work):
    with (
        Locks(work, ["01"], COMMAND),
        Locks(work, ["02"], COMMAND),
        Locks(work, ["group"], COMMAND),
    ):
        assert len(list((work / LOCKS).iterdir())) == 3


def test_the_group_is_named(work):
    with Locks(work, ["group"], COMMAND), pytest.raises(InputError, match=r"^group\n"):
        Locks(work, ["group"], COMMAND)


@pytest.mark.parametrize("owner", [{"pid": 99999999}, {"born": 1}])
def test_a_process_of_this_machine_that_is_gone_is_taken_over(work, owner):
    leave(work, **owner)  # the number of the process may belong to another one now
    with Locks(work, ["01"], "mine"):
        assert read_lock(lock(work))["command"] == "mine"
    assert not list((work / LOCKS).iterdir())


@pytest.mark.parametrize("clock", [-86400.0, 0.0, 86400.0])
def test_another_machine_counts_by_its_touches_whatever_the_clock_says(work, monkeypatch, clock):
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + clock)
    now = -clock  # `leave` adds it to that clock
    leave(work, touched=now - 300, **ELSEWHERE)
    leave_record(work, touched=now - 10)
    with pytest.raises(InputError, match="on node7"):
        Locks(work, ["01"], "mine", watch=0.1)
    leave_record(work, touched=now - 70)
    with Locks(work, ["01"], "mine", watch=0.1):
        assert read_lock(lock(work))["command"] == "mine"


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_machine_that_stamps_its_own_time_is_seen_to_live(work, skew):
    """As on file systems where each machine's own clock counts."""
    leave(work, touched=-7200, **ELSEWHERE)
    record = leave_record(work, touched=skew)
    beat = f"import os, time\nwhile True: os.utime({str(record)!r}, (time.time() + {skew},) * 2)"
    process = subprocess.Popen([sys.executable, "-c", beat])
    try:
        with pytest.raises(InputError, match="on node7"):
            Locks(work, ["01"], "mine", watch=5.0)
    finally:
        process.kill()
        process.wait()
    with Locks(work, ["01"], "mine", watch=0.3):
        pass


def test_many_stale_locks_of_one_run_are_waited_for_once(work):
    labels = [f"{n:02d}" for n in range(20)]
    for label in labels:
        leave(work, label, touched=-300, **ELSEWHERE)
    begun = time.monotonic()
    with Locks(work, labels, "mine", watch=0.5):
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize("touched", [0.0, -120.0])
def test_a_lock_that_is_cut_short_holds_for_a_minute(work, touched):
    path = leave(work)
    path.write_text('{"id": "a')
    os.utime(path, (time.time() + touched,) * 2)
    if touched:
        with Locks(work, ["01"], "mine"):
            assert read_lock(path)["command"] == "mine"
    else:
        with pytest.raises(InputError, match=r"process \? on \?"):
            Locks(work, ["01"], "mine")


def test_a_taker_that_died_on_the_way_does_not_block(work):
    path = leave(work, pid=99999999)
    taker = path.with_name(".a1.takeover")
    taker.write_text(path.read_text().replace('"a1"', '"b2"'))
    with Locks(work, ["01"], "mine"):
        assert read_lock(path)["command"] == "mine"
    assert not list((work / LOCKS).iterdir())


def test_a_taker_at_work_is_not_disturbed(work):
    path = leave(work, pid=99999999)
    taker = path.with_name(".a1.takeover")
    taker.write_text(json.dumps({**this_process(), "id": "b2", "command": "taker"}))
    with pytest.raises(InputError, match="taker"):
        Locks(work, ["01"], "mine")
    assert read_lock(path)["id"] == "a1"


def test_what_was_taken_over_is_not_removed_by_its_first_owner(work):
    first = Locks(work, ["01"], COMMAND)
    leave(work, command="the next owner")
    first.release()
    assert read_lock(lock(work))["command"] == "the next owner"


def test_without_hard_links(work, monkeypatch):
    def link(*_):
        raise PermissionError("not supported")

    monkeypatch.setattr(os, "link", link)
    with Locks(work, ["01"], COMMAND), pytest.raises(InputError, match="participant 01"):
        Locks(work, ["01"], "mine")


def test_a_place_that_cannot_be_written_to(work):
    (work / ".fmriprod").write_text("a file")
    with pytest.raises(InputError) as refused:
        Locks(work, ["01"], COMMAND)
    assert refused.value.expected == "an output folder that can be written to"
    assert "Not a directory" in refused.value.found or "File exists" in refused.value.found
    assert "another OUT_DIR" in refused.value.hint


def test_runs_of_one_participant_in_two_output_folders_do_not_share_a_work_folder(work):
    shared = work / "shared"
    with Locks(work / "a", ["01"], COMMAND, work_dir=shared):
        with pytest.raises(InputError) as refused:
            Locks(work / "b", ["01"], "mine", work_dir=shared)
        assert not lock(work / "b").exists()
        Locks(work / "b", ["02"], "mine", work_dir=shared).release()
    assert refused.value.expected == f"no other run at work on it in the work folder {shared}"
    assert COMMAND in refused.value.found and "another --work-dir" in refused.value.hint
    assert not list((shared / WORK_LOCKS).iterdir())


def test_a_work_folder_that_cannot_be_written_to(work):
    (work / "file").touch()
    with pytest.raises(InputError, match="a work folder that can be written to") as refused:
        Locks(work / "out", ["01"], COMMAND, work_dir=work / "file")
    assert "give another --work-dir" in refused.value.hint and not lock(work / "out").exists()


def test_a_lock_that_cannot_be_read_is_said_and_not_waited_for(work):
    lock(work).mkdir(parents=True)
    with pytest.raises(InputError, match="Is a directory"):
        Locks(work, ["01"], COMMAND)


@pytest.mark.parametrize("value", [5, None, "x", {"a": 1}, [1]])
@pytest.mark.parametrize("key", ["participants", "command", "record", "host", "machine", "born"])
def test_values_of_another_kind_in_a_lock_end_in_no_traceback(work, key, value):
    leave(work, **{key: value})
    with suppress(InputError):
        Locks(work, ["01"], COMMAND, watch=0.05).release()


def test_owners_elsewhere_that_seem_gone_are_watched_at_once(work):
    for number in range(8):
        leave(work, f"{number}", touched=-300, host=f"node{number}", machine=f"{number}")
    begun = time.monotonic()
    with Locks(work, [f"{number}" for number in range(8)], "mine", watch=0.5):
        assert 0.4 < time.monotonic() - begun < 2


def while_taking(monkeypatch, act):
    """Do something while the lock of 02 is taken."""

    def slowly(path, whole, make=lock_module.make):
        if path.stem == "02":
            act()
        return make(path, whole)

    monkeypatch.setattr(lock_module, "make", slowly)


def test_locks_are_touched_while_others_are_taken_and_held(work, monkeypatch):
    def touched():
        os.utime(lock(work), (0, 0))
        end = time.monotonic() + 5
        while not lock(work).stat().st_mtime and time.monotonic() < end:
            time.sleep(0.01)
        assert lock(work).stat().st_mtime

    while_taking(monkeypatch, touched)
    with Locks(work, ["01", "02"], COMMAND, beat=0.05):
        touched()


def test_a_lock_that_was_taken_over_while_others_were_taken_is_not_held(work, monkeypatch):
    def take_over():
        lock(work).unlink()  # ours is one file with several names
        leave(work, command="the next owner", **ELSEWHERE)

    while_taking(monkeypatch, take_over)
    with pytest.raises(InputError, match="on node7 took it over"):
        Locks(work, ["01", "02"], COMMAND)
    assert read_lock(lock(work))["command"] == "the next owner" and not lock(work, "02").exists()


@pytest.mark.parametrize("away", ["taken over", "removed", "cannot be read", "folder is away"])
def test_who_lost_a_lock_is_told_once_and_who_only_cannot_see_it_is_not(work, away):
    told = []
    with Locks(work, ["01"], COMMAND, beat=0.02) as locks:
        locks.watch(lambda: told.append(1))
        lock(work).unlink()
        if away == "taken over":
            leave(work)
        elif away == "cannot be read":
            lock(work).mkdir()
        elif away == "folder is away":
            (work / LOCKS).rmdir()
        time.sleep(0.3)
        lost = away in ("taken over", "removed")
        assert told == [1] * lost
        if lost:
            with pytest.raises(InputError, match="the lock of 01") as said:
                locks.check()
            assert "it continues" in said.value.hint
        else:
            locks.check()


def test_a_folder_that_cannot_be_asked_for_does_not_end_the_watch(work, monkeypatch):
    def stale(*_):
        raise OSError(errno.ESTALE, "Stale file handle")

    with Locks(work, ["01"], COMMAND, beat=0.02) as locks:
        lock(work).unlink()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "is_dir", stale)
            time.sleep(0.1)
        assert locks._thread.is_alive()


RACER = """
import sys, time
from pathlib import Path
from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.lock import Locks

folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(folder / f"ready-{name}").touch()
while not (folder / "start").exists():
    time.sleep(0.001)
begin = float((folder / "start").read_text())
held = []
for number in range(rounds):
    while time.time() < begin + 0.03 * number:
        pass
    try:
        held.append(Locks(folder, [str(number)], name))
        print(number, flush=True)
    except InputError:
        pass
(folder / f"through-{name}").touch()
while len(list(folder.glob("through-*"))) < int(sys.argv[4]):
    time.sleep(0.01)
for lock in held:
    lock.release()
"""


def test_of_racing_processes_one_wins_each_stale_lock(work):
    rounds, racers = 60, 4
    for number in range(rounds):
        leave(work, str(number), pid=99999999, id=f"dead{number}")
    command = [sys.executable, "-c", RACER, str(work)]
    processes = [
        subprocess.Popen([*command, f"racer{n}", str(rounds), str(racers)], stdout=subprocess.PIPE)
        for n in range(racers)
    ]
    while len(list(work.glob("ready-*"))) < racers:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.02)
    (work / "start.part").write_text(str(time.time() + 0.1))
    (work / "start.part").rename(work / "start")
    won = [int(n) for process in processes for n in process.communicate(timeout=60)[0].split()]
    assert sorted(won) == list(range(rounds))
    assert not list((work / LOCKS).iterdir())
