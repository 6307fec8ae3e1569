import nibabel as nb
import numpy as np
import pytest
from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.normalize import match, normalize
from fmriprod.algorithms.resample import resample
from fmriprod.algorithms.skullstrip import brain_mask_t1w
from fmriprod.algorithms.transforms import displacement, mask_points, rigid_matrix

ROIS = ("fusiform", "inferiorparietal", "lateraloccipital", "superiorfrontal", "superiorparietal")


@pytest.fixture(scope="module")
def template():
    image, brain = load_mni152_template(resolution=2), load_mni152_brain_mask(resolution=2)
    return image.get_fdata(dtype=np.float32), image.affine, brain.get_fdata() > 0


@pytest.fixture(scope="module")
def points(template):
    return mask_points(template[2], template[1])[::200]


def affine_matrix(rng, degrees=15, center=(0, 0, 0)):
    """Shift, turn, zooms of up to 15 % and shears: twelve parameters."""
    rigid = rigid_matrix(
        [*rng.uniform(-30, 30, 3), *np.deg2rad(rng.uniform(-degrees, degrees, 3))], center
    )
    zoom = np.eye(4)
    zoom[:3, :3] = np.diag(rng.uniform(0.87, 1.15, 3)) + rng.uniform(-0.06, 0.06, (3, 3))
    return rigid @ zoom


def other_head(template, where, rng):
    """Simulated: the template's brain moved, shaded as by a coil, with noise, at 2.5 mm."""
    data, affine, mask = template
    shape = (80, 92, 80)
    grid = np.diag([-2.5, 2.5, 2.5, 1])
    center = (where @ [0, -18, 18, 1])[:3]
    grid[:3, 3] = center - grid[:3, :3] @ (np.array(shape) / 2)
    brain = np.where(mask, data, 0)
    moved = resample(brain, affine, shape, grid, np.linalg.inv(where))
    x, y, z = np.indices(shape) / np.array(shape)[:, None, None, None] - 0.5
    shade = np.exp(0.6 * x - 0.8 * y + 0.5 * z - y**2)
    noisy = np.maximum(900 * moved * shade + rng.normal(0, 20, shape), 1)
    return np.where(moved > 0.02, noisy, 0).astype(np.float32), grid


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_affine_is_recovered_under_shading_and_noise(template, points, seed):
    rng = np.random.default_rng(seed)
    where = affine_matrix(rng)
    found = normalize(*other_head(template, where, rng), *template)
    assert displacement(found.transform, where, points).max() < 0.5  # mm; about 0.1 was found
    assert displacement(np.eye(4), where, points).mean() > 10
    assert found.correlation > 0.9 and found.overlap > 0.9


def test_an_image_of_half_the_voxel_size_is_no_half_voxel_off(template, points):
    data, affine, mask = template
    where = rigid_matrix([7, -5, 4, 0.1, 0.05, -0.08])
    fine = np.diag([0.9, 1.0, 0.7, 1.0])
    fine[:3, 3] = -90, -130, -80
    shape = (200, 225, 260)
    image = resample(np.where(mask, data, 0), affine, shape, fine, np.linalg.inv(where))
    found = normalize(np.where(image > 0.02, image, 0), fine, *template)
    assert displacement(found.transform, where, points).max() < 0.2


def test_gaps_and_wild_values_do_no_harm(template, points, rng):
    where = affine_matrix(rng)
    image, grid = other_head(template, where, rng)
    image[30:33, 40:43, 40:43], image[50, 50, 50] = np.nan, 1e9
    found = normalize(image, grid, *template)
    assert displacement(found.transform, where, points).max() < 0.8


def test_a_head_upside_down_is_refused_and_found_by_a_search(template, points, rng):
    where = affine_matrix(rng, degrees=5)
    image, grid = other_head(template, where, rng)
    over = np.diag([1.0, -1, -1, 1])
    with pytest.raises(InputError, match="start='search'"):
        normalize(image, over @ grid, *template)
    found = normalize(image, over @ grid, *template, start="search")
    assert displacement(found.transform, over @ where, points).max() < 0.5


