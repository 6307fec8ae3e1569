"""Call a builder with options that a person typed; what it cannot use is said in a line."""

import inspect
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Union, get_args, get_origin

from traits.api import TraitError

from fmriprod.algorithms.checks import InputError


def call_builder(
    function: Callable[..., Any],
    target: str,
    given: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    takes: Callable[..., Any] | None = None,
) -> Any:
    """Call a builder with what it must have, and with options.

    Parameters
    ----------
    function : callable
        The builder.
    target : str
        Its name, for messages.
    given : mapping of str to object
        Arguments that nobody chose.
    options : mapping of str to object
        Arguments that a person typed; a text where the builder wants several is a list of one.
    takes : callable, optional
        Builder that ``function`` hands its options on to.

    Returns
    -------
    object
        What the builder gives.

    Raises
    ------
    InputError
        For options that the builder does not have or cannot use, and arguments that it lacks.
    """
    parameters = inspect.signature(takes or function).parameters
    if twice := given.keys() & options.keys():
        raise InputError("set", expected=f"other arguments of {target} than these, which are given",
                         found=", ".join(sorted(twice)), hint="leave them out")  # fmt: skip
    try:
        inspect.signature(function).bind(**given, **(options if takes is None else {}))
        inspect.signature(takes or function).bind_partial(**options)
    except TypeError as err:
        raise InputError("set", expected=f"arguments of {target}: {', '.join(parameters)}",
                         found=str(err), hint="give them as --set NAME=VALUE") from err  # fmt: skip
    typed = {
        name: [value] if isinstance(value, str) and _is_plural(parameters, name) else value
        for name, value in options.items()
    }
    try:
        return function(**given, **typed)
    except InputError:
        raise
    except Exception as err:  # what a wrong value leads to depends on where it is used
        names = _at_fault(function, given, typed, err)
        if not names:
            raise  # no option is to blame
        raise InputError(
            ", ".join(f"--set {name}" for name in names),
            expected=_expected(parameters, names, err),
            found=", ".join(repr(options[name]) for name in names),
            hint=f"{type(err).__name__}: {err}" if not isinstance(err, TraitError)
            else f"see the arguments of {target}",
        ) from err  # fmt: skip


def _at_fault(
    function: Callable[..., Any], given: Mapping[str, Any], typed: Mapping[str, Any], error: Any
) -> list[str]:
    """List the options without which there is no error, or which make it by themselves."""

    def fails(names: Iterable[str]) -> str | None:
        try:
            function(**given, **{name: typed[name] for name in names})
        except Exception as err:  # as above
            return str(err)
        return None

    if fails([]) is not None:
        return []
    left_out = [name for name in typed if fails(typed.keys() - {name}) is None]
    alone = [name for name in typed if fails([name]) == str(error)]
    return left_out or alone[:1] or list(typed)


def _expected(parameters: Mapping[str, inspect.Parameter], names: list[str], error: Any) -> str:
    """Say what a trait wants; otherwise what the builder's annotations say."""
    said = re.search(r" must be (.*), but a value of", str(error), re.DOTALL)
    if said and isinstance(error, TraitError):
        return said[1]
    kinds = [parameters[name].annotation for name in names if name in parameters]
    words = [inspect.formatannotation(k).replace("collections.abc.", "") for k in kinds
             if k is not inspect.Parameter.empty]  # fmt: skip
    return ", ".join(words) or "a value that the builder can use"


def _is_plural(parameters: Mapping[str, inspect.Parameter], name: str) -> bool:
    """Tell whether an argument takes several values, and no text."""
    annotation = parameters[name].annotation if name in parameters else None
    union = get_origin(annotation) in (Union, types.UnionType)
    kinds = get_args(annotation) if union else (annotation,)
    origins = [get_origin(kind) or kind for kind in kinds]
    several = [o for o in origins if isinstance(o, type) and issubclass(o, Collection)
               and not issubclass(o, str | Mapping)]  # fmt: skip
    return bool(several) and str not in origins
