"""Digests kept between processes: what is found again, and that every change is noticed."""

import json
import mmap
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from nipype.utils.filemanip import hash_infile

from fmriprod.interfaces import digest_store, digests
from fmriprod.interfaces.digest_store import NAME, NODE_MARK, Store
from fmriprod.interfaces.digests import (
    file_digest,
    file_state,
    known_digest,
    learn_digest,
    remembering,
)

SIZE = 300_000


@pytest.fixture(autouse=True)
def reads(monkeypatch):
    """Files whose content was read, as by a process of its own."""
    seen, real = [], digests._read
    monkeypatch.setattr(digests, "_read", lambda path: seen.append(path) or real(path))
    monkeypatch.setattr(digests, "_known", {})
    monkeypatch.setattr(digest_store, "_clocks", {})
    return seen


def another_process():
    """Forget what this process knows; what is kept in files remains."""
    digests._known.clear()
    digest_store._clocks.clear()


def content(letter):
    return letter.encode() * SIZE


def at_rest():
    time.sleep(2 * digests._AT_REST)


@pytest.fixture
def result(work):
    """File in the folder of a node, with a kept digest."""
    folder = work / "work" / "node"
    folder.mkdir(parents=True)
    (folder / NODE_MARK).write_bytes(b"")
    (folder / "out.nii").write_bytes(content("a"))
    at_rest()
    file_digest(str(folder / "out.nii"))
    another_process()
    return folder / "out.nii"


