"""What happens to a run from outside: afterwards the same command ends with the same bytes.

Nothing that had a result is computed again. All runs are real processes, of a small graph.
"""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from support.small_disks import read_only
from support.study_of_files import (
    digests,
    finish,
    latest,
    other_file,
    raw_file,
    start,
    write,
)

from fmriprod.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
STEPS = {f"0{i}.{step}" for i in (1, 2) for step in ("one", "two", "three")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Folder of a run that nothing disturbs."""
    folder = write(tmp_path_factory.mktemp("undisturbed"))
    code, said = finish(folder)
    assert code == 0, said
    assert works(latest(folder / "out", "end")) == STEPS
    return folder


@pytest.fixture
def finished(undisturbed, work):
    """A copy of that run at another place; it is all in the cache there."""
    folder = write(work / "study")
    code, said = finish(folder)
    assert code == 0 and digests(folder / "out") == digests(undisturbed / "out"), said
    return folder


def works(names):
    """Steps that compute; savers always run."""
    return {name for name in names if ".save" not in name}


def check_end(folder, undisturbed, runs, *options):
    """The same command ends well: exactly these steps run, and results are those of the other."""
    code, said = finish(folder, *options)
    assert code == 0 and "Traceback" not in said, said
    out = folder / "out"
    assert works(latest(out, "end")) == set(runs)
    assert works(latest(out, "cached")) == STEPS - set(runs)
    assert digests(out) == digests(undisturbed / "out")
    assert not [p for p in folder.rglob("*") if p.name.startswith((".writing", ".making"))]
    assert not list((out / ".fmriprod" / "locks").iterdir())


def wait_until(what, process=None, seconds=100):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
    return found


def hold(folder, step="two"):
    """Start a run, and wait until both participants are in a step; its process, and workers'."""
    (folder / f"hold-{step}").touch()
    process = start(folder)
    found = wait_until(
        lambda: len(them := list(folder.glob(f"hold-{step}.*"))) == 2 and them, process
    )
    return process, sorted(int(path.suffix[1:]) for path in found)


def release(folder):
    for path in folder.glob("hold-*"):
        path.unlink()


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_killed_worker(work, undisturbed):
    write(work)
    process, (victim, _) = hold(work)
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.3)
    release(work)
    out, err = process.communicate(timeout=120)
    failed = latest(work / "out", "failed")
    assert process.returncode == 1 and len(failed) == 1 and failed[0].endswith(".two")
    assert "Traceback" not in out + err and "SIGKILL" in out
    (label,) = {"01", "02"} - {failed[0][:2]}
    assert (work / f"out/sub-{label}").exists(), "the other participant goes on"
    check_end(work, undisturbed, {failed[0], failed[0].replace("two", "three")})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_driver(work, undisturbed, number):
    write(work)
    process, workers = hold(work)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert "Traceback" not in out + err
    wait_until(lambda: all(is_gone(pid) for pid in workers))
    release(work)
    assert not (work / "out" / "sub-01").exists()
    check_end(work, undisturbed, STEPS - {"01.one", "02.one"})


def test_a_driver_that_is_killed_at_any_moment(work, undisturbed):
    """At twelve times, spread over a run: each next run goes on, and the last one ends well."""
    write(work)
    for moment in range(12):
        process = start(work)
        time.sleep(0.4 + 0.25 * moment)
        process.kill()
        process.communicate(timeout=60)
    code, said = finish(work)
    assert code == 0, said
    assert digests(work / "out") == digests(undisturbed / "out")
    check_end(work, undisturbed, set())


def node(folder, name):
    label, step = name.split(".")
    return folder / "out/.fmriprod/work/fmriprod" / f"sub_{label}_wf" / step


@pytest.mark.parametrize(("name", "keep"), [("out.npy", 200), ("out.npy", 0),
                                            ("result_two.pklz", 60)])  # fmt: skip
def test_a_truncated_file_of_the_cache(finished, undisturbed, name, keep):
    os.truncate(node(finished, "01.two") / name, keep)
    check_end(finished, undisturbed, {"01.two"})


def test_bits_that_flip_in_the_cache_at_the_same_size_and_time(finished, undisturbed):
    path = node(finished, "02.one") / "out.npy"
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    check_end(finished, undisturbed, {"02.one"})


def test_a_truncated_record_and_lock_and_what_a_writer_left(finished, undisturbed):
    out = finished / "out"
    record = max((out / ".fmriprod/runs").glob("*"))
    os.truncate(record, record.stat().st_size - 30)
    result = next(out.glob("sub-01/func/*_features.npy"))
    (result.parent / f".writing-999999-{result.name}").write_bytes(b"half")
    os.truncate(result, 100)
    check_end(finished, undisturbed, set())


def test_a_result_that_somebody_changed_or_removed(finished, undisturbed):
    for number, path in enumerate(sorted((finished / "out").glob("sub-*/func/*"))):
        path.unlink() if number % 2 else path.write_bytes(b"changed")
    check_end(finished, undisturbed, set())


VANISH = {
    "removed": lambda path: path.rename(path.with_suffix(".away")),
    "a link to nowhere": lambda path: path.rename(path.with_suffix(".away"))
    and path.symlink_to("/nowhere/at/all"),
    "damaged": lambda path: shutil.copy(path, path.with_suffix(".away"))
    and os.truncate(path, 100),
}  # fmt: skip


