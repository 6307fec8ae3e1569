import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsClassifier

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_embedding import chosen_units, embed, usable_perplexity


def test_as_scikit_learn_scaled_to_its_range(rng):
    features = rng.normal(size=(60, 12)).astype(np.float32)
    expected = TSNE(2, perplexity=59 / 3, random_state=4).fit_transform(features)
    expected = (expected - expected.min(0)) / np.ptp(expected, axis=0)
    found = embed(features, seed=4)
    np.testing.assert_allclose(found.places, expected, atol=1e-6)
    assert found.perplexity == 59 / 3
    assert found.divergence > 0


def test_real_digits_lie_with_their_like(rng):
    """Neighbours in the plane are of the same digit; with shuffled pixels they are not."""
    digits = load_digits()
    images, labels = digits.data[:300], digits.target[:300]

    def share(features):
        places = embed(features).places
        neighbours = KNeighborsClassifier(5).fit(places, labels).kneighbors(return_distance=False)
        return (labels[neighbours] == labels[:, None]).mean()

    assert share(images) > 0.85
    assert share(rng.permuted(images, axis=0)) < 0.2


def test_units_are_drawn_with_the_seed_of_their_layer():
    one, other = (chosen_units(5000, 1000, seed) for seed in (0, 1))
    assert len(set(one)) == 1000 and (np.diff(one) > 0).all() and one.max() < 5000
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, chosen_units(5000, 1000, 0))
    assert chosen_units(10, None, 0) is None and chosen_units(10, 10, 0) is None


def test_perplexity_fits_few_images():
    assert usable_perplexity(91) == 30
    assert usable_perplexity(10, 30) == 3
    assert embed(np.random.default_rng(0).normal(size=(5, 3))).places.shape == (5, 2)


def test_one_feature_is_enough(rng):
    assert embed(rng.normal(size=(12, 1))).places.shape == (12, 2)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((4, 3)), r"(?s)fc6.*at least 5 images.*4"),
        (np.ones((9, 3)), r"(?s)differ between images.*9 images with the same"),
        (np.diag([np.nan] * 6), r"(?s)finite features.*6 values"),
    ],
)
def test_bad_features_are_said(features, message):
    with pytest.raises(InputError, match=message):
        embed(features, subject="fc6")
