"""What the models of a run have in common: the series, its events and the columns of its design."""

from typing import Any

import pandas as pd
from nipype.interfaces.base import File, isdefined, traits

from fmriprod.algorithms import design
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confounds import NAN_POLICIES, select_confounds
from fmriprod.interfaces.base import PythonInputSpec
from fmriprod.interfaces.events import read_table


class RunDesignInputSpec(PythonInputSpec):
    """Inputs of the models of one run."""

    in_file = File(exists=True, mandatory=True, desc="4-D series, smoothed as it shall be")
    mask_file = File(exists=True, mandatory=True, desc="voxels to analyse, on the same grid")
    events_file = File(exists=True, mandatory=True, desc="events of the run (BIDS TSV)")
    confounds_file = File(exists=True, desc="table of confounds (TSV), one row a volume")
    confounds = traits.List(
        traits.Str, desc="columns of confounds_file that enter the design; needed with that file"
    )
    confounds_nan = traits.Enum(
        *NAN_POLICIES,
        usedefault=True,
        desc="missing values in those columns (derivatives have one in the first row) are "
        "refused, or replaced by the mean of their column",
    )
    tr = traits.Float(
        desc="repetition time in s; that of the header by default, and if both are known they "
        "must agree within 1 ms"
    )
    override_header_tr = traits.Bool(
        False, usedefault=True, desc="take `tr` even where the header says otherwise"
    )
    start_time = traits.Float(
        desc="moment in s within each volume that its values represent (BIDS StartTime): 0 "
        "after slice timing to the first slice; half of the repetition time by default, "
        "which holds for slice timing to the middle and, on average, for none"
    )
    allow_negative_onsets = traits.Bool(
        False, usedefault=True, desc="accept events that begin before the first volume"
    )
    drift = traits.Enum(*design.DRIFTS, usedefault=True, desc="model of slow drifts")
    high_pass = traits.Float(
        100.0, usedefault=True, desc="shortest period of the cosine drifts in s (not a frequency)"
    )
    drift_order = traits.Range(
        low=1, value=2, usedefault=True, desc="highest power of the polynomial drifts"
    )
    correct_bias = traits.Bool(
        True,
        usedefault=True,
        desc="estimate the noise without the bias of the fit; without, as Nilearn does it, "
        "tests reject too often",
    )
    grand_mean_scaling = traits.Bool(
        True,
        usedefault=True,
        desc="scale the run to a mean of 100 over mask and time: effects are then in percent "
        "of the mean signal (FSL scales to 10000)",
    )
    block_size = traits.Range(
        low=1,
        value=8192,
        usedefault=True,
        nohash=True,
        desc="voxels in double precision at a time; bounds the memory, not the result",
    )


def chosen_start_time(inputs: Any, tr: float) -> float:
    """Moment in s that the values of a volume represent; half of the repetition time if unset."""
    return inputs.start_time if isdefined(inputs.start_time) else tr / 2


def chosen_confounds(inputs: Any, n_volumes: int) -> tuple[pd.DataFrame | None, dict[str, int]]:
    """Read the columns of confounds that enter the design, and count values that were filled.

    Raises
    ------
    InputError
        If there is a file without columns or columns without a file; see also
        `fmriprod.algorithms.confounds.select_confounds`.
    """
    names = inputs.confounds if isdefined(inputs.confounds) else []
    if isdefined(inputs.confounds_file) != bool(names):
        raise InputError(
            "confounds",
            expected="both a confounds_file and the columns to take from it, or neither",
            found="columns without a file" if names else "a file without columns",
            hint="name the columns that shall enter the design: confounds=['trans_x', ...]",
        )
    if not names:
        return None, {}
    table = read_table(inputs.confounds_file, "confounds")
    return select_confounds(table, names, n_volumes, nan=inputs.confounds_nan)
