import nibabel as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, ndimage, stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.clusters import (
    ClusterRule,
    Smoothness,
    cluster_p,
    least_size,
    smoothness,
    task_mask,
)

SHAPE = (36, 40, 32)


def smooth_noise(rng, fwhm, shape=SHAPE):
    """Simulated: Gaussian noise of unit variance and known smoothness (voxels), no borders."""
    sigma = fwhm / np.sqrt(8 * np.log(2))
    noise = rng.normal(size=shape)
    kernel = np.zeros(shape)
    kernel[tuple(n // 2 for n in shape)] = 1
    power = np.sqrt((ndimage.gaussian_filter(kernel, sigma, mode="wrap") ** 2).sum())
    return ndimage.gaussian_filter(noise, sigma, mode="wrap") / power


@pytest.mark.parametrize("fwhm", [(2.0, 2.0, 2.0), (3.0, 4.0, 5.0)])
def test_smoothness_of_noise_is_found(rng, fwhm):
    whole = np.ones(SHAPE, bool)
    ball = ((np.indices(SHAPE).T - np.array(SHAPE) / 2) ** 2).sum(axis=-1).T < 14**2
    for mask in (whole, ball):
        found = np.mean(
            [smoothness(smooth_noise(rng, np.array(fwhm)), mask).fwhm for _ in range(12)], axis=0
        )
        np.testing.assert_allclose(found, fwhm, rtol=0.06)


def test_smoothness_uses_pairs_in_the_mask_alone(rng):
    z, mask = smooth_noise(rng, 3.0), rng.random(SHAPE) < 0.5
    spoilt = np.where(mask, z, 1e6)
    np.testing.assert_allclose(smoothness(spoilt, mask).fwhm, smoothness(z, mask).fwhm)
    np.testing.assert_allclose(smoothness(z, mask).fwhm, 3, rtol=0.15)
    assert smoothness(z, mask).n_voxels == mask.sum()
    assert (smoothness(rng.normal(size=SHAPE), mask).fwhm < 0.9).all()


def test_as_many_clusters_of_such_a_size_as_the_theory_says(rng):
    """Of noise 5 voxels smooth above z = 3.1: number and mean size of clusters."""
    counts, sizes, smooth = [], [], Smoothness(np.full(3, 5.0), int(np.prod(SHAPE)))
    for _ in range(250):
        labels, n = ndimage.label(smooth_noise(rng, 5.0) > 3.1, np.ones((3, 3, 3)))
        counts.append(n)
        sizes.extend(np.bincount(labels.ravel())[1:])
    # At size 0 every cluster counts: p is 1 - exp(-expected number).
    expected = -np.log1p(-cluster_p(0, 3.1, smooth))
    assert np.mean(counts) == pytest.approx(expected, rel=0.15)
    assert np.mean(sizes) == pytest.approx(np.prod(SHAPE) * stats.norm.sf(3.1) / expected, rel=0.15)


@pytest.mark.parametrize("threshold", [2.3, 3.1, 4.0])
def test_the_expected_number_is_the_density_of_the_euler_characteristic(threshold):
    """Of a Gaussian field: He2(u) phi(u) (4 ln 2)^(3/2) / (2 pi)^(3/2) a resel."""
    smooth = Smoothness(np.array([2.0, 3.0, 4.0]), 240_000)
    hermite = np.polynomial.hermite_e.hermeval(threshold, [0, 0, 1])
    density = hermite * stats.norm.pdf(threshold) * (4 * np.log(2) / (2 * np.pi)) ** 1.5
    expected = 240_000 / 24 * density
    assert cluster_p(0, threshold, smooth) == pytest.approx(-np.expm1(-expected), rel=1e-9)
    # Sizes with that tail, summed over all clusters, fill the volume above the threshold.
    sizes = np.linspace(0, 800, 40_000) ** 1.5
    if expected < 30:  # p of more clusters is 1 to all digits
        tail = -np.log1p(-cluster_p(sizes, threshold, smooth)) / expected
        volume = expected * integrate.trapezoid(tail, sizes)
        assert volume == pytest.approx(240_000 * stats.norm.sf(threshold), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("fwhm", "threshold"), [(3.0, 2.3), (3.0, 3.1), (5.0, 2.3), (5.0, 3.1)])
def test_five_percent_of_noise_maps_at_most_have_a_cluster(fwhm, threshold):
    """The theory errs to the safe side: 1 to 4 % of simulated maps instead of 5 %."""
    rng, n, hits = np.random.default_rng(4), 400, 0
    for _ in range(n):
        z = smooth_noise(rng, fwhm)
        rule = ClusterRule(threshold, threshold, 0.05)
        hits += task_mask(z, np.ones(SHAPE, bool), rule).surviving.any()
    assert 1 <= hits <= stats.binom.ppf(0.99, n, 0.05)


def test_p_falls_with_size_and_rises_with_the_volume_searched():
    small, large = (Smoothness(np.full(3, 4.0), n) for n in (5_000, 200_000))
    sizes = np.arange(1, 400)
    assert (np.diff(cluster_p(sizes, 2.3, large)) <= 0).all()
    assert (cluster_p(sizes[50:], 2.3, small) < cluster_p(sizes[50:], 2.3, large)).all()


@given(
    p=st.floats(0.001, 0.5), threshold=st.floats(2.1, 4), fwhm=st.floats(1, 8),
    n=st.integers(2_000, 300_000),
)  # fmt: skip
def test_the_least_size_is_the_first_below_p(p, threshold, fwhm, n):
    smooth = Smoothness(np.full(3, fwhm), n)
    size = least_size(p, threshold, smooth)
    assert cluster_p(size, threshold, smooth) < p
    assert size == 1 or cluster_p(size - 1, threshold, smooth) >= p


def blocks():
    """Two blocks that touch at a corner (8 + 8 voxels), a lone one of 8, a low one of 27."""
    z = np.zeros((14, 14, 14))
    for corner in ((0, 0, 0), (2, 2, 2), (8, 8, 8)):
        z[tuple(slice(c, c + 2) for c in corner)] = 2.5
    z[0, 0, 0] = z[8, 8, 8] = z[8, 8, 9] = 4
    z[10:13, 0:3, 0:3] = 2.9
    return z


@pytest.mark.parametrize(
    ("rule", "n_surviving", "n_high", "n_clusters"),
    [
        (ClusterRule(p=0), 51, 3, 3),
        (ClusterRule(p=0, min_voxels=8), 51, 3, 3),
        (ClusterRule(p=0, min_voxels=9), 43, 1, 2),  # corners join: 16 voxels
        (ClusterRule(p=0, min_voxels=17), 27, 0, 1),
        (ClusterRule(2.6, 3.0, 0), 30, 3, 3),
        (ClusterRule(p=0, height=2.3), 51, 51, 3),
        (ClusterRule(p=0, min_voxels=28), 0, 0, 0),
    ],
)
def test_clusters_by_hand(rule, n_surviving, n_high, n_clusters):
    z = blocks()
    found = task_mask(z, np.ones(z.shape, bool), rule)
    assert (found.surviving.sum(), found.mask.sum(), found.n_clusters) == (
        n_surviving, n_high, n_clusters,
    )  # fmt: skip


def test_nothing_outside_the_mask_and_nothing_at_the_threshold_itself():
    z, mask = blocks(), np.ones((14, 14, 14), bool)
    mask[8] = False
    assert task_mask(z, mask, ClusterRule(p=0)).mask.sum() == 1
    assert not task_mask(
        np.full((5, 5, 5), 3.0), np.ones((5, 5, 5), bool), ClusterRule(p=0)
    ).mask.any()
    assert not task_mask(z, np.zeros_like(mask)).mask.any()


def test_known_smoothness_is_in_millimetres(rng):
    z, mask = smooth_noise(rng, 2.0), np.ones(SHAPE, bool)
    rule = ClusterRule(2.3, 3.0, 0.05, fwhm=12.0)
    needed = least_size(0.05, 2.3, Smoothness(np.array([6.0, 4.0, 3.0]), z.size))
    assert task_mask(z, mask, rule, (2.0, 3.0, 4.0)).min_voxels == needed
    assert task_mask(z, mask).min_voxels < needed


def test_an_activation_survives_in_smooth_noise(rng):
    z = smooth_noise(rng, 3.0)
    z[10:18, 10:18, 10:18] += 4
    found = task_mask(z, np.ones(SHAPE, bool))
    assert found.mask[11:17, 11:17, 11:17].mean() > 0.7
    assert found.surviving.sum() < 3 * 8**3


def test_thresholds_that_make_no_sense_are_refused():
    with pytest.raises(InputError) as error:
        task_mask(np.zeros((3, 3, 3)), np.ones((3, 3, 3), bool), ClusterRule(1.5, 1.0, 1.2))
    for part in ("height 1 below", "p 1.2", "cluster threshold 1.5 with a cluster p"):
        assert part in str(error.value)


@pytest.mark.realdata
def test_the_published_mask_is_what_our_rule_makes_of_the_published_map(real_data):
    folder = real_data("neurosketch") / "group_maps"
    z = nb.load(folder / "thresh_zstat1.nii.gz").get_fdata(dtype=np.float32)
    published = nb.load(folder / "draw_task_mask_bin.nii.gz").get_fdata() > 0
    found = task_mask(z, z != 0, ClusterRule(p=0))
    assert found.surviving.sum() == 29_377 and z[found.surviving].min() > 2.3
    np.testing.assert_array_equal(found.mask, published)
    assert found.mask.sum() == 18_732
    # Five clusters of 847 voxels and more: the map had been through a cluster rule, with
    # neighbours by corners. By faces alone it would fall into many more pieces.
    assert found.n_clusters == 5
    assert task_mask(z, z != 0, ClusterRule(p=0, min_voxels=847)).n_clusters == 5
    assert task_mask(z, z != 0, ClusterRule(p=0, min_voxels=848)).n_clusters == 4
