"""Download files so that a broken connection costs nothing but time."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from fmriprod.algorithms.checks import InputError

_CHUNK = 1 << 14  # what is lost of a connection that breaks
_RETRIED = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server.

    Attributes
    ----------
    path : str
        Where it belongs in the folder of the data set.
    url : str
        Address.
    size : int or None
        In bytes, where it is published.
    md5 : str or None
        Checksum, where it is published.
    part : str
        Part of the data set.
    """

    path: str
    url: str
    size: int | None = None
    md5: str | None = None
    part: str = ""


def get(url: str, timeout: float = 30.0, **options: object) -> requests.Response:
    """Ask a server, and say in our words if it does not answer.

    Raises
    ------
    InputError
        Without a network, and for an answer that is an error.
    """
    try:
        answer = requests.get(url, timeout=timeout, **options)  # type: ignore[arg-type]
    except requests.RequestException as err:
        raise _no_answer(url, err) from None
    if answer.status_code >= 400:
        raise _refused(url, answer)
    return answer


def is_complete(file: RemoteFile, folder: Path, verify: bool = False) -> bool:
    """Tell whether a file is there already, by size and, on demand, by checksum."""
    target = folder / file.path
    if not target.is_file() or file.size not in (None, target.stat().st_size):
        return False
    return not (verify and file.md5) or _digest(target) == file.md5


def download(
    file: RemoteFile,
    folder: Path,
    *,
    attempts: int = 5,
    timeout: float = 30.0,
    wait: float = 1.0,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> Path:
    """Download a file; what a broken connection left is gone on with.

    Parameters
    ----------
    file : RemoteFile
        What.
    folder : path
        Where to; the file appears under its name when it is whole and its checksum right.
    attempts : int
        How often to try without any progress.
    timeout : float
        Silence in s after which a connection counts as broken.
    wait : float
        Pause in s before the second attempt; it doubles each time.
    on_bytes : callable
        Told the bytes that arrived; negative when some have to come again.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the server does not give it, or gives something else than is published.
    """
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    on_bytes(part.stat().st_size if part.is_file() else 0)
    failures, corrupt = 0, False
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            total = _append(file, part, timeout, on_bytes)
        except requests.RequestException as err:
            grown = part.is_file() and part.stat().st_size > before
            failures = 0 if grown else failures + 1
            if failures >= attempts:
                raise _no_answer(file.url, err) from None
            time.sleep(wait * 2 ** max(failures - 1, 0))
            continue
        problem = _problem(file, part, total)
        if problem is None:
            os.replace(part, target)
            _etag_file(part).unlink(missing_ok=True)
            return target
        on_bytes(-part.stat().st_size)
        part.unlink()
        if corrupt:
            raise problem
        corrupt = True  # once by chance, twice by fault


def _append(
    file: RemoteFile, part: Path, timeout: float, on_bytes: Callable[[int], None]
) -> int | None:
    """Ask for the rest of a file; give its whole size, if the server says it."""
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    tag_file = _etag_file(part)
    tag = tag_file.read_text() if have and tag_file.is_file() else ""
    if have and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    with requests.get(file.url, headers=headers, timeout=timeout, stream=True) as answer:
        if answer.status_code == 416 and have == file.size:
            return have
        if answer.status_code in _RETRIED:
            raise requests.ConnectionError(f"{answer.status_code} {answer.reason}")
        if answer.status_code >= 400 and answer.status_code != 416:
            raise _refused(file.url, answer)
        goes_on = answer.status_code == 206
        if have and not goes_on:
            on_bytes(-have)
            have = 0
            part.unlink()
            if answer.status_code == 416:
                raise requests.ConnectionError("the part that is here is none of this file")
        tag_file.write_text(answer.headers.get("ETag", ""))
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        with open(part, "ab" if goes_on else "wb") as out:
            for chunk in answer.iter_content(_CHUNK):
                out.write(chunk)
                on_bytes(len(chunk))
        if total is not None and part.stat().st_size < total:
            raise requests.ConnectionError(f"the connection ended after {part.stat().st_size}")
        return total


def _problem(file: RemoteFile, part: Path, total: int | None) -> InputError | None:
    """Compare what arrived with what is published."""
    size = part.stat().st_size
    for expected in (total, file.size):
        if expected is not None and size != expected:
            return InputError(
                file.url, expected=f"{expected} bytes", found=f"{size} bytes, twice",
                hint="the file on the server was changed, or something on the way changes it",
            )  # fmt: skip
    if file.md5 and (digest := _digest(part)) != file.md5:
        return InputError(
            file.url, expected=f"MD5 {file.md5}, as is published", found=f"{digest}, twice",
            hint="the file on the server was changed, or something on the way changes it",
        )  # fmt: skip
    return None


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _etag_file(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def _no_answer(url: str, err: Exception) -> InputError:
    text = str(getattr(err, "args", [err])[0]) or type(err).__name__
    return InputError(
        url, expected="an answer from the server", found=f"none ({text})",
        hint="check the network and give the same command again: it goes on where it was. On a "
        "machine without a network, `--list` elsewhere gives the addresses",
    )  # fmt: skip


def _refused(url: str, answer: requests.Response) -> InputError:
    return InputError(
        url, expected="the file", found=f"the answer {answer.status_code} {answer.reason}",
        hint="the address may have changed: see the reference of the data set",
    )  # fmt: skip
