"""Read a study file, and find everything in it that cannot be, at once."""

import copy
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from fmriprod.algorithms.checks import suggest
from fmriprod.interfaces.problems import Problem
from fmriprod.interfaces.study_folder import find_study
from fmriprod.workflows.study_lines import key_lines, line_of, shown
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_models import with_models
from fmriprod.workflows.study_rules import broken_rules

_DEEPEST = 50


def read_study(path: str | Path) -> tuple[Study | None, list[Problem]]:
    """Read a study file.

    Parameters
    ----------
    path : path
        A TOML file, or the name of a study that comes with the package (``fan2020``).

    Returns
    -------
    study : Study or None
        None if there are problems.
    problems : list of Problem
        Each with the line and the key it is about.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = find_study(path)
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        content = tomllib.loads(text)
        _check_sizes(content)
    except tomllib.TOMLDecodeError as err:
        return None, [_problem(str(path), "TOML", str(err), "mend the line that is named")]
    except ValueError as err:  # also Python's, of numbers of thousands of digits
        return None, [_problem(str(path), "numbers of 64 bits", str(err).split(";")[0], "mend it")]
    except RecursionError:
        found = f"more than {_DEEPEST} tables or brackets within each other"
        return None, [_problem(str(path), "the keys of a study", found, "mend the brackets")]
    lines = key_lines(text)

    def place(keys: tuple) -> str:
        line = line_of(lines, keys)
        return f"{path}" + (f", line {line}" if line else "") + f": {shown(keys)}"

    study, errors = _validate(content)
    problems = [_translated(error, content, place) for error in errors]
    if study is not None and study.glm.models:
        study, more = with_models(study, path.parent, lambda *keys: place(keys))
        problems += more
    wrong = {tuple(error["loc"])[:-1] for error in errors}
    problems += [
        _problem(place(rule.keys), rule.expected, rule.found, rule.hint)
        for rule in (broken_rules(study) if study else [])
        if not any(rule.keys[: len(table)] == table for table in wrong)
    ]
    return (None if problems else study), problems


def _check_sizes(content: Any) -> None:
    """Refuse what TOML allows, and recursion and messages cannot bear."""
    level = [content]
    for _ in range(_DEEPEST):
        level = [
            inner for item in level
            for inner in (
                item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
            )
        ]  # fmt: skip
        if any(isinstance(item, int) and not -(2**63) <= item < 2**63 for item in level):
            raise ValueError("a larger one")
    if level:
        raise RecursionError


def _validate(content: dict[str, Any]) -> tuple[Study | None, list[Any]]:
    """Check each table; what is wrong is set aside, so that the rules can be checked, too."""
    try:
        return Study.model_validate(content), []
    except ValidationError as err:
        errors = list(err.errors())
    rest = copy.deepcopy(content)
    for error in errors:
        _discard(rest, tuple(error["loc"]))
    try:
        return Study.model_validate(rest), errors
    except ValidationError:
        return None, errors


def _discard(content: Any, keys: tuple) -> None:
    """Remove a key, if it is there, from tables within tables."""
    for key in keys[:-1]:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(content, dict):
        content.pop(keys[-1], None)


def _translated(error: Any, content: dict[str, Any], place: Any) -> Problem:
    """Say an error of the schema in our words."""
    keys = tuple(error["loc"])
    kind, found = error["type"], repr(error.get("input"))
    if kind == "extra_forbidden":
        known = _known_keys(keys[:-1], content)
        hint = suggest(str(keys[-1]), known)
        return _problem(place(keys), "a key of this table", f"{keys[-1]!r}", hint)
    if kind == "missing":
        return _problem(place(keys), "this key", "none", "add it")
    if len(keys) > 1 and keys[-1] == "[key]":
        keys, found = keys[:-1], repr(keys[-2])
    expected = error["msg"].removeprefix("Value error, ")
    return _problem(place(keys), expected[:1].lower() + expected[1:], found, "mend the value")


def _known_keys(keys: tuple, content: dict[str, Any]) -> list[str]:
    """List the keys of the table at a path of the schema."""
    model: Any = Study
    for key in keys:
        if isinstance(key, int):
            continue
        if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
            model = _inner(model.model_fields[key].annotation)
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _inner(annotation: Any) -> Any:
    """Take the table out of ``dict[str, Table]``, ``tuple[Table, ...]`` and ``Table | None``."""
    for part in getattr(annotation, "__args__", ()):
        inner = _inner(part)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return annotation


def _problem(file: str, expected: str, found: str, hint: str) -> Problem:
    return Problem("error", file, expected, found, hint)
