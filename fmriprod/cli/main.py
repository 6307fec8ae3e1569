"""Entry point of the ``fmriprod`` command."""

import argparse
import codecs
import os
import sys
from collections.abc import Sequence

from fmriprod import __version__

_COMMANDS = (
    "run", "demo", "check", "status", "rerun", "scaffold", "convert", "fetch", "fsf", "graph",
    "methods", "doctor", "completion",
)  # fmt: skip
_CONTINUE = ("run", "demo", "fetch")  # keep what they have done when they are broken off
_PLAIN = {"━": "=", "…": "~"}  # of tables, where a terminal has no such signs


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
    print_any_text()
    os.environ.setdefault("NO_ET", "1")  # Nipype asks the network for its newest version
    os.environ.setdefault("MPLBACKEND", "Agg")
    args = build_parser().parse_args(argv)
    from fmriprod.algorithms.checks import InputError

    continues = args.command in _CONTINUE
    try:
        code = args.run(args)
        if sys.stdout is not None:  # closed, as under cron
            sys.stdout.flush()
        return code
    except InputError as err:
        print(err, file=sys.stderr)
        return 1
    except BrokenPipeError:  # who read what this command says has gone
        _give_up_output()
        return 1
    except OSError as err:  # no space left, no permission, a folder that went away
        _give_up_output()
        print(f"{err.filename or 'fmriprod'}: {err.strerror or err}", file=sys.stderr)
        end = ": it continues." if continues else "."
        print(f"Mend that and give the same command again{end}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        more = " The same command continues where it was." if continues else ""
        print(f"\nInterrupted.{more}", file=sys.stderr)
        return 130


def print_any_text() -> None:
    """Let standard output and error take any text, whatever their encoding.

    Names of files need not be UTF-8, and not every terminal has it: a sign that cannot be written
    is written as its number.
    """
    codecs.register_error("fmriprod", _written_plainly)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="fmriprod")


def _written_plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    plain = (_PLAIN.get(sign) or ascii(sign)[1:-1] for sign in signs)
    return "".join(plain), error.end


def _give_up_output() -> None:
    """Let go what is in the buffer of a stream that takes no more: Python would try once more."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
