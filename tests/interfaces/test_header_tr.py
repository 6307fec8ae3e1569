"""Repetition times by headers and by what is given; what is no time is refused in our words."""

import nibabel as nb
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.header_tr import header_seconds, repetition_time


def series(zoom, code, kind=nb.Nifti1Image):
    image = kind(np.zeros((2, 2, 2, 5), np.float32), np.eye(4))
    image.header.set_zooms((1, 1, 1, zoom))
    image.header["xyzt_units"] = code
    return image


@pytest.mark.parametrize("kind", [nb.Nifti1Image, nb.Nifti2Image])
@pytest.mark.parametrize(
    ("code", "seconds"),
    [(8, 2.0), (10, 2.0), (16, 2e-3), (18, 2e-3), (26, 2e-6), (0, 2.0), (2, 2.0), (64, 2.0),
     (128 + 18, 2e-3), (255, 2.0), (34, 2.0)],
)  # fmt: skip
def test_every_code_of_units_has_a_meaning(kind, code, seconds):
    assert header_seconds(series(2.0, code, kind)) == pytest.approx(seconds)


def test_freesurfer_counts_in_milliseconds():
    image = nb.MGHImage(np.zeros((2, 2, 2, 5), np.float32), np.eye(4))
    image.header.set_zooms((1, 1, 1, 1500))
    assert repetition_time(image) == pytest.approx(1.5)


@pytest.mark.parametrize(
    "given", ["2.0", [2.0], {"a": 1}, True, 10**400, -(10**400), 0, -1.5, float("nan"),
              float("inf"), np.float64(-1)],
)  # fmt: skip
@pytest.mark.parametrize("override", [False, True])
def test_what_is_given_must_be_a_number_above_0(given, override):
    for zoom in (0.0, 2.0):
        with pytest.raises(InputError, match="a repetition time above 0 s") as caught:
            repetition_time(series(zoom, 8), given, override=override)
        assert len(caught.value.found) <= 80


@pytest.mark.parametrize("given", [2, 2.0, np.float32(2), np.int64(2)])
def test_numbers_of_all_kinds_are_taken(given):
    assert repetition_time(series(2.0, 8), given) == 2.0


def test_milliseconds_are_not_taken_for_seconds():
    for header, given in ((2000, None), (2000, 2000.0), (0, 2000.0)):
        with pytest.raises(InputError, match=r"up to 100 s\n.*2000 s .*looks like milliseconds"):
            repetition_time(series(header, 0), given)
    assert repetition_time(series(2000, 0), 2.0, override=True) == 2.0
    assert repetition_time(series(100.0, 0)) == 100.0
