"""Import every module of the installed package; what cannot be imported ends it with 1."""

import importlib
import pkgutil
import sys

import fmriprod


def main() -> int:
    """Import all, and say how many."""
    failed = []
    modules = [found.name for found in pkgutil.walk_packages(fmriprod.__path__, "fmriprod.")]
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as err:
            failed.append(f"{name}: {err!r}")
    print(f"{len(modules)} modules in {fmriprod.__path__[0]}", *failed, sep="\n")
    return int(bool(failed) or len(modules) < 500)


if __name__ == "__main__":
    sys.exit(main())