def test_a_digest_is_found_by_another_process(result, reads):
    program = (
        "import sys\nfrom fmriprod.interfaces import digests\n"
        "digests._read = lambda path: sys.exit('read')\n"
        "print(digests.file_digest(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(result)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == hash_infile(str(result))
    assert json.loads((result.parent / NAME).read_text())["files"].keys() == {"out.nii"}


def test_files_in_folders_of_a_result_are_known_too(work, reads):
    (work / "node" / "deep").mkdir(parents=True)
    (work / "node" / NODE_MARK).write_bytes(b"")
    for name in ("out.nii", "deep/out.nii"):
        (work / "node" / name).write_bytes(content(name[0]))
    at_rest()
    first = [file_digest(f"node/{name}") for name in ("out.nii", "deep/out.nii")]
    another_process()
    assert [known_digest(f"node/{name}") for name in ("out.nii", "deep/out.nii")] == first
    assert first[0] != first[1] and len(reads) == 2


def test_small_files_are_read_and_not_kept(work, reads):
    (work / NODE_MARK).write_bytes(b"")
    (work / "a.tsv").write_text("a")
    at_rest()
    file_digest("a.tsv")
    assert not (work / NAME).exists()


def overwrite(file):
    file.write_bytes(content("b"))


def rename(file):
    (file.parent / "new").write_bytes(content("b"))
    stat = os.stat(file)
    os.utime(file.parent / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    os.replace(file.parent / "new", file)


def through_a_hard_link(file):
    os.link(file, file.parent / "link")
    (file.parent / "link").write_bytes(content("b"))


def through_a_memory_map(file):
    with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[7] = ord("b")


def restored_with_old_times(file):
    backup = file.parent / "backup"
    backup.write_bytes(content("b"))
    stat = os.stat(file)
    os.utime(backup, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    file.unlink()
    shutil.copy2(backup, file)


def one_byte_in_the_middle(file):
    with file.open("r+b") as stream:
        stream.seek(SIZE // 2)
        stream.write(b"b")


def truncate_and_pad(file):
    os.truncate(file, 10)
    os.truncate(file, SIZE)


CHANGES = [overwrite, rename, through_a_hard_link, through_a_memory_map, restored_with_old_times,
           one_byte_in_the_middle, truncate_and_pad]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_change_is_noticed_though_size_and_time_are_the_same(result, change):
    stat, before = os.stat(result), file_digest(str(result))
    another_process()
    change(result)
    os.utime(result, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert os.stat(result).st_size == SIZE
    assert os.stat(result).st_mtime_ns == stat.st_mtime_ns
    assert known_digest(str(result)) is None
    assert file_digest(str(result)) == hash_infile(str(result)) != before


def test_a_retargeted_link_is_noticed(work):
    for name in ("one", "two"):
        (work / name).write_bytes(content(name[0]))
        os.utime(work / name, ns=(10**18, 10**18))
    (work / "link").symlink_to("one")
    at_rest()
    with remembering(work / "kept"):
        first = file_digest("link")
        another_process()
        assert known_digest("link") == first
        (work / "link").unlink()
        (work / "link").symlink_to("two")
        assert file_digest("link") == hash_infile("two") != first


def test_a_clock_set_back_hides_nothing(work, monkeypatch):
    """States are compared for being the same; an earlier time is another one."""
    (work / "a").write_bytes(content("a"))
    at_rest()
    state = file_state("a")
    earlier = (*state[:4], state[4] - 10**12)
    store = Store.of_folder(str(work), work / "kept")
    store.keep(str(work / "a"), state, "0" * 32)
    assert store.find(str(work / "a"), state) == "0" * 32
    assert store.find(str(work / "a"), earlier) is None


def test_a_file_of_the_future_is_never_remembered(work, reads):
    (work / "a").write_bytes(content("a"))
    future = time.time_ns() + 10**12
    os.utime("a", ns=(future, future))
    with remembering(work / "kept"):
        file_digest("a")
        file_digest("a")
    assert len(reads) == 2 and not list(work.glob("kept/*.json"))


def test_a_file_just_written_is_not_kept(work, reads):
    (work / "a").write_bytes(content("a"))
    with remembering(work / "kept"):
        file_digest("a")
        another_process()
        file_digest("a")
    assert len(reads) == 2


def test_rest_is_told_by_the_clock_of_the_file_system(work, monkeypatch):
    """The server of the files is a minute behind: what was just written looks old, and is not."""
    (work / "a").write_bytes(content("a"))
    real = time.time_ns
    monkeypatch.setattr(digests.time, "time_ns", lambda: real() + 60 * 10**9)
    with remembering(work / "kept"):
        file_digest("a")
    assert not list((work / "kept").glob("*.json"))


def test_a_file_that_changes_while_it_is_read_is_not_remembered(work, monkeypatch):
    (work / "a").write_bytes(content("a"))
    at_rest()
    real = digests._read

    def read(path):
        digest = real(path)
        (work / "a").write_bytes(content("b"))
        return digest

    monkeypatch.setattr(digests, "_read", read)
    with remembering(work / "kept"):
        file_digest("a")
    assert not digests._known and not list((work / "kept").glob("*.json"))


DAMAGES = ["", "{", "[]", '{"files": []}', '{"files": {"out.nii": 1}}',
           '{"files": {"out.nii": [1, 2, 3, 4, 5]}}', "\x00" * 50,
           '{"files": {"out.nii": [1, 2, 3, 4, 5, "x"]}}']  # fmt: skip


@pytest.mark.parametrize("damage", [*DAMAGES, None])
def test_a_damaged_store_is_no_store(result, reads, damage):
    store = result.parent / NAME
    whole = store.read_text()
    for text in [damage] if damage is not None else [whole[:n] for n in range(len(whole))]:
        store.write_text(text)
        another_process()
        assert file_digest(str(result)) == hash_infile(str(result))
    another_process()
    store.write_bytes(b"\xff\xfe")
    assert known_digest(str(result)) is None


def test_a_store_that_cannot_be_written_changes_nothing(work, reads):
    (work / "a").write_bytes(content("a"))
    (work / "kept").write_text("a file where the folder should be")
    at_rest()
    with remembering(work / "kept"):
        assert file_digest("a") == hash_infile("a")


def test_looking_only_writes_nothing_and_still_knows(work, reads):
    (work / "a").write_bytes(content("a"))
    at_rest()
    with remembering(work / "kept", write=False):
        file_digest("a")
    assert os.listdir() == ["a"]
    with remembering(work / "kept"):
        another_process()
        first = file_digest("a")
    another_process()
    with remembering(work / "kept", write=False):
        assert known_digest("a") == first


def test_many_writers_leave_a_whole_store(work):
    names = [f"{i}.nii" for i in range(12)]
    for name in names:
        (work / name).write_bytes(content(name[0]))
    store = Store.of_folder(str(work), work / "kept")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            list(pool.map(lambda n: store.keep(str(work / n), file_state(n), "1" * 32), names))
    assert len(list((work / "kept").iterdir())) == 1  # no temporary file is left
    entries = json.loads(store.file.read_text())["files"]
    assert set(entries) <= set(names)
    assert all(store.find(str(work / n), file_state(n)) == "1" * 32 for n in entries)


def test_a_store_is_bounded(work, monkeypatch):
    monkeypatch.setattr(digest_store, "_AT_MOST", 3)
    store = Store.of_folder(str(work), work / "kept")
    for i in range(5):
        store.keep(str(work / f"{i}"), (1, 2, 3, 4, i), "1" * 32)
    assert list(json.loads(store.file.read_text())["files"]) == ["2", "3", "4"]


def test_what_a_worker_found_is_believed_of_old_files_only(work, monkeypatch):
    (work / "a").write_bytes(content("a"))
    with remembering(work / "kept"):
        learn_digest("a", "2" * 32, since=time.time())
        assert known_digest("a") is None
        learn_digest("a", "2" * 32, since=time.time() + 4000)
        another_process()
        assert known_digest("a") == "2" * 32


def test_names_that_break_what_does_not_quote_them(work, reads):
    names = ["a b.nii", "a'b\n.nii", "ü.nii", "-x;y.nii"]
    for name in names:
        (work / name).write_bytes(content("a"))
    at_rest()
    with remembering(work / "kept"):
        for name in names:
            file_digest(str(work / name))
        another_process()
        assert all(known_digest(str(work / name)) for name in names)
