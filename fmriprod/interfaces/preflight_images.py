"""Check images before anything is computed, without reading their voxels."""

import os
import zlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import BinaryIO

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.header_tr import is_time
from fmriprod.interfaces.images import open_image, repetition_time
from fmriprod.interfaces.problems import Problem

_CHUNK = 1 << 18
_FORMS_APART = 1.0  # mm
_POINTER = b"/annex/objects/"
_GET = "get the content: `git annex get FILE` or `datalad get FILE`"


@dataclass(frozen=True)
class RunImage:
    """What the header of a BOLD series says.

    ``tr`` in s is that of the sidecar where it has one; None where it is in doubt, so that
    nothing is judged by it.
    """

    image: nb.Nifti1Image
    n_volumes: int
    tr: float | None


def check_run_image(run: Run, full: bool = False) -> tuple[list[Problem], RunImage | None]:
    """Check a BOLD series: readable, whole, four dimensions, and a known repetition time.

    Parameters
    ----------
    run : Run
        From the index.
    full : bool
        Decompress all of it, which also finds damage in the middle.

    Returns
    -------
    list of Problem
        All that is wrong.
    RunImage or None
        What later checks need; None if the image cannot be read.
    """
    problems, image = check_image(run.bold_file, 4, full)
    if image is None:
        return problems, None
    trouble, tr = _check_repetition_time(run, image)
    n_volumes = image.shape[3]
    if n_volumes < 2:
        found = f"{n_volumes} volume"
        problems.append(
            Problem(
                "error",
                run.bold_file,
                "a series of volumes",
                found,
                "remove the run: it was probably aborted, or is a reference image (_sbref)",
            )
        )
    return problems + trouble, RunImage(image, n_volumes, tr)


def check_image(
    path: str, ndim: int, full: bool = False
) -> tuple[list[Problem], nb.Nifti1Image | None]:
    """Check that an image can be read, is whole and has the dimensions that are needed.

    Whether a compressed file is whole is told by the length that gzip writes at its end;
    only where that does not fit the header is the file decompressed.

    Returns
    -------
    list of Problem
        All that is wrong.
    nibabel.Nifti1Image or None
        The opened image, if its header can be used.
    """
    if _is_pointer(path):
        found = "a pointer of git-annex instead of the content"
        return [Problem("error", path, "an image", found, _GET)], None
    try:
        image = open_image(path, ndim)
    except InputError as err:
        return [Problem.of(err)], None
    return _check_orientation(path, image) + _check_size(path, image, full), image


def _check_orientation(path: str, image: nb.Nifti1Image) -> list[Problem]:
    """Warn of a header that leaves open where left is, or says it twice and differently."""
    sform, s_code = image.header.get_sform(coded=True)
    qform, q_code = image.header.get_qform(coded=True)
    if not s_code and not q_code:
        found = "both 0, so that which side is left is a guess"
        hint = "convert the DICOM images again, or find out and mend the header"
        return [Problem("warning", path, "a sform_code or a qform_code above 0", found, hint)]
    if not s_code or not q_code:
        return []
    ends = np.array(list(product(*((0, n - 1) for n in image.shape[:3]))))
    there = [nb.affines.apply_affine(form, ends) for form in (sform, qform)]
    apart = np.linalg.norm(there[0] - there[1], axis=1).max()
    if apart <= _FORMS_APART:
        return []
    found = f"places up to {apart:.3g} mm apart; the sform (code {s_code}) is used"
    hint = "find out which is right; programs differ in which of them they use"
    return [Problem("warning", path, "one place by sform and qform", found, hint)]


def content_size(path: str, promised: int, full: bool = False) -> tuple[int, str]:
    """Length of a file's content in bytes, and what is wrong with its compression.

    Parameters
    ----------
    path : str
        Any file; one that ends in ``.gz`` counts with the length of its content.
    promised : int
        Length that is expected. A gzip file ends in its length modulo 2**32 (RFC 1952): if
        that agrees, it is believed unless ``full``.
    full : bool
        Decompress in any case.

    Returns
    -------
    int
        Number of bytes; after damage, those before it.
    str
        The damage, or nothing.
    """
    if not path.endswith(".gz"):
        return os.path.getsize(path), ""
    with open(path, "rb") as stream:
        if not full and os.path.getsize(path) > 18:  # header and trailer of an empty gzip file
            stream.seek(-4, os.SEEK_END)
            if int.from_bytes(stream.read(4), "little") == promised % (1 << 32):
                return promised, ""
            stream.seek(0)
        return _decompress(stream)


