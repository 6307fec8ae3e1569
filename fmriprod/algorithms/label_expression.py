"""Regions as expressions over names: ``LOC = lateraloccipital - V1 - V2``.

How they are written is told by `fmriprod.algorithms.expression_syntax`.

Left and right are kept apart: what a side does to another is nothing, so that ``A - B`` takes the
left B from the left A and the right from the right, and ``lh.A & rh.B`` is empty. A mask without
sides is on both.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.expression_syntax import UnclearError, names_in, postfix

LEFT, RIGHT, BOTH = 1, 2, 3
_REGION = re.compile(r"(?=[A-Za-z0-9])(?!\d+$)[\w.-]*\w", re.ASCII)
_EXAMPLE = "NAME = EXPRESSION, such as LOC = lateraloccipital - V1 - V2"


@dataclass(frozen=True)
class Atom:
    """A set of voxels that an expression begins from.

    Parameters
    ----------
    kind : {'code', 'surface', 'mask'}
        A code of the label image, a label of vertices, or a further mask.
    key : int or str
        Which one.
    side : int
        ``LEFT``, ``RIGHT`` or ``BOTH``.
    """

    kind: Literal["code", "surface", "mask"]
    key: int | str
    side: int = BOTH


Step = str | tuple[Atom, ...]  # an operator, or what to put on the stack


@dataclass(frozen=True)
class Region:
    """An expression whose names are known.

    ``steps`` are in postfix order. ``sided`` tells whether all of it has a known side.
    """

    name: str
    text: str
    steps: tuple[Step, ...]

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """All that it is made of, each once, in the order of the text."""
        found = (atom for step in self.steps if not isinstance(step, str) for atom in step)
        return tuple(dict.fromkeys(found))

    @property
    def sided(self) -> bool:
        """Tell whether every voxel of it has a side."""
        stack: list[bool] = []
        for step in self.steps:
            if not isinstance(step, str):
                stack.append(all(atom.side != BOTH for atom in step))
                continue
            right, left = stack.pop(), stack.pop()
            stack.append({"|": left and right, "&": left or right, "-": left}[step])
        return stack.pop()

    def evaluate(self, value: Callable[[Atom], np.ndarray]) -> np.ndarray:
        """Work the expression out.

        Parameters
        ----------
        value : callable
            Gives the sides of an atom in each voxel, uint8 of 0 to 3, shape (1, n); or shape
            (2, n), what it has at least and at most where it is not known.

        Returns
        -------
        ndarray of uint8, shape (1, n) or (2, n)
            Likewise: the sides, or the least and the most.
        """
        stack: list[np.ndarray] = []
        for step in self.steps:
            if not isinstance(step, str):
                stack.append(np.bitwise_or.reduce(np.broadcast_arrays(*map(value, step))))
                continue
            right, left = stack.pop(), stack.pop()
            if step == "|":
                stack.append(left | right)
            else:  # the most that is left is without the least that is taken away
                stack.append(left & (right if step == "&" else ~right[::-1]))
        return stack.pop()


def read_regions(definitions: Sequence[str], names: Mapping[str, tuple[Atom, ...]]) -> list[Region]:
    """Read the definitions of regions.

    Parameters
    ----------
    definitions : sequence of str
        ``NAME = EXPRESSION``. A name that was defined before means that region; other names,
        and the region's own, are looked up in ``names``. Whole numbers are codes.
    names : mapping from str to atoms
        What can be named.

    Returns
    -------
    list of Region
        In the order given.

    Raises
    ------
    InputError
        With everything that is wrong in any of them.

    Examples
    --------
    >>> names = {"A": (Atom("code", 1, LEFT),), "B": (Atom("code", 2, LEFT),)}
    >>> read_regions(["C = A - B", "D = C | 7"], names)[1].steps[2]
    '-'
    """
    problems: list[tuple[str, str]] = []
    pairs = list(_split(definitions, names, problems))
    own = [name for name, _ in pairs]
    regions: dict[str, Region] = {}
    for name, text in pairs:
        try:
            order = postfix(text)
        except UnclearError as err:
            problems.append((f"{name} = {text}: {err}", "see the example"))
            order = []
        steps: list[Step] = []
        for item in order:
            if item in ("|", "&", "-"):
                steps.append(item)
            elif item in regions:
                steps += regions[item].steps
            elif atoms := _look_up(item, names):
                steps.append(atoms)
            else:
                hint = _hint(item, name, own, dict(pairs), [*names, *regions])
                problems.append((f"{name} = {text}: no {item!r}", hint))
        regions[name] = Region(name, text, tuple(steps))
    if problems:
        raise _problems(problems)
    return list(regions.values())


def _split(
    definitions: Sequence[str], names: Mapping[str, Any], problems: list[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Part names from expressions; a name must do for a file and be given once."""
    seen: set[str] = set()
    for definition in definitions:
        name, equals, text = (part.strip() for part in definition.partition("="))
        reserved = [atom for atom in names.get(name, ()) if atom.kind == "mask"]
        if not equals or not text:
            problems.append((f"{definition!r}", f"write {_EXAMPLE}"))
        elif not _REGION.fullmatch(name):
            problems.append((f"the name {name!r}", "use letters, digits and . _ - for a region"))
        elif name.casefold() in seen or reserved:
            problems.append((f"{name!r} twice", "give each region a name of its own"))
        else:
            seen.add(name.casefold())
            yield name, text


def _look_up(name: str, names: Mapping[str, tuple[Atom, ...]]) -> tuple[Atom, ...]:
    if name in names:
        return names[name]
    return (Atom("code", int(name)),) if name.isdecimal() and name.isascii() else ()


def _hint(name: str, region: str, own: list[str], texts: dict[str, str], known: list[str]) -> str:
    """Say what to do about a name that means nothing (yet)."""
    if name == region:
        return f"{name} is made of itself: name the label otherwise"
    if name in own:
        path = _circle(name, region, texts)
        if path:
            return f"{' needs '.join(path)}: they go in a circle"
        return f"{name} is defined further down: move it up"
    parts = re.split(r"(?<=[\w.])-(?=[\w.])", name)
    for cut in range(1, len(parts)):
        left, right = "-".join(parts[:cut]), "-".join(parts[cut:])
        if {left, right} <= {*known, *own}:
            return f"did you mean {left + ' - ' + right!r}? A minus needs spaces around it"
    close = difflib.get_close_matches(name, [*known, *own], n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    others = [n for n in known if not re.match(r"ctx-|lh\.|rh\.|Left-|Right-|\d", n)]
    return "known are, among others: " + ", ".join(others[:8])


def _circle(name: str, region: str, texts: dict[str, str]) -> list[str]:
    """Way from a region over ``name`` back to it, if there is one."""
    paths, seen = [[region, name]], {name}
    while paths:
        path = paths.pop()
        for item in names_in(texts[path[-1]]):
            if item == region:
                return [*path, region]
            if item in texts and item not in seen:
                seen.add(item)
                paths.append([*path, item])
    return []


def _problems(problems: list[tuple[str, str]]) -> InputError:
    if len(problems) == 1:
        found, hint = problems[0]
    else:
        found = "".join(f"\n    {found} -> {hint}" for found, hint in problems)
        hint = "mend all of these"
    expected = f"definitions of regions: {_EXAMPLE}"
    return InputError("regions", expected=expected, found=found, hint=hint)
