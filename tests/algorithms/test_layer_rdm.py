import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import svd_flip

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_rdm import category_means, layer_rdm, standardised


def blocks_of(features, width=37):
    return lambda: (features[:, k : k + width] for k in range(0, features.shape[1], width))


def simulated(rng, n_categories=6, n_images=8, n_features=300):
    categories = np.repeat(np.arange(n_categories), n_images)
    centre = rng.normal(size=(n_categories, n_features))
    features = centre[categories] + 2 * rng.normal(size=(len(categories), n_features))
    features = (features * rng.uniform(0.1, 30, n_features)).astype(np.float32)
    order = rng.permutation(len(categories))
    return features[order], categories[order]


def step_by_step(features, categories, variance, signs):
    """Do what the source does, in its libraries; with the signs of scikit-learn's old or new."""
    scaled = StandardScaler().fit_transform(features.astype(float))
    pca = PCA(variance, svd_solver="full").fit(scaled)
    scores = pca.transform(scaled)
    if signs == "scores":
        scores, _ = svd_flip(scores.copy(), pca.components_.copy(), u_based_decision=True)
    means = [scores[categories == k].mean(axis=0) for k in range(categories.max() + 1)]
    return pdist(means, "correlation"), pca.n_components_


@pytest.mark.parametrize("signs", ["scores", "loadings"])
@pytest.mark.parametrize("variance", [0.5, 0.9, 0.99])
def test_as_scikit_learn_step_by_step(rng, signs, variance):
    features, categories = simulated(rng)
    features[:, 5] = 3.25  # constant
    found = layer_rdm(blocks_of(features), categories, variance=variance, signs=signs)
    expected, n_components = step_by_step(features, categories, variance, signs)
    assert found.n_components == n_components
    assert found.n_constant == 1
    np.testing.assert_allclose(found.dissimilarities, expected, atol=1e-8)


@pytest.mark.parametrize("signs", ["scores", "loadings"])
def test_fewer_features_than_images(rng, signs):
    features, categories = simulated(rng, n_features=20)
    found = layer_rdm(blocks_of(features, 7), categories, signs=signs)
    expected, _ = step_by_step(features, categories, 0.9, signs)
    np.testing.assert_allclose(found.dissimilarities, expected, atol=1e-8)


def test_signs_of_components_matter(rng):
    """The published measure depends on a convention; both are offered, and they differ."""
    features, categories = simulated(rng)
    one, other = (
        layer_rdm(blocks_of(features), categories, signs=signs).dissimilarities
        for signs in ("scores", "loadings")
    )
    assert np.abs(one - other).max() > 0.01


def test_the_width_of_blocks_changes_nothing(rng):
    features, categories = simulated(rng)
    one = layer_rdm(blocks_of(features, 1), categories).dissimilarities
    two = layer_rdm(blocks_of(features, 1000), categories).dissimilarities
    np.testing.assert_allclose(one, two, atol=1e-10)


def test_scale_and_shift_of_features_change_nothing(rng):
    features, categories = simulated(rng)
    features = features.astype(float)
    changed = features * rng.uniform(0.5, 4, features.shape[1]) + rng.normal(size=features.shape[1])
    one = layer_rdm(blocks_of(features), categories).dissimilarities
    two = layer_rdm(blocks_of(changed), categories).dissimilarities
    np.testing.assert_allclose(one, two, atol=1e-8)


def test_planted_geometry_is_found(rng):
    """Categories in two families: within them distances are smaller, in every pair."""
    family = np.repeat([0, 1], 4)
    centre = rng.normal(size=(2, 2000))[family] + 0.5 * rng.normal(size=(8, 2000))
    categories = np.repeat(np.arange(8), 12)
    features = centre[categories] + rng.normal(size=(96, 2000))
    found = layer_rdm(blocks_of(features), categories).dissimilarities
    first, second = np.triu_indices(8, 1)
    within = family[first] == family[second]
    assert found[within].max() < found[~within].min()


def test_means_of_categories(rng):
    values = rng.normal(size=(5, 3))
    found = category_means(values, np.array([1, 0, 1, 1, 0]))
    np.testing.assert_allclose(found, [values[[1, 4]].mean(0), values[[0, 2, 3]].mean(0)])


def test_standardised_as_scikit_learn(rng):
    block = rng.normal(1e4, 1, (9, 4)).astype(np.float32)
    block[:, 2] = 0.1
    found, n_constant = standardised(block)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(block.astype(float)))
    assert n_constant == 1


def test_equal_answers_are_refused():
    features = np.ones((12, 50), np.float32)
    with pytest.raises(InputError, match=r"(?s)conv1.*50 features, each the same in all 12 images"):
        layer_rdm(blocks_of(features), np.repeat(np.arange(4), 3), subject="conv1")


def test_too_few_components_are_refused(rng):
    features = np.outer(rng.normal(size=12), rng.normal(size=50))
    with pytest.raises(InputError, match=r"(?s)at least 3 principal components.*1, which explain"):
        layer_rdm(blocks_of(features), np.repeat(np.arange(4), 3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(rng, bad):
    features, categories = simulated(rng)
    features[3, 40:42] = bad
    with pytest.raises(InputError, match="2 features with values that are not finite"):
        layer_rdm(blocks_of(features), categories)
