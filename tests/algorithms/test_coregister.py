import nibabel as nb
import numpy as np
import pytest
from support.blobs import LAS, SHAPE, BlobHead

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.coregister import coregister, similarity
from fmriprod.algorithms.transforms import displacement, mask_points, rigid_matrix

T1W, EPI = BlobHead(), BlobHead(inverted=True)
FINE, FINE_SHAPE = np.diag([2.0, 2.0, 2.0, 1.0]), (66, 72, 60)
FINE[:3, 3] = -65, -71, -59
BRAIN = mask_points(T1W.image() > 500, LAS)[::20]


@pytest.fixture(scope="module")
def t1w():
    return T1W.image(shape=FINE_SHAPE, affine=FINE)


def epi(where, rng, noise=15.0):
    """Noisy EPI of the same head, elsewhere: the reference has it at the origin."""
    return EPI.image(where) + rng.normal(scale=noise, size=SHAPE).astype(np.float32)


def error(found, where):
    return displacement(found, where, BRAIN).mean()


def test_the_contrasts_are_inverted():
    one, two = (h.image()[14:26, 14:26, 8:16].ravel() for h in (T1W, EPI))
    assert np.corrcoef(one, two)[0, 1] < -0.5


@pytest.mark.parametrize("seed", range(4))
def test_a_known_displacement_is_found(t1w, seed):
    rng = np.random.default_rng(seed)
    where = rigid_matrix([*rng.uniform(-10, 10, 3), *np.deg2rad(rng.uniform(-10, 10, 3))])
    found = coregister(epi(where, rng), LAS, t1w, FINE)
    assert error(found.transform, where) < 0.5
    assert error(np.eye(4), where) > 3
    assert 1.01 < found.similarity < 2


def test_masks_and_gaps_and_threads(t1w, rng):
    where = rigid_matrix([5, -4, 3, 0.1, -0.05, 0.08])
    moving = epi(where, rng)
    by_brain = coregister(moving, LAS, t1w, FINE, moving > 400)
    by_reference = coregister(moving, LAS, t1w, FINE, None, t1w > 500)
    assert max(error(f.transform, where) for f in (by_brain, by_reference)) < 0.5
    again = coregister(moving, LAS, t1w, FINE, moving > 400, num_threads=3)
    np.testing.assert_array_equal(again.transform, by_brain.transform)
    moving[18:21, 20, 12] = np.nan
    assert error(coregister(moving, LAS, t1w, FINE).transform, where) < 0.5


def test_a_slab_of_the_head_finds_its_place(t1w, rng):
    where = rigid_matrix([3, 4, -5, 0.06, 0.04, -0.05])
    slab = epi(where, rng)[:, :, 9:20]
    affine = LAS.copy()
    affine[2, 3] += 9 * 4.0
    assert error(coregister(slab, affine, t1w, FINE).transform, where) < 1


def test_wrong_headers_need_a_search(t1w, rng):
    where = rigid_matrix([60, -50, 40, 0.4, -0.3, 0.35])
    affine = where @ LAS  # the same voxels, said to lie far away and turned
    found = coregister(epi(None, rng), affine, t1w, FINE, start="search")
    assert error(found.transform, where) < 0.5


def test_similarity_is_highest_where_the_images_match(t1w, rng):
    moving = epi(None, rng)
    best = similarity(moving, LAS, t1w, FINE, np.eye(4))
    for size in (2, 5, 10):
        worse = similarity(moving, LAS, t1w, FINE, rigid_matrix([size, 0, 0, 0, 0, 0]))
        assert worse < best
        best = worse


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moving": np.ones(SHAPE)}, "constant or nowhere finite"),
        ({"reference": np.full((9, 9, 9), np.nan)}, "constant or nowhere finite"),
        ({"moving": np.ones((*SHAPE, 2))}, "take the mean of a series"),
        ({"moving_mask": np.zeros(SHAPE, bool)}, "at least 500 voxels"),
    ],
)
def test_images_that_cannot_be_compared_are_refused(t1w, change, message):
    args = {"moving": EPI.image(), "moving_affine": LAS, "reference": t1w, "reference_affine": FINE}
    with pytest.raises(InputError, match=message):
        coregister(**{**args, **change})


@pytest.mark.realdata
def test_real_epi_agrees_with_another_program(real_data):
    folder = real_data("studyforrest_localizer")
    bold, t1w = nb.load(folder / "bold.nii.gz"), nb.load(folder / "T1w.nii.gz")
    mean = np.asarray(bold.dataobj[..., :10], np.float32).mean(axis=3)
    known = np.loadtxt(folder / "epi_to_t1_rigid_dipy.txt")  # x_epi = A x_t1, good to 1 mm
    found = coregister(mean, bold.affine, t1w.get_fdata(dtype=np.float32), t1w.affine)
    points = mask_points(mean > 0.4 * np.percentile(mean, 99), bold.affine)[::50]
    points = points @ np.linalg.inv(known)[:3, :3].T + np.linalg.inv(known)[:3, 3]
    distance = displacement(found.transform, known, points)
    assert distance.mean() < 1.2  # mm; 3 is asked for, 0.6 was found
    assert displacement(np.eye(4), known, points).mean() > 10
