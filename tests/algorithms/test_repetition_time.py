import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.repetition_time import decide_tr


@pytest.mark.parametrize("written", [2.0, 2.0009, 1.9991])
def test_what_agrees_within_a_millisecond_stays(written):
    time = decide_tr(2.00000061, {"sidecar": written, "image": 2.0})
    assert (time.used, time.source, time.corrected) == (written, "both", False)


@pytest.mark.parametrize(
    "written",
    [{"sidecar": 2.0011}, {"sidecar": 2.0, "image": 1.998}, {"sidecar": None}, {"sidecar": 0.0}],
)
def test_what_disagrees_is_refused(written):
    with pytest.raises(InputError, match=r"2 s in the DICOM header"):
        decide_tr(2.0, written)


def test_both_values_and_both_ways_out_are_told():
    with pytest.raises(InputError) as caught:
        decide_tr(2.0, {"sidecar": 1.79355, "image": 1.79355})
    text = str(caught.value)
    assert "2 s in the DICOM header, 1.79355 s in the sidecar, 1.79355 s in the image" in text
    assert "tr_from='dicom'" in text and "tr=<seconds>" in text


def test_the_header_or_a_person_decides():
    written = {"sidecar": 1.79355}
    time = decide_tr(2.00000061, written, tr_from="dicom")
    assert (time.used, time.source, time.converter) == (2.0, "dicom", 1.79355)
    time = decide_tr(2.0, written, tr=1.5)
    assert (time.used, time.source, time.header) == (1.5, "given", 2.0)
    assert decide_tr(2.0, {"sidecar": 2.0}, tr_from="dicom").source == "both"


def test_the_header_of_a_3d_acquisition_decides_nothing():
    for tr_from in ("agreement", "dicom"):
        with pytest.raises(InputError, match="one excitation: give tr"):
            decide_tr(0.02, {"sidecar": 2.0}, is_3d=True, tr_from=tr_from)
    assert decide_tr(2.0, {"sidecar": 2.0}, is_3d=True).used == 2.0


def test_a_header_without_time_decides_nothing():
    for tr_from in ("agreement", "dicom"):
        with pytest.raises(InputError, match=r"none in the DICOM header, 2 s in the sidecar"):
            decide_tr(None, {"sidecar": 2.0}, tr_from=tr_from)
