"""Simulated places whose patterns have known distances."""

import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_representations import (
    features_of_rdm,
    lay_out_areas,
    planted_distances,
    simulate_patterns,
    smooth_noise,
    standardized_features,
)


def areas_of(n=3000):
    areas = np.zeros((n, 2, 2), dtype=int)
    areas[:, 0, 0], areas[:, 1, 1], areas[::2, 0, 1] = 1, 2, 3
    return areas


@pytest.fixture
def features(rng):
    return {1: rng.normal(size=(8, 4)), 2: rng.normal(size=(8, 30)) + 1}


def test_patterns_have_the_distances_that_were_planted(features):
    areas = areas_of()
    maps = simulate_patterns(areas, features, n_runs=1, snr=1e6)[0]
    label = areas[areas != 0]
    for number, x in features.items():
        patterns = maps[:, label == number]
        np.testing.assert_allclose(pdist(patterns, "correlation"), planted_distances(x), atol=0.08)
        np.testing.assert_allclose(planted_distances(x), pdist(x, "cosine"))
        distances = pdist(patterns, "sqeuclidean")
        planted = pdist(x, "sqeuclidean")
        np.testing.assert_allclose(
            distances / distances.mean(), planted / planted.mean(), atol=0.12
        )
    other = stats.spearmanr(pdist(maps[:, label == 1]), planted_distances(features[2])).statistic
    assert abs(other) < 0.5


def test_signal_and_noise_have_the_variances_that_are_asked_for(features):
    areas = areas_of()
    label = areas[areas != 0]
    maps = simulate_patterns(areas, features, n_runs=40, snr=0.5)
    noise = maps.var(axis=0, ddof=1).mean(axis=0)
    signal = maps.mean(axis=0).var(axis=0) - noise / 40 * 7 / 8
    for number in (1, 2):
        assert noise[label == number].mean() == pytest.approx(1, abs=0.02)
        assert signal[label == number].mean() == pytest.approx(0.5, abs=0.03)
    assert signal[label == 3].mean() == pytest.approx(0, abs=0.01)
    assert maps.dtype == np.float32 and maps.shape == (40, 8, len(label))


def test_participants_share_distances_but_neither_weights_nor_noise(features):
    one, two = (simulate_patterns(areas_of(), features, snr=50, seed=[7, s]) for s in (0, 1))
    again = simulate_patterns(areas_of(), features, snr=50, seed=[7, 0])
    np.testing.assert_array_equal(one, again)
    assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 0.1
    inside = areas_of()[areas_of() != 0] == 1
    distances = [pdist(maps.mean(axis=0)[:, inside], "correlation") for maps in (one, two)]
    assert np.corrcoef(distances)[0, 1] > 0.98


@pytest.mark.parametrize("fwhm", [0.0, 1.5, 3.0])
def test_noise_has_variance_one_and_the_smoothness_that_is_asked_for(rng, fwhm):
    mask = np.ones((12, 12, 12), bool)
    maps = smooth_noise(rng, 200, mask, fwhm).reshape(200, 12, 12, 12)
    assert maps.var() == pytest.approx(1, abs=0.05)
    assert maps[:, 0, 0].var() == pytest.approx(1, abs=0.12)
    neighbours = (maps[:, 1:] * maps[:, :-1]).mean()
    sigma = fwhm / 2.3548
    expected = np.exp(-1 / (4 * sigma**2)) if fwhm else 0
    assert neighbours == pytest.approx(expected, abs=0.05)


def test_weights_can_be_smooth(rng, features):
    areas = np.ones((12, 12, 12), dtype=int)
    maps = simulate_patterns(areas, {1: features[1]}, n_runs=1, snr=1e6, fwhm=2.5)
    volume = maps.reshape(8, 12, 12, 12)
    assert np.corrcoef(volume[:, 1:].ravel(), volume[:, :-1].ravel())[0, 1] > 0.7


