"""``fmriprod demo``: simulate a small study, analyse it, and say what was found of the truth."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fmriprod.cli.console import output
from fmriprod.cli.disk import add_disk_options
from fmriprod.cli.options import add_model_options, add_resource_options
from fmriprod.cli.values import folder


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "demo",
        help="simulate a small study and analyse it: needs no data and no network",
        description="Writes a simulated study (two recognition runs, one production run) as a "
        "BIDS dataset into OUT_DIR/bids, runs the main job on it into OUT_DIR/derivatives, and "
        "says how much of what was planted was found.",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", type=folder, help="where everything goes")
    add_model_options(parser)
    add_resource_options(parser)
    add_disk_options(parser)
    parser.set_defaults(
        run=run,
        train="task == 'recognition'",
        test="task == 'production'",
        contrast=["bed-chair"],
        n_voxels=150,
        fwhm=6.0,
    )


def run(args: argparse.Namespace) -> int:
    """Simulate, analyse, score; exit code 0 only when all that was planted was found."""
    from fmriprod.workflows.workers import start_early

    start_early()
    from fmriprod.cli.check import prepare
    from fmriprod.cli.problems import show_problems
    from fmriprod.cli.run import run_plans
    from fmriprod.interfaces.simulate import SimulateStudy

    console = output()
    folder = args.out_dir.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    console.print("Simulating a study: one person, two recognition runs, one production run.")
    study = SimulateStudy(out_dir=str(folder / "bids"), num_threads=args.n_procs)
    made = study.run(cwd=str(folder)).outputs
    args.out_dir = folder / "derivatives"
    args.bids_dir = made.bids_dir
    prepared = prepare(args)
    if not prepared.plans:
        show_problems(prepared.problems, console)
        return 1
    code = run_plans(args, prepared, console, truth=made.truth_file)
    return max(code, show_truth(args.out_dir, console))


def show_truth(out_dir: Path, console: Console) -> int:
    """Print what was planted and what was found; 1 if something was not found."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "planted in the simulation", "found", "expected"):
        table.add_column(heading)
    missed = 0
    for file in sorted(out_dir.glob("sub-*/func/*_desc-truth_quality.json")):
        for name, check in json.loads(file.read_text()).items():
            missed += not check["ok"]
            mark = "[green]ok[/]" if check["ok"] else "[bold red]MISSED[/]"
            found = f"{check['found']:.4g} {check.get('unit') or ''}".rstrip()
            table.add_row(mark, name, found, check["expected"])
    console.print()
    console.print(table)
    return int(missed > 0)
