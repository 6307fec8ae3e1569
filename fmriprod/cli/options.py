"""Options that the commands share; their defaults are those of the workflows."""

import argparse
import os
from collections.abc import Collection
from typing import Any

from fmriprod.cli.values import folder, number, one_of, whole

_MODEL = (
    "skullstrip_engine", "motion_engine", "coregister_engine", "fwhm", "hrf", "high_pass", "noise",
    "n_voxels", "shift", "window", "past_end", "classifier", "n_permutations", "seed",
)  # fmt: skip
_DERIVATIVES = ("derivatives", "space", "confounds", "slice_time_ref")
_PLAN = ("train", "test", "sampling", "high_pass", "shift", "window", "past_end")


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a study that a file describes."""
    study = parser.add_argument_group("a study of several tasks and phases")
    study.add_argument(
        "--study", metavar="FILE", help="study file (TOML), or the name of one: fan2020"
    )
    study.add_argument(
        "--subjects-dir", type=folder, metavar="DIR", help="FreeSurfer's, for regions of the study"
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is computed."""
    model = parser.add_argument_group("first-level model")
    model.add_argument(
        "--contrast", nargs="+", action="extend", default=[], metavar="EXPR",
        help="such as 'face-house' or 'animate=(face+body)/2-house'",
    )  # fmt: skip
    model.add_argument(
        "--fwhm", type=number(least=0, what="a width in mm"), default=5.0,
        help="smoothing in mm (%(default)s)",
    )  # fmt: skip
    model.add_argument(
        "--hrf", type=one_of(_responses, "a response model"), default="spm + derivative",
        metavar="MODEL", help="response: spm, glover, gamma, ... (%(default)s)",
    )  # fmt: skip
    model.add_argument(
        "--high-pass", type=number(above=0, what="a period in s"), default=100.0,
        help="cut-off in s (%(default)s)",
    )  # fmt: skip
    model.add_argument(
        "--noise", type=one_of(_noises, "a noise model"), default="ar1", metavar="MODEL",
        help="noise: ar1 to ar5, or ols for white noise (%(default)s)",
    )  # fmt: skip
    evidence = parser.add_argument_group("object evidence")
    evidence.add_argument(
        "--n-voxels", type=whole(1), default=1000, help="size of the region (1000)"
    )
    evidence.add_argument("--train", metavar="QUERY", help="such as \"task == 'recognition'\"")
    evidence.add_argument("--test", metavar="QUERY", help="such as \"task == 'production'\"")
    evidence.add_argument(
        "--sampling", choices=["auto", "events", "volumes"], default="auto",
        help="samples after brief events, or all volumes while a condition is on (auto)",
    )  # fmt: skip
    evidence.add_argument(
        "--shift", type=number(what="a lag in s"), default=4.5, help="lag in s (%(default)s)"
    )
    evidence.add_argument(
        "--window", type=whole(1), default=1, help="volumes an event (%(default)s)"
    )
    evidence.add_argument(
        "--past-end", choices=["error", "drop"], default="error",
        help="an event whose window goes past the end of its run is an error, or left out (error)",
    )  # fmt: skip
    evidence.add_argument(
        "--classifier", default="logistic_ovr", choices=["logistic_ovr", "logistic"]
    )
    evidence.add_argument("--n-permutations", type=whole(0), default=1000, help="(%(default)s)")
    evidence.add_argument(
        "--seed", type=whole(0, most=2**32 - 1), default=0, help="of permutations, bootstrap (0)"
    )
    named = dict.fromkeys(("contrast", *_MODEL, *_PLAN))
    names = [name for name in named if not name.endswith("_engine")]
    parser.set_defaults(model_defaults={name: parser.get_default(name) for name in names})
    engines = parser.add_argument_group("engines")
    engines.add_argument("--skullstrip-engine", choices=["python", "bet"], default="python")
    engines.add_argument("--motion-engine", choices=["python", "mcflirt"], default="python")
    engines.add_argument("--coregister-engine", choices=["python", "flirt"], default="python")


