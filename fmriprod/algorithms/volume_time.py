"""Which moment within a volume its values represent, and whether that matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hrf import regressors

TOLERANCE = 0.02
_AGREE = 2e-3  # s; sidecars round to a millisecond


@dataclass(frozen=True)
class VolumeTime:
    """Moment in s after the start of a volume that its values represent, and why."""

    seconds: float
    reason: str


def volume_time(
    metadata: Mapping[str, Any],
    tr: float,
    *,
    reference: float | None = None,
    possible_loss: float = 1.0,
) -> VolumeTime:
    """Tell which moment within each volume its values represent.

    Parameters
    ----------
    metadata : mapping
        Sidecar of the preprocessed series: ``StartTime`` (s) and ``SliceTimingCorrected``,
        which fMRIPrep writes since 20.2.4 and 21.0; and ``SliceTiming`` (s) of the raw one.
    tr : float
        Repetition time in s.
    reference : float, optional
        As fMRIPrep's ``--slice-time-ref``: fraction, from 0 to 1, of the time from the first
        to the last slice; of the repetition time where slice times are not known.
    possible_loss : float
        Largest share of a response that a wrong moment can cost (`timing_loss`): up to 2 %,
        half of the repetition time is taken where nothing is known.

    Returns
    -------
    VolumeTime
        ``StartTime`` where it is given; for a series that was not corrected the mean over
        its slices, half of the repetition time, whatever ``reference`` says, since that is for
        correction; else the moment of ``reference``.

    Raises
    ------
    InputError
        If the moment is not known and matters, it or a slice lies outside the volume, or
        ``reference`` says otherwise than the sidecar.
    """
    told = _told(metadata, tr)
    if reference is not None and not 0 <= reference <= 1:
        raise _error("a fraction from 0 (first slice) to 1 (last slice)", f"{reference:g}",
                     "give 0.5 for the middle")  # fmt: skip
    corrected = metadata.get("SliceTimingCorrected")
    if told is None and corrected is False:  # slices were aligned with nothing
        return VolumeTime(tr / 2, "slice timing was not corrected: the mean over slices")
    given = None if reference is None else _moment(metadata, tr, reference)
    if told is not None:
        if given is not None and abs(given - told) > _AGREE:
            raise _error(
                f"the StartTime of the sidecar, {told:g} s",
                f"slice_time_ref {reference:g}, {given:g} s",
                "leave slice_time_ref out: the sidecar was written with the series",
            )
        return VolumeTime(told, "StartTime of the sidecar")
    if given is not None:
        return VolumeTime(given, f"slice_time_ref {reference:g}")
    if corrected is None and possible_loss <= TOLERANCE:
        return VolumeTime(
            tr / 2, f"not known; it can cost {100 * possible_loss:.1f} % of a response at most"
        )
    found = "SliceTimingCorrected without StartTime" if corrected else "neither"
    raise _error(
        "StartTime, or SliceTimingCorrected: false, in the sidecar of the series",
        f"{found}; a wrong reference moves every response by up to half of the TR of {tr:g} s",
        "say it with --slice-time-ref (slice_time_ref): 0.5 for fMRIPrep before 20.2.4 with slice "
        "timing correction, which aligns with the middle, and for series without correction",
    )


def timing_loss(events: pd.DataFrame, n_volumes: int, tr: float, hrf: str = "spm") -> float:
    """Share of a response that is lost at most when the moment of the volumes is not known.

    The regressor of each condition for the middle of the volumes is fitted to the one for
    their start, and for their end, with a constant; the loss is how far the weight falls
    short of 1.

    Parameters
    ----------
    events : DataFrame
        Columns ``onset``, ``duration`` (s) and ``trial_type``.
    n_volumes : int
        Length of the run.
    tr : float
        Repetition time in s.
    hrf : str
        Response model without derivatives.

    Returns
    -------
    float
        Largest loss over conditions, from 0.
    """
    frames = np.arange(n_volumes) * tr
    losses = [0.0]
    for _, rows in events.groupby("trial_type"):
        timing = (rows["onset"].to_numpy(), rows["duration"].to_numpy())
        start, middle, end = (
            next(iter(regressors(*timing, frames + moment, hrf).values()))
            for moment in (0.0, tr / 2, tr)
        )
        middle = middle - middle.mean()
        power = float(middle @ middle)
        losses += [abs(1 - float(middle @ other) / power) for other in (start, end) if power > 0]
    return max(losses)


def _told(metadata: Mapping[str, Any], tr: float) -> float | None:
    """``StartTime`` of a sidecar; None where there is none."""
    told = metadata.get("StartTime")
    if told is None:
        return None
    if not _inside(told, tr):
        raise _error(
            f"a StartTime from 0 to the TR, {tr:g} s", repr(told)[:80],
            "mend the sidecar; StartTime is in seconds",
        )  # fmt: skip
    return float(told)


def _moment(metadata: Mapping[str, Any], tr: float, reference: float) -> float:
    """Moment of a fraction of the acquisition, in s."""
    times = metadata.get("SliceTiming")
    if times is None or times == []:
        return reference * tr
    if not isinstance(times, list) or not all(_inside(time, tr + _AGREE) for time in times):
        shown = repr(times) if len(repr(times)) < 80 else f"{repr(times)[:60]} ..."
        raise _error(
            f"SliceTiming: a list of times from 0 to the TR, {tr:g} s", shown,
            "mend it in the sidecar of the raw series; SliceTiming is in seconds",
        )  # fmt: skip
    first, last = min(times), max(times)
    return min(round(float(first + reference * (last - first)), 3), tr)


def _inside(time: Any, tr: float) -> bool:
    """Tell whether a value of a sidecar is a time within the volume."""
    return isinstance(time, int | float) and not isinstance(time, bool) and 0 <= time <= tr


def _error(expected: str, found: str, hint: str) -> InputError:
    return InputError("slice_time_ref", expected=expected, found=found, hint=hint)
