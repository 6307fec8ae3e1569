"""``fmriprod scaffold``: the folder of a study, ready to be filled."""

import argparse
from collections import Counter

from rich.table import Table

from fmriprod.cli.console import output
from fmriprod.cli.values import folder

_MEANING = {
    "new": "written",
    "added to": "participants added",
    "same": "as it was",
    "kept": "kept: it differs from what would be written",
}


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "scaffold",
        help="write the folder of a study, or add participants to one",
        description="Writes a BIDS dataset without images yet: descriptions, participants.tsv, "
        "study.toml, and a run order to fill in for each participant. What is there is never "
        "overwritten; the same call twice changes nothing.",
    )
    parser.add_argument("study_dir", metavar="STUDY_DIR", type=folder, help="folder of the study")
    parser.add_argument(
        "--study", metavar="NAME",
        help="study file that comes with the package, or a file of your own (the one that is "
        "there, else fan2020)",
    )  # fmt: skip
    parser.add_argument(
        "--participants", nargs="+", required=True, metavar="LABEL", help="without sub-"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write what is not there yet, and say so file by file."""
    from fmriprod.algorithms.bids_names import strip_prefix
    from fmriprod.interfaces.study_folder import write_study_folder

    labels = [strip_prefix(label) for label in args.participants]
    entries = write_study_folder(args.study_dir, labels, args.study)
    console = output()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(overflow="fold")
    for entry in entries:
        table.add_row(entry.file, _MEANING[entry.what])
    console.print(table)
    counts = Counter(entry.what for entry in entries)
    if not counts["new"] and not counts["added to"]:
        console.print("Nothing to do: all of it is there.")
    return 0
