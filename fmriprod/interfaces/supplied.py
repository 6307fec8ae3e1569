"""Open what a person supplies: a whole file of a bearable size, or our message."""

import os
import stat
from pathlib import Path

from fmriprod.algorithms.checks import InputError

MOST_TEXT = 1 << 28  # bytes; a table of that size has millions of rows


def file_problem(path: str | Path, most_bytes: int | None = None) -> str | None:
    """Tell why something cannot be read as a file; None where it can.

    A pipe is none: whoever opens it waits for ever.

    Parameters
    ----------
    path : path
        The file.
    most_bytes : int, optional
        Largest size.
    """
    try:
        about = os.stat(path)
    except FileNotFoundError:
        return "a link to nothing" if os.path.islink(path) else "no such file"
    except (OSError, ValueError) as err:  # links in a circle, NUL or too long a name
        return getattr(err, "strerror", None) or str(err)
    if stat.S_ISDIR(about.st_mode):
        return "a folder"
    if not stat.S_ISREG(about.st_mode):
        return "a pipe or device"
    if not os.access(path, os.R_OK):
        return "a file that you may not read"
    if most_bytes is not None and about.st_size > most_bytes:
        return f"{about.st_size:,} bytes, more than {most_bytes:,}"
    return None


def check_file(path: str | Path, subject: str, expected: str, most_bytes: int = MOST_TEXT) -> None:
    """Refuse what is no file that can be read.

    Raises
    ------
    InputError
        If it is not there, is a folder, a pipe or a device, may not be read, or is too large.
    """
    if found := file_problem(path, most_bytes):
        raise InputError(
            subject, expected=expected, found=found, hint="check the path and the file",
            file=str(path),
        )  # fmt: skip


def read_text(path: str | Path, subject: str, expected: str, *, keep_mark: bool = False) -> str:
    """Read a text in UTF-8; a mark of byte order at its beginning is left out.

    Parameters
    ----------
    path : path
        The file.
    subject, expected : str
        What it is, for messages.
    keep_mark : bool
        Keep the mark of byte order.

    Raises
    ------
    InputError
        As `check_file`, and if it is no such text.
    """
    check_file(path, subject, expected)
    try:
        return Path(path).read_bytes().decode("utf-8" if keep_mark else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InputError(
            subject, expected=f"{expected}, in UTF-8", found=str(err),
            hint="save it as plain text in UTF-8", file=str(path),
        ) from None  # fmt: skip
