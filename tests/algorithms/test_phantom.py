import numpy as np
import pytest
from nilearn.datasets import load_mni152_template
from scipy import ndimage

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.phantom import make_head
from fmriprod.algorithms.phantom_anatomy import LABEL, TISSUES, millimetres, smooth_field

ZOOMS = (3.0, 3.0, 3.0)
STILL = {"rotation": 0, "translation": 0, "scale": 0, "warp": 0}


@pytest.fixture(scope="module")
def template():
    return load_mni152_template(resolution=3)


@pytest.fixture(scope="module")
def brain(template):
    return template.get_fdata(dtype=np.float32)


@pytest.fixture(scope="module")
def head(brain):
    return make_head(brain, ZOOMS, seed=3)


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_the_seed_alone_decides(brain, head):
    again, other = make_head(brain, ZOOMS, seed=3), make_head(brain, ZOOMS, seed=4)
    for name in ("t1w", "brain_mask", "labels", "template_voxels"):
        np.testing.assert_array_equal(getattr(again, name), getattr(head, name))
        assert not np.array_equal(getattr(other, name), getattr(head, name))
    assert (head.t1w.dtype, head.brain_mask.dtype, head.labels.dtype) == (
        np.float32, bool, np.uint8,
    )  # fmt: skip


def test_an_unmoved_head_holds_the_template_itself(brain, template):
    head = make_head(brain, ZOOMS, seed=0, bias=0, noise=0, **STILL)
    box = tuple(slice(p, p + n) for p, n in zip(head.padding, brain.shape, strict=True))
    inside = head.brain_mask[box]
    rank = ndimage.map_coordinates(brain, head.template_voxels, order=1)[box][inside]
    np.testing.assert_allclose(rank, brain[inside], atol=1e-4)
    shown = head.t1w[box][inside]
    order = np.argsort(rank)
    assert (np.diff(shown[order]) >= -1e-2).all()  # contrast is stretched, order is kept
    voxel = np.array([20, 30, 10, 1])
    moved = voxel + np.array([*head.padding, 0])
    np.testing.assert_allclose(head.affine(template.affine) @ moved, template.affine @ voxel)


def test_the_true_mask_is_the_warped_brain_with_its_ventricles(brain, head):
    filled = ndimage.binary_fill_holes(brain > 0.1 * brain.max()).astype(np.float32)
    carried = ndimage.map_coordinates(filled, head.template_voxels, order=1) > 0.5
    assert dice(carried, head.brain_mask) > 0.995
    assert ndimage.label(~head.brain_mask)[1] == 1, "the mask has holes"
    assert 1.2 < head.brain_mask.sum() * 27e-6 < 2.6  # litres
    tissue = np.isin(head.labels, [LABEL[n] for n in ("csf", "grey", "white")])
    assert tissue[head.brain_mask].mean() > 0.98


def test_a_head_has_all_tissues_with_t1_contrast_and_room_around_it(brain):
    head = make_head(brain, ZOOMS, seed=5, bias=0, noise=0)
    seen = {TISSUES[n] for n in np.unique(head.labels)}
    assert seen == set(TISSUES) - {"skin"}  # skin is thinner than these voxels
    mean = [
        head.t1w[head.labels == n].mean() if name in seen else 0 for n, name in enumerate(TISSUES)
    ]
    signal = dict(zip(TISSUES, mean, strict=True))
    assert signal["csf"] < signal["grey"] < signal["white"]
    assert signal["skull"] < 0.5 * signal["marrow"]  # partial volume of 3 mm
    assert signal["fat"] > 1.4 * signal["muscle"]
    for axis in (0, 1, 2):  # nothing but the neck is cut by the edge of the image
        assert (head.labels.take(-1, axis) == 0).all()
    assert (head.labels[0] == 0).all() and (head.labels[:, 0] == 0).all()
    assert (head.labels[:, :, 0] == LABEL["muscle"]).any()


def test_every_way_out_of_the_brain_crosses_fluid_or_bone(head):
    shell = ndimage.binary_dilation(head.brain_mask, iterations=2) & ~head.brain_mask
    outside = [LABEL[n] for n in ("csf", "dura", "skull", "marrow", "cord")]
    assert np.isin(head.labels[shell], outside).mean() > 0.93


def test_noise_is_rician_and_bias_keeps_to_its_size(brain):
    noisy = make_head(brain, ZOOMS, seed=7, noise=0.05, bias=0, **STILL)
    air = noisy.t1w[noisy.labels == 0]
    assert np.isclose(air.mean(), 50 * np.sqrt(np.pi / 2), rtol=0.05)  # Rayleigh
    clean = make_head(brain, ZOOMS, seed=7, noise=0, bias=0, **STILL)
    biased = make_head(brain, ZOOMS, seed=7, noise=0, bias=0.3, **STILL)
    ratio = biased.t1w[clean.brain_mask] / clean.t1w[clean.brain_mask]
    assert 0.7 - 1e-4 <= ratio.min() < 0.9 or 1.1 < ratio.max() <= 1.3 + 1e-4
    assert abs(ratio - 1).max() <= 0.3 + 1e-4


def test_motion_has_the_size_asked_for(brain):
    still = make_head(brain, ZOOMS, seed=1, **STILL).template_voxels
    options = {**STILL, "warp": 4.0}
    shift = make_head(brain, ZOOMS, seed=1, **options).template_voxels - still
    rms = 3.0 * np.sqrt((shift**2).sum(0).mean())
    assert np.isclose(rms, 4.0, rtol=0.05)
    options = {**STILL, "translation": 5.0}
    shift = make_head(brain, ZOOMS, seed=1, **options).template_voxels - still
    assert np.ptp(shift, axis=(1, 2, 3)).max() < 1e-3
    assert 0 < abs(shift * 3).max() <= 5.0


@pytest.mark.parametrize("width", [6.0, 40.0])
def test_smooth_field_is_as_smooth_as_its_width_says(width, rng):
    field = smooth_field((60, 50, 40), (2, 2, 3), width, rng)
    assert field.dtype == np.float32
    assert np.isclose(field.std(), 1, atol=1e-3) and abs(field.mean()) < 1e-3
    slope = np.diff(field, axis=0).std() / 2  # a Gaussian process: sd / (sqrt(2) width)
    assert 0.4 < slope * np.sqrt(2) * width < 1.6


def test_millimetres_follow_the_box_of_the_brain():
    mask = np.zeros((40, 50, 60), bool)
    mask[10:21, 10:41, 5:36] = True
    x, y, z = millimetres(mask, (2, 3, 4))
    assert (x.ravel()[15], y.ravel()[25], z.ravel()[20]) == (0, -17, 5)
    assert np.diff(z.ravel())[0] == 4


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda b: b[..., None], "shape"),
        (lambda b: np.where(b > 0.5, np.nan, b), "voxels not finite"),
        (np.zeros_like, "none above 0"),
        (lambda b: b + 1, "are bright"),
    ],
)
def test_what_is_no_stripped_brain_is_refused(brain, change, found):
    with pytest.raises(InputError, match="a stripped T1-weighted brain") as caught:
        make_head(change(brain), ZOOMS, seed=0)
    assert found in caught.value.found