def test_match_falls_with_distance(template, rng):
    image, grid = other_head(template, np.eye(4), rng)
    here = match(image, grid, *template, np.eye(4))
    for size in (3, 8, 20):
        there = match(image, grid, *template, rigid_matrix([size, 0, 0, 0, 0, 0]))
        assert there.correlation < here.correlation and there.overlap < here.overlap
        here = there
    far = match(image, grid, *template, rigid_matrix([900, 0, 0, 0, 0, 0]))
    assert far.correlation == 0 and far.overlap == 0


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.ones((200, 200, 100)), "4.00 litres"),
        (np.zeros((30, 30, 30)), "0.00 litres"),
        (np.ones((30, 30, 30, 2)), r"shape \(30, 30, 30, 2\)"),
        (np.full((110, 110, 110), 3.0), "1.33 litres"),
    ],
)
def test_what_is_no_brain_alone_is_refused(template, image, found):
    with pytest.raises(InputError, match=found) as error:
        normalize(image, np.eye(4), *template)
    assert "strip the skull first" in str(error.value)


def test_noise_is_no_brain(template, rng):
    noise = np.where(template[2], rng.random(template[2].shape), 0)
    with pytest.raises(InputError, match="a correlation of"):
        normalize(noise, template[1], *template)


@pytest.mark.realdata
def test_real_regions_land_where_another_registration_put_them(real_data, template, points):
    folder = real_data("freesurfer_rois_bcbl")
    t1w = nb.load(folder / "T1_brain_native_bet0.41.nii.gz")
    data = t1w.get_fdata(dtype=np.float32)
    found = normalize(data, t1w.affine, *template)
    assert found.correlation > 0.6 and found.overlap > 0.92
    back, distances, inside = np.linalg.inv(found.transform), [], []
    for hemisphere in ("lh", "rh"):
        for name in ROIS:
            own = nb.load(folder / f"rois/ctx-{hemisphere}-{name}_fsl.nii.gz")
            theirs = nb.load(folder / f"rois/ctx-{hemisphere}-{name}_standard.nii.gz")
            region = own.get_fdata(dtype=np.float32)
            middle = mask_points(region > 0.5, own.affine).mean(axis=0)
            given = theirs.get_fdata() > 0
            ours = back[:3, :3] @ middle + back[:3, 3]
            distances.append(np.linalg.norm(ours - mask_points(given, theirs.affine).mean(axis=0)))
            grid = (own.affine, given.shape, theirs.affine, found.transform)
            placed = resample(region, *grid) > 0.5
            inside.append((placed & given).sum() / placed.sum())
    # 2.0 mm and 93 % found. FSL's template is another version of MNI152, and its masks are grown.
    assert np.mean(distances) < 3 and max(distances) < 4.5
    assert np.mean(inside) > 0.8
    # The same brain with a wholly other header: the same place.
    where = affine_matrix(np.random.default_rng(1), 12, mask_points(data > 0, t1w.affine).mean(0))
    moved = normalize(data, where @ t1w.affine, *template)
    error = displacement(np.linalg.inv(where) @ moved.transform, found.transform, points)
    assert error.max() < 1


@pytest.mark.realdata
@pytest.mark.slow
def test_a_normalised_anatomy_hardly_changes(real_data, template, points):
    image = nb.load(real_data("neurospin_localizer_roi") / "subj0_anatomy.nii.gz")
    data = image.get_fdata(dtype=np.float32)
    over = np.diag([1.0, -1, -1, 1])  # its header has the head lie upside down, about its centre
    mask = brain_mask_t1w(data, over @ image.affine)
    found = normalize(np.where(mask, data, 0), over @ image.affine, *template)
    # Statistical Parametric Mapping's box is centred at y = -18 and z = 17.5 mm.
    np.testing.assert_allclose(found.transform[:3, 3], (0, 18, -17.5), atol=1.5)
    assert np.abs(found.transform[:3, :3] - np.eye(3)).max() < 0.05
    searched = normalize(np.where(mask, data, 0), image.affine, *template, start="search")
    assert displacement(over @ searched.transform, found.transform, points).max() < 0.5
