import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.slices import arrange_slices, sample_slice

SETTINGS = {"planes": "xyz", "n_slices": 5, "width": 1000, "gutter": 10}


def head(shape=(60, 72, 64)):
    """A bright box inside a dark one, and the affine of its 2.5 mm grid."""
    volume = np.zeros(shape, np.float32)
    volume[6:-6, 6:-6, 6:-6] = 100
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = -70, -90, -60
    return volume, affine


def test_cuts_fall_on_voxel_centres_inside_what_is_drawn():
    volume, affine = head()
    drawn = np.zeros(volume.shape, bool)
    drawn[20:30, 10:60, 30:40] = True
    layout = arrange_slices(volume, affine, [drawn], **SETTINGS)
    for axis, plane in enumerate("xyz"):
        voxels = (layout.positions[plane] - affine[axis, 3]) / 2.5
        np.testing.assert_allclose(voxels, voxels.round(), atol=1e-6)
        inside = np.flatnonzero(drawn.any(axis=tuple(a for a in range(3) if a != axis)))
        assert voxels.min() >= inside.min() and voxels.max() <= inside.max()
        assert (np.diff(voxels) > 0.9).all(), "the same slice twice"


def test_a_tiny_thing_is_cut_at_neighbouring_voxels_and_shown_with_the_whole_head():
    volume, affine = head()
    drawn = np.zeros(volume.shape, bool)
    drawn[30, 36, 32] = True
    layout = arrange_slices(volume, affine, [drawn], **SETTINGS)
    np.testing.assert_allclose(np.diff(layout.positions["x"]), 2.5)
    assert 5 + 2.5 * 30 - 75 in layout.positions["x"]
    assert layout.lower[0] < -70 + 6.5 * 2.5 and layout.upper[0] > -70 + 53.5 * 2.5


def test_around_a_brain_the_neck_is_cut_off():
    volume, affine = head((60, 72, 120))
    drawn = np.zeros(volume.shape, bool)
    drawn[8:-8, 8:-8, 70:-8] = True
    layout = arrange_slices(volume, affine, [drawn], **SETTINGS)
    assert layout.lower[2] == pytest.approx(-60 + 70 * 2.5 - 18 - 4, abs=2.5)
    assert layout.lower[0] == pytest.approx(-70 + 6 * 2.5 - 4, abs=0.5)


def test_one_slice_of_each_row_goes_through_the_mark():
    volume, affine = head()
    layout = arrange_slices(volume, affine, [], mark=(11.3, -20.2, 4.4), **SETTINGS)
    assert 11.3 in layout.positions["x"]
    assert -20.2 in layout.positions["y"]
    assert 4.4 in layout.positions["z"]


def test_empty_masks_and_empty_volumes_have_a_layout_too():
    volume, affine = head()
    empty = np.zeros(volume.shape, bool)
    assert arrange_slices(volume, affine, [empty], **SETTINGS).step > 0
    layout = arrange_slices(np.zeros_like(volume), affine, [], **SETTINGS)
    assert np.isfinite([*layout.lower, *layout.upper]).all()


def test_panels_do_not_overlap_and_fit_on_the_page():
    volume, affine = head()
    layout = arrange_slices(volume, affine, [], **SETTINGS)
    width, height = layout.size
    assert width == pytest.approx(1000 * layout.step)
    boxes = []
    size = layout.upper - layout.lower
    for plane, _, left, bottom in layout.panels():
        across, up = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}[plane]
        boxes.append((left, bottom, left + size[across], bottom + size[up]))
    for i, (left, bottom, right, top) in enumerate(boxes):
        assert left >= 0 and bottom >= 0
        assert right <= width + 1e-6 and top <= height + 1e-6
        for a, b, c, d in boxes[:i]:
            assert right <= a or c <= left or top <= b or d <= bottom


@given(st.permutations([0, 1, 2]), st.lists(st.booleans(), min_size=3, max_size=3), st.data())
def test_a_plane_has_the_values_of_the_world_for_any_order_of_axes(order, flips, data):
    """A volume that holds its own world coordinate must give it back."""
    shape = np.array([20, 24, 28])
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for voxel, world in enumerate(order):
        affine[world, voxel] = -2.0 if flips[voxel] else 2.0
        affine[world, 3] = 30 if flips[voxel] else -30
    index = np.moveaxis(np.indices(shape), 0, -1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    axis = data.draw(st.integers(0, 2))
    volume = (world[..., axis] + 100).astype(np.float32)
    layout = arrange_slices(np.ones(shape), affine, [], **SETTINGS)
    plane = data.draw(st.sampled_from("xyz"))
    position = float(layout.positions[plane][2])
    values = sample_slice(volume, affine, layout, plane, position, step=2.0, order=1)
    if plane == "xyz"[axis]:
        expected = np.full(values.shape, position + 100)
    else:
        across = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}[plane].index(axis)
        n = values.shape[1 - across]
        line = layout.lower[axis] + (np.arange(n) + 0.5) * 2 + 100
        expected = np.broadcast_to(line if across == 0 else line[:, None], values.shape)
    inner = values[4:-4, 4:-4]
    assert inner.size
    np.testing.assert_allclose(inner, expected[4:-4, 4:-4], atol=1e-3)


def test_outside_the_volume_there_is_nothing_and_its_edge_is_whole():
    volume = np.full((10, 10, 10), 7, np.float32)
    affine = np.diag([2.0, 2, 2, 1])
    layout = arrange_slices(volume, affine, [], **SETTINGS)
    values = sample_slice(volume, affine, layout, "z", 9.0, step=0.25, order=1)
    across = layout.lower[0] + (np.arange(values.shape[1]) + 0.5) * 0.25
    middle = values[values.shape[0] // 2]
    np.testing.assert_array_equal(middle, np.where((across > -1) & (across < 19), 7, 0))
