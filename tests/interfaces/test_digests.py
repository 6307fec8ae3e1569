import os
import time

import pytest
from nipype.utils.filemanip import hash_infile

from fmriprod.interfaces import digests
from fmriprod.interfaces.digests import file_digest
from fmriprod.interfaces.volumes import SelectVolumes


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(digests, "_known", {})


@pytest.fixture
def reads(monkeypatch):
    """Paths of the files whose content was read for a digest."""
    seen, real = [], digests.hashlib.md5
    monkeypatch.setattr(digests.hashlib, "md5", lambda **k: seen.append(1) or real(**k))
    return seen


def old(path, text):
    path.write_text(text)
    time.sleep(2 * digests._AT_REST)
    return str(path)


def test_it_is_the_digest_of_nipype(work):
    (work / "a").write_bytes(os.urandom(3_000_001))
    assert file_digest(str(work / "a")) == hash_infile(str(work / "a"))


def test_a_file_at_rest_is_read_once(work, reads):
    path = old(work / "a", "one")
    assert file_digest(path) == file_digest("a")
    assert len(reads) == 1


def test_a_file_just_written_is_read_again(work, reads):
    (work / "a").write_text("one")
    file_digest("a")
    file_digest("a")
    assert len(reads) == 2


def test_a_change_is_seen_even_if_size_and_time_are_set_back(work):
    path = old(work / "a", "one")
    first, stat = file_digest(path), os.stat(path)
    (work / "a").write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file_digest(path) != first


def test_a_replaced_file_is_seen(work):
    path = old(work / "a", "one")
    first = file_digest(path)
    other = old(work / "b", "two")
    os.replace(other, path)
    assert file_digest(path) != first


def test_interfaces_read_an_input_once_and_hash_as_nipype_does(work, reads):
    path = old(work / "a.nii", "no image, but a file")
    inputs = SelectVolumes(in_file=path).inputs
    listed, _ = inputs.get_hashval(hash_method="content")
    assert dict(listed)["in_file"] == (path, hash_infile(path))
    assert len(reads) == 1  # though asked for twice


def test_timestamps_can_still_be_hashed_instead(work):
    path = old(work / "a.nii", "one")
    inputs = SelectVolumes(in_file=path).inputs
    before = inputs.get_hashval(hash_method="timestamp")[1]
    os.utime(path, (1, 1))
    assert inputs.get_hashval(hash_method="timestamp")[1] != before
