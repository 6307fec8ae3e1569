"""Tell a full disk from other errors, and say what to do about it."""

import errno
import os
import re
from pathlib import Path

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.disk_space import existing, free_space, size_text

_REASONS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the quota on the disk is used up",
    errno.EFBIG: "a file may not become so large here",
}
_TOFILE = re.compile(r"\d+ requested and \d+ written")  # NumPy's words, without a number

_TEMPORARY = re.compile(r"^\.writing-[\w.]+-")


def why_full(error: BaseException | str) -> str | None:
    """Tell from an error, or the text of one, that a disk is full, in words; None if it is not.

    Libraries hand such errors on in exceptions of their own, often with the text only; an error
    that another one was raised from counts, too.
    """
    if isinstance(error, str):
        found = (reason for number, reason in _REASONS.items() if os.strerror(number) in error)
        return next(found, None) or (_REASONS[errno.ENOSPC] if _TOFILE.search(error) else None)
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        number = link.errno if isinstance(link, OSError) else None
        reason = _REASONS.get(number or 0) or why_full(str(link))
        if reason is not None and not isinstance(link, InputError):
            return reason
        link = link.__cause__ or link.__context__
    return None


def disk_full(error: BaseException, folder: str | Path, what: str = "") -> InputError | None:
    """Say in the words of this package that a disk is full; None for any other error.

    Parameters
    ----------
    error : exception
        That was caught.
    folder : path
        Where results were written, for errors that do not say where.
    what : str
        What was being written.
    """
    reason = why_full(error)
    if reason is None:
        return None
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    place = Path(folder)
    if isinstance(named, str | bytes | os.PathLike):
        file = Path(os.fsdecode(named))
        place, what = file.parent, what or _TEMPORARY.sub("", file.name)
    return InputError(
        "disk", expected=f"room to write {what or 'results'} in {place}",
        found=f"{reason}; {size_text(free_space(place))} are free at {existing(place)}",
        hint="make room, or give --work-dir on a larger disk, or let --clean-work remove the work "
        "of who is finished; the same command then continues",
    )  # fmt: skip
