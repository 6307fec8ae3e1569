"""Slices at any place: the numbers in the page are those of the maps, where they were."""

import numpy as np
import pytest
from support.panels import volume_in

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.brain_panel import BrainMap, brain_panel

SHAPE = (14, 16, 10)
AFFINE = np.array([[-3.0, 0, 0, 21], [0, 3, 0, -24], [0, 0, 3, -12], [0, 0, 0, 1]])


@pytest.fixture
def head():
    grid = np.indices(SHAPE) - (np.array(SHAPE).reshape(3, 1, 1, 1) - 1) / 2
    return np.where((grid**2).sum(axis=0) < 20, 800.0, 5.0).astype(np.float32)


@pytest.fixture
def values(rng):
    found = rng.normal(size=SHAPE).astype(np.float32)
    found[1:4], found[5, 5, 5], found[9, 3, 2] = 0, np.nan, -8
    found[10:] = np.clip(found[10:], -2, 2)
    return found


def test_maps_are_in_the_page_to_one_part_in_127_and_right_is_on_the_right(head, values):
    data = brain_panel(head, AFFINE, [BrainMap("a", "z", values, 3.1)]).data
    assert data["shape"] == list(SHAPE) and data["step"] == 3
    assert data["origin"] == [-18, -24, -12]
    packed = data["maps"][0]
    assert packed["top"] == pytest.approx(8) and packed["threshold"] == 3.1
    raw = volume_in(packed["picture"], SHAPE)
    found = np.where(raw == 0, 0, (raw - 128) / 127 * packed["top"])
    mirrored = np.nan_to_num(values)[::-1]  # the first voxel of the file is on the right
    np.testing.assert_allclose(found, mirrored, atol=packed["top"] / 127 / 2 + 1e-6)
    assert ((raw == 0) == (mirrored == 0)).all()
    assert data["start"] == [SHAPE[0] - 1 - 9, 3, 2]


def test_the_background_is_dark_outside_and_light_inside_and_the_mask_is_whole(head):
    mask = np.zeros(SHAPE)
    mask[2:5, 6:9, 4:7] = 1
    data = brain_panel(head, AFFINE, mask=mask, mask_label="V1").data
    ground = volume_in(data["ground"], tuple(data["shape"]))
    assert ground.max() == 255 and ground.min() == 0
    assert (volume_in(data["mask"], tuple(data["shape"])) == 255).sum() == mask.sum()
    assert data["maps"] == [] and data["mask_label"] == "V1"


def test_large_volumes_become_coarse_and_say_so(head):
    panel = brain_panel(head, AFFINE, most_voxels=300)
    assert np.prod(panel.data["shape"]) <= 300 and panel.data["step"] > 3
    assert f"Voxels of {panel.data['step']:.1f} mm" in panel.how
    fine = brain_panel(head, np.diag([1.0, 1, 1, 1]))
    assert fine.data["step"] == 2 and "Voxels of" not in fine.how


def test_empty_maps_and_volumes_do_no_harm(head):
    data = brain_panel(head, AFFINE, [BrainMap("a", "z", np.full(SHAPE, np.nan), 3)]).data
    assert data["shape"] == [8, 8, 8]  # the head alone
    assert data["maps"][0]["top"] == 1 and data["start"] in ([3, 3, 3], [4, 4, 4])
    assert not volume_in(data["maps"][0]["picture"], (8, 8, 8)).any()
    assert brain_panel(np.zeros(SHAPE), AFFINE).data["shape"] == list(SHAPE)


def test_other_grids_are_refused(head):
    with pytest.raises(InputError, match=r"shape \(14, 16, 10\)\n.*a of shape \(3, 3, 3\)"):
        brain_panel(head, AFFINE, [BrainMap("a", "z", np.ones((3, 3, 3)), 0)])
    with pytest.raises(InputError, match=r"V1 of shape \(1,\)"):
        brain_panel(head, AFFINE, mask=np.ones(1), mask_label="V1")
    with pytest.raises(InputError, match=r"three dimensions\n.*\(14, 16\)"):
        brain_panel(head[..., 0], AFFINE)
