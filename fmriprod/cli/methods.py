"""``fmriprod methods``: the methods text of a workflow, with its references."""

import argparse
from pathlib import Path

from fmriprod.cli.console import output
from fmriprod.cli.options import add_placeholder_options
from fmriprod.cli.values import folder

_SUFFIXES = {"md": ".md", "tex": ".tex", "html": ".html"}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "methods",
        help="the methods text of a workflow, a study or a run",
        description="Says in sentences what a workflow does, from the settings of its steps, with "
        "citations, and writes the BibTeX of exactly what is cited. Of a workflow or a study "
        "participants and files are placeholders: no data are needed. Of an output folder it is "
        "the text of what was run there last: participants, and the group.",
    )
    parser.add_argument(
        "workflow", metavar="WORKFLOW|STUDY|OUT_DIR",
        help="name of a workflow (`fmriprod graph --list`), main, a study file (TOML) or the name "
        "of one, MODULE:NAME, or FILE.py:NAME of a workflow or of a function that gives one, or "
        "the folder of a run's results",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=folder,
        help="file to write, .md, .tex or .html, and beside it the .bib; the terminal by default",
    )  # fmt: skip
    parser.add_argument("--format", choices=_SUFFIXES, help="Markdown, LaTeX (natbib), or HTML; "
                        "that of FILE's ending by default, else Markdown")  # fmt: skip
    parser.add_argument("--part", action="store_true",
                        help="write a part to include, not a document")  # fmt: skip
    add_placeholder_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Build the workflow, and print or write its text; exit code 2 for a wrong command."""
    if args.output is not None and args.format is not None:
        suffix = _SUFFIXES[args.format]
        if not args.output.suffix:
            args.output = args.output.with_suffix(suffix)
        elif args.output.suffix != suffix:
            args.parser.error(f"--format {args.format} writes {suffix}, not {args.output.name}")
    text = _text(args)
    if args.output is None:
        from fmriprod.reports.methods_text import format_methods

        print(format_methods(text, args.format or "md", standalone=False), end="")
        return 0
    from fmriprod.workflows.describe_write import write_methods

    console = output()
    for path in write_methods(text, args.output, standalone=not args.part):
        console.print(f"Written: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _text(args: argparse.Namespace) -> str:
    """Describe the workflow that is asked for, or give what a run left."""
    if (left := Path(args.workflow, "logs", "methods.md")).is_file():
        from fmriprod.reports.methods_text import parse_markdown

        return parse_markdown(left.read_text(encoding="utf-8"))
    from fmriprod.cli.graph import setting
    from fmriprod.workflows.describe import describe
    from fmriprod.workflows.draw_targets import open_target

    options = dict(setting(text) for text in args.settings)
    with open_target(args.workflow, participants=args.participants, options=options) as workflow:
        return describe(workflow)
