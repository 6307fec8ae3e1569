"""Find or build the workflow that a person wants to see: by name, from a study file, from code."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nipype.pipeline import engine as pe

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.interfaces.study_folder import ready_studies
from fmriprod.workflows.draw_call import call_builder
from fmriprod.workflows.draw_placeholders import Placeholders, forget_tr
from fmriprod.workflows.study import init_study_wf
from fmriprod.workflows.subject import init_subject_wf

Builder = Callable[..., pe.Workflow]
MAIN = "main"
_GIVEN = {"plan", "plans", "run", "destination", "out_dir", "bids_dir", "contrasts", "contrast",
          "options"}  # fmt: skip
_SKIPPED = {"init_prepared_reference_wf", "init_prepared_run_wf"}  # need derivatives


def builders() -> dict[str, Builder]:
    """List the builders of this package that can be drawn without data, by short name.

    Returns
    -------
    dict of str to callable
        ``encoding`` for ``init_encoding_wf``, in alphabetical order.
    """
    import fmriprod.workflows as package

    found: dict[str, Builder] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        text = Path(module.module_finder.path, f"{module.name.rpartition('.')[2]}.py")
        if not re.search(r"^def init_\w+_wf\(", text.read_text(encoding="utf-8"), re.M):
            continue
        loaded = importlib.import_module(module.name)
        for name, builder in inspect.getmembers(loaded, inspect.isfunction):
            own = builder.__module__ == module.name and re.fullmatch(r"init_(\w+)_wf", name)
            if own and name not in _SKIPPED and required(builder) <= _GIVEN:
                found[own[1]] = builder
    return dict(sorted(found.items()))


def required(builder: Builder) -> set[str]:
    """List the arguments of a builder that have no default."""
    parameters = inspect.signature(builder).parameters.values()
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {p.name for p in parameters if p.default is p.empty and p.kind not in kinds}


@contextmanager
def open_target(
    target: str, *, participants: int = 1, options: Mapping[str, Any] | None = None
) -> Iterator[pe.Workflow]:
    """Build the workflow that a word of the command line means.

    Parameters
    ----------
    target : str
        Name of a builder (``encoding``), ``main`` for the main job, a study file (TOML) or the
        name of one that comes with the package, ``module:name``, or ``file.py:name``, where name
        is a workflow or a function that gives one.
    participants : int
        Placeholder participants of a study or the main job.
    options : mapping of str to object, optional
        Arguments for the builder or function.

    Yields
    ------
    nipype.pipeline.engine.Workflow
        To be drawn, not run: its files are empty, and gone afterwards.

    Raises
    ------
    InputError
        For names that are not known, code that cannot be loaded, options that the builder does
        not have, and study files with problems.
    """
    options = dict(options or {})
    with TemporaryDirectory() as folder:
        made = Placeholders(Path(folder).resolve())
        if ":" in target and not Path(target).exists():
            yield _from_code(target, options)
        else:
            if target.endswith(".toml") or target in ready_studies():
                workflow = _study(target, made, participants, options)
            elif target == MAIN:
                workflow = _main(made, participants, options)
            else:
                workflow = _named(target, made, options)
            forget_tr(workflow)
            yield workflow


def _named(target: str, made: Placeholders, options: dict[str, Any]) -> pe.Workflow:
    known = builders()
    name = re.sub(r"^init_|_wf$", "", target)
    if name not in known:
        raise InputError(
            "workflow", expected="the name of a workflow, main, a study file (TOML), module:name, "
            "or file.py:name", found=repr(target),
            hint=f"{suggest(name, [*known, MAIN, *ready_studies()])}; --list shows the names",
        )  # fmt: skip
    given = {k: v for k, v in made.arguments().items() if k in required(known[name])}
    if name == "study":
        given |= {k: made.arguments()[k] for k in ("out_dir", "bids_dir")}
    given = {name: value for name, value in given.items() if name not in options}
    takes = init_subject_wf if name == "study" else None
    return call_builder(known[name], target, given, options, takes=takes)


def _main(made: Placeholders, participants: int, options: dict[str, Any]) -> pe.Workflow:
    plans = [made.main_plan(f"{n:02d}") for n in range(1, participants + 1)]
    places = {"out_dir": str(made.folder), "bids_dir": str(made.folder)}
    return call_builder(
        init_study_wf, MAIN, {"plans": plans, **places}, options, takes=init_subject_wf
    )


def _study(
    target: str, made: Placeholders, participants: int, options: dict[str, Any]
) -> pe.Workflow:
    """Build the analysis of a study file, of placeholder participants and their group."""
    from fmriprod.workflows.draw_study import build_study
    from fmriprod.workflows.study_file import read_study

    study, problems = read_study(target)
    if study is None:
        first = problems[0]
        raise InputError(
            "study", expected=first.expected, found=first.found, file=first.file,
            hint=first.hint + (f" ({len(problems)} problems)" if len(problems) > 1 else ""),
        )  # fmt: skip
    return build_study(study, target, made, participants, options)


def _from_code(target: str, options: dict[str, Any]) -> pe.Workflow:
    """Take a workflow, or a function that gives one, out of a module or a file."""
    place, _, name = target.rpartition(":")
    module = _load(place, target)
    if not hasattr(module, name):
        names = [n for n in vars(module) if not n.startswith("_")]
        raise InputError("workflow", expected=f"a workflow or function in {place}",
                         found=f"no {name!r}", hint=suggest(name, names))  # fmt: skip
    found = getattr(module, name)
    if callable(found) and not isinstance(found, pe.Workflow):
        found = call_builder(found, target, {}, options)
    elif options:
        raise InputError("set", expected="a function to give arguments to",
                         found=f"{target}: a {type(found).__name__}",
                         hint="leave --set out")  # fmt: skip
    if not isinstance(found, pe.Workflow):
        raise InputError("workflow", expected="a Nipype workflow, or a function that gives one",
                         found=f"{target}: a {type(found).__name__}",
                         hint="name a workflow")  # fmt: skip
    return found


def _load(place: str, target: str) -> Any:
    """Import a module, or the code in a file; what goes wrong is said in a line."""
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        spec = importlib.util.spec_from_file_location(Path(place).stem, place)
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, module)
        spec.loader.exec_module(module)
        return module
    except Exception as err:  # the code of others may fail in any way
        raise InputError("workflow", expected=f"code that can be imported: {place}",
                         found=f"{type(err).__name__}: {err}",
                         hint=f"check {target.rpartition(':')[0]!r}, and that it can be "
                         "imported from here") from err  # fmt: skip
