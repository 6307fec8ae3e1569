"""Dissimilarities in spheres, against slow loops, SciPy and rsatoolbox."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise_precision import noise_from_repeats, noise_from_residuals
from fmriprod.algorithms.rdm import pair_indices, reorder_pairs
from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import Spheres, find_spheres

pytestmark = pytest.mark.filterwarnings(  # rsatoolbox makes integers of NaN
    "ignore:invalid value encountered in cast:RuntimeWarning"
)
MASK = np.ones((5, 6, 5), bool)
MASK[:2, :2] = False
SPHERES = find_spheres(MASK, np.eye(4), radius=2.0, min_voxels=8)
N_VOXELS = int(MASK.sum())


def simulate(n_conditions=5, n_runs=1, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_conditions, N_VOXELS)) + offset
    noise = rng.normal(size=(n_runs, n_conditions, N_VOXELS))
    patterns = (truth + noise).reshape(-1, N_VOXELS).astype(np.float32)
    return (
        patterns,
        np.tile(np.arange(n_conditions), n_runs),
        np.repeat(np.arange(n_runs), n_conditions),
    )


def rdms(patterns, conditions, spheres=SPHERES, **options):
    blocks = list(
        searchlight_rdms(
            patterns, spheres, conditions=conditions, n_conditions=max(conditions) + 1, **options
        )
    )
    assert [where.start for where, _ in blocks] == [0, *(where.stop for where, _ in blocks[:-1])]
    assert all(block.dtype == np.float32 for _, block in blocks)
    return np.concatenate([block for _, block in blocks])


def loop(patterns, function, spheres=SPHERES):
    return np.array(
        [function(patterns[:, spheres.of(i)].astype(float)) for i in range(len(spheres))]
    )


def correlation(x):
    return 1 - np.corrcoef(x)[pair_indices(len(x))]


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99), st.sampled_from([0.0, 30.0]))
def test_correlation_is_that_of_a_loop(n, seed, offset):
    patterns, conditions, _ = simulate(n, seed=seed, offset=offset)
    np.testing.assert_allclose(rdms(patterns, conditions), loop(patterns, correlation), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 9), st.integers(0, 99), st.sampled_from([0.0, 30.0]))
def test_euclidean_is_that_of_scipy(n, seed, offset):
    patterns, conditions, _ = simulate(n, seed=seed, offset=offset)
    expected = loop(patterns, lambda x: pdist(x, "sqeuclidean") / x.shape[1])
    np.testing.assert_allclose(
        rdms(patterns, conditions, distance="euclidean"), expected, rtol=3e-6
    )


def rsatoolbox_rdms(patterns, conditions, runs, method, precision=None):
    """Give the dissimilarities of rsatoolbox on the same spheres."""
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    rows = []
    for i in range(len(SPHERES)):
        own = patterns[:, SPHERES.of(i)].astype(float)
        data = Dataset(own, obs_descriptors={"condition": conditions, "run": runs})
        said = {"noise": precision(own, i)} if precision else {}
        if method == "crossnobis":
            said["cv_descriptor"] = "run"
        rows.append(calc_rdm(data, method, "condition", **said).dissimilarities[0])
    return np.array(rows)


@pytest.mark.parametrize("n_runs", [1, 3])
@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
def test_plain_distances_are_those_of_rsatoolbox(distance, n_runs):
    patterns, conditions, runs = simulate(n_runs=n_runs, offset=2.0)
    expected = rsatoolbox_rdms(patterns, conditions, runs, distance)
    found = rdms(patterns, conditions, distance=distance)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_runs", [2, 4])
def test_crossnobis_without_noise_is_that_of_rsatoolbox(n_runs):
    patterns, conditions, runs = simulate(n_runs=n_runs, offset=2.0)
    expected = rsatoolbox_rdms(patterns, conditions, runs, "crossnobis")
    found = rdms(patterns, conditions, runs=runs, distance="crossnobis")
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_residuals", [30, 200])  # fewer and more than voxels of a sphere
@pytest.mark.parametrize("method", ["shrinkage_diag", "shrinkage_eye", "diagonal"])
@pytest.mark.parametrize("distance", ["mahalanobis", "crossnobis"])
def test_distances_in_noise_are_those_of_rsatoolbox(distance, method, n_residuals):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.data.noise import prec_from_residuals

    patterns, conditions, runs = simulate(n_runs=3)
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(N_VOXELS, N_VOXELS)) / 4 + np.diag(rng.uniform(1, 5, N_VOXELS))
    residuals = (rng.normal(size=(n_residuals, N_VOXELS)) @ mixing).astype(np.float32)
    noise = noise_from_residuals(residuals, dof=n_residuals - 9, method=method)
    kind = method.replace("diagonal", "diag")

    def precision(_, i):
        own = residuals[:, SPHERES.of(i)].astype(float)
        return prec_from_residuals(own, dof=n_residuals - 9, method=kind)

    expected = rsatoolbox_rdms(patterns, conditions, runs, distance, precision)
    found = rdms(patterns, conditions, runs=runs, distance=distance, noise=noise)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6 * expected.max())


@pytest.mark.parametrize("method", ["shrinkage_diag", "shrinkage_eye"])
def test_noise_of_repeated_patterns_is_that_of_rsatoolbox(method):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.data import Dataset
    from rsatoolbox.data.noise import prec_from_unbalanced

    patterns, conditions, runs = simulate(n_runs=4)

    def precision(own, _):
        data = Dataset(own, obs_descriptors={"condition": conditions})
        return prec_from_unbalanced(data, "condition", method=method)

    expected = rsatoolbox_rdms(patterns, conditions, runs, "crossnobis", precision)
    noise = noise_from_repeats(patterns, conditions, method)
    found = rdms(patterns, conditions, runs=runs, distance="crossnobis", noise=noise)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6 * expected.max())


def test_spheres_of_rsatoolbox_with_our_radius():
    """Its spheres end before the radius and leave the mask; ours are given to its distances."""
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.util.searchlight import get_searchlight_RDMs

    patterns, conditions, _ = simulate()
    members = [SPHERES.of(i) for i in range(len(SPHERES))]
    expected = get_searchlight_RDMs(
        patterns.astype(float), SPHERES.centres, members, conditions, verbose=False
    ).dissimilarities
    np.testing.assert_allclose(rdms(patterns, conditions), expected, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    st.permutations(range(5)),
    st.sampled_from(["correlation", "euclidean", "mahalanobis", "crossnobis"]),
)
def test_dissimilarities_follow_their_conditions(order, distance):
    patterns, conditions, runs = simulate(n_runs=3)
    noise = None
    if distance in ("mahalanobis", "crossnobis"):
        noise = noise_from_repeats(patterns, conditions)
    said = {"distance": distance, "runs": runs, "noise": noise}
    order = np.array(order)
    found = rdms(patterns, np.argsort(order)[conditions], **said)
    expected = rdms(patterns, conditions, **said)[:, reorder_pairs(order, 5)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_order_of_rows_and_names_of_runs_do_not_matter():
    patterns, conditions, runs = simulate(n_runs=3)
    mixed = np.random.default_rng(0).permutation(len(patterns))
    said = {"distance": "crossnobis"}
    found = rdms(patterns[mixed], conditions[mixed], runs=7 - 2 * runs[mixed], **said)
    expected = rdms(patterns, conditions, runs=runs, **said)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_crossnobis_is_the_mean_product_of_different_runs():
    patterns, conditions, runs = simulate(n_runs=4)
    tensor = patterns.reshape(4, 5, -1).astype(float)
    first, second = pair_indices(5)
    for i in (0, len(SPHERES) // 2):
        own = tensor[:, :, SPHERES.of(i)]
        apart = own[:, first] - own[:, second]
        expected = np.mean(
            [(apart[r] * apart[s]).mean(axis=1) for r in range(4) for s in range(4) if r != s],
            axis=0,
        )
        found = rdms(patterns, conditions, runs=runs, distance="crossnobis")[i]
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_crossnobis_of_noise_is_0_on_average_and_others_are_not():
    rng = np.random.default_rng(3)
    conditions, runs = np.tile(np.arange(8), 4), np.repeat(np.arange(4), 8)
    patterns = rng.normal(size=(32, N_VOXELS)).astype(np.float32)
    apart = np.arange(len(SPHERES))[:: len(SPHERES) // 6]
    found = rdms(patterns, conditions, runs=runs, distance="crossnobis")
    assert (found < 0).mean() == pytest.approx(0.5, abs=0.15)
    assert abs(found[apart].mean()) < 4 * found[apart].std() / np.sqrt(found[apart].size / 4)
    assert rdms(patterns, conditions, distance="euclidean").mean() == pytest.approx(0.5, abs=0.05)


def test_a_planted_geometry_is_found_where_it_is():
    """Two clusters of conditions at one end, noise elsewhere."""
    mask = np.ones((14, 6, 6), bool)
    spheres = find_spheres(mask, np.eye(4), radius=2.0)
    rng = np.random.default_rng(0)
    place = np.argwhere(mask)
    patterns = rng.normal(size=(3, 6, len(place)))
    planted = place[:, 0] < 5
    signs = np.array([1, 1, 1, -1, -1, -1])
    patterns += signs[:, None] * np.where(planted, rng.normal(size=len(place)) * 2, 0)
    first, second = pair_indices(6)
    model = signs[first] != signs[second]
    conditions, runs = np.tile(np.arange(6), 3), np.repeat(np.arange(3), 6)
    for distance in ("correlation", "euclidean", "mahalanobis", "crossnobis"):
        flat = patterns.reshape(18, -1).astype(np.float32)
        noise = noise_from_repeats(flat, conditions) if distance == "mahalanobis" else None
        found = rdms(flat, conditions, spheres, runs=runs, distance=distance, noise=noise)
        contrast = found[:, model].mean(axis=1) - found[:, ~model].mean(axis=1)
        depth = place[spheres.centres, 0]
        assert contrast[depth < 3].min() > 2 * np.abs(contrast[depth > 7]).max()


def test_a_constant_pattern_has_no_correlation_and_touches_no_other_pair():
    patterns, conditions, _ = simulate()
    whole = rdms(patterns, conditions)
    patterns[2, SPHERES.of(7)] = 0.1  # not a number of float32: its mean is rounded
    found = rdms(patterns, conditions)
    first, second = pair_indices(5)
    pairs = (first == 2) | (second == 2)
    assert np.isnan(found[7, pairs]).all()
    np.testing.assert_array_equal(found[:, ~pairs], whole[:, ~pairs])
    untouched = [not np.isin(SPHERES.of(i), SPHERES.of(7)).any() for i in range(len(SPHERES))]
    assert np.sum(untouched) > 5
    np.testing.assert_array_equal(found[untouched], whole[untouched])
    assert np.isnan(found[:, pairs]).any(axis=1).sum() < len(SPHERES)


def test_equal_patterns_are_0_apart():
    patterns, conditions, _ = simulate(offset=5.0)
    patterns[3] = patterns[1]
    place = reorder_pairs(np.array([1, 3]), 5)[0]
    assert np.abs(rdms(patterns, conditions)[:, place]).max() < 1e-6
    distances = rdms(patterns, conditions, distance="euclidean")[:, place]
    assert 0 <= distances.min() <= distances.max() < 1e-5


def test_memory_and_threads_do_not_change_results():
    patterns, conditions, runs = simulate(n_runs=3)
    said = {
        "runs": runs,
        "distance": "crossnobis",
        "noise": noise_from_repeats(patterns, conditions),
    }
    whole = rdms(patterns, conditions, **said)
    blocks = list(
        searchlight_rdms(
            patterns, SPHERES, conditions=conditions, n_conditions=5, memory_mb=4e-4, n_threads=2,
            **said,
        )
    )  # fmt: skip
    assert len(blocks) > 10
    np.testing.assert_allclose(np.concatenate([b for _, b in blocks]), whole, rtol=1e-6, atol=1e-7)


def test_sets_of_voxels_may_be_any():
    patterns, conditions, _ = simulate()
    sets = [np.arange(40), np.array([3, 90, 17, 60]), np.arange(0, N_VOXELS, 3)]
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])])
    regions = Spheres(np.zeros(3, np.int64), start, np.concatenate(sets).astype(np.int32))
    found = rdms(patterns, conditions, regions)
    for row, voxels in zip(found, sets, strict=True):
        np.testing.assert_allclose(row, correlation(patterns[:, voxels].astype(float)), atol=1e-6)


def test_voxels_that_no_sphere_holds_may_be_nan():
    patterns, conditions, runs = simulate(n_runs=2)
    held = np.isin(np.arange(N_VOXELS), SPHERES.of(0))
    one = Spheres(SPHERES.centres[:1], SPHERES.start[:2], SPHERES.of(0))
    said = {"runs": runs, "distance": "crossnobis"}
    expected = rdms(patterns, conditions, one, **said)
    patterns[:, ~held] = np.nan
    noise = noise_from_repeats(patterns, conditions, "diagonal")
    np.testing.assert_array_equal(rdms(patterns, conditions, one, **said), expected)
    assert np.isfinite(rdms(patterns, conditions, one, noise=noise, **said)).all()


def refused(change, message, n_runs=2):
    patterns, conditions, runs = simulate(n_runs=n_runs)
    said = {"patterns": patterns, "conditions": conditions, "n_conditions": 5, "runs": runs}
    said.update(change(said))
    with pytest.raises(InputError, match=message):
        next(searchlight_rdms(said.pop("patterns"), SPHERES, **said))


def spoiled(array, value):
    array = array.copy()
    array[1, 4] = value
    return array


CROSS = {"distance": "crossnobis"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"n_conditions": 2}, "at least 3 conditions"),
        (lambda s: {"distance": "cosine"}, "one of correlation, euclidean"),
        (lambda s: {"distance": "mahalanobis"}, "noise, for the Mahalanobis distance"),
        (lambda s: {**CROSS, "runs": None}, "(?s)2 runs or more.*no runs"),
        (lambda s: {**CROSS, "runs": s["runs"] * 0}, "(?s)2 runs or more.*1 run"),
        (lambda s: {**CROSS, "runs": s["runs"][1:]}, "(?s)10, one a pattern.*9"),
        (lambda s: {"conditions": s["conditions"][1:]}, "(?s)10, one a pattern.*9"),
        (lambda s: {"conditions": s["conditions"] % 4}, "(?s)each of 5.*none of condition 5"),
        (lambda s: {**CROSS, "conditions": np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 3])},
         "(?s)all conditions in every run.*condition 5 in run 2 of 2"),
        (lambda s: {"patterns": spoiled(s["patterns"], np.nan)}, "NaN or infinity in 1 voxels"),
        (lambda s: {"patterns": spoiled(s["patterns"], np.inf)}, "NaN or infinity in 1 voxels"),
        (lambda s: {**CROSS, "noise": noise_from_residuals(s["patterns"][:, 1:])},
         f"(?s){N_VOXELS} voxels, as the patterns have.*{N_VOXELS - 1}"),
        (lambda s: {**CROSS, "noise": noise_from_residuals(s["patterns"] * 0)},
         "noise in every voxel"),
        (lambda s: {**CROSS, "noise": noise_from_residuals(spoiled(s["patterns"], np.nan))},
         "NaN or infinity in 1 voxels"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(change, message):
    refused(change, message)
