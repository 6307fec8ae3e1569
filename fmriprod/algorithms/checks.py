"""The one error that bad input raises, and the checks on arrays that raise it."""

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np


class InputError(ValueError):
    """An input that cannot be used, said so that a person can mend it.

    Parameters
    ----------
    subject : str
        What is wrong: the name of an argument, or of a file.
    expected : str
        What the step needs.
    found : str
        What it was given.
    hint : str
        What to do about it.
    interface, file : str, optional
        Filled in by the interface that passes the error on.
    """

    def __init__(
        self,
        subject: str,
        *,
        expected: str,
        found: str,
        hint: str,
        interface: str | None = None,
        file: str | None = None,
    ) -> None:
        super().__init__(subject)
        self.subject = subject
        self.expected = presentable(expected)
        self.found = presentable(found)
        self.hint = presentable(hint)
        self.interface = interface
        self.file = file

    def __str__(self) -> str:
        place = ": ".join(p for p in (self.interface, self.file or self.subject) if p)
        place = presentable(place)
        lines = (
            place,
            f"expected: {self.expected}",
            f"found:    {self.found}",
            f"do:       {self.hint}",
        )
        return "\n  ".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {k: getattr(self, k) for k in ("expected", "found", "hint", "interface", "file")}
        return _rebuild, (self.subject, fields)


def _rebuild(subject: str, fields: dict[str, Any]) -> InputError:
    return InputError(subject, **fields)


def presentable(text: object, most: int = 3000) -> str:
    r"""Make a text fit to be shown: no signs that steer a terminal, and no more than a page.

    Messages quote what is in files, which can hold anything.

    Examples
    --------
    >>> print(presentable("a\x1b[31mb"))
    a\x1b[31mb
    >>> presentable("x" * 5000)[1990:2020]
    'xxxxxxxxxx ... 2,500 more ... '
    """
    text = str(text)
    if len(text) > most:
        end = most // 6
        start = most - 2 * end
        text = f"{text[:start]} ... {len(text) - start - end:,} more ... {text[-end:]}"
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text
    )


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or list them all.

    Examples
    --------
    >>> suggest("hosue", ["face", "house"])
    "did you mean 'house'? known: face, house"
    >>> suggest("xyz", ["face", "house"])
    'known: face, house'
    """
    known = [str(k) for k in known]
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return meant + "known: " + (", ".join(known) if known else "none")


def usable_voxels(series: np.ndarray) -> np.ndarray:
    """Mark the voxels whose time series can be analysed.

    Parameters
    ----------
    series : ndarray, shape (n_voxels, n_volumes)
        Time series, one voxel a row.

    Returns
    -------
    ndarray of bool, shape (n_voxels,)
        True where every value is finite and the series is not constant.
    """
    series = np.asarray(series)
    with np.errstate(invalid="ignore", over="ignore"):
        total = series.sum(axis=1, dtype=np.float64)
        constant = (series == series[:, :1]).all(axis=1)
    finite = np.isfinite(total)
    return finite & ~constant
