from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.dicom_series import (
    DicomSeries,
    ImageHeader,
    drop_duplicates,
    group_series,
)

AXIAL = (1.0, 0, 0, 0, 1, 0)
OBLIQUE = (1.0, 0, 0, 0, 0.8, 0.6)


def image(volume, z, *, number=1, n_slices=4, orientation=AXIAL, **changes):
    normal = np.cross(orientation[:3], orientation[3:])
    position = tuple(normal * 3.3 * z + np.array([-12.0, 5, 7]))
    first = ImageHeader(
        f"{number}-{volume}-{z}", f"series{number}", f"{number}.{volume}.{z}", "P", "2020", number,
        "draw", volume * n_slices + z + 1, 2.0, False, None, False, ((orientation, position),),
    )  # fmt: skip
    return replace(first, **changes)


def images(n_volumes=5, n_slices=4, **changes):
    return [
        image(v, z, n_slices=n_slices, **changes) for v in range(n_volumes) for z in range(n_slices)
    ]


def without(found, *names):
    return DicomSeries(tuple(i for i in found if i.file not in names))


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([AXIAL, OBLIQUE]), st.randoms())
def test_whole_series_pass_in_any_order(n_volumes, n_slices, orientation, random):
    found = images(n_volumes, n_slices, orientation=orientation)
    random.shuffle(found)
    series = DicomSeries(tuple(found))
    assert (series.n_volumes, len(series.slices)) == (n_volumes, n_slices)
    series.check_complete()
    series.check_complete(n_volumes)


@given(st.integers(0, 4), st.integers(0, 3), st.sampled_from([AXIAL, OBLIQUE]))
def test_any_one_missing_slice_is_found(v, z, orientation):
    series = without(images(orientation=orientation), f"1-{v}-{z}")
    with pytest.raises(InputError, match=r"5 images at most places, but 4 at [-0-9.]+ mm"):
        series.check_complete(5)


@pytest.mark.parametrize("z", [1, 2])
def test_a_slice_that_all_volumes_lack_is_found(z):
    series = without(images(n_slices=5), *(f"1-{v}-{z}" for v in range(5)))
    with pytest.raises(InputError, match=r"6\.6 mm to the slice after [0-9.]+ mm, where others"):
        series.check_complete(5)


@pytest.mark.parametrize("v", [1, 2, 3])
def test_a_volume_that_lacks_in_the_middle_is_found(v):
    series = without(images(), *(f"1-{v}-{z}" for z in range(4)))
    with pytest.raises(InputError, match=r"no image between numbers \d+ and \d+"):
        series.check_complete(4)


def test_numbers_may_count_slice_by_slice():
    """As Philips numbers them: all volumes of the first slice, then of the next."""
    found = [replace(i, instance=int(i.file[-1]) * 156 + int(i.file[2]) + 1) for i in images()]
    DicomSeries(tuple(found)).check_complete()
    with pytest.raises(InputError, match="no image between numbers 2 and 4"):
        without(found, *(f"1-2-{z}" for z in range(4))).check_complete()


def test_mosaics_are_volumes():
    found = [image(v, 0, mosaic=True, places=(), instance=v + 1) for v in range(5)]
    assert DicomSeries(tuple(found)).n_volumes == 5
    DicomSeries(tuple(found)).check_complete()
    with pytest.raises(InputError, match="no image between numbers 2 and 4"):
        without(found, "1-2-0").check_complete()


def test_fewer_volumes_than_planned_are_refused_unless_a_person_says_so():
    series = DicomSeries(tuple(images(n_temporal=156)))
    with pytest.raises(InputError, match=r"156 volumes(.|\n)*5 volumes(.|\n)*write 5 behind"):
        series.check_complete()
    series.check_complete(5)


def test_a_scout_in_three_directions_is_one_volume():
    sides = [AXIAL, (0.0, 1, 0, 0, 0, -1), (1.0, 0, 0, 0, 0, -1)]
    found = [
        image(0, z, orientation=o, file=f"{k}{z}", image_uid=f"{k}{z}")
        for k, o in enumerate(sides)
        for z in range(3)
    ]
    assert DicomSeries(tuple(found)).n_volumes == 1


def test_headers_that_disagree_on_the_repetition_time_are_refused():
    found = images()
    assert DicomSeries(tuple(found)).tr == 2.0
    assert DicomSeries(tuple(replace(i, tr=None) for i in found)).tr is None
    found[7] = replace(found[7], tr=1.5)
    with pytest.raises(InputError, match=r"series 1 'draw'\n.*\n.*from 1\.5 to 2 s"):
        _ = DicomSeries(tuple(found)).tr


def test_series_come_in_the_order_of_scanning():
    mixed = images(number=10) + images(number=2) + images(number=3, study="2019")
    mixed += images(number=None)
    groups = group_series(mixed[::-1])
    assert [g.first.series_number for g in groups] == [3, 2, 10, None]
    assert [len(g.images) for g in groups] == [20] * 4


def test_two_people_are_refused():
    mixed = images() + images(number=2, patient="Q")
    with pytest.raises(InputError, match=r"one person\n.*2 different .*1-0-0, 2-0-0"):
        group_series(mixed)


def test_the_first_of_equal_images_stays():
    found = images()
    copies = [replace(i, file=f"copy of {i.file}") for i in found[3:6]]
    kept, dropped = drop_duplicates(found + copies)
    assert kept == found
    assert [(a.file, b.file) for a, b in dropped] == [(c.file, c.file[8:]) for c in copies]