@pytest.mark.parametrize("how", VANISH)
def test_an_input_that_is_lost_in_the_middle_and_comes_back(work, undisturbed, how):
    write(work)
    process, _ = hold(work, "one")
    path = other_file(work, "01")
    VANISH[how](path)
    release(work)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in out + err
    assert latest(work / "out", "failed") == ["01.two"] and (work / "out/sub-02").exists()
    path.unlink(missing_ok=True)
    path.with_suffix(".away").rename(path)
    check_end(work, undisturbed, {"01.two", "01.three"})


def without_privileges():
    """Command before another one that takes root's right to read everything away."""
    if os.geteuid() != 0:
        return []
    if not (program := shutil.which("setpriv")):
        pytest.skip("root may read everything, and there is no setpriv")
    kept = "-dac_override,-dac_read_search"
    return [program, f"--bounding-set={kept}", f"--inh-caps={kept}"]


def test_an_input_without_permission_that_gets_it_later(work, undisturbed):
    write(work)
    path = other_file(work, "01")
    path.chmod(0)
    code, said = finish(work, before=without_privileges())
    assert code == 1 and "Traceback" not in said and "ermission" in said
    assert latest(work / "out", "failed") == ["01.two"] and (work / "out/sub-02").exists()
    path.chmod(0o644)
    check_end(work, undisturbed, {"01.two", "01.three"})


def test_an_output_folder_without_permission(work, undisturbed):
    write(work)
    (work / "out").mkdir()
    (work / "out").chmod(0o555)
    code, said = finish(work, "--work", work / "elsewhere", before=without_privileges())
    assert code == 1 and "Traceback" not in said
    assert "an output folder that can be written to" in said and "Permission denied" in said
    assert not (work / "elsewhere").exists(), "it is said before anything is computed"
    (work / "out").chmod(0o755)
    check_end(work, undisturbed, STEPS, "--work", work / "elsewhere")


def test_an_output_folder_that_is_read_only(finished, undisturbed):
    before = {p: p.stat().st_mtime_ns for p in finished.rglob("*")}
    with read_only(finished / "out"):
        code, said = finish(finished, "--work", finished / "elsewhere")
        assert code == 1 and "Traceback" not in said
        assert "an output folder that can be written to" in said and "Read-only" in said
        assert not (finished / "elsewhere").exists(), "it is said before anything is computed"
    assert {p: p.stat().st_mtime_ns for p in finished.rglob("*")} == before
    check_end(finished, undisturbed, set())


def test_an_output_folder_that_becomes_read_only_in_the_middle(work, undisturbed):
    write(work)
    (work / "out").mkdir()
    (work / "hold-two").touch()
    process = start(work, "--work", work / "elsewhere")
    wait_until(lambda: len(list(work.glob("hold-two.*"))) == 2, process)
    with read_only(work / "out"):
        release(work)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 1 and "Traceback" not in out + err
        assert "Read-only" in out + err
    code, said = finish(work, "--work", work / "elsewhere")
    assert code == 0, said
    assert works(latest(work / "out", "end")) == set()
    assert digests(work / "out") == digests(undisturbed / "out")


YEAR = 365 * 86400


@pytest.mark.parametrize("years", [None, -5, 5])
def test_files_dated_in_the_past_or_in_the_future(finished, undisturbed, years):
    when = 1.0 if years is None else time.time() + years * YEAR
    for path in finished.rglob("*"):
        os.utime(path, (when, when))
    check_end(finished, undisturbed, set())


@pytest.mark.parametrize("ahead", [-YEAR, YEAR])
def test_a_clock_that_is_wrong(work, undisturbed, ahead, capsys):
    """The second driver has another time than the first, and than its own workers."""
    write(work)
    process, workers = hold(work)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: all(is_gone(pid) for pid in workers))
    release(work)
    check_end(work, undisturbed, STEPS - {"01.one", "02.one"}, "--clock-ahead", ahead)
    assert main(["status", str(work / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {p["state"] for p in participants(told)} == {"done"}
    check_end(work, undisturbed, set(), "--clock-ahead", -ahead)


def participants(told):
    found = told["participants"]
    return list(found.values()) if isinstance(found, dict) else found


def test_a_changed_input_is_noticed_whatever_its_date(finished):
    """Same size, an older date, and a driver whose clock is a year behind."""
    path = raw_file(finished, "01")
    stat = path.stat()
    np.save(path, np.load(path)[::-1].copy())
    assert path.stat().st_size == stat.st_size
    for when, ahead in ((stat.st_mtime, -YEAR), (stat.st_mtime - YEAR, YEAR)):
        np.save(path, np.load(path) + 1.0)
        os.utime(path, (when, when))
        code, said = finish(finished, "--clock-ahead", ahead)
        assert code == 0, said
        assert works(latest(finished / "out", "end")) == {"01.one", "01.two", "01.three"}


def test_a_work_folder_that_was_removed_or_cleaned(finished, undisturbed):
    code, said = finish(finished, "--clean-work", "finished")
    assert code == 0 and "Removed the work of 2 participants" in said
    assert works(latest(finished / "out", "end")) == set()
    check_end(finished, undisturbed, STEPS)
    shutil.rmtree(finished / "out/.fmriprod/work")
    check_end(finished, undisturbed, STEPS)
