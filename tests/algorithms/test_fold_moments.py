import numpy as np
import pytest

from fmriprod.algorithms.fold_moments import feature_folds, response_products
from fmriprod.algorithms.lars_path import lasso_paths


@pytest.fixture
def arrays(rng):
    features, responses = rng.normal(size=(47, 6)), rng.normal(size=(47, 5))
    features *= 1 + np.arange(47)[:, None] / 20  # spread differs between folds
    return features - features.mean(axis=0), responses - responses.mean(axis=0)


ROWS = [slice(0, 12), np.array([12, 14, 46, 20]), np.r_[13, 15:20, 21:46]]


@pytest.mark.parametrize("rescale", [False, True])
def test_products_of_folds_against_copies(arrays, rescale):
    """Slice, centre and multiply each fold by itself."""
    features, responses = arrays
    folds, whole = feature_folds(features, ROWS, rescale=rescale)
    products, everything = response_products(features, responses, folds, whole)
    for rows, fold, found in zip(ROWS, folds, products, strict=True):
        held = np.zeros(47, bool)
        held[rows] = True
        train, test = features[~held], features[held]
        scale = train.std(axis=0) if rescale else np.ones(6)
        train, test = (train - train.mean(axis=0)) / scale, (test - train.mean(axis=0)) / scale
        y, y_test = responses[~held], responses[held]
        y, y_test = y - y.mean(axis=0), y_test - y.mean(axis=0)
        assert (fold.n_train, fold.n_test) == (len(train), len(test))
        for ours, theirs in [
            (fold.gram, train.T @ train), (fold.test_gram, test.T @ test),
            (found.train, y.T @ train), (found.test, y_test.T @ test),
            (found.square, (y_test**2).sum(axis=0)),
            (found.spread, len(y_test) * y_test.var(axis=0)),
        ]:  # fmt: skip
            np.testing.assert_allclose(ours, theirs, atol=1e-10)
        assert fold.candidates.all()
    np.testing.assert_allclose(whole.gram, features.T @ features, atol=1e-10)
    np.testing.assert_allclose(everything, responses.T @ features, atol=1e-10)


def test_the_longest_of_copies_or_the_first_of_equal_ones_may_enter(arrays):
    features, _ = arrays
    copies = np.c_[
        features, 2 * features[:, 1], -features[:, 0], -0.5 * features[:, 2], np.zeros(47)
    ]
    _, whole = feature_folds(copies, ROWS, rescale=False)
    assert np.flatnonzero(whole.candidates).tolist() == [0, 2, 3, 4, 5, 6]
    folds, _ = feature_folds(copies, ROWS, rescale=True)  # then all are equally long
    for fold in folds:
        assert np.flatnonzero(fold.candidates).tolist() == [0, 1, 2, 3, 4, 5]


def test_nearly_equal_features_are_no_copies(arrays, rng):
    features, _ = arrays
    near = np.c_[features, features[:, 0] + 1e-4 * rng.normal(size=47)]
    folds, whole = feature_folds(near - near.mean(axis=0), ROWS, rescale=False)
    assert all(each.candidates.all() for each in (*folds, whole))


@pytest.mark.parametrize("rescale", [False, True])
def test_paths_are_minima_over_all_features_where_many_are_copies(rng, rescale):
    """Pixels that are on in few images are copies of each other in some training samples."""
    images = (rng.random((40, 60)) < 0.06).astype(float)
    images = images[:, images.any(axis=0)]
    images = (images - images.mean(axis=0)) / images.std(axis=0)
    responses = rng.normal(size=(40, 30))
    responses -= responses.mean(axis=0)
    rows = [slice(start, start + 8) for start in range(0, 40, 8)]
    folds, whole = feature_folds(images, rows, rescale=rescale)
    products, _ = response_products(images, responses, folds, whole)
    assert min(fold.candidates.sum() for fold in folds) < images.shape[1] - 4
    for fold, found in zip(folds, products, strict=True):
        paths = lasso_paths(fold.gram, found.train, fold.n_train, max_iter=15,
                            candidates=fold.candidates)  # fmt: skip
        coef = np.zeros((*paths.alpha.shape, len(fold.gram)))
        for voxel, columns in enumerate(paths.feature):
            coef[voxel][:, columns[columns >= 0]] = paths.coef[voxel][:, columns >= 0]
        slope = np.abs(found.train[:, None] - coef @ fold.gram) / fold.n_train
        assert (slope <= paths.alpha[..., None] + 1e-9).all()
        at_bound = (
            slope[coef != 0] - np.broadcast_to(paths.alpha[..., None], slope.shape)[coef != 0]
        )
        np.testing.assert_allclose(at_bound, 0, atol=1e-9)
