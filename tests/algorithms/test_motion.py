import nibabel as nb
import numpy as np
import pytest
from support.blobs import LAS, SHAPE, BlobHead

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.motion import estimate_motion, typical_volume
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.transforms import (
    displacement,
    framewise_displacement,
    grid_center,
    mask_points,
    rigid_matrix,
    rigid_parameters,
)

CENTER = grid_center(SHAPE, LAS)
HEAD = BlobHead()


def random_motion(rng, n_volumes, size=2.0):
    """Rigid parameters of up to ``size`` mm and degrees, zero at volume 0."""
    motion = rng.uniform(-size, size, (n_volumes, 6))
    motion[:, 3:] = np.deg2rad(motion[:, 3:])
    motion[0] = 0
    return motion


def moving_head(motion):
    return np.stack([HEAD.image(m) for m in rigid_matrix(motion, CENTER)], axis=3)


def error(found, motion):
    """Mean displacement in mm over the head, after bringing volume 0 to rest."""
    points = mask_points(HEAD.image() > 500, LAS)[::50]
    relative = found @ np.linalg.inv(found[0])
    truth = rigid_matrix(motion, CENTER)
    return np.mean(
        [displacement(a, b, points).mean() for a, b in zip(relative, truth, strict=True)]
    )


@pytest.fixture(scope="module")
def known():
    motion = random_motion(np.random.default_rng(1), 8)
    return motion, moving_head(motion)


@pytest.mark.parametrize("reference", [None, 0, 3], ids=["mean", "first", "fourth"])
def test_known_motion_is_found(known, reference):
    motion, series = known
    found = estimate_motion(series, LAS, reference)
    assert found.converged.all()
    assert error(found.matrices, motion) < 0.05
    if reference is not None:
        assert found.reference_volume == reference
        np.testing.assert_allclose(found.matrices[reference], np.eye(4), atol=1e-3)


def test_parameters_tell_where_the_head_is_not_how_to_bring_it_back(known):
    series = np.stack([HEAD.image(), HEAD.image(rigid_matrix([0, 0, 1.5, 0.02, 0, 0], CENTER))], 3)
    found = estimate_motion(series, LAS, 0)
    parameters = rigid_parameters(found.matrices, found.center)
    np.testing.assert_allclose(parameters[1], [0, 0, 1.5, 0.02, 0, 0], atol=0.02)


def test_noise_activation_brightness_and_spikes_do_not_mislead(rng):
    motion = random_motion(rng, 10, 0.3)
    motion[6] = 4, -5, 3, 0.08, -0.05, 0.06  # a spike
    series = moving_head(motion)
    blob = np.zeros(SHAPE, np.float32)
    blob[10:16, 12:18, 10:16] = 60  # 6 % of the mean, in half of the volumes
    for t in range(10):
        series[..., t] += blob * (t % 2)
        series[..., t] = series[..., t] * (1 + 0.03 * t) + 5 * t
    series += rng.normal(scale=15, size=series.shape)
    found = estimate_motion(series, LAS)
    assert error(found.matrices, motion) < 0.1
    assert found.reference_volume != 6


def test_large_steps_are_caught():
    motion = np.zeros((3, 6))
    motion[1] = 10, -8, 6, 0.12, -0.1, 0.1
    motion[2] = -8, 8, -8, -0.1, 0.12, -0.15
    assert error(estimate_motion(moving_head(motion), LAS, 0).matrices, motion) < 0.1


def test_noise_alone_makes_no_motion(rng):
    series = HEAD.image()[..., None] + rng.normal(scale=10, size=(*SHAPE, 8)).astype(np.float32)
    found = estimate_motion(series, LAS)
    assert error(found.matrices, np.zeros((8, 6))) < 0.03
    displacements = framewise_displacement(rigid_parameters(found.matrices, found.center))
    assert np.nanmedian(displacements) < 0.1


def test_a_reference_on_another_grid_sets_the_space(known):
    motion, series = known
    affine = rigid_matrix([0, 0, 0, 0.2, 0, 0.1]) @ np.diag([3.5, 3.5, 4, 1])
    affine[:3, 3] = -affine[:3, :3] @ ((42 - 1) / 2, (44 - 1) / 2, (30 - 1) / 2)
    image = HEAD.image(shape=(42, 44, 30), affine=affine)
    found = estimate_motion(series, LAS, image, affine)
    points = mask_points(HEAD.image() > 500, LAS)[::50]
    truth = rigid_matrix(motion, CENTER)
    errors = [displacement(a, b, points).mean() for a, b in zip(found.matrices, truth, strict=True)]
    assert np.max(errors) < 0.1
    np.testing.assert_allclose(found.center, 0, atol=1e-9)


