"""``fmriprod fetch``: bring public data to a folder."""

import argparse
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from fmriprod.cli.console import output
from fmriprod.cli.values import folder, number, whole

if TYPE_CHECKING:
    from fmriprod.interfaces.downloads import RemoteFile
    from fmriprod.interfaces.sources import Source


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "fetch",
        help="bring public data to a folder",
        description="Lists public data sets, or downloads one. What is there already is left "
        "alone, and a broken download goes on where it was when the command is given again.",
    )
    parser.add_argument("name", nargs="?", help="data set; without it all are listed")
    parser.add_argument("folder", nargs="?", type=folder, help="where to (a folder of that name)")
    parser.add_argument("--part", nargs="+", metavar="PART", help="parts of it, such as connect")
    parser.add_argument("--list", action="store_true", help="list the files and stop there")
    parser.add_argument("--verify", action="store_true", help="check what is there already, too")
    parser.add_argument(
        "--connections", type=whole(1, most=16), default=4, help="files at a time (%(default)s)"
    )
    parser.add_argument(
        "--timeout", type=number(above=0, what="a time in s"), default=30.0,
        help="silence in s after which a connection is broken (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--table", type=Path, help="table of data sets instead of the package's")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List, or download."""
    from fmriprod.interfaces.sources import find_source, known_sources, list_files

    console = output()
    if args.name is None:
        show_sources(list(known_sources(args.table).values()), console)
        return 0
    source = find_source(args.name, args.table)
    target = Path(args.folder or source.name)
    show_terms(source, console)
    if source.nilearn:
        return _from_nilearn(source, target, console, listing=args.list)
    files = list_files(source, args.part)
    if args.list:
        for file in files:
            print(f"{file.url}\t{file.path}")
        return 0
    return _download_all(files, target, args, console)


def show_sources(sources: list["Source"], console: Console) -> None:
    """Print the data sets and their parts."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "what", "parts"):
        table.add_column(heading)
    for source in sources:
        parts = ", ".join(
            name if part.default else f"({name})" for name, part in source.parts.items()
        )
        table.add_row(source.name, source.title, parts or "all")
    console.print(table)
    console.print("Parts in brackets come only when they are named with --part.")


def show_terms(source: "Source", console: Console) -> None:
    """Print what a data set is, what to cite, and its terms."""
    for label, text in (("data", source.title), ("cite", source.reference),
                        ("terms", source.licence)):  # fmt: skip
        line = f"{label + ':':<7}{text}"
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _download_all(
    files: list["RemoteFile"], target: Path, args: argparse.Namespace, console: Console
) -> int:
    """Download what is not there; every failure is said, the others go on."""
    from fmriprod.algorithms.checks import InputError
    from fmriprod.interfaces.downloads import download, is_complete

    wanted = [file for file in files if not is_complete(file, target, verify=args.verify)]
    sizes = [file.size for file in wanted]
    total = sum(size for size in sizes if size) if None not in sizes else None
    console.print(
        f"{len(files)} files, {len(files) - len(wanted)} there already"
        + (f", {total / 1e9:.3g} GB to come" if total else "")
    )
    failures = []
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
               TransferSpeedColumn(), TimeRemainingColumn())  # fmt: skip
    with (
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
        ThreadPoolExecutor(args.connections) as pool,
    ):
        task = progress.add_task("downloading", total=total)

        stop = threading.Event()

        def on_bytes(n: int) -> None:
            progress.update(task, advance=n)
            if stop.is_set():
                raise InterruptedError

        def one(file: "RemoteFile") -> InputError | None:
            try:
                download(file, target, timeout=args.timeout, on_bytes=on_bytes)
            except InputError as err:
                return err
            return None

        try:
            failures = [err for err in pool.map(one, wanted) if err is not None]
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True, wait=False)
            raise
    for err in failures:
        console.print(f"{err}\n", style="red", markup=False, highlight=False, soft_wrap=True)
    done = f"{len(wanted) - len(failures)} files downloaded to {target}"
    more = f", {len(failures)} failed" if failures else ""
    console.print(done + more, markup=False, highlight=False, soft_wrap=True)
    return 1 if failures else 0


def _from_nilearn(source: "Source", target: Path, console: Console, *, listing: bool) -> int:
    """Let Nilearn bring a data set that it knows."""
    import nilearn.datasets

    from fmriprod.algorithms.checks import InputError

    if listing:
        console.print(f"nilearn.datasets.{source.nilearn} brings the files", highlight=False)
        return 0
    try:
        getattr(nilearn.datasets, source.nilearn)(data_dir=str(target), verbose=0)
    except Exception as err:  # Nilearn lets those of urllib, tarfile and requests through
        raise InputError(
            source.name, expected=f"the data from nilearn.datasets.{source.nilearn}",
            found=f"{type(err).__name__}: {err}",
            hint="check the network and give the same command again",
        ) from None  # fmt: skip
    console.print(f"Data in {target}", markup=False, highlight=False, soft_wrap=True)
    return 0
