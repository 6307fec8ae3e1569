import nibabel as nb
import numpy as np
import pytest
from scipy import ndimage
from support.heads import dice, simulated_epi, simulated_head

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.phantom_anatomy import LABEL
from fmriprod.algorithms.reorient import reorient
from fmriprod.algorithms.skullstrip import brain_mask_epi, brain_mask_t1w

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture(scope="module")
def stripped():
    head, affine = simulated_head()
    return head, affine, brain_mask_t1w(head.t1w, affine)


def assert_one_solid_part(mask):
    assert mask.dtype == bool
    assert ndimage.label(mask)[1] == 1
    np.testing.assert_array_equal(ndimage.binary_fill_holes(mask), mask)


def test_the_brain_of_a_simulated_head_is_found(stripped):
    head, _, mask = stripped
    assert dice(mask, head.brain_mask) > 0.97  # 0.984 when this was written
    assert_one_solid_part(mask)


def test_poles_and_cerebellum_stay_and_the_rest_of_the_head_goes(stripped):
    head, _, mask = stripped
    levels = np.flatnonzero(head.brain_mask.any(axis=(0, 1)))
    low = slice(levels[0], levels[0] + len(levels) // 3)  # cerebellum, temporal poles
    kept = mask[:, :, low][head.brain_mask[:, :, low]]
    assert kept.mean() > 0.96
    for name, most in (("eye", 0), ("vessel", 0), ("muscle", 0.001), ("fat", 0.001)):
        assert mask[head.labels == LABEL[name]].mean() <= most, name
    assert mask[head.labels == LABEL["cord"]].mean() < 0.6
    assert mask[head.labels == LABEL["marrow"]].mean() < 0.02


@pytest.mark.slow
def test_axis_order_position_and_unit_do_not_matter(stripped):
    head, affine, mask = stripped
    data, turned = reorient(head.t1w, affine, "PSR")
    turned = turned.copy()
    turned[:3, 3] += 500
    expected, _ = reorient(mask, affine, "PSR")
    found = brain_mask_t1w(data * 0.01, turned)
    assert dice(found, expected) > 0.9999  # the unit of the image changes roundings only


@pytest.mark.slow
@pytest.mark.parametrize(
    ("resolution", "seed", "options", "least"),
    [
        (2, 3, {"bias": 0.4}, 0.97),
        (2, 4, {"warp": 5.0, "scale": 0.1}, 0.97),
        (2, 5, {"bias": 0.35, "noise": 0.06}, 0.97),
        (2, 6, {"rotation": 15.0, "translation": 15.0}, 0.97),
        (3, 31, {}, 0.94),
        (1, 21, {}, 0.97),
    ],
)
def test_many_heads(resolution, seed, options, least):
    head, affine = simulated_head(resolution, seed, **options)
    mask = brain_mask_t1w(head.t1w, affine)
    assert dice(mask, head.brain_mask) > least
    assert_one_solid_part(mask)


@pytest.mark.slow
def test_a_larger_fraction_makes_a_smaller_brain():
    head, affine = simulated_head()
    small, large = (brain_mask_t1w(head.t1w, affine, fraction=f).sum() for f in (0.7, 0.3))
    assert small < large


@pytest.fixture(scope="module")
def epi():
    head, affine = simulated_head(3, 2)
    return head, affine, simulated_epi(head, (3, 3, 3), np.random.default_rng(1))


def test_the_brain_of_a_simulated_epi_is_found(epi):
    head, affine, data = epi
    mask = brain_mask_epi(data, affine)
    assert dice(mask, head.brain_mask) > 0.93
    assert_one_solid_part(mask)
    assert mask[head.labels == LABEL["eye"]].mean() < 0.02


def test_a_slab_keeps_its_first_and_last_slice(epi):
    head, affine, data = epi
    slices = np.flatnonzero(head.brain_mask.any(axis=(0, 1)))
    part = slice(slices[0] + 18, slices[-1] - 8)
    mask, truth = brain_mask_epi(data[:, :, part], affine), head.brain_mask[:, :, part]
    for end in (0, -1):
        assert dice(mask[:, :, end], truth[:, :, end]) > 0.9


@pytest.mark.parametrize("find", [brain_mask_t1w, brain_mask_epi])
@pytest.mark.parametrize("width", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_no_brain_is_found_in_noise(find, width, rng):
    data = ndimage.gaussian_filter(rng.random((60, 70, 60)), width)
    with pytest.raises(InputError, match="litres that look like one"):
        find(data, AFFINE)


@pytest.mark.parametrize("find", [brain_mask_t1w, brain_mask_epi])
def test_bad_volumes_are_refused_in_plain_words(find):
    data = np.ones((40, 40, 40))
    hole = data.copy()
    hole[3, 4, 5:7] = np.nan, np.inf
    for bad, affine, message in (
        (data * 0, AFFINE, "the value 0 in all voxels"),
        (hole, AFFINE, r"2 voxels that are NaN or infinite \(0.00%\)"),
        (data[..., 0], AFFINE, r"shape \(40, 40\)"),
        (data[..., None], AFFINE, r"shape \(40, 40, 40, 1\)"),
        (data, np.diag([1.0, 1.0, 1.0, 1.0]), "40 x 40 x 40 mm"),
        (data[:, :, :4], AFFINE, r"120 x 120 x 12 mm, shape \(40, 40, 4\)"),
    ):
        with pytest.raises(InputError, match=message):
            find(bad, affine)


@pytest.mark.realdata
def test_real_mean_epi(real_data):
    image = nb.load(real_data("studyforrest_localizer") / "bold.nii.gz")
    mean = np.asarray(image.dataobj[..., ::20], dtype=np.float32).mean(axis=3)
    mask = brain_mask_epi(mean, image.affine)
    assert_one_solid_part(mask)
    assert 1.35 < mask.sum() * 29.7e-6 < 1.75  # litres; a slab that lacks the cerebellum's end
    bright = mean > 0.5 * np.median(mean[mask])
    assert mask[bright].mean() > 0.9  # signal is inside
    assert bright[mask].mean() > 0.93  # and little else


@pytest.mark.realdata
@pytest.mark.slow
def test_real_t1w_holds_the_brain_that_the_epi_shows(real_data):
    folder = real_data("studyforrest_localizer")
    image = nb.load(folder / "T1w.nii.gz")
    mask = brain_mask_t1w(image.get_fdata(dtype=np.float32), image.affine)
    assert_one_solid_part(mask)
    assert 1.45 < mask.sum() * np.prod(image.header.get_zooms()) * 1e-6 < 1.85
    bold = nb.load(folder / "bold.nii.gz")
    epi = brain_mask_epi(np.asarray(bold.dataobj[..., 0], np.float32), bold.affine)
    to_epi = np.loadtxt(folder / "epi_to_t1_rigid_dipy.txt")
    world = nb.affines.apply_affine(np.linalg.inv(to_epi) @ bold.affine, np.argwhere(epi))
    voxels = nb.affines.apply_affine(np.linalg.inv(image.affine), world)
    inside = ndimage.map_coordinates(mask.astype(np.float32), voxels.T, order=1) > 0.5
    assert inside.mean() > 0.93
