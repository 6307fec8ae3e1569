"""Options that the commands share; their defaults are those of the workflows."""

import argparse
import os
from pathlib import Path
from typing import Any

_MODEL = (
    "skullstrip_engine", "motion_engine", "coregister_engine", "fwhm", "hrf", "high_pass", "noise",
    "n_voxels", "shift", "window", "classifier", "n_permutations", "seed",
)  # fmt: skip


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is computed."""
    model = parser.add_argument_group("first-level model")
    model.add_argument(
        "--contrast", nargs="+", action="extend", default=[], metavar="EXPR",
        help="such as 'face-house' or 'animate=(face+body)/2-house'",
    )  # fmt: skip
    model.add_argument("--fwhm", type=float, default=5.0, help="smoothing in mm (%(default)s)")
    model.add_argument("--hrf", default="spm + derivative", help="response model (%(default)s)")
    model.add_argument("--high-pass", type=float, default=100.0, help="cut-off in s (%(default)s)")
    model.add_argument("--noise", default="ar1", help="noise model (%(default)s)")
    evidence = parser.add_argument_group("object evidence")
    evidence.add_argument("--n-voxels", type=int, default=1000, help="size of the region (1000)")
    evidence.add_argument("--train", metavar="QUERY", help="such as \"task == 'recognition'\"")
    evidence.add_argument("--test", metavar="QUERY", help="such as \"task == 'production'\"")
    evidence.add_argument(
        "--sampling", choices=["auto", "events", "volumes"], default="auto",
        help="samples after brief events, or all volumes while a condition is on (auto)",
    )  # fmt: skip
    evidence.add_argument("--shift", type=float, default=4.5, help="lag in s (%(default)s)")
    evidence.add_argument("--window", type=int, default=1, help="volumes an event (%(default)s)")
    evidence.add_argument(
        "--classifier", default="logistic_ovr", choices=["logistic_ovr", "logistic"]
    )
    evidence.add_argument("--n-permutations", type=int, default=1000, help="(%(default)s)")
    evidence.add_argument("--seed", type=int, default=0, help="of permutations, bootstrap (0)")
    engines = parser.add_argument_group("engines")
    engines.add_argument("--skullstrip-engine", choices=["python", "bet", "ants"], default="python")
    engines.add_argument("--motion-engine", choices=["python", "mcflirt"], default="python")
    engines.add_argument("--coregister-engine", choices=["python", "flirt"], default="python")


def add_resource_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what may be used, and where the work is done."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    resources = parser.add_argument_group("resources")
    resources.add_argument(
        "--n-procs", type=int, default=cores, help="threads in all (all cores: %(default)s)"
    )
    resources.add_argument("--omp-nthreads", type=int, help="threads for one step")
    resources.add_argument("--mem-gb", type=float, help="memory in GB (90 %% of the machine's)")
    resources.add_argument(
        "--work-dir", type=Path, metavar="DIR", help="work folder (OUT_DIR/.fmriprod/work)"
    )


def model_options(args: argparse.Namespace) -> dict[str, Any]:
    """Take the options of the model from parsed arguments."""
    return {name: getattr(args, name) for name in _MODEL}
