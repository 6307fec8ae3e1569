"""Archives of any content: files under names of our own, or our message."""

import io
import shutil
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import FUZZ, Reader, spoilt, survives, write

from fmriprod.interfaces.archives import extract_archive

NOTES = {"size": "3", "GNU.sparse.map": "0,1,2,1", "GNU.sparse.size": "9", "comment": "x"}


def _tar(form, **notes):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=form) as archive:
        for name in ("a", "b" * 150, "ü" * 60):
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = 3, notes
            archive.addfile(info, io.BytesIO(b"abc"))
    return content.getvalue()


def _zip():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1", b"one" * 50)
        archive.writestr("ü", b"two")
    return content.getvalue()


def _with_sums(content):
    """Mend the checksums of headers: with wrong ones all that is spoilt is refused at once."""
    content = bytearray(content)
    for place in range(0, len(content) - 511, 512):
        if content[place + 257 : place + 262] == b"ustar":
            total = tarfile.calc_chksums(content[place : place + 512])[0]
            content[place + 148 : place + 155] = b"%06o\0" % total
    return bytes(content)


def _extract(path):
    folder = path.parent / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path.write_bytes(_with_sums(path.read_bytes()))
    extract_archive(path, folder, 0.001)
    assert all(one.name.isdigit() for one in folder.iterdir())


READERS = [
    Reader("tar", _extract, lambda: [_tar(tarfile.GNU_FORMAT), _tar(tarfile.PAX_FORMAT)], "x.tar",
           text=False, header=5000),
    Reader("tar with notes", _extract, lambda: [_tar(tarfile.PAX_FORMAT, **NOTES)], "x.tar"),
    Reader("packed tar", _extract, lambda: [_tar(tarfile.GNU_FORMAT)], "x.tgz", packed=True),
    Reader("zip", _extract, lambda: [_zip()], "x.zip", text=False),
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
@FUZZ
@given(st.data())
def test_what_is_spoilt_is_taken_or_refused(reader, tmp_path_factory, data):
    content = data.draw(spoilt(reader, reader.seeds()))
    survives(reader.name, reader.read, write(reader, tmp_path_factory.mktemp("archives"), content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_valid_is_taken_but_for_sparse_files(reader, tmp_path):
    for content in reader.seeds():
        taken = survives(reader.name, reader.read, write(reader, tmp_path, content))
        assert taken == (reader.name != "tar with notes")
