"""``fmriprod check``: what is wrong with a dataset, before anything is computed."""

import argparse
import os
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from fmriprod.cli.options import add_model_options, add_study_options, plan_options
from fmriprod.cli.values import folder, whole

if TYPE_CHECKING:
    from fmriprod.interfaces.problems import Problem
    from fmriprod.workflows.prepare import Prepared

_STYLES = {"error": "bold red", "warning": "bold yellow"}
_FILES_SHOWN = 5
_INDENT = 19  # columns before the text


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "check",
        help="what is wrong with a dataset, before anything is computed",
        description="Looks at names, headers, lengths, events, contrasts and free space, and "
        "lists all problems at once. Takes the options of `fmriprod run`. Exit code 0: nothing "
        "that stops an analysis; 1: errors.",
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=folder, help="raw BIDS dataset")
    parser.add_argument(
        "out_dir", metavar="OUT_DIR", type=folder, nargs="?", help="where results will go"
    )
    add_study_options(parser)
    what = parser.add_argument_group("what will be analysed (all by default)")
    what.add_argument("--participant-label", nargs="+", metavar="LABEL", help="without sub-")
    what.add_argument("--session-label", nargs="+", metavar="LABEL", help="without ses-")
    what.add_argument("--task", nargs="+", metavar="LABEL", help="without task-")
    what.add_argument("--run", nargs="+", metavar="NUMBER", dest="runs", help="without run-")
    add_model_options(parser)
    parser.add_argument("--work-dir", type=folder, metavar="DIR", help="checked for free space")
    parser.add_argument(
        "--full", action="store_true",
        help="decompress every image: finds damage in the middle, too (a second for 100 MB)",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="warnings are errors")
    parser.add_argument(
        "--n-procs", type=whole(1), default=1, help="images at a time (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and show; exit code 0 all is well, 1 errors (with ``--strict`` also warnings)."""
    options = {"full": args.full, "num_threads": args.n_procs}
    if args.study is None:
        problems = prepare(args, **options).problems
    else:
        from fmriprod.cli import production

        production.refuse_model_options(args)
        problems = production.prepare(args, **options).problems
    show_problems(problems, Console(), root=args.bids_dir)
    stops = [p for p in problems if args.strict or p.severity == "error"]
    return 1 if stops else 0


def prepare(args: argparse.Namespace, **options: Any) -> "Prepared":
    """Check and plan what the arguments of a command ask for."""
    from fmriprod.workflows.prepare import prepare_study

    labels = ("participant_label", "session_label", "task", "runs")
    names = ("participants", "sessions", "tasks", "runs")
    choice = {name: getattr(args, label, None) for name, label in zip(names, labels, strict=True)}
    engines = ("skullstrip_engine", "motion_engine", "coregister_engine")
    return prepare_study(
        args.bids_dir,
        choice=choice,
        plan=plan_options(args),
        engines=[(f"--{name.replace('_', '-')}", getattr(args, name)) for name in engines],
        hrf=args.hrf,
        out_dir=args.out_dir,
        work_dir=args.work_dir,
        **options,
    )


def show_problems(
    problems: Sequence["Problem"], console: Console, root: str | Path | None = None
) -> None:
    """Print problems; those that differ in nothing but the file are printed once.

    Parameters
    ----------
    problems : sequence of Problem
        As `check_dataset` gives them.
    console : rich.console.Console
        Colours on a terminal, plain text elsewhere.
    root : path, optional
        Files below it are shown relative to it.
    """
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for problem in problems:
        key = (problem.severity, problem.expected, problem.found, problem.hint)
        alike[key].append(_shown(problem.file, root))
    for (severity, expected, found, hint), files in alike.items():
        title = Text(f"{severity.upper():<8}", _STYLES[severity])
        console.print(title.append(files[0], "bold"), soft_wrap=True)
        more = [f"{'':8}{file}" for file in files[1:_FILES_SHOWN]]
        if len(files) > _FILES_SHOWN:
            more.append(f"{'':8}and {len(files) - _FILES_SHOWN} more")
        lines = [(expected, "expected", ""), (found, "found", ""), (hint, "do", "cyan")]
        for line in more:
            console.print(Text(line, "bold"), soft_wrap=True)
        for text, name, style in lines:
            label = Text(f"{'':8}{name + ':':<11}", "dim")
            console.print(label.append(_indent(text, console), style or "not dim"), soft_wrap=True)
        console.print()
    console.print(_summary(problems))


def _indent(text: str, console: Console) -> str:
    """Put the lines of a text below each other, wrapped where a terminal would cut them."""
    width = max(console.width - _INDENT, 40) if console.is_terminal else None
    lines = [
        part
        for line in text.split("\n")
        for part in (
            textwrap.wrap(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip())))
            if width and len(line) > width
            else [line]
        )
    ]
    return ("\n" + " " * _INDENT).join(lines)


def _summary(problems: Sequence["Problem"]) -> Text:
    counts = {s: sum(p.severity == s for p in problems) for s in _STYLES}
    if not problems:
        return Text("No problems found.", "green")
    parts = [f"{n} {s}{'s' if n > 1 else ''}" for s, n in counts.items() if n]
    style = _STYLES["error" if counts["error"] else "warning"]
    return Text(", ".join(parts) + ".", style)


def _shown(file: str, root: str | Path | None) -> str:
    """Path of a file of the dataset below its root; other paths as they are."""
    if root is None or not os.path.isabs(file):
        return file
    inside = file.removeprefix(os.path.abspath(root) + os.sep)
    return inside if inside.startswith("sub-") or os.path.isfile(file) else file
