import warnings

import numpy as np
import pytest
from nilearn.datasets import fetch_surf_fsaverage
from nilearn.surface import load_surf_mesh

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.fsaverage import project_to_fsaverage

AFFINE = np.diag([4.0, 4, 4, 1])
AFFINE[:3, 3] = (-78, -112, -70)
SHAPE = (40, 48, 40)
MASK = np.ones(SHAPE, bool)
WORLD = (np.argwhere(MASK) @ AFFINE[:3, :3].T + AFFINE[:3, 3]).T


@pytest.fixture(scope="module")
def middle():
    """Points half way between white and pial surface, where values are sampled around."""
    files = fetch_surf_fsaverage("fsaverage5")
    return {
        side: (
            load_surf_mesh(files[f"pial_{side}"]).coordinates
            + load_surf_mesh(files[f"white_{side}"]).coordinates
        ) / 2
        for side in ("left", "right")
    }  # fmt: skip


def test_coordinates_come_back_at_the_vertices(middle):
    """Linear interpolation of a linear map is exact: each vertex gets its own place."""
    found = project_to_fsaverage(WORLD, MASK, AFFINE, space="MNI152NLin2009cAsym")
    for side, points in middle.items():
        assert found[side].maps.shape == (3, 10242) and found[side].maps.dtype == np.float32
        np.testing.assert_allclose(found[side].maps, points.T, atol=1e-3)


def test_values_outside_the_mask_or_missing_give_nothing(middle):
    behind = WORLD[1] < -40
    mask = MASK.copy()
    mask[MASK] = behind
    values = np.ones((1, behind.sum()))
    values[0, WORLD[0, behind] > 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = project_to_fsaverage(values, mask, AFFINE, space="mni152")
    left, right = (found[side].maps[0] for side in ("left", "right"))
    assert np.isnan(right[middle["right"][:, 0] > 6]).all()
    assert np.isnan(left[middle["left"][:, 1] > -34]).all()
    inside = (middle["left"][:, 1] < -48) & (middle["left"][:, 0] < -6)
    np.testing.assert_allclose(left[inside], 1, rtol=1e-5)
    none = project_to_fsaverage(np.full((1, behind.sum()), np.nan), mask, AFFINE, space="MNI")
    assert np.isnan(none["left"].maps).all()


def test_labels_are_never_averaged(middle):
    labels = np.where(WORLD[1] < -30, 1.0, 7.0)[None]
    found = project_to_fsaverage(labels, MASK, AFFINE, space="MNI152", labels=True)
    for side, points in middle.items():
        values, place = found[side].maps[0], points[:, 1]
        assert set(np.unique(values)) == {1, 7}
        assert (values[place < -36] == 1).all() and (values[place > -24] == 7).all()


def test_triangles_look_outwards():
    found = project_to_fsaverage(np.ones((1, MASK.sum())), MASK, AFFINE, space="MNI152")
    for hemisphere in found.values():
        corners = hemisphere.vertices[hemisphere.faces].astype(float)
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()
        assert volume > 0 and 0.3 < hemisphere.sulcus.mean() < 0.7


@pytest.mark.parametrize(("space", "found"), [(None, "no space"), ("T1w", "'T1w'")])
def test_other_spaces_are_refused(space, found):
    with pytest.raises(InputError) as info:
        project_to_fsaverage(np.ones((1, MASK.sum())), MASK, AFFINE, space=space)
    assert info.value.subject == "space" and info.value.found == found
    assert "normalise the maps first" in info.value.hint
