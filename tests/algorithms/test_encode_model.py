import numpy as np

from fmriprod.algorithms.encode_model import DualModel, LinearModel


def test_a_linear_model_is_a_weighted_sum(rng):
    weights, intercept = rng.normal(size=(5, 3)), rng.normal(size=3)
    model = LinearModel(weights.astype("f4"), intercept.astype("f4"))
    new = rng.normal(size=(7, 5))
    np.testing.assert_allclose(model.predict(new), new @ weights + intercept, atol=1e-5)
    assert model.n_features == 5 and model.predict(new).dtype == np.float32


def test_a_dual_model_is_the_mean_of_models_over_blocks_of_columns(rng):
    n_models, n_train, n_features, n_voxels = 3, 8, 4099, 4
    features = rng.normal(size=(n_train, n_features))
    dual = rng.normal(size=(n_models, n_train, n_voxels)) / n_features
    mean, scale = rng.normal(size=(n_models, n_features)), rng.uniform(1, 2, (n_models, n_features))
    scale[1, ::5] = np.inf  # features that count for nothing in one model
    intercept = rng.normal(size=n_voxels)
    arrays = (values.astype("f4") for values in (features, dual, mean, scale, intercept))
    model = DualModel(*arrays)
    new = rng.normal(size=(6, n_features))
    every = [((new - mean[m]) / scale[m] ** 2) @ features.T @ dual[m] for m in range(n_models)]
    expected = np.mean(every, axis=0) + intercept
    np.testing.assert_allclose(model.predict(new), expected, atol=1e-4)
    linear = model.linear()
    assert model.n_features == linear.n_features == n_features
    np.testing.assert_allclose(linear.predict(new), expected, atol=1e-4)
    slopes = np.mean([(features / scale[m] ** 2).T @ dual[m] for m in range(n_models)], axis=0)
    np.testing.assert_allclose(linear.weights, slopes, atol=1e-6)
