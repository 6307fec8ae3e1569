import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile

import pytest
from support.fuzz import bounds

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.archives import extract_archive

FILES = {"a/1": b"one", "a/2": bytes(range(256)) * 50, "b/1": b"", "b/ü.dcm": b"two"}


def make(path, files=FILES, mode="w:gz"):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("a")
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, mode) as archive:
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def extract(path, max_gb=1.0):
    folder = path.parent / "out"
    folder.mkdir()
    return extract_archive(path, folder, max_gb)


def refused(path, said, **options):
    with pytest.raises(InputError, match=said) as caught:
        extract(path, **options)
    assert str(path) in str(caught.value)
    outside = {p.name for p in path.parent.iterdir()} - {"out"}
    assert outside == {path.name}, "something was written outside"


@pytest.mark.parametrize(
    ("name", "mode"),
    [("x.tar.gz", "w:gz"), ("x.tgz", "w:gz"), ("x.tar", "w"), ("x.tar.xz", "w:xz"),
     ("x.tar.bz2", "w:bz2"), ("x.zip", ""), ("no ending", "w:gz")],
)  # fmt: skip
def test_all_files_come_out_under_names_of_our_own(work, name, mode):
    found = extract(make(work / name, mode=mode))
    assert {n: p.read_bytes() for p, n in found.items()} == FILES
    assert all(p.parent == work / "out" and p.name.isdigit() for p in found)
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o600 == 0o600 for p in found)


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
@pytest.mark.parametrize(
    "path", ["../evil", "a/../../evil", "/tmp/fmriprod-evil", "..\\evil", "C:\\evil", "a/.."]
)
def test_names_that_lead_elsewhere_are_refused(work, name, path):
    refused(make(work / name, {"good": b"1", path: b"evil"}), "do not trust this archive")
    assert not os.path.exists("/tmp/fmriprod-evil")
    assert not (work.parent / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(work, kind):
    path = work / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    refused(path, r"'link', a link or device")


def test_links_in_a_zip_are_refused(work):
    with zipfile.ZipFile(work / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(work / "x.zip", r"'link', a link")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
def test_what_grows_too_large_is_stopped(work, name):
    bomb = make(work / name, {"zeros": bytes(30_000_000)})
    assert bomb.stat().st_size < 200_000
    refused(bomb, r"at most 0\.01 GB when unpacked", max_gb=0.01)
    assert sum(p.stat().st_size for p in (work / "out").iterdir()) <= 10_000_000


@pytest.mark.parametrize(
    ("name", "mode"),
    [("x.tar.gz", "w:gz"), ("x.tar", "w"), ("x.zip", ""), ("x.tar.xz", "w:xz")],
)
def test_cut_off_anywhere_it_is_refused(work, name, mode):
    whole = make(work / name, {k: v for k, v in FILES.items() if v}, mode).read_bytes()
    # a tar file is padded with empty blocks: cut before the first of them
    last = len(whole.rstrip(b"\0")) if name == "x.tar" else len(whole) - 1
    for share in (0.01, 0.3, 0.6, 0.9, 1.0):
        (work / name).write_bytes(whole[: int(last * share)])
        shutil.rmtree(work / "out", ignore_errors=True)
        with pytest.raises(InputError, match=r"copy or download it again|give an archive"):
            extract(work / name)


def test_a_tar_file_cut_between_two_files_is_refused(work):
    make(work / "x.tar", {"a": b"1", "b": b"2"}, "w")
    whole = (work / "x.tar").read_bytes()
    with tarfile.open(work / "x.tar") as archive:
        end = archive.getmembers()[1].offset_data + 512
    (work / "x.tar").write_bytes(whole[:end])
    refused(work / "x.tar", "ends without its end mark")


def test_a_damaged_zip_is_refused(work):
    path = make(work / "x.zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("a/2").header_offset + 60
    content[at] ^= 0xFF
    path.write_bytes(content)
    refused(path, "copy or download it again")


def test_a_zip_whose_file_ends_too_early_says_so(work):
    content = bytearray(make(work / "x.zip", {"a": b"one" * 50}).read_bytes())
    with zipfile.ZipFile(work / "x.zip") as archive:
        at = archive.getinfo("a").header_offset
    content[at + 28 : at + 30] = b"\xff\0"  # an extra field over what follows
    (work / "x.zip").write_bytes(content)
    refused(work / "x.zip", "found:    an end too early")


def test_a_file_without_a_name_in_a_zip_is_refused(work):
    content = make(work / "x.zip", {"a": b"1"}).read_bytes()
    at = content.rindex(b"PK\1\2")  # a has one byte of name, which becomes one of a comment
    content = content[: at + 28] + b"\0\0\0\0\1\0" + content[at + 34 :]
    (work / "x.zip").write_bytes(content)
    refused(work / "x.zip", "a file without a name")


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n" * 20])
def test_what_is_no_archive_is_refused(work, content):
    (work / "x.tar.gz").write_bytes(content)
    refused(work / "x.tar.gz", r"an archive(.|\n)*(another kind|cut off)")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.zip"])
def test_too_many_files_are_stopped(work, name, monkeypatch):
    monkeypatch.setattr("fmriprod.interfaces.archives._MOST_FILES", 3)
    refused(make(work / name, {f"f{k}": b"" for k in range(5)}), "at most 3 files")
    assert len(list((work / "out").iterdir())) == 3


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
def test_names_that_come_twice_or_differ_in_case_do_not_overwrite(work, name):
    path, content = work / name, {"a": b"1", "A": b"2"}
    make(path, content, "w")
    if name == "x.zip":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("a", b"3")
    else:
        with tarfile.open(path, "a") as archive:
            info = tarfile.TarInfo("a")
            info.size = 1
            archive.addfile(info, io.BytesIO(b"3"))
    found = extract(path)
    contents = [(n, p.read_bytes()) for p, n in found.items()]
    assert contents == [("a", b"1"), ("A", b"2"), ("a", b"3")]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_device_files_are_refused(work, kind):
    path = work / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("null")
        info.type, info.devmajor, info.devminor = kind, 1, 3
        archive.addfile(info)
    refused(path, "'null', a link or device")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_ends_with_a_zip_is_a_tar(work, mode):
    inner = make(work / "notes.zip").read_bytes()
    files = {"1.dcm": b"D" * 3000, "notes.zip": inner}
    found = extract(make(work / "x.tar", files, mode))
    assert {n: p.read_bytes() for p, n in found.items()} == files


def header(name, kind, size):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def notes(text):
    """Give a pax header that holds notes on the next member, and that member."""
    lines = b"".join(b"%d %s\n" % (len(t) + len(str(len(t) + 4)) + 2, t) for t in text)
    return header("n", b"x", len(lines)) + lines.ljust(-(-len(lines) // 512) * 512, b"\0")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"X"])
def test_a_header_that_would_fill_the_memory_is_refused(work, kind, first):
    before = b"" if first else header("a", b"0", 0)
    (work / "x.tar").write_bytes(before + header("././@LongLink", kind, 40 << 20) + bytes(9999))
    refused(work / "x.tar", "41,943,040 bytes")


def test_a_long_name_that_is_packed_small_takes_no_memory(work):
    with gzip.open(work / "x.tgz", "wb", 1) as stream:
        stream.write(header("././@LongLink", b"L", 400 << 20))
        for _ in range(400):
            stream.write(b"A" * (1 << 20))
        stream.write(header("x", b"0", 0) + bytes(1024))
    assert (work / "x.tgz").stat().st_size < 3_000_000
    with bounds(memory=100 << 20):
        refused(work / "x.tgz", "do not trust this archive")


def test_what_asks_for_memory_like_lzma_is_no_archive(work):
    (work / "x.tar").write_bytes(b"\0\xff\xff\xff\xff" + bytes(1000))
    with bounds(memory=1 << 30):
        refused(work / "x.tar", "a file of another kind")


def test_many_headers_may_not_fill_the_memory_together(work, monkeypatch):
    files = {f"{k}/" + "x" * 3000: b"1" for k in range(4)}
    assert list(extract(make(work / "x.tar", files, "w")).values()) == list(files)
    shutil.rmtree(work / "out")
    monkeypatch.setattr("fmriprod.interfaces.archives._MOST_LONGS", 10_000)
    refused(work / "x.tar", "10,000 together")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header("a", b"0", -512) + bytes(1024), "'a' of -512 bytes"),
        (header("a", b"L", -512) + bytes(1024), "more, such as -512 bytes"),
        (header("a", b"S", 0) + bytes(1024), "a sparse file"),
        (notes([b"GNU.sparse.major=1", b"GNU.sparse.minor=0"]) + header("a", b"0", 512)
         + b"99999\n".ljust(512, b"\0") + bytes(1024), "a sparse file"),
        (notes([b"GNU.sparse.map=0,S"]) + header("a", b"0", 0) + bytes(1024), "copy or download"),
        (notes([b"GNU.sparse.map=0,9", b"GNU.sparse.size=9"]) + header("a", b"0", 9)
         + bytes(1536), "a sparse file"),
        (header("n", b"x", 512) + (b"9" * 30 + b" a=1\n").ljust(512, b"\0") + header("a", b"0", 0)
         + bytes(1024), "copy or download"),
        (notes([b"size=" + b"9" * 30]) + header("a", b"0", 0) + bytes(1024), "copy or download"),
        (header("a", b"0", 0) + b"x" * 512 + header("b", b"0", 0) + bytes(1024),
         "a damaged header"),
    ],
)  # fmt: skip
def test_odd_headers_are_refused(work, content, said):
    (work / "x.tar").write_bytes(content)
    refused(work / "x.tar", said)


@pytest.mark.parametrize("rest", [b"\n", b"stale " * 400])
def test_what_is_left_in_the_last_record_of_a_tape_is_no_file(work, rest):
    archive = make(work / "x.tar", {"a": b"1"}, "w")
    archive.write_bytes(archive.read_bytes() + rest)
    assert list(extract(archive).values()) == ["a"]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_second_archive_joined_to_the_first_is_not_lost(work, mode):
    one = make(work / "x.tar", {"a": b"1"}, mode).read_bytes()
    two = make(work / "x.tar", {"b": b"2"}, mode).read_bytes()
    (work / "x.tar").write_bytes(one + two)
    refused(work / "x.tar", r"a second archive joined(.|\n)*--ignore-zeros")
