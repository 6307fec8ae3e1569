"""Take the files out of an archive that someone else made, without trusting it."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from fmriprod.algorithms.checks import InputError

_CHUNK = 1 << 20
_MOST_FILES = 2_000_000  # of a session of DICOMs are some ten thousand
_LEFT_FREE = 1 << 28  # bytes of disk that extraction does not use up
_BLOCK = 512  # bytes of a tar block
_LONG = {
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
}  # headers that tarfile takes into memory whole: long names, notes
_MOST_LONG = 1 << 20  # bytes of one of them; paths have at most some thousand
_MOST_LONGS = 1 << 28  # bytes of all of them
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError,
    NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip


def extract_archive(in_file: str | Path, folder: str | Path, max_gb: float) -> dict[Path, str]:
    """Write the files of an archive into a folder, under names of our own.

    Nothing of the archive's own names gets onto the disk: the files are numbered, so that no
    file overwrites another and none is written elsewhere. Times, permissions and owners are
    not taken over.

    Parameters
    ----------
    in_file : path
        ``.tar``, compressed or not, or ``.zip``; known by content, not by name.
    folder : path
        An empty folder.
    max_gb : float
        Size in GB (10^9 bytes) of all files together that is refused, whatever the archive says
        of itself.

    Returns
    -------
    dict of pathlib.Path to str
        The written files with their names in the archive, in the order of the archive.

    Raises
    ------
    InputError
        If it is no archive, is cut off or damaged, has something after its end mark, absolute
        names or names with ``..``, holds links, devices or sparse files, is encrypted, is larger
        than allowed, or than the disk has room, or has names or notes of more than 1 MiB.
    """
    in_file, folder = Path(in_file), Path(folder)
    left = max_gb * 1e9
    names = {}
    try:
        for number, (name, stream) in enumerate(_members(in_file)):
            if number >= _MOST_FILES:
                raise _error(
                    in_file, f"at most {_MOST_FILES:,} files", "more",
                    "make an archive for each session",
                )  # fmt: skip
            target = folder / f"{number:07d}"
            left = _copy(stream, target, left, in_file, max_gb)
            names[target] = name
    except InputError:
        raise
    except _BROKEN as err:
        if getattr(err, "filename", None):  # of the disk, not of the archive
            raise
        found = str(err) or "an end too early"  # EOFError has no words
        raise _error(in_file, "a whole archive", found, "copy or download it again") from None
    return names


def _members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if _is_tar(in_file):  # asked first: a tar file that ends with a zip file looks like one
        yield from _tar_members(in_file)
    elif zipfile.is_zipfile(in_file):
        yield from _zip_members(in_file)
    else:
        with in_file.open("rb") as stream:
            start = stream.read(4)
        known = start[:2] in (b"PK", b"\x1f\x8b") or start[:3] == b"BZh" or start == b"\xfd7zX"
        found = "the beginning of one, cut off or damaged" if known else "a file of another kind"
        raise _error(
            in_file, "an archive, .tar.gz, .tgz, .tar or .zip", found,
            "copy or download it again" if known else "give an archive, or a folder of DICOMs",
        )  # fmt: skip


def _is_tar(in_file: Path) -> bool:
    try:
        with tarfile.open(in_file, tarinfo=_bounded(in_file)):
            return True
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError):
        return False
    except MemoryError:  # what looks like .lzma may ask for 4 GiB in its first bytes
        return False


def _bounded(in_file: Path) -> type[tarfile.TarInfo]:
    """Make a class of headers that refuses those which would fill the memory."""
    left = _MOST_LONGS

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
            nonlocal left
            header = super().frombuf(buf, encoding, errors)
            left -= header.size if header.type in _LONG else 0
            if header.type in _LONG and not (0 <= header.size <= _MOST_LONG and left >= 0):
                raise _error(
                    in_file, f"names and notes of files of at most {_MOST_LONG:,} bytes each and "
                    f"{_MOST_LONGS:,} together", f"more, such as {header.size:,} bytes",
                    "do not trust this archive; ask who made it for another",
                )  # fmt: skip
            if header.type == tarfile.GNUTYPE_SPARSE:
                raise _sparse(in_file)
            return header

        def _proc_gnusparse_10(self, *_: object) -> None:  # tarfile's for a newer form of them
            raise _sparse(in_file)

    return Header


def _tar_members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(in_file, "r:*", tarinfo=_bounded(in_file)) as archive:
        for member in archive:
            _check_name(in_file, member.name)
            if member.size < 0:  # tarfile would go back, and on without end
                raise tarfile.ReadError(f"{member.name!r} of {member.size} bytes")
            if member.issparse():
                raise _sparse(in_file)
            if member.isdir():
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise _error(
                    in_file, "plain files", f"{member.name!r}, a link or device",
                    "make the archive again from the files themselves (tar --dereference)",
                )  # fmt: skip
            yield member.name, stream
        # A tar file that ends between two members looks whole, but for the empty block at its
        # end; tarfile takes a damaged header for that block.
        archive.fileobj.seek(archive.offset)
        mark = archive.fileobj.read(_BLOCK)
        if len(mark) < _BLOCK:
            raise EOFError("the archive ends without its end mark")
        if any(mark):
            raise tarfile.ReadError("a damaged header after the last file that could be read")
        while rest := archive.fileobj.read(_CHUNK):  # to the checksum of what is compressed
            if _holds_header(rest):
                raise _error(
                    in_file, "nothing after the end mark of the archive",
                    "more, such as a second archive joined to it by cat",
                    "unpack it yourself (tar --ignore-zeros) and give the folder",
                )  # fmt: skip


def _holds_header(rest: bytes) -> bool:
    """Tell whether files follow; other bytes are of a tape's last record, and of no meaning."""
    for start in range(0, len(rest), _BLOCK) if rest.strip(b"\0") else ():
        try:
            tarfile.TarInfo.frombuf(rest[start : start + _BLOCK], "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            continue
        return True
    return False


def _sparse(in_file: Path) -> InputError:
    return _error(
        in_file, "plain files", "a sparse file", "make the archive again without --sparse"
    )


def _zip_members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(in_file) as archive:
        for member in archive.infolist():
            _check_name(in_file, member.filename)
            if not member.filename:  # zipfile asks for its last sign
                raise zipfile.BadZipFile("a file without a name")
            if member.is_dir():
                continue
            if (member.external_attr >> 28) == 0o12:  # a symbolic link's mode in the upper half
                raise _error(
                    in_file, "plain files", f"{member.filename!r}, a link",
                    "make the archive again from the files themselves",
                )  # fmt: skip
            if member.flag_bits & 1:
                raise _error(
                    in_file, "an archive without password", f"{member.filename!r} is encrypted",
                    "unpack it yourself and give the folder",
                )  # fmt: skip
            with archive.open(member) as stream:
                yield member.filename, stream


def _check_name(in_file: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise _error(
            in_file, "names below the folder of the archive", repr(name),
            "do not trust this archive; if you know who made it, ask for one with relative names",
        )  # fmt: skip


def _copy(stream: IO[bytes], target: Path, left: float, in_file: Path, max_gb: float) -> float:
    """Write one file; give how many bytes may still be written."""
    with target.open("wb") as out:
        while block := stream.read(_CHUNK):
            left -= len(block)
            if left < 0:
                raise _error(
                    in_file, f"at most {max_gb:g} GB when unpacked", "more",
                    "allow more with max_gb, if the archive is what you think",
                )  # fmt: skip
            if shutil.disk_usage(target.parent).free < _LEFT_FREE + len(block):
                raise _error(
                    in_file, f"room to unpack it in {target.parent}", "a full disk",
                    "free some space, or work in another folder",
                )  # fmt: skip
            out.write(block)
    return left


def _error(in_file: Path, expected: str, found: str, hint: str) -> InputError:
    return InputError("in_file", expected=expected, found=found, hint=hint, file=str(in_file))
