"""Examples as modules, and as a user runs them."""

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"


@contextmanager
def example(name, folder=FOLDER):
    """Load a script, which is no part of the package, for as long as the context lasts."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for themselves
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]


def run(module, monkeypatch, *arguments):
    """Run its `main` with arguments of a command line."""
    monkeypatch.setattr("sys.argv", [module.__name__, *map(str, arguments)])
    module.main()
