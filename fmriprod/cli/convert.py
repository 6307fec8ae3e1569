"""``fmriprod convert``: the DICOM files of a session become images in a BIDS dataset."""

import argparse
import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.markup import escape
from rich.table import Table

from fmriprod.cli.console import output
from fmriprod.cli.values import folder, number


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "convert",
        help="DICOM files of a session become images in a BIDS dataset",
        description="Converts an archive or folder of DICOM files with dcm2niix. Which series is "
        "what is said in a run order, a line `name [expected volumes [BIDS name]]` for each "
        "series in the order of scanning; SKIP or ERROR_RUN is not converted. Number and "
        "lengths of the series, missing slices and repetition times are checked. Nothing that "
        "is there is overwritten without --force.",
    )
    parser.add_argument(
        "archive", metavar="ARCHIVE", type=folder, help=".tar.gz, .tgz, .tar, .zip, or a folder"
    )
    parser.add_argument("bids_dir", metavar="BIDS_DIR", type=folder, help="raw BIDS dataset")
    parser.add_argument("--participant-label", required=True, metavar="LABEL", help="without sub-")
    parser.add_argument("--session-label", metavar="LABEL", help="without ses-")
    parser.add_argument(
        "--run-order", type=folder, metavar="FILE",
        help="what each series is (BIDS_DIR/sourcedata/sub-LABEL/run-order.txt)",
    )  # fmt: skip
    times = parser.add_mutually_exclusive_group()
    times.add_argument(
        "--tr-from", choices=["dicom"],
        help="take the repetition times of the DICOM headers where the converter wrote others; "
        "by default that is an error",
    )  # fmt: skip
    times.add_argument(
        "--tr", type=number(above=0, what="a repetition time in s"), metavar="SECONDS",
        help="repetition time of all series of several volumes",
    )  # fmt: skip
    parser.add_argument(
        "--duplicates", choices=["drop", "error"], default="drop",
        help="files with the same image are left out, or an error (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--max-gb", type=number(above=0, what="a size in GB"), default=100.0,
        help="size of the unpacked archive that is refused (%(default)g)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="overwrite files that differ")
    parser.add_argument(
        "--work-dir", type=folder, metavar="DIR", help="work folder (one that is removed after)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list the series and what they would become"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert and say what each series became; exit code 1 where something is wrong."""
    from fmriprod.algorithms.bids_names import check_entity, strip_prefix
    from fmriprod.algorithms.checks import InputError
    from fmriprod.interfaces.study_folder import run_order_file

    args.participant_label = strip_prefix(args.participant_label)
    check_entity("sub", args.participant_label)
    if args.session_label:
        args.session_label = strip_prefix(args.session_label, "ses")
        check_entity("ses", args.session_label)
    if not args.archive.exists():
        raise InputError(
            "ARCHIVE", expected="an archive or folder of DICOM files", found="nothing there",
            hint="check the path", file=str(args.archive),
        )  # fmt: skip
    if args.run_order is None:
        args.run_order = run_order_file(args.bids_dir, args.participant_label, args.session_label)
    if not args.run_order.is_file() and not args.dry_run:
        raise InputError(
            "--run-order", expected="a text file with a line for each series", found="no such file",
            hint="--dry-run lists the series that there are; `fmriprod scaffold` writes a template",
            file=str(args.run_order),
        )  # fmt: skip
    if args.work_dir:
        args.work_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="fmriprod-", dir=args.work_dir) as work:
        return _list(args, Path(work)) if args.dry_run else _convert(args, Path(work))


def _list(args: argparse.Namespace, work: Path) -> int:
    """Show the series, and the run order beside them."""
    from fmriprod.algorithms.checks import InputError
    from fmriprod.interfaces.dicom_convert import read_run_order
    from fmriprod.interfaces.dicom_series import choose_series
    from fmriprod.interfaces.dicom_session import open_session

    session = open_session(args.archive, work, duplicates=args.duplicates, max_gb=args.max_gb)
    lines = read_run_order(args.run_order) if args.run_order.is_file() else ()
    error = None
    try:
        if lines:
            choose_series(lines, session)
    except InputError as err:
        error = err
    table = _table("series", "description", "volumes", "TR s (header)", "run order")
    for k, series in enumerate(session.series):
        line = lines[k].text if k < len(lines) else ""
        table.add_row(
            _text(series.first.series_number), escape(series.first.description),
            str(series.n_volumes),
            _seconds(series.first.tr if series.n_volumes > 1 else None), escape(line),
        )  # fmt: skip
    console = output()
    console.print(table)
    console.print(_left_out(session.duplicates, session.others), highlight=False, markup=False)
    if error:
        print(error, file=sys.stderr)
    elif not lines:
        console.print(f"No run order yet: write {args.run_order}", markup=False, soft_wrap=True)
    return int(error is not None)


def _convert(args: argparse.Namespace, temporary: Path) -> int:
    from fmriprod.interfaces.raw_dataset import read_report
    from fmriprod.workflows.convert import init_convert_wf
    from fmriprod.workflows.execution import configure, run_workflow
    from fmriprod.workflows.workers import set_log_level

    workflow = init_convert_wf(
        source="folder" if args.archive.is_dir() else "archive",
        tr_from=args.tr_from or "agreement",
        tr=args.tr,
        duplicates=args.duplicates,
        max_gb=args.max_gb,
        force=args.force,
    )
    inputs = {
        "dicoms": str(args.archive.absolute()),
        "run_order_file": str(args.run_order.absolute()),
        "participant": args.participant_label,
        "session": args.session_label,
        "bids_directory": str(args.bids_dir.absolute()),
    }
    workflow.inputs.inputnode.trait_set(**{k: v for k, v in inputs.items() if v is not None})
    before = _times(args.bids_dir)
    work = args.work_dir or temporary
    configure(workflow, work, work / "logs")
    set_log_level(logging.CRITICAL)
    outcome = run_workflow(workflow)
    for failure in outcome.failures:
        print(failure.message, file=sys.stderr)
    if not outcome.ok:
        return 1
    report = read_report(args.bids_dir, args.participant_label, args.session_label)
    _show(report, before, _times(args.bids_dir))
    return 0


def _times(root: Path) -> dict[str, list[int]]:
    """Look up when each image of a dataset and its sidecar were changed last, by name."""
    times = {}
    for image in root.glob("sub-*/**/*.nii.gz"):
        sidecar = image.with_name(image.name.replace(".nii.gz", ".json"))
        files = [file for file in (image, sidecar) if file.is_file()]
        times[image.name] = [file.stat().st_mtime_ns for file in files]
    return times


def _show(
    report: dict[str, Any], before: dict[str, list[int]], after: dict[str, list[int]]
) -> None:
    """Print what each series became."""
    table = _table("series", "description", "volumes", "TR s", "became", "")
    remarks = []
    for entry in report["series"]:
        name = entry["converted"]
        if name is None:
            became, what = entry["run_order"].split()[0], "not converted"
        else:
            became = name
            what = "unchanged" if before.get(name) == after[name] else "written"
        time = entry.get("repetition_time")
        table.add_row(
            _text(entry["number"]), escape(entry["description"]), str(entry["n_volumes"]),
            _time(time) if time else "", became, what,
        )  # fmt: skip
        remarks += [f"series {entry['number']}: {text}" for text in entry.get("remarks", ())]
    console = output()
    console.print(table)
    for line in [*remarks, _left_out(report["duplicates"], report["no_images"])]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _time(time: dict[str, Any]) -> str:
    """Say which repetition time is used, and what was there where that is another."""
    if time["from"] == "both":
        return _seconds(time["used"])
    header, converter = _seconds(time["header"]), _seconds(time["converter"])
    return f"{_seconds(time['used'])} ({time['from']}; header {header}, converter {converter})"


def _left_out(duplicates: list[str], others: list[str]) -> str:
    parts = [(len(duplicates), "duplicates left out"), (len(others), "files that are no images")]
    counts = ", ".join(f"{n} {what}" for n, what in parts)
    return f"{counts}: {', '.join(others[:5])}" if others else counts


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _seconds(value: float | None) -> str:
    return f"{value:.6g}" if value else ""
