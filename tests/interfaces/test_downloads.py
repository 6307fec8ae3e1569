"""Downloads from a server that breaks off, stalls, corrupts and refuses."""

import hashlib

import pytest
from support.faulty_server import serve

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.downloads import RemoteFile, download, is_complete

BODY = bytes(range(256)) * 4000  # 1 MB
MD5 = hashlib.md5(BODY).hexdigest()
LOST = 1 << 14  # at most, of a connection that breaks
QUICK = {"timeout": 0.5, "wait": 0.01}


@pytest.fixture
def server():
    with serve({"a/b.bin": BODY}) as running:
        yield running


@pytest.fixture
def remote(server):
    return RemoteFile("a/b.bin", f"{server.url}/a/b.bin", len(BODY), MD5)


def test_a_file_arrives_whole_under_its_name(server, remote, tmp_path):
    counted = []
    path = download(remote, tmp_path, on_bytes=counted.append, **QUICK)
    assert path == tmp_path / "a/b.bin"
    assert path.read_bytes() == BODY
    assert sum(counted) == len(BODY)
    assert [p.name for p in path.parent.iterdir()] == ["b.bin"]


@pytest.mark.parametrize("fault", ["break", "stall"])
def test_a_broken_connection_goes_on_where_it_was(server, remote, tmp_path, fault):
    server.faults["a/b.bin"] = [fault, fault]
    counted = []
    assert download(remote, tmp_path, on_bytes=counted.append, **QUICK).read_bytes() == BODY
    starts = [int(wanted.strip("bytes=-")) for _, wanted in server.requests[1:]]
    assert server.requests[0][1] is None
    assert 0 <= len(BODY) // 2 - starts[0] < LOST
    assert 0 <= len(BODY) * 3 // 4 - starts[1] < 2 * LOST
    assert sum(counted) == len(BODY) <= server.sent < len(BODY) + 2 * LOST


def test_another_command_goes_on_where_the_first_was(server, remote, tmp_path):
    server.faults["a/b.bin"] = ["break", 503]
    with pytest.raises(InputError, match="goes on where it was"):
        download(remote, tmp_path, attempts=1, **QUICK)
    assert not (tmp_path / "a/b.bin").exists()
    assert download(remote, tmp_path, **QUICK).read_bytes() == BODY
    assert server.sent < len(BODY) + LOST


def test_pieces_of_two_versions_are_never_joined(server, tmp_path):
    server.faults["a/b.bin"] = ["break", "changed"]
    remote = RemoteFile("a/b.bin", f"{server.url}/a/b.bin")
    assert download(remote, tmp_path, **QUICK).read_bytes() == bytes(reversed(BODY))


def test_a_server_without_ranges_is_asked_for_all_of_it(server, remote, tmp_path):
    server.faults["a/b.bin"] = ["break", "no-range"]
    counted = []
    assert download(remote, tmp_path, on_bytes=counted.append, **QUICK).read_bytes() == BODY
    assert sum(counted) == len(BODY)


def test_corruption_once_is_mended_and_twice_is_told(server, remote, tmp_path):
    server.faults["a/b.bin"] = ["corrupt"]
    assert download(remote, tmp_path, **QUICK).read_bytes() == BODY
    (tmp_path / "a/b.bin").unlink()
    server.faults["a/b.bin"] = ["corrupt", "corrupt"]
    with pytest.raises(InputError, match=f"MD5 {MD5}"):
        download(remote, tmp_path, **QUICK)
    assert list((tmp_path / "a").glob("*.bin*")) == [tmp_path / "a/b.bin.part.etag"]


def test_another_size_than_published_is_told(server, tmp_path):
    remote = RemoteFile("a/b.bin", f"{server.url}/a/b.bin", len(BODY) + 1)
    with pytest.raises(InputError, match=f"{len(BODY) + 1} bytes"):
        download(remote, tmp_path, **QUICK)


def test_a_busy_server_is_asked_again_and_an_absent_file_is_not(server, remote, tmp_path):
    server.faults["a/b.bin"] = [503, 429]
    assert download(remote, tmp_path, **QUICK).read_bytes() == BODY
    absent = RemoteFile("c", f"{server.url}/c")
    with pytest.raises(InputError, match="404"):
        download(absent, tmp_path, **QUICK)
    assert [path for path, _ in server.requests].count("c") == 1


def test_without_a_network_there_is_one_clear_message(tmp_path):
    remote = RemoteFile("a", "http://127.0.0.1:9/a")
    with pytest.raises(InputError, match="machine without a network"):
        download(remote, tmp_path, attempts=2, **QUICK)


def test_what_is_there_is_known_by_size_and_by_checksum(server, remote, tmp_path):
    assert not is_complete(remote, tmp_path)
    path = download(remote, tmp_path, **QUICK)
    assert is_complete(remote, tmp_path, verify=True)
    path.write_bytes(BODY[:-1] + b"x")
    assert is_complete(remote, tmp_path)
    assert not is_complete(remote, tmp_path, verify=True)
    path.write_bytes(BODY[:-1])
    assert not is_complete(remote, tmp_path)
