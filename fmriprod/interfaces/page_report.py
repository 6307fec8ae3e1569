"""What the interfaces that write a page share: their common inputs and how they are read."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, InputMultiObject, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.supplied import check_file


class PageInputSpec(PythonInputSpec):
    """Inputs of every page."""

    simulated = traits.Bool(
        False, usedefault=True, desc="the data are simulated: a banner says so on the page"
    )
    decisions = InputMultiObject(traits.Str, desc="what was decided from the data, in sentences")
    settings = InputMultiObject(traits.Str, desc="settings to list, each 'name: value'")


class TruthInputSpec(PageInputSpec):
    """Inputs of a page that can say whether what was planted was found."""

    truth_file = File(
        exists=True,
        desc="for simulated data, what was planted (JSON): label to expected, found, ok",
    )


class PageReport(PythonInterface):
    """Base of the interfaces that write one self-contained HTML page.

    ``_libraries`` are those whose versions are on the page.
    """

    def _path(self, name: str) -> str | None:
        """Give the file of an input ``<name>_file``, or None."""
        path = getattr(self.inputs, f"{name}_file")
        return path if isdefined(path) else None

    def _list(self, field: str) -> list[Any]:
        value = getattr(self.inputs, field)
        return list(value) if isdefined(value) else []

    def _figures(self, hint: str) -> list[tuple[str, str]]:
        """Pair ``figure_names`` with ``figures``."""
        figures, names = self._list("figures"), self._list("figure_names")
        if len(figures) != len(names):
            raise InputError(
                "figure_names", expected=f"a name for each of {len(figures)} figures",
                found=f"{len(names)}", hint=hint,
            )  # fmt: skip
        return list(zip(names, figures, strict=True))

    def _origin(self) -> dict[str, Any]:
        """Decisions, settings and versions, as results of all pages have them."""
        versions = [(name, version(name)) for name in self._libraries]
        return {
            "simulated": self.inputs.simulated,
            "decisions": self._list("decisions"),
            "settings": [named_setting(line) for line in self._list("settings")],
            "versions": [("Python", platform.python_version()), *versions],
        }

    def _truth(self) -> dict[str, dict[str, Any]]:
        path = self._path("truth")
        return read_truth(path) if path else {}


def named_setting(line: str) -> tuple[str, str]:
    """Split ``name: value``.

    Raises
    ------
    InputError
        If there is no colon.
    """
    name, colon, value = line.partition(":")
    if not colon:
        raise InputError(
            "settings",
            expected="entries of the form 'name: value'",
            found=repr(line),
            hint="put a colon between name and value",
        )
    return name.strip(), value.strip()


def read_step_json(path: str | None) -> dict[str, Any] | None:
    """Read a JSON object that a step wrote; None without a file.

    Raises
    ------
    InputError
        If it is something else.
    """
    if path is None:
        return None
    check_file(path, "file", "a JSON object")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as err:
        content = f"{type(err).__name__}: {err}"
    if not isinstance(content, dict):
        raise InputError(
            "file",
            expected="a JSON object",
            found=str(content)[:200],
            hint="run the step that writes this file again",
            file=str(path),
        )
    return content


def read_truth(path: str) -> dict[str, dict[str, Any]]:
    """Read what was planted in simulated data: label to ``expected``, ``found`` and ``ok``.

    Raises
    ------
    InputError
        If it is no such file.
    """
    content = read_step_json(path) or {}
    for label, entry in content.items():
        if not isinstance(entry, dict) or not {"expected", "found", "ok"} <= set(entry):
            raise InputError(
                "truth",
                expected="for each label an object with expected, found and ok",
                found=f"{label}: {entry}"[:200],
                hint="write all three",
                file=str(path),
            )
    return content
