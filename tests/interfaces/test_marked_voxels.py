"""Voxels that are marked on a map."""

import nibabel as nb
import numpy as np
import pytest
from nipype import Node
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.marked_voxels import MarkedVoxels


@pytest.fixture
def files(work):
    """A map of two volumes within a mask; the best of each is elsewhere."""
    mask = np.zeros((9, 8, 5), np.uint8)
    mask[2:7, 1:7, 1:4] = 1
    maps = np.full((*mask.shape, 2), 0.1, np.float32)
    maps[0, 0, 0] = 9  # outside
    maps[4, 3, 2, 0], maps[5, 3, 2, 0], maps[4, 3, 3, 0] = 0.9, 0.8, 0.85
    maps[2, 1, 1, 1] = 0.7
    affine = np.diag([3.0, 3, 3, 1])
    nb.Nifti1Image(mask, affine).to_filename("mask.nii.gz")
    nb.Nifti1Image(maps, affine).to_filename("maps.nii.gz")
    return mask, {"value_map": str(work / "maps.nii.gz"), "mask_file": str(work / "mask.nii.gz")}


def number(mask, place):
    return int(np.flatnonzero((np.argwhere(mask) == place).all(axis=1))[0])


def test_the_best_of_the_mask_and_near_it_in_its_slice(files, work):
    mask, given = files
    node = Node(MarkedVoxels(**given, n_voxels=2), "marked", base_dir=str(work))
    out = node.run().outputs
    assert out.voxels == [number(mask, (4, 3, 2)), number(mask, (5, 3, 2))]
    assert np.asarray(Image.open(out.figure)).std() > 10
    other = MarkedVoxels(**given, volume=1).run().outputs
    assert other.voxels[0] == number(mask, (2, 1, 1)) == 0


def test_voxels_that_are_given_are_marked_in_their_order(files, monkeypatch):
    _, given = files
    from fmriprod.reports import slices

    drawn = {}
    real = slices.slices_figure
    monkeypatch.setattr(slices, "slices_figure", lambda *a, **k: drawn.update(k) or real(*a, **k))
    out = MarkedVoxels(**given, voxels=[40, 7], simulated=True).run().outputs
    assert out.voxels == [40, 7]
    assert [words for _, _, words in drawn["contours"]] == ["voxel 40", "voxel 7"]
    assert [int(own.sum()) for own, _, _ in drawn["contours"]] == [1, 1]
    assert drawn["title"] == "Marked voxels – simulated data"


@pytest.mark.parametrize(
    ("wrong", "text"),
    [({"volume": 2}, "volume of the map, 0 to 1"), ({"voxels": [90]}, "of the mask, 0 to 89")],
)
def test_what_is_not_there_is_refused(files, wrong, text):
    with pytest.raises(InputError, match=text):
        MarkedVoxels(**files[1], **wrong).run()
