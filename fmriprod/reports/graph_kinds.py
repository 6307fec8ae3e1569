"""Kinds of steps, and how a picture of a graph tells them apart, in colour and in grey."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of step: what the legend calls it, its letter, and its colours."""

    label: str
    letter: str
    colour: str
    ink: str


# Okabe & Ito (2008); the letter carries the kind where there is no colour.
KINDS = {
    "read": Kind("read data", "I", "#56B4E9", "#000000"),
    "preprocess": Kind("preprocess", "P", "#0072B2", "#FFFFFF"),
    "model": Kind("model", "M", "#B34700", "#FFFFFF"),
    "features": Kind("features", "F", "#009E73", "#000000"),
    "decode": Kind("decode, encode, compare", "D", "#CC79A7", "#000000"),
    "statistics": Kind("statistics", "S", "#E69F00", "#000000"),
    "report": Kind("figures, report", "R", "#5A4A9C", "#FFFFFF"),
    "save": Kind("save", "W", "#6E6E6E", "#FFFFFF"),
    "other": Kind("other step", "O", "#D0D0D0", "#000000"),
}
GREY = ("#4D4D4D", "#FFFFFF")  # strip and letter of all kinds in the style "grey"


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB``, 0 (black) to 1 (white), as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    """Contrast of two colours, 1 (none) to 21, as WCAG 2 defines it.

    Examples
    --------
    >>> round(contrast("#000000", "#FFFFFF"))
    21
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
