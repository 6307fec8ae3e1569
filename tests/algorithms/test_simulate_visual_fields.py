import numpy as np
import pytest
from scipy.ndimage import label

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_visual_fields import (
    crop_grid,
    gaussian_windows,
    lay_out_areas,
    visual_field,
)

POINTS = {"A": [(10.0, -20.0, 0.0)], "B": [(24.0, -20.0, 0.0), (10.0, -20.0, 20.0)]}
AFFINE = np.array([[-3.0, 0, 0, 40], [0, 3, 0, -50], [0, 0, 3, -30], [0, 0, 0, 1]])
MASK = np.ones((27, 20, 24), bool)


@pytest.fixture(scope="module")
def table():
    return lay_out_areas(MASK, AFFINE, POINTS, 600)


def test_voxels_go_to_the_nearest_point_and_the_nearest_voxels_are_taken(table):
    """Against a loop over all voxels of the grid."""
    assert len(table) == 600
    flat = np.ravel_multi_index(table[["i", "j", "k"]].to_numpy().T, MASK.shape)
    assert (np.diff(flat) > 0).all()
    sites = [(name, np.array(p)) for name, own in POINTS.items() for p in own]
    best = {}
    for voxel in np.argwhere(MASK):
        x, y, z = AFFINE[:3, :3] @ voxel + AFFINE[:3, 3]
        best[tuple(voxel)] = min((np.linalg.norm((abs(x), y, z) - p), n) for n, p in sites)
    farthest = sorted(d for d, _ in best.values())[599]
    for row in table.itertuples():
        distance, name = best[row.i, row.j, row.k]
        assert distance <= farthest and name == row.area
        assert row.hemisphere == ("L" if row.x < 0 else "R")
        np.testing.assert_allclose(
            AFFINE @ (row.i, row.j, row.k, 1), (row.x, row.y, row.z, 1), atol=1e-9
        )


def test_areas_are_in_one_piece_for_each_point(table):
    for area, own in POINTS.items():
        where = np.zeros(MASK.shape, bool)
        where[tuple(table.loc[table["area"] == area, ["i", "j", "k"]].to_numpy().T)] = True
        assert label(where)[1] <= 2 * len(own)


def test_each_hemisphere_sees_the_other_side_and_low_voxels_see_the_upper_field(table):
    seen = visual_field(table)
    right = np.cos(seen["angle"]) > 0
    np.testing.assert_array_equal(right, table["hemisphere"] == "L")
    for _, rows in table.groupby(["area", "hemisphere"]):
        up = np.sin(seen.loc[rows.index, "angle"])
        assert np.corrcoef(up, rows["z"])[0, 1] < -0.9
        far = seen.loc[rows.index, "eccentricity"]
        assert np.corrcoef(far, rows["y"])[0, 1] > 0.85
        assert far.min() == pytest.approx(0.2) and far.max() == pytest.approx(0.85)
        # The whole half field is seen, each part by as many voxels.
        elevation = np.degrees(np.arcsin(up))
        counts, _ = np.histogram(elevation, [-85.1, -42.5, 0, 42.5, 85.1])
        assert np.ptp(counts) <= 2


def test_the_map_is_smooth(table):
    """Neighbours see nearly the same angle."""
    angles = np.full(MASK.shape, np.nan)
    angles[tuple(table[["i", "j", "k"]].to_numpy().T)] = visual_field(table)["angle"]
    owner = np.zeros(MASK.shape, int)
    owner[tuple(table[["i", "j", "k"]].to_numpy().T)] = 1 + (table["area"] == "B")
    same = (owner[:, 1:] == owner[:, :-1]) & (owner[:, 1:] > 0)
    step = np.abs(np.angle(np.exp(1j * (angles[:, 1:] - angles[:, :-1]))))[same]
    assert np.degrees(np.median(step)) < 15


def test_windows_are_gaussians_about_their_centres():
    """Against the sum over the pixels of each window."""
    angle, far = np.deg2rad([0.0, 90, 180, 225]), np.array([0.5, 0.4, 0.3, 0.6])
    windows = gaussian_windows(angle, far, np.array([0.1, 0.1, 0.2, 0.05]), (60, 80))
    assert windows.shape == (4, 4800) and windows.dtype == np.float32
    np.testing.assert_allclose(windows.sum(axis=1), 1, rtol=1e-5)
    maps = windows.reshape(4, 60, 80)
    up = np.linspace(1 - 1 / 60, -1 + 1 / 60, 60)
    right = np.linspace(-1 + 1 / 80, 1 - 1 / 80, 80)
    for k in range(4):
        x, y = (maps[k].sum(axis=0) * right).sum(), (maps[k].sum(axis=1) * up).sum()
        np.testing.assert_allclose(
            (x, y), (far[k] * np.cos(angle[k]), far[k] * np.sin(angle[k])), atol=0.02
        )
    spread = np.sqrt((maps[0].sum(axis=1) * up**2).sum())
    assert spread == pytest.approx(0.1, rel=0.05)


def test_a_window_narrower_than_the_grid_is_one_place():
    window = gaussian_windows(np.array([0.3]), np.array([0.5]), np.array([1e-4]), (7, 7))
    assert window.max() == 1 and (window > 0).sum() == 1


@pytest.mark.parametrize(
    ("n_voxels", "text"), [(0, "1 to the"), (10**6, "1 to the 12960"), (4, "leave fewer for")]
)
def test_too_few_or_too_many_voxels_are_refused(n_voxels, text):
    with pytest.raises(InputError, match=text):
        lay_out_areas(MASK, AFFINE, POINTS, n_voxels)


def test_a_cropped_grid_holds_the_same_voxels_at_the_same_places(table):
    cropped, shape, affine = crop_grid(table, AFFINE, margin=1)
    voxels = cropped[list("ijk")].to_numpy()
    assert (voxels.min(axis=0) == 1).all() and (voxels.max(axis=0) + 2 == shape).all()
    np.testing.assert_allclose(
        voxels @ affine[:3, :3].T + affine[:3, 3], table[list("xyz")].to_numpy(), atol=1e-9
    )
    assert cropped.drop(columns=list("ijk")).equals(table.drop(columns=list("ijk")))
    assert (np.diff(np.ravel_multi_index(voxels.T, shape)) > 0).all()
