"""The command that brings public data."""

import re

import pytest
from support.faulty_server import serve

from fmriprod.cli.main import main
from fmriprod.interfaces.sources import find_source, known_sources, list_files

FILES = {f"recog/s{i}_V1.npy": bytes([i]) * 1000 for i in range(7)}
FILES |= {"connect/s0.npy": b"x" * 5000, "recog/": b""}


@pytest.fixture
def server():
    with serve(FILES) as running:
        running.page_size = 3
        yield running


@pytest.fixture
def table(server, tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text(
        f'[study]\ntitle = "t"\nreference = "r"\nlicence = "l"\nbucket = "{server.url}"\n'
        '[study.parts]\nrecog = { prefix = "recog/" }\n'
        'connect = { prefix = "connect/", default = false }\n'
        '[files]\ntitle = "t"\nreference = "r"\nlicence = "l"\n'
        f'[files.files]\n"one.npy" = {{ url = "{server.url}/recog/s1_V1.npy", part = "a" }}\n'
    )
    return path


def test_a_bucket_is_listed_page_by_page(table):
    files = list_files(find_source("study", table))
    assert [file.path for file in files] == [f"recog/s{i}_V1.npy" for i in range(7)]
    assert {file.size for file in files} == {1000}
    assert all(file.md5 for file in files)


def test_fetch_brings_what_is_not_there(server, table, tmp_path, capsys):
    server.faults["recog/s3_V1.npy"] = ["break", "corrupt"]
    command = ["fetch", "study", str(tmp_path / "data"), "--table", str(table)]
    assert main(command) == 0
    for name, content in FILES.items():
        if name.startswith("recog/s"):
            assert (tmp_path / "data" / name).read_bytes() == content
    assert not (tmp_path / "data" / "connect").exists()
    asked = len(server.requests)
    assert main(command) == 0
    assert "7 files, 7 there already" in capsys.readouterr().out
    assert len(server.requests) == asked
    assert main([*command, "--part", "connect"]) == 0
    assert (tmp_path / "data/connect/s0.npy").read_bytes() == FILES["connect/s0.npy"]
    (tmp_path / "data/recog/s0_V1.npy").write_bytes(b"y" * 1000)
    assert main([*command, "--verify"]) == 0
    assert (tmp_path / "data/recog/s0_V1.npy").read_bytes() == FILES["recog/s0_V1.npy"]


def test_one_failure_is_told_and_the_others_go_on(server, table, tmp_path, capsys):
    server.faults["recog/s3_V1.npy"] = [403]
    assert main(["fetch", "study", str(tmp_path / "data"), "--table", str(table)]) == 1
    out = capsys.readouterr().out
    assert "403" in out
    assert "6 files downloaded" in out
    assert len(list((tmp_path / "data/recog").glob("*.npy"))) == 6


def test_listing_gives_addresses_and_downloads_nothing(server, table, tmp_path, capsys):
    command = ["fetch", "study", str(tmp_path / "data"), "--table", str(table), "--list"]
    assert main(command) == 0
    assert f"{server.url}/recog/s6_V1.npy\trecog/s6_V1.npy" in capsys.readouterr().out
    assert not (tmp_path / "data").exists()
    assert server.requests == []


def test_a_set_of_addresses(table, tmp_path):
    assert main(["fetch", "files", str(tmp_path / "data"), "--table", str(table)]) == 0
    assert (tmp_path / "data/one.npy").read_bytes() == FILES["recog/s1_V1.npy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["studdy"], "did you mean 'study'"),
        (["study", "--part", "recgo"], "did you mean 'recog'"),
    ],
)
def test_unknown_names_are_told(table, capsys, arguments, message):
    assert main(["fetch", *arguments, "--table", str(table)]) == 1
    assert message in capsys.readouterr().err


def test_a_listing_that_leads_out_of_the_folder_is_refused(server, table, capsys, tmp_path):
    server.files["recog/../../evil"] = b"x"
    assert main(["fetch", "study", str(tmp_path / "data"), "--table", str(table)]) == 1
    assert "a path inside the folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("<html></html>", "<html>"), ("no such bucket", "syntax error")],
)
def test_an_answer_that_is_no_listing_is_told(server, table, capsys, monkeypatch, text, message):
    monkeypatch.setattr(
        "support.faulty_server._Handler._listing", lambda self, _: self._answer(200, text.encode())
    )
    assert main(["fetch", "study", "--table", str(table)]) == 1
    err = capsys.readouterr().err
    assert "a listing of the bucket" in err
    assert message in err


def test_without_a_network_the_listing_says_so(table, capsys):
    text = table.read_text()
    table.write_text(re.sub(r"http://127.0.0.1:\d+", "http://127.0.0.1:9", text))
    assert main(["fetch", "study", "--table", str(table)]) == 1
    assert "check the network" in capsys.readouterr().err


def test_the_packages_table_is_whole():
    sources = known_sources()
    assert {"neurosketch", "miyawaki", "hcp-parcels"} <= set(sources)
    import nilearn.datasets

    for source in sources.values():
        assert source.title and source.reference and source.licence
        assert bool(source.files) + bool(source.bucket) + bool(source.nilearn) == 1
        assert not source.nilearn or callable(getattr(nilearn.datasets, source.nilearn))
        assert all(file.url.startswith("https://") for file in source.files)
    assert not sources["neurosketch"].parts["connect"].default


def test_the_list_of_sets_names_them(capsys):
    assert main(["fetch"]) == 0
    out = capsys.readouterr().out
    assert "neurosketch" in out
    assert "(connect)" in out
