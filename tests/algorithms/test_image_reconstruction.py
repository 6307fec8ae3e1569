import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import OrthogonalMatchingPursuit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.miyawaki import figures, random_images, receptive_fields, responses

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.class_scores import class_scores
from fmriprod.algorithms.image_reconstruction import fit_decoders, pixel_scores, reconstruct
from fmriprod.algorithms.matching_pursuit import matching_pursuit
from fmriprod.algorithms.multiscale import combine_scales, multiscale_targets


def pipeline(n_voxels, n_nonzero):
    return make_pipeline(
        SelectKBest(f_classif, k=n_voxels),
        StandardScaler(),
        OrthogonalMatchingPursuit(n_nonzero_coefs=n_nonzero),
    )


def by_scikit_learn(train, targets, test, n_voxels, n_nonzero):
    """Fit one pipeline a target."""
    train, test = train.astype(float), test.astype(float)
    fits = (pipeline(n_voxels, n_nonzero).fit(train, target) for target in targets.T)
    return np.stack([fit.predict(test) for fit in fits], axis=1)


@pytest.fixture
def simulated(rng):
    fields = receptive_fields(rng, 300)
    images = random_images(rng, 320)
    shown = figures()
    return (
        responses(rng, images, fields), images, responses(rng, shown, fields), shown,
    )  # fmt: skip


@pytest.mark.parametrize("n_nonzero", [10, 1])
def test_every_target_is_predicted_as_by_scikit_learn(simulated, n_nonzero):
    train, images, test, _ = simulated
    targets = multiscale_targets(images)
    assert targets.shape[1] == 361
    found = fit_decoders(train, targets, n_voxels=150, n_nonzero=n_nonzero).predict(test)
    expected = by_scikit_learn(train, targets, test, 150, n_nonzero)
    assert np.abs(found - expected).max(axis=0).max() < 1e-10


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(8, 40), st.integers(4, 30), st.data())
def test_any_shape_is_predicted_as_by_scikit_learn(seed, n_samples, n_all, data):
    """More voxels than samples, all voxels chosen, targets of up to four values."""
    n_voxels = data.draw(st.integers(2, n_all))
    n_nonzero = data.draw(st.integers(1, min(n_voxels, n_samples - 3)))
    rng = np.random.default_rng(seed)
    train = rng.normal(50, 3, (n_samples, n_all))
    targets = rng.integers(0, 4, (n_samples, 5)) / 4
    targets[:2] = [[0], [1]]  # no target is constant
    test = rng.normal(50, 3, (6, n_all))
    found = fit_decoders(train, targets, n_voxels=n_voxels, n_nonzero=n_nonzero).predict(test)
    expected = by_scikit_learn(train, targets, test, n_voxels, n_nonzero)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_targets_that_few_voxels_explain_stop_early_as_in_scikit_learn(rng):
    train = rng.normal(size=(60, 30))
    train[:, 7] = train[:, 3]
    binary = (train[:, :2] > 0).astype(float)
    train[:, :2] = binary  # the targets themselves
    targets = np.column_stack([binary, (binary.sum(axis=1)) / 2])
    test = rng.normal(size=(9, 30))
    decoders = fit_decoders(train, targets, n_voxels=20, n_nonzero=6)
    assert [set(v[v >= 0]) for v in decoders.voxels] == [{0}, {1}, {0, 1}]
    assert (decoders.weights[decoders.voxels < 0] == 0).all()
    expected = by_scikit_learn(train, targets, test, 20, 6)
    np.testing.assert_allclose(decoders.predict(test), expected, atol=1e-8)


