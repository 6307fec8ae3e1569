import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.roi import label_fraction, select_labels, select_threshold, select_top

maps = hnp.arrays(
    np.float64,
    (3, 4, 2),
    elements=st.one_of(st.just(np.nan), st.just(0.0), st.integers(-5, 5).map(float)),
)


@given(maps, st.integers(1, 24), st.booleans())
def test_top_voxels_are_those_that_a_sort_of_a_list_gives(data, n_voxels, two_sided):
    ranked = []
    for position, value in enumerate(data.ravel().tolist()):
        value = abs(value) if two_sided else value
        if value > 0:  # NaN and 0 are no candidates
            ranked.append((-value, position))
    if n_voxels > len(ranked):
        with pytest.raises(InputError, match=f"to the {len(ranked)} voxels"):
            select_top(data, n_voxels, two_sided)
        return
    chosen = np.flatnonzero(select_top(data, n_voxels, two_sided))
    assert chosen.tolist() == sorted(position for _, position in sorted(ranked)[:n_voxels])


@given(maps, st.integers(1, 5), st.booleans())
def test_threshold_never_takes_nan(data, threshold, two_sided):
    values = [abs(v) if two_sided else v for v in data.ravel().tolist()]
    expected = [value >= threshold for value in values]
    if not any(expected):
        with pytest.raises(InputError, match="no voxel; the largest value is"):
            select_threshold(data, threshold, two_sided)
    else:
        found = select_threshold(data, threshold, two_sided)
        assert found.ravel().tolist() == expected


def test_only_voxels_of_the_mask_are_taken():
    data = np.arange(8.0).reshape(2, 2, 2)
    within = data < 5
    assert data[select_top(data, 2, within=within)].tolist() == [3, 4]
    assert data[select_threshold(data, 3, within=within)].tolist() == [3, 4]
    with pytest.raises(InputError, match="4 voxels with a finite value above 0 in the mask"):
        select_top(data, 5, within=within)


def test_negative_two_sided_threshold_is_refused():
    with pytest.raises(InputError, match="a number above 0 when two_sided"):
        select_threshold(np.ones((2, 2, 2)), -1.0, two_sided=True)


def test_labels_that_are_not_there_are_named_with_those_that_are():
    data = np.zeros((2, 2, 2))
    data[0, 0, 0], data[1, 1, 1] = 1005, 2005
    assert select_labels(data, [1005, 2005]).sum() == 2
    with pytest.raises(InputError) as caught:
        select_labels(data, [1005, 1006])
    assert caught.value.found == "no voxel of 1006"
    assert caught.value.hint == "the image has: 1005, 2005"


def test_labels_of_an_interpolated_image_are_refused():
    with pytest.raises(InputError, match="an image with fractions"):
        select_labels(np.full((2, 2, 2), 0.5), [1])


def test_fractions_are_the_volume_of_a_box_that_each_voxel_holds():
    """A region of 1 mm voxels that fills x < 4.25 mm (in the world) on a 3 mm grid."""
    region = np.zeros((20, 18, 18), dtype=bool)
    region[:5] = True  # voxels 0 to 4 end at 4.25 mm when the first is centred at -0.25
    fine = np.eye(4)
    fine[0, 3] = -0.25
    coarse = np.diag([3.0, 3.0, 3.0, 1.0])
    coarse[:3, 3] = 1.0
    found = label_fraction(region, fine, (6, 5, 5), coarse, n_points=8)
    ends = np.array([[-0.5, 2.5], [2.5, 5.5], [5.5, 8.5]])
    expected = (np.clip(ends[:, 1], None, 4.25) - np.clip(ends[:, 0], None, 4.25)) / 3
    np.testing.assert_allclose(found[:3, 2, 2], expected, atol=0.09)
    assert found[0].min() > 0.9  # starts half a voxel before -0.25: 0.25 mm of it are outside


def test_fractions_sum_to_the_volume_of_the_region(rng):
    distance = np.linalg.norm(np.indices((30, 30, 30)) - 14.6 + rng.uniform(size=1), axis=0)
    region = distance < 10
    to_affine = np.diag([2.7, 3.1, 2.4, 1.0])
    to_affine[:3, 3] = 0.3, 0.7, -0.2
    found = label_fraction(region, np.eye(4), (12, 11, 14), to_affine)
    volume = found.sum() * abs(np.linalg.det(to_affine))
    assert volume == pytest.approx(region.sum(), rel=0.02)


def test_a_shift_moves_the_region_the_way_transforms_point():
    region = np.zeros((9, 9, 9), dtype=bool)
    region[5, 4, 4] = True
    transform = np.eye(4)
    transform[0, 3] = 2.0  # a target point at x is at x + 2 in the region's world
    found = label_fraction(region, np.eye(4), (9, 9, 9), np.eye(4), transform)
    assert np.argwhere(found == 1).tolist() == [[3, 4, 4]]
