import gzip
import json
import os
import subprocess
import sys
from time import time as now

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces import atomic_files
from fmriprod.interfaces.atomic_files import same_content, save_file, save_json, save_text
from fmriprod.interfaces.processes import where_pids_count


def test_a_file_with_the_same_content_is_not_touched(work):
    (work / "a.tsv").write_text("x\n1\n")
    target = work / "out/a.tsv"
    assert save_file(work / "a.tsv", target)
    os.utime(target, (1, 1))
    assert not save_file(work / "a.tsv", target)
    assert target.stat().st_mtime == 1
    (work / "a.tsv").write_text("x\n2\n")  # same size
    assert save_file(work / "a.tsv", target)
    assert target.read_text() == "x\n2\n"
    assert sorted(p.name for p in target.parent.iterdir()) == ["a.tsv"]


def test_the_time_in_a_gzip_header_is_no_content(work):
    content = bytes(range(256)) * 5000
    targets = set()
    for time in (0, 1234567):
        (work / "a.nii.gz").write_bytes(gzip.compress(content, mtime=time))
        save_file(work / "a.nii.gz", work / "out/a.nii.gz")
        targets.add((work / "out/a.nii.gz").read_bytes())
        os.utime(work / "out/a.nii.gz", (1, 1))
    assert len(targets) == 1
    assert gzip.decompress(targets.pop()) == content
    assert (work / "out/a.nii.gz").stat().st_mtime == 1


def test_plain_images_are_compressed_once(work):
    (work / "a.nii").write_bytes(b"voxels" * 1000)
    target = work / "a.nii.gz"
    assert save_file(work / "a.nii", target)
    assert gzip.decompress(target.read_bytes()) == b"voxels" * 1000
    assert target.read_bytes()[4:8] == bytes(4)
    assert not save_file(work / "a.nii", target)
    target.write_bytes(target.read_bytes()[:20])  # damaged: made again
    assert not same_content(work / "a.nii", target)
    assert save_file(work / "a.nii", target)
    assert gzip.decompress(target.read_bytes()) == b"voxels" * 1000


def test_a_failed_copy_leaves_the_old_file_and_nothing_else(work, monkeypatch):
    (work / "a.tsv").write_text("new")
    (work / "out").mkdir()
    (work / "out/a.tsv").write_text("old")

    def full(source, target):
        target.write_text("ne")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        save_file(work / "a.tsv", work / "out/a.tsv")
    assert [(p.name, p.read_text()) for p in (work / "out").iterdir()] == [("a.tsv", "old")]


def test_a_file_where_a_folder_should_be_is_refused(work):
    (work / "out").write_text("a file")
    (work / "a.tsv").write_text("x")
    with pytest.raises(InputError, match="a folder that may be written"):
        save_file(work / "a.tsv", work / "out/func/a.tsv")


def test_json_is_sorted_and_written_once(work):
    target = work / "a.json"
    assert save_json({"b": 1, "a": "é"}, target)
    assert target.read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'
    assert not save_json({"a": "é", "b": 1}, target)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json({"a": float("nan")}, target)


def test_what_a_killed_writer_left_is_removed_and_that_of_a_living_one_is_not(work):
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    (work / "a[1].tsv").write_text("x")
    (work / "out").mkdir()
    here, dead, alive = where_pids_count(), process.pid, os.getppid()
    gone = [f"{dead}", f"{dead}.{here}.0a1b2c"]  # an earlier version's, and ours
    kept = [f"{alive}", f"{alive}.{here}.0a1b2c", f"{dead}.other0.0a1b2c"]  # of another host
    gone.append(f"{alive}.other1.0a1b2c")  # of a boot or container that is no more
    for mark in (*gone, *kept):
        (work / "out" / f".writing-{mark}-a[1].tsv").write_text("half")
    two_days = now() - 2 * 86_400
    os.utime(work / "out" / f".writing-{gone[-1]}-a[1].tsv", (two_days, two_days))
    save_file(work / "a[1].tsv", work / "out/a[1].tsv")
    expected = ["a[1].tsv", *(f".writing-{mark}-a[1].tsv" for mark in kept)]
    assert sorted(os.listdir("out")) == sorted(expected)


def test_names_as_long_as_file_systems_take_are_written(work):
    target = work / ("x" * 240 + ".nii.gz")
    other = target.with_name("y" + target.name[1:])
    for path in (target, other):  # whose ends are the same
        assert save_text(path.name[0], path) and path.read_text() == path.name[0]
    with pytest.raises(ZeroDivisionError), atomic_files._replacing(target) as temporary:
        assert len(os.fsencode(temporary.name)) < 255
        raise ZeroDivisionError
    assert sorted(os.listdir(work)) == [target.name, other.name]


@pytest.mark.parametrize("pid", [None, 3_999_999], ids=["same", "none here"])
def test_writers_of_two_hosts_do_not_take_each_others_file(work, monkeypatch, pid):
    """The other host has the same number of process, or one that is none here."""
    target, here = work / "out" / "methods.md", where_pids_count()
    number = pid or os.getpid()
    other = {"where_pids_count": lambda: "other0", "os.getpid": lambda: number}
    with monkeypatch.context() as there:
        for name, value in other.items():
            there.setattr(f"fmriprod.interfaces.atomic_files.{name}", value)
        writing = atomic_files._replacing(target)
        temporary = writing.__enter__()
    assert where_pids_count() == here
    temporary.write_text("theirs, a part")
    save_text("ours", target)
    assert target.read_text() == "ours"
    temporary.write_text("theirs, whole")
    writing.__exit__(None, None, None)
    assert target.read_text() == "theirs, whole"
    assert os.listdir("out") == ["methods.md"]


def test_a_writer_that_is_killed_leaves_the_old_file_and_the_next_one_cleans_up(work):
    (work / "a.tsv").write_text("new " * 1000)
    (work / "out").mkdir()
    (work / "out/a.tsv").write_text("old")
    code = """
import os, shutil, signal
from pathlib import Path
from fmriprod.interfaces.atomic_files import save_file

def half(source, target):
    Path(target).write_bytes(Path(source).read_bytes()[:2000])
    os.kill(os.getpid(), signal.SIGKILL)

shutil.copyfile = half
save_file("a.tsv", Path("out/a.tsv"))
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -9
    assert (work / "out/a.tsv").read_text() == "old"
    assert len(os.listdir("out")) == 2
    save_file("a.tsv", work / "out/a.tsv")
    assert os.listdir("out") == ["a.tsv"]
    assert (work / "out/a.tsv").read_text() == "new " * 1000


def test_the_name_of_a_file_that_is_not_utf8_comes_back_from_json(work):
    name = os.fsdecode(b"sub-\xff")
    assert save_json({"file": name}, work / "a.json")
    assert json.loads((work / "a.json").read_text(encoding="utf-8")) == {"file": name}
