"""What several commands say and ask of a dataset."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from fmriprod.workflows.prepare import Prepared
    from fmriprod.workflows.prepare_production import PreparedProduction


def say_left_out(prepared: "Prepared | PreparedProduction", console: Console) -> None:
    """Name the participants that are not analysed because of errors."""
    if prepared.left_out:
        names = ", ".join(f"sub-{label}" for label in prepared.left_out)
        text = f"Left out because of the errors above: {names}."
        console.print(text, style="bold yellow", markup=False, highlight=False, soft_wrap=True)


def threads(args: argparse.Namespace, n_runs: int) -> int:
    """Count the threads for one step: those asked for, or as many as keep all processors busy."""
    from fmriprod.workflows.resources import threads_per_step

    return min(args.omp_nthreads or threads_per_step(args.n_procs, n_runs), args.n_procs)


def dataset_name(bids_dir: str | Path) -> str:
    """Name of a dataset from its description, or of its folder."""
    from fmriprod.interfaces.bids_index import read_json

    description = Path(bids_dir, "dataset_description.json")
    name = read_json(description).get("Name") if description.is_file() else None
    return str(name or Path(bids_dir).name)
