import numpy as np
import pytest

from fmriprod.algorithms.phantom_anatomy import LABEL
from fmriprod.algorithms.simulate_parcels import cerebrum, parcellate

DESIKAN = set(range(1, 36)) - {4}


@pytest.fixture(scope="module")
def grid():
    axes = [np.arange(-73, 74, 2.0), np.arange(-107, 75, 2.0), np.arange(-71, 82, 2.0)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def all_of(grid, tissue):
    return np.full(grid.shape[1:], LABEL[tissue], np.uint8)


def test_all_of_the_desikan_parcels_are_there_on_both_sides(grid):
    codes = parcellate(grid, all_of(grid, "grey"))
    cortex = codes[codes > 1000]
    assert set(np.unique(cortex)) == {side + p for p in DESIKAN for side in (1000, 2000)}
    left, right = grid[0] < 0, grid[0] > 0
    assert ((codes // 1000 == 1) <= left).all() and ((codes // 1000 == 2) <= right).all()


def test_both_sides_are_mirror_images(grid):
    codes = parcellate(grid, all_of(grid, "grey"))
    mirrored = codes[::-1]
    cortex = codes > 1000
    np.testing.assert_array_equal(codes[cortex] % 1000, mirrored[cortex] % 1000)


def test_a_voxel_goes_to_the_nearest_point():
    """Points of gyri by name: left precentral, right superior parietal, left lateral occipital."""
    places = np.array([[-38, -10, 46], [22, -62, 54], [-32, -90, -2]], float).T
    mni = places.reshape(3, 3, 1, 1)
    codes = parcellate(mni, all_of(mni, "grey")).ravel()
    assert codes.tolist() == [1024, 2029, 1011]


def test_hippocampus_and_tissues(grid):
    codes = parcellate(grid, all_of(grid, "grey"))
    for code in (17, 53):
        assert 3000 < (codes == code).sum() * 8 < 5000  # mm3
    white = parcellate(grid, all_of(grid, "white"))
    assert set(np.unique(white)) == {2, 41, 8, 47, 16, 17, 53}
    fluid = parcellate(grid, all_of(grid, "csf"))
    assert set(np.unique(fluid)) == {0, 4, 43}
    assert not parcellate(grid, all_of(grid, "skull")).any()


def test_cerebellum_and_brain_stem_are_no_cerebrum():
    below = np.array([[30, -65, -40], [0, -30, -40], [-20, -75, -30]], float).T
    above = np.array([[30, -90, 0], [0, 30, 10], [-40, -40, -20], [25, -20, -15]], float).T
    assert not cerebrum(below).any()
    assert cerebrum(above).all()
