"""Options that say where steps run: on this machine, on a SLURM cluster, or on Dask."""

import argparse
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Engine:
    """The engine that was chosen, and what it takes beside processors and memory."""

    name: str = "local"
    settings: dict[str, Any] = field(default_factory=dict)


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose an engine."""
    engines = parser.add_argument_group("where steps run")
    engines.add_argument(
        "--engine", choices=["local", "slurm", "dask"], default="local",
        help="this machine, a SLURM job for each participant, or a Dask cluster (local)",
    )  # fmt: skip
    engines.add_argument(
        "--slurm-args", metavar="ARGS", default="",
        help="further arguments of sbatch in one string, such as '--partition=long --time=8:00:00'",
    )  # fmt: skip
    engines.add_argument(
        "--slurm-preamble", metavar="FILE", type=Path,
        help="shell lines that each job runs first, such as 'module load' or 'conda activate'",
    )  # fmt: skip
    engines.add_argument(
        "--slurm-job-per-step", action="store_true",
        help="a job for each step, not for each participant; this process waits for all of them",
    )  # fmt: skip
    engines.add_argument(
        "--slurm-wait", action="store_true", help="wait until the jobs have ended, and sum up"
    )
    engines.add_argument(
        "--dask-scheduler", metavar="ADDRESS",
        help="such as tcp://host:8786, or its scheduler file; a cluster on this machine by default",
    )  # fmt: skip


def chosen_engine(args: argparse.Namespace) -> Engine:
    """Tell which engine runs the steps of this process, and with which settings."""
    name = getattr(args, "engine", "local")
    if name == "dask":
        return Engine("dask", {"scheduler": args.dask_scheduler})
    if name == "slurm" and args.slurm_job_per_step:
        settings = {"sbatch_args": shlex.split(args.slurm_args), "preamble": args.slurm_preamble}
        return Engine("slurm", settings)
    return Engine()