def test_voxels_that_depend_on_each_other_are_not_taken_together():
    """Large targets leave rounding errors that look like something to explain."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        z = StandardScaler().fit_transform(rng.normal(size=(50, 2)))
        z = np.column_stack([z, z @ rng.normal(size=(2, 2))])
        z = np.ascontiguousarray((z / z.std(axis=0)).T)
        target = 1e9 * (z[0] - 0.6 * z[1])
        voxels, weights = matching_pursuit(z, (z @ target)[None], np.arange(4)[None], 4)
        assert (voxels[0] >= 0).sum() == 2
        there = voxels[0] >= 0
        np.testing.assert_allclose(weights[0, there] @ z[voxels[0, there]], target, rtol=1e-6)


def test_f_values_are_scikit_learn_s(simulated):
    train, images, _, _ = simulated
    targets = multiscale_targets(images)[:, ::40]
    features = StandardScaler().fit_transform(train.astype(float))
    found = class_scores(np.ascontiguousarray(features.T), targets)
    for f, products, target in zip(found.f, found.products, targets.T, strict=True):
        np.testing.assert_allclose(
            f, f_classif(train.astype(float), target)[0], rtol=1e-8, atol=1e-12
        )
        expected = features.T @ (target - target.mean())
        np.testing.assert_allclose(products, expected, atol=1e-9)


def test_blocks_of_targets_change_nothing(simulated):
    train, images, test, _ = simulated
    targets = multiscale_targets(images)
    whole = fit_decoders(train, targets, n_voxels=50)
    blocks = fit_decoders(train, targets, n_voxels=50, memory_gb=1e-3)
    np.testing.assert_array_equal(whole.voxels, blocks.voxels)
    np.testing.assert_allclose(whole.predict(test), blocks.predict(test), atol=1e-12)


def test_scales_are_those_of_the_source():
    rng = np.random.default_rng(1)
    images, n = rng.random((4, 10, 10)), 10
    down = (np.eye(n) + np.eye(n, k=1))[: n - 1] * 0.5
    scales = [np.stack([f(m) for m in images]) for f in (
        lambda m: m, lambda m: down @ m, lambda m: m @ down.T, lambda m: down @ m @ down.T
    )]  # fmt: skip
    flat = np.hstack([s.reshape(4, -1) for s in scales])
    np.testing.assert_allclose(multiscale_targets(images), flat)
    values = rng.random((4, 361))
    up = (np.eye(n) + np.eye(n, k=-1))[:, : n - 1] * 0.5
    up.flat[0] = up.flat[-1] = 1
    pixels, tall, large, big = np.split(values, [100, 190, 280], axis=1)
    for i in range(4):
        expected = 0.25 * (
            pixels[i].reshape(10, 10)
            + up @ tall[i].reshape(9, 10)
            + large[i].reshape(10, 9) @ up.T
            + up @ (big[i].reshape(9, 9) @ up.T)
        )
        np.testing.assert_allclose(combine_scales(values, (10, 10))[i], expected)


@given(st.integers(2, 7), st.integers(2, 7), st.floats(-3, 3))
def test_an_even_image_comes_back_at_any_shape(height, width, value):
    images = np.full((2, height, width), value)
    back = combine_scales(multiscale_targets(images), (height, width))
    np.testing.assert_allclose(back, images, atol=1e-12)


def test_figures_are_reconstructed_from_random_images_and_not_from_noise(simulated, rng):
    train, images, test, shown = simulated
    found, _ = reconstruct(train, images, test, n_voxels=200)
    assert pixel_scores(shown, found, 0.5)["accuracy"].mean() > 0.9
    shuffled, _ = reconstruct(rng.permutation(train), images, test, n_voxels=200)
    assert abs(pixel_scores(shown, shuffled, 0.5)["accuracy"].mean() - 0.5) < 0.1


def test_scores_are_scikit_learn_s_pixel_by_pixel(rng):
    images = random_images(rng, 12, (3, 4))
    found = rng.random((12, 3, 4))
    found[:, 0, 1], images[:, 1, 2], found[:, 1, 3], images[:, 1, 3] = 0, 0, 0.5, 0
    table = pixel_scores(images, found, 0.5)
    for pixel in table.itertuples():
        shown, seen = images[:, pixel.row, pixel.column], found[:, pixel.row, pixel.column] > 0.5
        assert pixel.accuracy == metrics.accuracy_score(shown, seen)
        for name in ("precision", "recall", "f1"):
            score = getattr(metrics, f"{name}_score")(shown, seen, zero_division=0)
            np.testing.assert_allclose(getattr(pixel, name), score)
        assert pixel.share_on == shown.mean()
    assert len(table) == 12


def test_voxels_without_signal_are_never_taken_and_change_nothing(simulated):
    train, images, test, _ = simulated
    expected, plain = reconstruct(train, images, test, n_voxels=50)
    more = np.insert(train, [5, 100, 300], np.nan, axis=1)
    more_test = np.insert(test, [5, 100, 300], 1.0, axis=1)
    more[:, 5], more[0, 101], more[:, 302] = 7.0, np.inf, train[:, 3]
    more_test[2, 302] = np.nan
    found, decoders = reconstruct(more, images, more_test, n_voxels=50)
    assert np.flatnonzero(~decoders.usable).tolist() == [5, 101, 302]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert plain.usable.all()


def test_pixels_that_never_change_are_counted_and_predicted_as_they_were(simulated):
    train, images, test, _ = simulated
    images = images.copy()
    images[:, 3:5, 3:5] = 1
    found, decoders = reconstruct(train, images, test, n_voxels=50)
    assert decoders.n_constant == 4 + 2 + 2 + 1
    predicted = decoders.predict(test)
    np.testing.assert_array_equal(predicted[:, 33], 1.0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_voxels": 400}, "1 to 300, the voxels that are finite and not constant"),
        ({"n_voxels": 0}, "1 to 300"),
        ({"n_nonzero": 60, "n_voxels": 50}, "1 to n_voxels, 50"),
    ],
)
def test_numbers_of_voxels_that_there_are_not(simulated, change, message):
    train, images, test, _ = simulated
    with pytest.raises(InputError, match=message):
        reconstruct(train, images, test, **change)


def test_rows_and_voxels_that_do_not_match_are_refused(simulated):
    train, images, test, _ = simulated
    with pytest.raises(InputError, match="319 responses, 320 images"):
        reconstruct(train[1:], images, test, n_voxels=50)
    with pytest.raises(InputError, match="300 voxels, as in training"):
        reconstruct(train, images, test[:, 1:], n_voxels=50)
    with pytest.raises(InputError, match="images of at least 2 x 2 pixels"):
        reconstruct(train, images[:, :1], test, n_voxels=50)
    with pytest.raises(InputError, match="361 values for images of 10 x 10 pixels"):
        combine_scales(np.zeros((2, 360)), (10, 10))
    images[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        reconstruct(train, images, test, n_voxels=50)
