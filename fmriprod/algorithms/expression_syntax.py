"""How expressions of sets are written: ``lateraloccipital - (V1 | V2)``.

Names are joined by ``|`` (union), ``&`` (intersection), ``-`` (difference) and parentheses; ``&``
binds tighter than ``|`` and ``-``, which go from left to right. A hyphen within a name
(``ctx-lh-fusiform``) is part of it: a minus has a space on both sides. A name with other
characters than letters, digits and ``. _ + -`` stands between backticks.
"""

import re
from collections.abc import Iterator

_PRIORITY = {"|": 1, "-": 1, "&": 2}
_TOKEN = re.compile(r"\s*(?:`(?P<quoted>[^`]+)`|(?P<mark>[|&()])|(?P<name>[\w.+-]+))")


class UnclearError(Exception):
    """What is wrong with an expression."""


def names_in(expression: str) -> list[str]:
    """List the names in an expression, each once; none if it cannot be read.

    Examples
    --------
    >>> names_in("(ctx-lh-fusiform | V1) & task")
    ['ctx-lh-fusiform', 'V1', 'task']
    """
    try:
        return [item for item in dict.fromkeys(postfix(expression)) if item not in _PRIORITY]
    except UnclearError:
        return []


def postfix(text: str) -> list[str]:
    """Order an expression for a stack; names stand for themselves."""
    out: list[str] = []
    waiting: list[str] = []
    operand_next = True
    for kind, item in _tokens(text):
        if operand_next != (kind == "name" or item == "("):
            wanted = "a name" if operand_next else "an operator | & -"
            raise UnclearError(f"{item!r} where {wanted} should be")
        if kind == "name":
            out.append(item)
            operand_next = False
        elif item == "(":
            waiting.append(item)
        elif item == ")":
            while waiting and waiting[-1] != "(":
                out.append(waiting.pop())
            if not waiting:
                raise UnclearError("a ) without its (")
            waiting.pop()
        else:
            while waiting and _PRIORITY.get(waiting[-1], 0) >= _PRIORITY[item]:
                out.append(waiting.pop())
            waiting.append(item)
            operand_next = True
    if operand_next:
        raise UnclearError("it ends where a name should be")
    if "(" in waiting:
        raise UnclearError("a ( without its )")
    return out + waiting[::-1]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            rest = text[place:].lstrip()
            raise UnclearError(f"the character {rest[0]!r} (quote such names: `a name`)")
        place = match.end()
        item = match["quoted"] or match["mark"] or match["name"]
        if match["name"] and item != "-" and (item.startswith("-") or item.endswith("-")):
            raise UnclearError(f"{item!r}: a minus needs a space on both sides")
        if match["quoted"] and not re.search(r"\w", item):
            raise UnclearError(f"the name `{item}` has no letter and no digit")
        yield ("mark" if item in "|&()-" else "name"), item
