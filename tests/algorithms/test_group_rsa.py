"""Maps of a group tested against 0."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage, stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import PUBLISHED, GroupRule, fisher_z, group_rsa
from fmriprod.algorithms.group_rsa_null import shuffled_p, shuffled_t
from fmriprod.algorithms.sign_flip import fdr

MASK = np.ones((6, 5, 4), bool)


def noise(rng, n_subjects=8, n_maps=2, n_voxels=120, scale=0.2):
    return np.tanh(scale * rng.normal(size=(n_subjects, n_maps, n_voxels)))


def all_flips(z):
    return np.array([
        stats.ttest_1samp(z * np.reshape(signs, (-1, *[1] * (z.ndim - 1))), 0).statistic
        for signs in itertools.product((1, -1), repeat=len(z))
    ])  # fmt: skip


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_all_flips_are_enumerated(rng, two_sided, together):
    maps = noise(rng) + 0.1
    rule = GroupRule(two_sided=two_sided, together=together, level=0.2)
    found = group_rsa(maps, rule=rule)
    z = np.arctanh(maps)
    observed = stats.ttest_1samp(z, 0, alternative="two-sided" if two_sided else "greater")
    np.testing.assert_allclose(found.t, observed.statistic, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.p_t, observed.pvalue, rtol=1e-3)
    np.testing.assert_allclose(found.mean, z.mean(axis=0), rtol=1e-5, atol=1e-7)
    size = np.abs if two_sided else np.asarray
    null = size(all_flips(z))
    bound = size(observed.statistic) - 1e-6
    np.testing.assert_allclose(found.p, (null >= bound).mean(axis=0), atol=1e-6)
    largest = null.max(axis=(1, 2) if together else 2)
    largest = largest.reshape(len(null), -1, 1)
    apart = np.abs(found.p_max - (largest >= bound).mean(axis=0))
    assert apart.max() < 1.01 / 256  # nearly equal values can be ranked otherwise in float32,
    assert (apart > 1e-6).mean() < 0.01  # but hardly ever are
    np.testing.assert_array_equal(found.surviving, found.p_max <= 0.2)
    assert found.n_permutations == 256 and found.n_subjects == 8


@pytest.mark.parametrize("two_sided", [True, False])
def test_sizes_of_clusters_are_compared_with_those_of_all_flips(rng, two_sided):
    maps = np.tanh(
        0.2 * ndimage.gaussian_filter(rng.normal(size=(7, 2, *MASK.shape)), (0, 0, 1, 1, 1))
    )
    maps[:, 0, :3] += 0.05  # a part is above 0
    maps = maps.reshape(7, 2, -1)
    rule = GroupRule(correction="cluster", cluster_p=0.05, neighbours=1, two_sided=two_sided)
    found = group_rsa(maps, mask=MASK, rule=rule)
    cut = stats.t.isf(0.05 / (1 + two_sided), 6)

    def clusters(t):
        sizes = np.zeros(t.shape)
        for side in (t > cut, t < -cut)[: 1 + two_sided]:
            labels, _ = ndimage.label(side.reshape(MASK.shape))
            sizes += (np.bincount(labels.ravel())[labels] * (labels > 0)).ravel()
        return sizes

    null = all_flips(np.arctanh(maps))
    for k in range(2):
        largest = np.array([clusters(t).max() for t in null[:, k]])
        sizes = clusters(null[0, k])  # the first flips nothing
        expected = (largest[:, None] >= sizes).mean(axis=0)
        np.testing.assert_allclose(found.p_cluster[k], np.where(sizes, expected, np.nan), atol=1e-6)
    assert np.isfinite(found.p_cluster).any()


def test_random_flips_in_blocks_are_those_in_one(rng):
    maps = noise(rng, 15)
    rule = GroupRule(n_permutations=400, correction="cluster", cluster_p=0.05)
    one = group_rsa(maps, mask=MASK, rule=rule, seed=3)
    many = group_rsa(maps, mask=MASK, rule=rule, seed=3, memory_mb=0.02)
    for name in ("p", "p_max", "p_cluster"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))
    assert one.n_permutations == 400 and one.p.min() >= 1 / 401
    assert (group_rsa(maps, rule=GroupRule(n_permutations=400), seed=4).p != one.p).any()


def test_planted_effects_are_found_in_their_place_with_their_layer(rng):
    maps = noise(rng, 15, 3, 120, scale=0.05)
    volume = maps.reshape(15, 3, *MASK.shape)
    volume[:, 0, :3, :2] += 0.2  # layer 1 in a corner of 3 x 2 x 4 voxels, layer 3 in another
    volume[:, 2, 4:, 3:] += 0.2
    volume[:, 1, 4:, 3:] += 0.05  # layer 2 too, but less
    planted = np.full(MASK.shape, np.nan)
    planted[:3, :2], planted[4:, 3:] = 1, 3
    for rule in (
        GroupRule(n_permutations=999),
        GroupRule(n_permutations=999, correction="cluster"),
    ):
        found = group_rsa(maps, mask=MASK, rule=rule)
        np.testing.assert_array_equal(found.layer.reshape(MASK.shape), planted)
        assert found.cluster[0].max() == 1 and (found.cluster[0] > 0).sum() == 24
    assert group_rsa(maps, rule=GroupRule(correction="fdr")).surviving[0].sum() >= 24
    small = group_rsa(maps, mask=MASK, rule=replace(rule, min_voxels=20)).surviving.sum(axis=1)
    assert small[0] == 24 and small[2] == 0  # 2 x 2 x 4 voxels are too few
    for size, left in ((24, 24), (25, 0)):
        assert (
            group_rsa(maps, mask=MASK, rule=replace(rule, min_voxels=size)).surviving[0].sum()
            == left
        )


def test_the_best_map_is_that_of_the_largest_mean_or_as_published_t(rng):
    maps = 0.3 + 0.02 * rng.normal(size=(12, 2, 5))
    maps[:, 1] += 0.2 + 0.1 * rng.normal(size=(12, 5))  # larger, but less alike
    rule = GroupRule(n_permutations=400)
    assert (group_rsa(maps, rule=rule).layer == 2).all()
    found = group_rsa(maps, rule=replace(rule, best="t"))
    assert (found.t[0] > found.t[1]).all() and (found.layer == 1).all()
    maps[:, 1] = 0.02 * rng.normal(size=(12, 5)) - 0.9  # below 0: no best map
    assert (group_rsa(maps, rule=rule).layer == 1).all() and PUBLISHED.best == "t"


def test_clusters_of_either_sign_are_apart_and_count_alike(rng):
    maps = 0.05 * rng.normal(size=(10, 1, 120))
    volume = maps.reshape(10, *MASK.shape)
    volume[:, :3] += 0.3
    volume[:, 3:] -= 0.3
    rule = GroupRule(correction="cluster", n_permutations=512)
    found = group_rsa(maps, mask=MASK, rule=rule)
    label = found.cluster.reshape(MASK.shape)
    assert (label[:3] == 1).all() and (label[3:] == 2).all()
    assert (found.layer.reshape(MASK.shape)[:3] == 1).all() and np.isnan(found.layer[60:]).all()
    found = group_rsa(maps, mask=MASK, rule=replace(rule, two_sided=False))
    assert found.surviving[0, :60].all() and not found.surviving[0, 60:].any()


def test_the_published_null_is_that_of_a_slow_loop(rng):
    z = rng.normal(size=(5, 30)) + np.linspace(0, 1, 30)
    null = shuffled_t(z, 20_000, seed=1)
    slow = []
    for _ in range(4000):
        voxels = rng.permutation(30)[:5]
        slow.append(stats.ttest_1samp(z[np.arange(5), voxels], 0).statistic)
    assert (np.diff(null) >= 0).all() and len(null) == 20_000
    assert stats.ks_2samp(null, slow).pvalue > 0.001
    few = shuffled_t(z[:, :5], 3000, seed=1)  # all different: 120 ways at most
    assert len(np.unique(few.round(4))) <= 120


def test_draws_never_have_a_voxel_twice():
    z = np.tile(np.arange(1000.0), (8, 1))  # a voxel twice would give equal values
    from fmriprod.algorithms.group_rsa_null import _different

    for n_voxels in (8, 200, 1000):
        drawn = _different(np.random.default_rng(0), 5000, 8, n_voxels)
        assert all(len(set(row)) == 8 for row in drawn.tolist())
        assert drawn.min() == 0 and drawn.max() == n_voxels - 1
    assert np.isfinite(shuffled_t(z, 1000)).all()


def test_the_published_rule_keeps_t_outside_the_percentiles(rng):
    maps = noise(rng, 15, 2, 120)
    maps[:, 0, :60] += 0.3
    found = group_rsa(maps, rule=replace(PUBLISHED, min_voxels=1, n_draws=50_000))
    for k in range(2):
        null = shuffled_t(np.arctanh(maps[:, k]), 200_000, seed=7)
        low, high = np.percentile(null, (2.5, 97.5))
        clear = (np.abs(found.t[k] - low) > 0.03) & (np.abs(found.t[k] - high) > 0.03)
        outside = (found.t[k] < low) | (found.t[k] > high)
        np.testing.assert_array_equal(found.surviving[k][clear], outside[clear])


def test_p_of_a_pooled_null_counts_the_observed_value_too():
    found = shuffled_p(np.array([0.0, 9, -9, 0.5]), np.linspace(-1, 1, 999))
    np.testing.assert_allclose(found, [1, 0.002, 0.002, 0.502], atol=2e-3)
    one = shuffled_p(np.array([9.0, -9]), np.linspace(-1, 1, 999), two_sided=False)
    np.testing.assert_allclose(one, [0.001, 1])


def test_voxels_that_lack_a_value_are_left_out_and_counted(rng):
    maps = noise(rng)
    whole = group_rsa(np.delete(maps, (3, 50, 77), axis=2))
    maps[2, 1, 3] = np.nan
    maps[0, 0, 50] = 0
    maps[4, 1, 77] = np.inf
    maps[1, :, 10] = 1
    part = group_rsa(maps)
    assert (part.n_not_finite, part.n_zero, part.n_clipped) == (2, 1, 2)
    out = ~part.used
    assert np.flatnonzero(out).tolist() == [3, 50, 77]
    assert np.isnan(part.t[:, out]).all() and not part.surviving[:, out].any()
    others = np.delete(np.arange(120), (3, 10, 50, 77))
    np.testing.assert_array_equal(part.t[:, others], np.delete(whole.t, 9, axis=1))


def test_correlations_of_one_are_clipped_and_larger_ones_refused():
    z, n = fisher_z(np.float32([1, -1, 0.5, np.nan]))
    np.testing.assert_allclose(
        z, [np.arctanh(0.999999), -np.arctanh(0.999999), np.arctanh(0.5), np.nan], rtol=1e-5
    )
    assert n == 2
    with pytest.raises(
        InputError, match=r"(?s)correlations, -1 to 1.*up to 3.2 in size.*fisher off"
    ):
        fisher_z(np.array([0.1, -3.2]))
    with np.errstate(all="raise"):
        assert np.isfinite(group_rsa(np.full((6, 1, 4), 0.5)).p).all()  # no scatter


def test_values_need_no_transform(rng):
    values = rng.normal(size=(8, 1, 20)) * 3
    found = group_rsa(values, rule=GroupRule(fisher=False))
    np.testing.assert_allclose(found.t, stats.ttest_1samp(values, 0).statistic, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": (2, 2, 120)}, "at least 3 participants(?s:.)*found:    2"),
        ({"maps": (1, 2, 120)}, "at least 3 participants(?s:.)*found:    1"),
        ({"maps": (2, 120)}, r"participants x maps x voxels(?s:.)*shape \(2, 120\)"),
        ({"maps": (5, 2, 120)}, "0.05, but 5 participants and 10,000 flips give none below 0.0625"),
        ({"n_permutations": 10}, "8 participants and 10 flips give none below 0.0909"),
        ({"correction": "cluster"}, "a mask, to know which voxels touch"),
        ({"min_voxels": 20}, "a mask, to know which voxels touch"),
        ({"correction": "fwe"}, "correction max, cluster, fdr, none(?s:.)*'fwe'"),
        ({"best": "p"}, "best mean or t(?s:.)*best 'p'"),
        ({"method": "voxel_shuffling"}, "none or fdr with voxel_shuffling(?s:.)*'max'"),
        ({"level": 0.0}, "a share above 0, up to 1"),
    ],
)
def test_what_cannot_be_tested_is_refused(rng, change, message):
    shape = change.pop("maps", (8, 2, 120))
    with pytest.raises(InputError, match=message):
        group_rsa(np.tanh(rng.normal(size=shape)), rule=GroupRule(**change))


def test_maps_without_a_common_voxel_and_other_masks_are_refused(rng):
    maps = noise(rng)
    with pytest.raises(InputError, match="a volume with 120 voxels set") as info:
        group_rsa(maps, mask=np.ones((2, 2, 2), bool))
    assert info.value.found == "8 set in shape (2, 2, 2)"
    maps[0, 0, :60] = np.nan
    maps[1, 1, 60:] = 0
    with pytest.raises(InputError) as info:
        group_rsa(maps)
    assert info.value.found == "none of 120: 60 not finite and 60 0 in some"
    with pytest.raises(InputError, match="a voxel for each of 8 participants"):
        group_rsa(noise(rng)[:, :, :5], rule=replace(PUBLISHED, min_voxels=1))


def _rate(count, n):
    low, high = stats.binomtest(int(count), n).proportion_ci(0.999)
    return low <= 0.05 <= high


@pytest.mark.parametrize("fwhm", [0, 1])
def test_five_per_cent_are_five_per_cent_of_studies_without_effect(fwhm):
    rng = np.random.default_rng(5)
    mask = np.ones((8, 8, 6), bool)
    n, by_max, by_cluster, alone = 400, 0, 0, 0.0
    rule = GroupRule(correction="cluster", n_permutations=199, cluster_p=0.02)
    for _ in range(n):
        z = ndimage.gaussian_filter(rng.normal(size=(9, 1, *mask.shape)), (0, 0, fwhm, fwhm, fwhm))
        found = group_rsa(
            z.reshape(9, 1, -1), mask=mask, rule=replace(rule, fisher=False),
            seed=int(rng.integers(1 << 30)),
        )  # fmt: skip
        by_max += (found.p_max <= 0.05).any()
        by_cluster += np.nanmin(found.p_cluster, initial=1) <= 0.05
        alone += (found.p <= 0.05).mean()
    assert _rate(by_max, n), by_max
    assert stats.binomtest(int(by_cluster), n).proportion_ci(0.999).low <= 0.05, by_cluster
    assert alone / n == pytest.approx(0.05, abs=0.01)


def test_fdr_is_over_the_voxels_of_a_map(rng):
    maps = noise(rng, 12)
    maps[:, 0, :30] += 0.2
    found = group_rsa(maps, rule=GroupRule(correction="fdr"))
    for k in range(2):
        np.testing.assert_array_equal(found.surviving[k], fdr(found.p[k]) <= 0.05)
    assert found.surviving[0, :30].mean() > 0.3
