import os

import pytest

from fmriprod.algorithms.checks import InputError, presentable
from fmriprod.interfaces.supplied import check_file, read_text


def refused(path, **options):
    with pytest.raises(InputError) as caught:
        check_file(path, "table", "a table", **options)
    assert caught.value.file == str(path)
    return caught.value.found


def test_what_is_no_file_is_said(work):
    (work / "folder").mkdir()
    (work / "link").symlink_to("nowhere")
    (work / "circle").symlink_to("circle")
    os.mkfifo(work / "pipe")
    (work / "large").write_bytes(b"x" * 2000)
    assert refused(work / "nothing") == "no such file"
    assert refused(work / "folder") == "a folder"
    assert refused(work / "link") == "a link to nothing"
    assert "symbolic links" in refused(work / "circle")
    assert refused(work / "pipe") == "a pipe or device"
    assert refused("/dev/zero") == "a pipe or device"
    assert refused("a\0b") == "embedded null byte"
    assert "name too long" in refused("x" * 5000)
    assert refused(work / "large", most_bytes=1000) == "2,000 bytes, more than 1,000"
    check_file(work / "large", "table", "a table")


@pytest.mark.skipif(not os.geteuid(), reason="root may read everything")
def test_a_file_that_may_not_be_read(work):
    (work / "own").write_text("x")
    (work / "own").chmod(0)
    assert refused(work / "own") == "a file that you may not read"


def test_text_comes_as_it_is_without_its_mark(work):
    (work / "a").write_bytes("\ufeffä\r\n".encode())
    assert read_text(work / "a", "a", "a text") == "ä\r\n"
    assert read_text(work / "a", "a", "a text", keep_mark=True) == "\ufeffä\r\n"
    (work / "a").write_bytes("ä".encode("latin-1"))
    with pytest.raises(InputError, match=r"a text, in UTF-8(.|\n)*byte 0xe4"):
        read_text(work / "a", "a", "a text")


def test_messages_do_not_steer_the_terminal_and_end():
    err = InputError(
        "x", expected="a\x1b[2Jb", found="y" * 10**6, hint="up\rdown\nnext\tä 脑 🧠 \u202egnp",
        file="a\x1b]0;title\x07b",
    )  # fmt: skip
    text = str(err)
    assert r"a\x1b[2Jb" in text and r"up\rdown" in text and "next\tä 脑 🧠 \\u202egnp" in text
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(text)
    assert len(text) < 4000 and "997,500 more" in text
    assert presentable(presentable(err.found)) == err.found
    assert len(presentable("z" * 3000)) == 3000
