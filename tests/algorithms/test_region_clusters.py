import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.region_clusters import average_linkage, fuzzy_c_means


@pytest.fixture
def clouds(rng):
    """Three clouds of 8 points, shuffled, and the cloud of each."""
    truth = rng.permutation(np.repeat(np.arange(3), 8))
    return np.array([[0, 0], [6, 0], [0, 7]])[truth] + rng.normal(size=(24, 2)), truth


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 5])
def test_average_linkage_is_that_of_sklearn(rng, n_clusters):
    points = rng.normal(size=(12, 4))
    distances = 1 - np.corrcoef(points)
    other = AgglomerativeClustering(n_clusters, metric="precomputed", linkage="average")
    expected = other.fit_predict(distances)
    found = average_linkage(distances, n_clusters)
    assert adjusted_rand_score(expected, found) == 1
    first = [found.tolist().index(number) for number in range(1, n_clusters + 1)]
    assert first == sorted(first)


def test_fuzzy_clusters_find_clouds(clouds):
    points, truth = clouds
    found = fuzzy_c_means(points, 3)
    assert adjusted_rand_score(truth, found.membership.argmax(axis=1)) == 1
    assert found.membership.max(axis=1).mean() > 0.85


def test_no_memberships_or_centres_are_better(clouds):
    """Bezdek's objective, minimised over centres by a general optimiser."""
    points, _ = clouds
    found = fuzzy_c_means(points, 2, fuzziness=2.0)

    def objective(flat):
        squared = ((points[:, None] - flat.reshape(2, 2)) ** 2).sum(axis=2) + 1e-300
        return (1 / (1 / squared).sum(axis=1)).sum()  # memberships at their best for m = 2

    best = min(
        minimize(objective, points[[i, j]].ravel()).fun for i, j in [(0, 5), (3, 9), (1, 20)]
    )
    assert found.objective <= best + 1e-8
    assert objective(found.centres.ravel()) == pytest.approx(found.objective)


@given(st.integers(0, 500), st.integers(1, 4), st.sampled_from([1.3, 2.0, 3.0]))
def test_memberships_sum_to_one_and_are_the_rule(seed, n_clusters, fuzziness):
    points = np.random.default_rng(seed).normal(size=(9, 3))
    found = fuzzy_c_means(points, n_clusters, fuzziness=fuzziness, n_starts=3)
    np.testing.assert_allclose(found.membership.sum(axis=1), 1)
    distance = np.linalg.norm(points[:, None] - found.centres, axis=2)
    ratio = (distance[:, :, None] / distance[:, None, :]) ** (2 / (fuzziness - 1))
    np.testing.assert_allclose(found.membership, 1 / ratio.sum(axis=2), atol=1e-3)


def test_hard_memberships_for_small_fuzziness_and_one_on_a_centre(clouds):
    points, _ = clouds
    assert fuzzy_c_means(points, 3, fuzziness=1.05).membership.max(axis=1).min() > 0.999
    twins = np.array([[0.0, 0], [0, 0], [5, 5], [5, 5]])
    membership = fuzzy_c_means(twins, 2).membership
    np.testing.assert_allclose(membership, [[1, 0], [1, 0], [0, 1], [0, 1]], atol=1e-6)


def test_the_seed_decides(clouds):
    one, two = (fuzzy_c_means(clouds[0], 3, seed=4).membership for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("cluster", [average_linkage, fuzzy_c_means])
def test_more_clusters_than_points_and_missing_values_are_refused(cluster):
    with pytest.raises(InputError) as caught:
        cluster(np.array([[0.0, np.nan], [np.nan, 0]]), 3)
    assert "found:    2 missing values, 3 clusters of 2 points" in str(caught.value)


def test_fuzziness_of_one_is_refused():
    with pytest.raises(InputError, match="above 1"):
        fuzzy_c_means(np.zeros((4, 2)), 2, fuzziness=1)