def test_threads_change_no_bit(known):
    one, three = (estimate_motion(known[1], LAS, num_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.matrices, three.matrices)


def test_nan_voxels_are_left_out(known, rng):
    motion, series = known
    series = series.copy()
    series[rng.integers(0, 40, 20), rng.integers(0, 40, 20), 12, 2] = np.nan
    series[:3] = np.nan
    assert error(estimate_motion(series, LAS, 0).matrices, motion) < 0.1


def test_the_typical_volume_is_no_spike(known, rng):
    motion = random_motion(rng, 6, 0.2)
    motion[0] = 6, 6, 6, 0.1, 0.1, 0.1
    assert typical_volume(moving_head(motion)) != 0


@pytest.mark.parametrize(
    ("series", "reference", "message"),
    [
        (HEAD.image(), None, "at least 2 volumes"),
        (HEAD.image()[..., None], None, "at least 2 volumes"),
        (np.ones((40, 40, 1, 5)), None, "4 voxels along each axis"),
        (np.stack([HEAD.image(), np.full(SHAPE, 7.0)], 3), None, "no finite value: 1"),
        (np.stack([HEAD.image(), np.full(SHAPE, np.nan)], 3), 0, "no finite value: 1"),
        (np.stack([HEAD.image()] * 2, 3), 2, "an index from 0 to 1"),
        (np.stack([HEAD.image()] * 2, 3), -1, "an index from 0 to 1"),
        (np.stack([HEAD.image()] * 2, 3), np.ones(SHAPE), "constant or nowhere finite"),
        (np.stack([HEAD.image()] * 2, 3), HEAD.image()[0], "2 dimensions"),
    ],
)
def test_runs_without_motion_to_find_are_refused(series, reference, message):
    with pytest.raises(InputError, match=message):
        estimate_motion(series, LAS, reference)


def test_a_volume_that_shows_another_place_is_named():
    far = np.zeros(SHAPE, np.float32)
    far[:2, :2, :2] = HEAD.image()[20:22, 20:22, 12:14]
    series = np.stack([HEAD.image(), HEAD.image(), far], axis=3)
    with pytest.raises(InputError, match=r"volumes 2 \(counted from 0\)"):
        estimate_motion(series, LAS, 0)


@pytest.mark.realdata
def test_motion_added_to_a_real_run_is_recovered(real_data, rng):
    image = nb.load(real_data("studyforrest_localizer") / "bold.nii.gz")
    series = np.asarray(image.dataobj[..., :24], np.float32)
    center = grid_center(series.shape, image.affine)
    own = estimate_motion(series, image.affine, 0, num_threads=2)
    real = framewise_displacement(rigid_parameters(own.matrices, own.center))
    assert 0.01 < np.nanmedian(real) < 0.3
    motion = random_motion(rng, 24)
    # A point x of the moved volume shows what the run has at (added x).
    added = rigid_matrix(motion, center)
    for t in range(24):
        grid = (image.affine, series.shape[:3], image.affine)
        series[..., t] = resample(
            series[..., t], *grid, added[t], "sinc" if t < 3 else "spline", "edge"
        )
    found = estimate_motion(series, image.affine, 0, num_threads=2)
    truth = np.linalg.inv(added) @ own.matrices
    difference = rigid_parameters(np.linalg.inv(truth) @ found.matrices, center)
    assert np.abs(difference[:, :3]).mean() < 0.03  # mm; 0.3 is asked for
    assert np.rad2deg(np.abs(difference[:, 3:])).mean() < 0.03
    assert np.abs(motion[1:, :3]).mean() > 0.8


def test_a_region_that_brightens_does_not_pull_the_head(rng):
    """Least squares without robust weights takes activation for motion (Freire & Mangin 2001)."""
    still = HEAD.image().astype(np.float32)
    series = np.stack([still] * 6, axis=3) + rng.normal(0, 2, (*SHAPE, 6)).astype(np.float32)
    inside = np.argwhere(still > 500)
    front = inside[inside[:, 1] > np.percentile(inside[:, 1], 85)]
    series[(*front.T, slice(3, 6))] *= 1.15
    found = estimate_motion(series, LAS, 0)
    assert error(found.matrices, np.zeros((6, 6))) < 0.05  # 0.2 without weights
