"""Values of options: what is out of range is refused before anything is read."""

import argparse
import math
from collections.abc import Callable, Collection
from pathlib import Path


def number(
    above: float | None = None, least: float | None = None, what: str = "a number"
) -> Callable[[str], float]:
    """Make a reader of finite numbers within bounds, for ``argparse``.

    Parameters
    ----------
    above : float, optional
        The number must be larger.
    least : float, optional
        The number must be this or larger.
    what : str
        What it is, for the message.

    Examples
    --------
    >>> number(least=0, what="a width in mm")("5")
    5.0
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        return _within(value, text, above, least, what)

    return read


def whole(least: int, what: str = "a whole number", most: int | None = None) -> Callable:
    """Make a reader of whole numbers from ``least`` on (up to ``most``), for ``argparse``.

    Examples
    --------
    >>> whole(1)("12")
    12
    """

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(_message(what, None, least, text, most)) from None
        if most is not None and value > most:
            raise argparse.ArgumentTypeError(_message(what, None, least, text, most))
        return int(_within(value, text, None, least, what))

    return read


def one_of(names: Callable[[], Collection[str]], what: str) -> Callable[[str], str]:
    """Make a reader of names whose list is costly to import, for ``argparse``.

    Parameters
    ----------
    names : callable
        Gives the names that are known; called only when a value is read.
    what : str
        What they name, for the message.

    Examples
    --------
    >>> one_of(lambda: ("ar1", "ols"), "a noise model")("ols")
    'ols'
    """

    def read(text: str) -> str:
        from fmriprod.algorithms.checks import suggest

        known = names()
        if text not in known:
            raise argparse.ArgumentTypeError(
                f"expected {what}, found {text!r}; {suggest(text, known)}"
            )
        return text

    return read


def folder(text: str) -> Path:
    """Read the path of a folder; an empty one is probably a variable that is not set.

    Examples
    --------
    >>> folder("out").name
    'out'
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a folder, found nothing")
    return Path(text)


def _within(value: float, text: str, above: float | None, least: float | None, what: str) -> float:
    low = (above is not None and not value > above) or (least is not None and not value >= least)
    if low or not math.isfinite(value):
        raise argparse.ArgumentTypeError(_message(what, above, least, text))
    return value


def _message(
    what: str, above: float | None, least: float | None, text: str, most: int | None = None
) -> str:
    bounds = f" above {above:g}" if above is not None else ""
    bounds += f" of {least:g} or more" if least is not None else ""
    bounds += f" and at most {most}" if most is not None else ""
    return f"expected {what}{bounds}, found {text!r}"
