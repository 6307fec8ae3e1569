"""Texts of boxes: how wide they are, and where their lines break."""

from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

FAMILY = "DejaVu Sans"


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width of a line in points at a font size in points."""
    font = FontProperties(family=FAMILY, size=size, weight="bold" if bold else "normal")
    return text_to_path.get_text_width_height_descent(text, font, False)[0] if text else 0.0


def wrap(text: str, width: float, size: float, bold: bool = False) -> list[str]:
    """Break a text at spaces into lines of at most a width in points; a longer word is cut.

    Examples
    --------
    >>> wrap("one two", 25, 8)
    ['one', 'two']
    """
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size, bold) <= width:
            lines[-1] = joined
            continue
        while text_width(word, size, bold) > width and len(word) > 1:
            n = next(n for n in range(len(word) - 1, 0, -1)
                     if n == 1 or text_width(word[:n] + "-", size, bold) <= width)  # fmt: skip
            lines.append(word[:n] + "-")
            word = word[n:]
        lines.append(word)
    return lines