def test_features_of_a_distance_have_it_and_of_a_code_come_near(rng):
    points = rng.normal(size=(9, 5))
    wanted = pdist(points, "cosine")
    np.testing.assert_allclose(planted_distances(features_of_rdm(wanted)), wanted, atol=1e-9)
    np.testing.assert_allclose(
        planted_distances(features_of_rdm(40 * wanted)), 2 * wanted / wanted.max(), atol=0.5
    )
    digits = np.zeros((16, 16))
    digits[:10, :10] = 1 - np.eye(10)
    code = digits[np.triu_indices(16, 1)]
    nearest = planted_distances(features_of_rdm(code))
    assert nearest[code == 1].min() > nearest[code == 0].max()


def test_features_of_a_layer_lose_what_is_common_and_what_does_not_vary(rng):
    x = rng.normal(size=(6, 4)) * [1, 10, 0, 3] + 5
    found = standardized_features(x)
    np.testing.assert_allclose(found, stats.zscore(x[:, [0, 1, 3]]))


def test_few_components_make_distances_differ(rng):
    x = rng.normal(size=(16, 2000)) * [2] + rng.normal(size=(16, 3)) @ rng.normal(size=(3, 2000))
    every, few = standardized_features(x), standardized_features(x, 3)
    assert every.shape == (16, 2000) and few.shape == (16, 3)
    np.testing.assert_allclose(few.T @ few, np.diag(np.sum(few**2, axis=0)), atol=1e-6)
    values = np.linalg.eigvalsh(every @ every.T)[::-1]
    np.testing.assert_allclose(np.sum(few**2, axis=0), values[:3])
    assert planted_distances(few).std() > 2 * planted_distances(every).std()
    cut = features_of_rdm(planted_distances(every), 3)
    assert cut.shape == (16, 3)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), 1)
    assert stats.spearmanr(planted_distances(cut), planted_distances(few)).statistic > 0.8


def test_areas_lie_in_their_order_with_silence_between(rng):
    areas = lay_out_areas(3, shape=(12, 24, 12), gap=2)
    assert set(np.unique(areas)) == {0, 1, 2, 3, 4}
    places = [np.argwhere(areas == k) for k in (1, 2, 3)]
    assert len({len(p) for p in places}) == 1
    for behind, before in itertools.pairwise(places):
        assert before[:, 1].min() - behind[:, 1].max() == 3
    assert (areas[:, :, 9:11][1:-1, 1:-1] == 4).all()
    assert not areas[0].any() and not areas[:, -1].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": {4: np.eye(4)}}, "area 4: 0 voxels"),
        ({"features": {1: np.ones((4, 2))}}, "variance 0"),
        ({"features": {1: np.full((4, 2), np.nan)}}, "8 features not finite"),
        ({"features": {1: np.eye(4), 2: np.eye(5)}}, r"area 1: shape \(4, 4\), area 2: shape"),
        ({"features": {}}, "the same conditions for every area(?s:.)*found:    none"),
        ({"features": {1: np.eye(2)}}, "at least 3 conditions"),
        ({"n_runs": 0}, "at least one run(?s:.)*0 runs"),
        ({"snr": -1}, "snr -1"),
        ({"areas": np.zeros((3, 3, 3), int)}, "areas that are not 0"),
    ],
)
def test_what_cannot_be_simulated_is_refused(change, message):
    given = {"areas": areas_of(20), "features": {1: np.eye(4)}} | change
    with pytest.raises(InputError, match=message):
        simulate_patterns(given.pop("areas"), given.pop("features"), **given)


def test_distances_that_cannot_be_planted_and_small_grids_are_refused():
    with pytest.raises(InputError, match=r"not all alike(?s:.)*1 to 1, 0 not finite"):
        features_of_rdm(np.ones(6))
    with pytest.raises(InputError, match=r"-0.1 to 1"):
        features_of_rdm(np.array([-0.1, 1, 0.5]))
    with pytest.raises(InputError, match=r"room for 9 areas(?s:.)*at least 40 voxels"):
        lay_out_areas(9)
