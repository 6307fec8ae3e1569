"""Entry point of the ``fmriprod`` command."""

import argparse
import os
import sys
from collections.abc import Sequence

from fmriprod import __version__

_COMMANDS = (
    "run", "demo", "check", "status", "rerun", "scaffold", "convert", "fetch", "fsf", "graph",
    "methods", "doctor", "completion",
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """Build the parser with all sub-commands (each imports its libraries when it runs)."""
    from importlib import import_module

    parser = argparse.ArgumentParser(
        prog="fmriprod",
        description="fMRI studies of what people see, recognise and draw: from BIDS data to "
        "decoded object evidence and a report.",
        epilog="First time here? `fmriprod demo demo` needs no data: it simulates a small study, "
        "analyses it, and says where the report is.",
    )
    parser.add_argument("--version", action="version", version=f"fmriprod {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in _COMMANDS:
        import_module(f"fmriprod.cli.{name}").add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 success, 1 something failed or is wrong with the data, 2 the command itself is wrong,
        130 interrupted from the keyboard.
    """
    os.environ.setdefault("NO_ET", "1")  # Nipype asks the network for its newest version
    os.environ.setdefault("MPLBACKEND", "Agg")
    args = build_parser().parse_args(argv)
    from fmriprod.algorithms.checks import InputError

    try:
        return args.run(args)
    except InputError as err:
        print(err, file=sys.stderr)
        return 1
    except OSError as err:  # no space left, no permission, a folder that went away
        print(f"{err.filename or 'fmriprod'}: {err.strerror or err}", file=sys.stderr)
        print("Mend that and give the same command again: it continues.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command continues where it was.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
