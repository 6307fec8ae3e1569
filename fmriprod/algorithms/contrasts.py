"""Read contrasts such as ``face-house`` as weights of conditions."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isfinite

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.events import collisions

_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>`[^`]*`)|(?P<number>(?:\d+\.?\d*|\.\d+)(?![\w.]))"
    r"|(?P<name>[^\W]\w*)|(?P<sign>[-+*/()]))"
)
_WORDS = {"-": "Minus", "+": "Plus", "*": "Times", "/": "Over", ".": "p"}
_TINY = 1e-12


@dataclass(frozen=True)
class ContrastSpec:
    """A contrast as it is asked for.

    Attributes
    ----------
    name : str
        Letters and digits, fit for a file name.
    expression : str
        As it was written.
    weights : dict of str to float
        Weight of each condition that is named.
    """

    name: str
    expression: str
    weights: dict[str, float]


def parse_contrasts(contrasts: Sequence[str], conditions: Collection[str]) -> list[ContrastSpec]:
    """Read contrasts and check that their names can stand side by side in a folder.

    Parameters
    ----------
    contrasts : sequence of str
        ``"expression"`` or ``"name = expression"``. An expression is linear in the names of
        conditions with numbers, ``+ - * /`` and parentheses: ``"face - house"``,
        ``"(face + body)/2 - house"``. A name that is not one word is written in backquotes.
    conditions : collection of str
        Names that may appear.

    Returns
    -------
    list of ContrastSpec
        In the same order.

    Raises
    ------
    InputError
        If one cannot be read or names an unknown condition, or two have the same name.
    """
    parsed = [_parse_one(text, conditions) for text in contrasts]
    same = collisions([spec.name for spec in parsed], str.casefold)
    names = [spec.name for spec in parsed]
    if same or len(set(names)) < len(names):
        twice = {
            n.casefold() for n in names if [m.casefold() for m in names].count(n.casefold()) > 1
        }
        shown = [s.expression for s in parsed if s.name.casefold() in twice]
        raise InputError(
            "contrasts",
            expected="contrasts whose names differ in letters or digits",
            found="; ".join(f"{text!r}" for text in shown)
            + f" all become {' / '.join(sorted(twice))}",
            hint="remove one, or give it a name of its own: 'name=expression'",
        )
    return parsed


def word(condition: str) -> str:
    """Write the name of a condition as expressions have it; words in braces stay as they are.

    Examples
    --------
    >>> word("face"), word("left hand"), word("{trained_1}")
    ('face', '`left hand`', '{trained_1}')
    """
    bare = re.fullmatch(r"[^\W\d]\w*|\{\w*\}", condition)
    return condition if bare else f"`{condition}`"


def label(text: str) -> str:
    """Turn a name or an expression into CamelCase letters and digits for file names.

    Examples
    --------
    >>> label("face-house")
    'faceMinusHouse'
    >>> label("0.5*item1 + 0.5*item2")
    '0p5TimesItem1Plus0p5TimesItem2'
    >>> label("draw all")
    'drawAll'
    """
    text = re.sub(r"(?<=\d)\.(?=\d)", "p", text)
    text = re.sub(r"[-+*/]", lambda m: f" {_WORDS[m.group()]} ", text)
    words = re.findall(r"[^\W_]+", text)
    return "".join(words[:1] + [word[0].upper() + word[1:] for word in words[1:]])


def split_contrast(text: str) -> tuple[str, str, str]:
    """Split ``name=expression`` at the last sign that is not inside backquotes.

    Returns
    -------
    name, equals, expression : str
        As `str.rpartition` gives them, without blanks around.

    Examples
    --------
    >>> split_contrast("sum = `a=b` + c")
    ('sum', '=', '`a=b` + c')
    >>> split_contrast("face-house")
    ('', '', 'face-house')
    """
    bare = re.sub(r"`[^`]*`", lambda quoted: " " * len(quoted.group()), text)
    place = bare.rfind("=")
    if place < 0:
        return "", "", text.strip()
    return text[:place].strip(), "=", text[place + 1 :].strip()


def _parse_one(text: str, conditions: Collection[str]) -> ContrastSpec:
    name, equals, expression = split_contrast(text)
    weights = (
        {expression: 1.0}
        if expression in conditions
        else _Parser(text, expression, conditions).read()
    )
    short = label(name if equals else expression)
    if not short:
        raise _unreadable(text, "a name without letters or digits", "name it: 'name=expression'")
    return ContrastSpec(short, text.strip(), weights)


def _unreadable(text: str, found: str, hint: str) -> InputError:
    return InputError(
        "contrasts",
        expected="'expression' or 'name=expression', linear in the conditions, "
        "such as 'face-house' or 'items=0.5*item1+0.5*item2'",
        found=f"{text[:500]!r}: {found}",
        hint=hint,
    )


_Form = tuple[dict[str, float], float]  # weights of conditions, and a constant


class _Parser:
    """Recursive descent over sums of products; values are linear forms."""

    def __init__(self, text: str, expression: str, conditions: Collection[str]) -> None:
        self.text, self.conditions = text, conditions
        self.tokens = self._split(expression)

    def read(self) -> dict[str, float]:
        try:
            weights, constant = self._sum()
        except RecursionError:
            raise self._error("brackets within brackets without end") from None
        if not all(isfinite(number) for number in (constant, *weights.values())):
            raise self._error("a number that is too large")
        if self.tokens:
            raise self._error(f"unexpected {self.tokens[0][1]!r}")
        weights = {name: w for name, w in weights.items() if abs(w) > _TINY}
        if abs(constant) > _TINY:
            raise self._error(f"a constant {constant:g} that multiplies no condition")
        if not weights:
            raise self._error("no condition is left: all weights are zero")
        return weights

    def _split(self, expression: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while expression[position:].strip():
            match = _TOKEN.match(expression, position)
            if match is None:
                raise self._error(f"unexpected {expression[position:].strip()[0]!r}")
            tokens.append((match.lastgroup or "", match.group().strip()))
            position = match.end()
        return tokens

    def _sum(self) -> _Form:
        weights, constant = self._product()
        while self._next("+", "-"):
            sign = 1 if self.tokens.pop(0)[1] == "+" else -1
            more, offset = self._product()
            names = dict.fromkeys([*weights, *more])
            weights = {n: weights.get(n, 0) + sign * more.get(n, 0) for n in names}
            constant += sign * offset
        return weights, constant

    def _product(self) -> _Form:
        left = self._factor()
        while self._next("*", "/"):
            divide = self.tokens.pop(0)[1] == "/"
            right = self._factor()
            if right[0] and (divide or left[0]):
                raise self._error("conditions may only be multiplied or divided by numbers")
            if divide and right[1] == 0:
                raise self._error("a division by zero")
            (weights, constant), number = (left, right[1]) if not right[0] else (right, left[1])
            number = 1 / number if divide else number
            left = {n: w * number for n, w in weights.items()}, constant * number
        return left

    def _factor(self) -> _Form:
        if not self.tokens:
            raise self._error("the expression ends too early")
        kind, token = self.tokens.pop(0)
        if kind == "number":
            return {}, float(token)
        if kind in ("name", "quoted"):
            return {self._known(token.strip("`")): 1.0}, 0.0
        if token in "+-":
            weights, constant = self._factor()
            sign = 1 if token == "+" else -1
            return {n: sign * w for n, w in weights.items()}, sign * constant
        if token == "(":
            inner = self._sum()
            if not self._next(")"):
                raise self._error("a parenthesis is not closed")
            self.tokens.pop(0)
            return inner
        raise self._error(f"unexpected {token!r}")

    def _next(self, *signs: str) -> bool:
        return bool(self.tokens) and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs

    def _known(self, name: str) -> str:
        if name in self.conditions:
            return name
        known = sorted(self.conditions)
        hint = f"use a condition of the events; {suggest(name, known)}"
        if any(not re.fullmatch(r"[^\W\d]\w*", condition) for condition in known):
            hint += "; a name that is not one word is written in backquotes: `face left`"
        raise _unreadable(self.text, f"no condition {name!r}", hint)

    def _error(self, found: str) -> InputError:
        return _unreadable(self.text, found, "write it as a sum of weighted conditions")
