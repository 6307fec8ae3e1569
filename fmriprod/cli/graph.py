"""``fmriprod graph``: a figure of a workflow for a paper."""

import argparse
import tomllib
from typing import Any

from fmriprod.cli.console import output
from fmriprod.cli.options import add_placeholder_options
from fmriprod.cli.values import folder, number, whole


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "graph",
        help="a figure of a workflow for a paper; needs no data",
        description="Draws what a workflow does: steps in words, how often each is done, what "
        "goes in and comes out. Participants and files are placeholders: no data are needed. "
        "Graphviz is not needed either.",
    )
    parser.add_argument(
        "workflow", metavar="WORKFLOW|STUDY", nargs="?",
        help="name of a workflow (--list), main, a study file (TOML) or the name of one, "
        "MODULE:NAME, or FILE.py:NAME of a workflow or of a function that gives one",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", type=folder, help="figure to write: "
                        ".svg, .pdf or .png")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the names of workflows")
    parser.add_argument(
        "--level", type=whole(0), default=1, metavar="N",
        help="how deep to look into workflows; 0: only the first (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--width", type=number(least=60, what="a width in mm"), default=180.0, metavar="MM",
        help="width of the figure; a column of a journal has about 85 (%(default)g)",
    )  # fmt: skip
    parser.add_argument("--style", choices=["paper", "grey"], default="paper",
                        help="with or without colour (%(default)s)")  # fmt: skip
    parser.add_argument(
        "--savers", choices=["fold", "hide", "show"], default="fold",
        help="steps that save results: counted, left out, or drawn (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--plumbing", action="store_true", help="draw nodes that only hand on, too")
    parser.add_argument("--no-details", action="store_true", help="names of steps only")
    add_placeholder_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Build, draw, save, and say where and how large; exit code 2 for a wrong command."""
    from fmriprod.workflows.draw import draw_workflow
    from fmriprod.workflows.draw_targets import MAIN, builders, open_target

    console = output()
    if args.list:
        for name in (MAIN, *builders()):
            console.print(name, markup=False, highlight=False)
        return 0
    if args.workflow is None or args.output is None:
        args.parser.error("WORKFLOW and -o FILE are needed, or --list")
    settings = dict(setting(text) for text in args.settings)
    with open_target(args.workflow, participants=args.participants, options=settings) as workflow:
        figure = draw_workflow(
            workflow, args.output, level=args.level, width_mm=args.width, style=args.style,
            savers=args.savers, plumbing=args.plumbing, details=not args.no_details,
        )  # fmt: skip
    width, height = (25.4 * inches for inches in figure.get_size_inches())
    line = f"Figure: {args.output} ({width:.0f} x {height:.0f} mm)"
    console.print(line, markup=False, highlight=False, soft_wrap=True)
    if width > args.width + 1:
        console.print(
            f"It is wider than {args.width:g} mm, so that letters stay legible: give a lower "
            "--level, --no-details, or a larger --width.", markup=False, highlight=False,
            soft_wrap=True,
        )  # fmt: skip
    return 0


def setting(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``; a value that is no TOML is a text.

    Examples
    --------
    >>> setting("n_permutations=1000"), setting("stimuli=images")
    (('n_permutations', 1000), ('stimuli', 'images'))

    Raises
    ------
    InputError
        If there is no name.
    """
    from fmriprod.algorithms.checks import InputError

    name, sign, value = text.partition("=")
    if not sign or not name.strip().isidentifier():
        raise InputError("--set", expected="NAME=VALUE", found=repr(text),
                         hint="such as --set n_permutations=1000")  # fmt: skip
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
