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
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError,
    NotImplementedError, RuntimeError,
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
        If it is no archive, is cut off or damaged, has absolute names or names with ``..``,
        holds links or devices, is encrypted, is larger than allowed, or than the disk has room.
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
        raise _error(
            in_file, "a whole archive", f"{err or type(err).__name__}", "copy or download it again"
        ) from None
    return names


def _members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(in_file):
        yield from _zip_members(in_file)
    elif _is_tar(in_file):
        yield from _tar_members(in_file)
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
        return tarfile.is_tarfile(in_file)
    except (EOFError, zlib.error, lzma.LZMAError):
        return False


def _tar_members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(in_file, "r:*") as archive:
        for member in archive:
            _check_name(in_file, member.name)
            if member.isdir():
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                raise _error(
                    in_file, "plain files", f"{member.name!r}, a link or device",
                    "make the archive again from the files themselves (tar --dereference)",
                )  # fmt: skip
            yield member.name, stream
        # A tar file that ends between two members looks whole, but for the empty block at its end.
        archive.fileobj.seek(archive.offset)
        if len(archive.fileobj.read(_BLOCK)) < _BLOCK:
            raise EOFError("the archive ends without its end mark")
        while archive.fileobj.read(_CHUNK):  # to the checksum at the end of what is compressed
            pass


def _zip_members(in_file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(in_file) as archive:
        for member in archive.infolist():
            _check_name(in_file, member.filename)
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
