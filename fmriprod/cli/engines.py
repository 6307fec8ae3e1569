"""Options that say where steps run: on this machine, on a SLURM cluster, or on Dask."""

import argparse
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ONLY_WITH = {
    "slurm": ("slurm_args", "slurm_preamble", "slurm_job_per_step", "slurm_wait"),
    "dask": ("dask_scheduler",),
}


@dataclass(frozen=True)
class Engine:
    """The engine that was chosen, and what it takes beside processors and memory."""

    name: str = "local"
    settings: dict[str, Any] = field(default_factory=dict)


class AllCores(int):
    """Number of cores of this machine where nobody asked for a number: says little of others."""


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose an engine, to a parser that has those of resources."""
    engines = parser.add_argument_group("where steps run")
    engines.add_argument(
        "--engine", choices=["local", "slurm", "dask"], default="local",
        help="this machine, a SLURM job for each participant, or a Dask cluster (local)",
    )  # fmt: skip
    engines.add_argument(
        "--slurm-args", metavar="ARGS", default="",
        help="further arguments of sbatch in one string, such as "
        "'--slurm-args=--partition=long --time=8:00:00'",
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
    parser.set_defaults(n_procs=AllCores(parser.get_default("n_procs")))


def refuse_idle_options(args: argparse.Namespace) -> None:
    """Refuse options of an engine that was not chosen: they would do nothing."""
    from fmriprod.algorithms.checks import InputError

    for engine, names in _ONLY_WITH.items():
        given = [f"--{name.replace('_', '-')}" for name in names if getattr(args, name, None)]
        if given and args.engine != engine:
            raise InputError(
                ", ".join(given), expected=f"such an option with --engine {engine}",
                found=f"--engine {args.engine}", hint=f"add --engine {engine}, or leave it out",
            )  # fmt: skip


def submits_jobs(args: argparse.Namespace) -> bool:
    """Tell whether this process hands participants to a cluster, and runs no step itself."""
    return getattr(args, "engine", "local") == "slurm" and not args.slurm_job_per_step


def chosen_engine(args: argparse.Namespace) -> Engine:
    """Tell which engine runs the steps of this process, and with which settings."""
    name = getattr(args, "engine", "local")
    if name == "dask":
        return Engine("dask", {"scheduler": args.dask_scheduler})
    if name == "slurm" and args.slurm_job_per_step:
        return Engine(
            "slurm", {"sbatch_args": sbatch_arguments(args), "preamble": args.slurm_preamble}
        )
    return Engine()


def sbatch_arguments(args: argparse.Namespace) -> list[str]:
    """Take the arguments of sbatch apart, as a shell does.

    Raises
    ------
    InputError
        If a quote is not closed.
    """
    try:
        return shlex.split(args.slurm_args)
    except ValueError as err:
        from fmriprod.algorithms.checks import InputError

        raise InputError(
            "--slurm-args", expected="arguments of sbatch", found=f"{args.slurm_args!r} ({err})",
            hint="close the quotes",
        ) from None  # fmt: skip