def add_resource_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what may be used, and where the work is done."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    resources = parser.add_argument_group("resources")
    resources.add_argument(
        "--n-procs", type=whole(1), default=cores, help="threads in all (all cores: %(default)s)"
    )
    resources.add_argument("--omp-nthreads", type=whole(1), help="threads for one step")
    resources.add_argument(
        "--mem-gb", type=number(above=0, what="a size in GB"),
        help="memory in GB (90 %% of the machine's)",
    )  # fmt: skip
    resources.add_argument(
        "--work-dir", type=folder, metavar="DIR", help="work folder (OUT_DIR/.fmriprod/work)"
    )


def add_derivatives_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which preprocessed series to start from."""
    group = parser.add_argument_group("series that fMRIPrep preprocessed")
    group.add_argument(
        "--derivatives", type=folder, metavar="DIR",
        help="fMRIPrep's output: no alignment is done; events are those of BIDS_DIR",
    )  # fmt: skip
    group.add_argument(
        "--space", metavar="NAME",
        help="T1w, MNI152NLin2009cAsym:res-2, MNIPediatricAsym:cohort-1, ...; needed where there "
        "are several",
    )  # fmt: skip
    group.add_argument(
        "--confounds", metavar="SETS", default="motion6+non_steady_state",
        help="sets joined by +: motion6, motion24, wm_csf, global_signal, acompcor:5, cosine, "
        "scrub:0.5, ... or none (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--slice-time-ref", metavar="F", type=number(least=0, what="a fraction from 0 to 1"),
        help="as fMRIPrep's, where the sidecars do not say StartTime: 0 first slice, 0.5 middle",
    )  # fmt: skip
    defaults = parser.get_default("model_defaults")
    own = {name: parser.get_default(name) for name in _DERIVATIVES}
    parser.set_defaults(model_defaults=defaults | own)


def derivatives_options(args: argparse.Namespace) -> dict[str, Any] | None:
    """Take the options of the derivatives from parsed arguments; None where none are used.

    Raises
    ------
    InputError
        For options of derivatives without derivatives.
    """
    values = {name: getattr(args, name, None) for name in _DERIVATIVES}
    place = values.pop("derivatives")
    if place is not None:
        return {"folder": place, **values}
    given = [name for name in values if values[name] not in (None, args.model_defaults.get(name))]
    if given:
        from fmriprod.algorithms.checks import InputError

        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            flags, expected="--derivatives DIR with it", found="none",
            hint="give fMRIPrep's output folder; the main job's own preparation needs none of it",
        )  # fmt: skip
    return None


def add_placeholder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a workflow that is built without data, to be drawn or described."""
    parser.add_argument("--participants", type=whole(1), default=1, metavar="N",
                        help="placeholder participants of a study (%(default)s)")  # fmt: skip
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings",
        help="argument for the builder, such as --set n_permutations=1000; may be repeated",
    )  # fmt: skip


def given_model_options(args: argparse.Namespace) -> list[str]:
    """List the options of model and evidence that differ from their defaults, as flags."""
    defaults = args.model_defaults.items()
    given = [name for name, default in defaults if getattr(args, name) != default]
    return [f"--{name.replace('_', '-')}" for name in given]


def model_options(args: argparse.Namespace) -> dict[str, Any]:
    """Take the options of the model from parsed arguments."""
    return {name: getattr(args, name) for name in _MODEL}


def plan_options(args: argparse.Namespace) -> dict[str, Any]:
    """Take the options of `plan_subject` from parsed arguments."""
    return {"contrasts": args.contrast, **{name: getattr(args, name) for name in _PLAN}}


def _responses() -> Collection[str]:
    from fmriprod.algorithms.hrf import MODELS

    return MODELS


def _noises() -> Collection[str]:
    from fmriprod.algorithms.glm import NOISE

    return NOISE
