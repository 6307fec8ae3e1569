"""Repetition time of a series by the header of its image."""

from numbers import Real
from typing import Any

import nibabel as nb
import numpy as np

from fmriprod.algorithms.checks import InputError

_LONGEST = 100.0  # s; longer ones are milliseconds without their unit
_MOST = 1e30  # whole numbers of JSON have no end, and floats have one
_UNITS = {16: 1e-3, 24: 1e-6}  # s; NIfTI's codes of ms and us, 8 is s
_TIME = 0x38  # the bits of xyzt_units that are about time


def repetition_time(
    image: nb.Nifti1Image, given: float | None = None, *, override: bool = False
) -> float:
    """Repetition time in seconds of a 4-D image.

    Parameters
    ----------
    image : nibabel.Nifti1Image
        The series.
    given : float, optional
        Repetition time in s that is known from elsewhere (the sidecar). It is needed where
        the header has none, and must agree with the header within 1 ms where it has one.
    override : bool
        Take ``given`` even where the header says otherwise.

    Raises
    ------
    InputError
        If the header says 0, a negative or a non-finite number and nothing is given, if
        what is given is no number above 0, if both differ, or if it is above 100 s.
    """
    seconds = header_seconds(image)
    if given is None:
        if seconds is None:
            raise _error(
                image.get_filename(), "a repetition time above 0 s in the header (pixdim[4])",
                f"{float(image.header.get_zooms()[3]):g}",
                "give the repetition time explicitly, or mend the header",
            )  # fmt: skip
        return plausible(seconds, "in the header (pixdim[4])", image.get_filename())
    if not is_time(given):
        number = isinstance(given, Real) and not isinstance(given, bool) and abs(given) < _MOST
        raise InputError(
            "tr",
            expected="a repetition time above 0 s",
            found=f"{given:g} s" if number else repr(given)[:80],
            hint="give seconds as a number without quotes (RepetitionTime in the BIDS sidecar)",
        )
    if seconds is not None and abs(seconds - given) > 1e-3 and not override:
        raise _error(
            image.get_filename(),
            f"the repetition time that was given, {given:g} s",
            f"{seconds:g} s in the header (pixdim[4])",
            "find out which is right; mend the header, or leave the given one out",
        )
    return plausible(given, "given", None)


def is_time(value: Any) -> bool:
    """Tell whether a value of a sidecar or option is a number above 0, and a float can hold it."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 < value < _MOST


def header_seconds(image: nb.Nifti1Image) -> float | None:
    """Repetition time in s by the header of a series; None where it has none."""
    if image.ndim < 4:
        return None
    unit = 1.0
    if isinstance(image.header, nb.Nifti1Header):  # unknown units of time count as seconds
        unit = _UNITS.get(int(image.header["xyzt_units"]) & _TIME, 1.0)
    elif isinstance(image, nb.MGHImage):
        unit = 1e-3
    seconds = float(image.header.get_zooms()[3]) * unit
    return seconds if np.isfinite(seconds) and seconds > 0 else None


def plausible(seconds: float, where: str, file: str | None) -> float:
    """Refuse a repetition time that was written in milliseconds and is read in seconds."""
    if seconds > _LONGEST:
        raise InputError(
            "tr", expected=f"a repetition time in seconds, up to {_LONGEST:g} s",
            found=f"{seconds:g} s {where}, which looks like milliseconds",
            hint="give it in seconds, or mend what says it", file=file,
        )  # fmt: skip
    return seconds


def _error(file: Any, expected: str, found: str, hint: str) -> InputError:
    return InputError("image", expected=expected, found=found, hint=hint, file=file)