def _decompress(stream: BinaryIO) -> tuple[int, str]:
    """Count the bytes in a gzip stream of one or several members, which checks their sums."""
    size, member, data = 0, zlib.decompressobj(wbits=31), b""
    while True:
        data = data or stream.read(_CHUNK)
        if not data:
            return size, "the file ends early" if not member.eof else ""
        if member.eof:  # padding with zeros after the last member is harmless
            if not (data := data.lstrip(b"\0")):
                continue
            member = zlib.decompressobj(wbits=31)
        try:
            size += len(member.decompress(data))
        except zlib.error as err:
            return size, f"damaged ({err})"
        data = member.unused_data


def _check_size(path: str, image: nb.Nifti1Image, full: bool) -> list[Problem]:
    itemsize = image.get_data_dtype().itemsize
    volume = int(np.prod(image.shape[:3], dtype=np.int64)) * itemsize
    offset = int(image.dataobj.offset)
    promised = offset + volume * int(np.prod(image.shape[3:], dtype=np.int64))
    size, damage = content_size(path, promised, full)
    if size >= promised and not damage:
        return []
    whole = max(size - offset, 0) // volume if volume else 0
    n_volumes = int(np.prod(image.shape[3:]))
    return [
        Problem(
            "error",
            path,
            f"{n_volumes} volume(s) of shape {image.shape[:3]}, {promised:,} bytes",
            f"{damage or 'the file ends early'}: {whole} whole volume(s), {size:,} bytes",
            "copy or convert it again; compare its checksum with the original",
        )
    ]


def _check_repetition_time(run: Run, image: nb.Nifti1Image) -> tuple[list[Problem], float | None]:
    """Compare header and sidecar; the sidecar's value is used where both are there."""
    try:
        metadata = run.metadata
    except InputError as err:
        return [Problem.of(err)], None
    declared, problems = metadata.get("RepetitionTime"), []
    if declared is None:
        hint = "write RepetitionTime (s) to the sidecar, or to a task-<label>_bold.json at the root"
        problems.append(
            Problem("warning", run.bold_file, "RepetitionTime in the JSON sidecar", "none", hint)
        )
    elif not is_time(declared):
        hint = "write a number of seconds, without quotes"
        place = run.json_files[-1]
        found = f"RepetitionTime {declared!r}"[:80]
        return [Problem("error", place, "a repetition time above 0 s", found, hint)], None
    try:
        tr = repetition_time(image, declared)
    except InputError as err:
        return [*problems, _tr_problem(run, err, declared)], None
    if not image.header.get_zooms()[3] > 0:
        found = f"{image.header.get_zooms()[3]:g}; the sidecar says {tr:g} s, which is used"
        hint = "nothing, if the sidecar is right; mend the header to be sure"
        expected = "a repetition time in the header (pixdim[4])"
        problems.append(Problem("warning", run.bold_file, expected, found, hint))
    return problems, tr


def _tr_problem(run: Run, err: InputError, declared: float | None) -> Problem:
    hint = err.hint
    if declared is not None:
        hint = "find out from the protocol which is right, and mend the other"
        if declared > 100:
            hint = f"BIDS wants seconds: {declared:g} looks like milliseconds"
    expected = f"{declared:g} s, as the sidecar says" if declared else err.expected
    return Problem("error", run.bold_file, expected, err.found, hint)


def _is_pointer(path: str) -> bool:
    """Tell whether git-annex left a pointer (a short text) in place of the content."""
    try:
        if os.path.getsize(path) > 32768:
            return False
        with Path(path).open("rb") as stream:
            return stream.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
