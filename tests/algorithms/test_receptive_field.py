import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import loadmat
from sklearn.linear_model import LassoLars, LassoLarsCV, lars_path, lasso_path
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, LeaveOneGroupOut
from sklearn.preprocessing import StandardScaler

from fmriprod.algorithms import field_inputs
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.receptive_field import receptive_fields


def simulate(seed, n_samples, n_features, n_voxels=8, shared=0.0, binary=False, noise=1.0):
    """Simulated voxels of up to three features each, a third of them of none."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_samples, n_features)) + shared * rng.normal(size=(n_samples, 1))
    features = (features > 0).astype(float) if binary else features
    weights = np.zeros((n_features, n_voxels))
    for voxel in range(n_voxels):
        if voxel % 3:
            weights[rng.integers(0, n_features, 3), voxel] = rng.uniform(0.5, 2, 3)
    return features, features @ weights + noise * rng.normal(size=(n_samples, n_voxels)) + 3


def one_by_one(features, responses, max_iter, cv=None, standardize=True):
    """Do what the published example does, voxel by voxel."""
    scaled = StandardScaler().fit_transform(features) if standardize else features
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [LassoLarsCV(max_iter=max_iter, cv=cv).fit(scaled, y) for y in responses.T]


def check_equal(features, responses, max_iter, cv=None, **options):
    found = receptive_fields(features, responses, max_iter=max_iter, **options)
    scaled = options.get("standardize") != "none"
    for voxel, model in enumerate(one_by_one(features, responses, max_iter, cv, scaled)):
        assert found.alpha[voxel] == pytest.approx(model.alpha_, abs=1e-6)
        np.testing.assert_allclose(found.coef[voxel], model.coef_, atol=1e-6)
        assert found.n_active[voxel] == np.sum(np.abs(model.coef_) > 1e-12)  # left: 1e-17
        level = found.intercept[voxel] - (0 if scaled else found.mean @ found.coef[voxel])
        assert level == pytest.approx(model.intercept_, abs=1e-6)
    return found


@pytest.mark.parametrize("max_iter", [1, 3, 10, 50])
@pytest.mark.parametrize(
    ("n_samples", "n_features", "shared", "binary"),
    [
        (100, 20, 0.0, True),
        (60, 100, 0.0, True),
        (31, 50, 0.0, False),
        (50, 30, 2.0, False),
        (103, 1, 0.0, False),
        (11, 4, 0.5, False),
    ],
)
def test_fields_are_those_of_lasso_lars_cv(n_samples, n_features, shared, binary, max_iter):
    check_equal(*simulate(0, n_samples, n_features, shared=shared, binary=binary), max_iter)


@given(
    seed=st.integers(0, 10_000),
    n_samples=st.integers(10, 60),
    n_features=st.integers(1, 40),
    shared=st.sampled_from([0.0, 1.0]),
    max_iter=st.integers(1, 50),
    n_folds=st.integers(2, 10),
)
@settings(max_examples=25)
def test_equal_whatever_the_shape(seed, n_samples, n_features, shared, max_iter, n_folds):
    features, responses = simulate(seed, n_samples, n_features, 3, shared)
    check_equal(features, responses, max_iter, cv=n_folds, n_folds=n_folds)


def test_runs_are_left_out_together(rng):
    features, responses = simulate(1, 90, 30, binary=True)
    runs = np.array(["b", "a", "c"])[np.sort(rng.integers(0, 3, 90))]
    for groups in (runs, rng.permutation(runs)):
        folds = list(LeaveOneGroupOut().split(features, groups=groups))
        found = check_equal(features, responses, 10, cv=folds, groups=groups)
        assert sorted(found.folds) == ["a", "b", "c"] and found.folds[0] == groups[0]


def test_features_as_they_are():
    features, responses = simulate(2, 70, 15)
    features = features * np.linspace(0.5, 3, 15) + 100
    check_equal(features, responses, 10, standardize="none")


def test_unscaled_and_scaled_differ():
    features, responses = simulate(2, 70, 15)
    features *= np.linspace(0.5, 3, 15)
    plain = receptive_fields(features, responses, standardize="none")
    scaled = receptive_fields(features, responses)
    assert np.abs(plain.coef * scaled.scale - scaled.coef)[1::3].max() > 1e-3


def test_scaling_in_each_fold_against_a_slow_loop():
    features, responses = simulate(3, 60, 12, 6)
    features[:12, 3] *= 4  # the spread of this one differs between folds
    found = receptive_fields(features, responses, standardize="fold")
    for voxel, response in enumerate(responses.T):
        alpha, errors = slow_choice(features, response, 10)
        assert found.alpha[voxel] == pytest.approx(alpha, abs=1e-9)
        spread = [response[test].var() for _, test in KFold(5).split(features)]
        np.testing.assert_allclose(found.fold_r2[:, voxel], 1 - errors / spread, atol=1e-9)
        # The final fit is on features scaled over all samples.
        scaled = StandardScaler().fit_transform(features)
        model = LassoLars(alpha=alpha, max_iter=10).fit(scaled, response)
        np.testing.assert_allclose(found.coef[voxel], model.coef_, atol=1e-9)
    published = receptive_fields(features, responses)
    assert not np.allclose(published.alpha, found.alpha, atol=1e-6)


def slow_choice(features, response, max_iter):
    """Penalty and error of each fold, from paths on each fold's own scaled features."""
    paths = []
    for train, test in KFold(5).split(features):
        scaler, level = StandardScaler().fit(features[train]), response[train].mean()
        alpha, _, coef = lars_path(
            scaler.transform(features[train]), response[train] - level, max_iter=max_iter,
            method="lasso",
        )  # fmt: skip
        paths.append((alpha, scaler.transform(features[test]) @ coef + level, response[test]))
    tried = np.unique(np.concatenate([alpha for alpha, _, _ in paths]))
    errors = [
        [np.mean([(np.interp(penalty, alpha[::-1], row[::-1]) - true) ** 2
                  for row, true in zip(predicted, response, strict=True)]) for penalty in tried]
        for alpha, predicted, response in paths
    ]  # fmt: skip
    best = np.mean(errors, axis=0).argmin()
    return tried[best], np.array(errors)[:, best]


def test_r2_is_that_of_the_left_out_samples_on_the_paths_of_the_others():
    features, responses = simulate(4, 83, 20, binary=True)  # folds of 17 and 16
    found = receptive_fields(features, responses, max_iter=50)
    scaled = StandardScaler().fit_transform(features)
    expected = np.empty((5, responses.shape[1]))
    for fold, (train, test) in enumerate(KFold(5).split(features)):
        mean = scaled[train].mean(axis=0)
        for voxel, response in enumerate(responses.T):
            level = response[train].mean()
            _, coef, _ = lasso_path(
                scaled[train] - mean, response[train] - level, alphas=[found.alpha[voxel]],
                tol=1e-12, max_iter=100_000,
            )  # fmt: skip
            predicted = (scaled[test] - mean) @ coef[:, 0] + level
            expected[fold, voxel] = r2_score(response[test], predicted)
    np.testing.assert_allclose(found.fold_r2, expected, atol=1e-6)
    np.testing.assert_allclose(found.r2, expected.mean(axis=0), atol=1e-6)


def test_copies_of_a_feature_change_nothing():
    """The first of equal features stands for all, also with the sign or the scale changed."""
    features, responses = simulate(5, 80, 15)
    more = np.c_[features, features[:, 4], -features[:, 1], 5 * features[:, 0] + 2]
    plain = receptive_fields(features, responses, max_iter=30)
    found = receptive_fields(more, responses, max_iter=30)
    np.testing.assert_allclose(found.coef[:, :15], plain.coef, atol=1e-9)
    np.testing.assert_allclose(found.alpha, plain.alpha, atol=1e-9)
    assert not found.coef[:, 15:].any()


def test_of_copies_as_they_are_the_largest_counts():
    features, responses = simulate(5, 80, 15)
    more = np.c_[features, 3 * features[:, 4], -0.2 * features[:, 1]]
    plain = np.c_[features, 3 * features[:, 4]][:, [0, 1, 2, 3, *range(5, 16)]]
    found = receptive_fields(more, responses, standardize="none")
    for voxel, model in enumerate(one_by_one(plain, responses, 10, standardize=False)):
        kept = np.delete(found.coef[voxel], [4, 16])
        np.testing.assert_allclose(kept, model.coef_, atol=1e-6)
    assert not found.coef[:, [4, 16]].any() and found.coef[:, 15].any()


def test_a_feature_that_is_constant_in_a_fold():
    """Scikit-learn agrees; a feature that never varies has no coefficient."""
    features, responses = simulate(6, 60, 10)
    features[12:, 2] = 0.3  # varies in the first fold only
    features[:, 5] = 0.1
    found = check_equal(features, responses, 10)
    assert not found.varying[5] and not found.coef[:, 5].any() and found.varying[[2]].all()
    assert found.scale[5] == 1
    receptive_fields(features, responses, standardize="fold")


def test_planted_fields_are_found_and_noise_has_nearly_none(rng):
    """Simulated retinotopy: two neighbouring pixels a voxel, and voxels of noise alone."""
    images = rng.integers(0, 2, (1500, 100)).astype(float)
    weights = np.zeros((100, 60))
    for voxel in range(30):
        weights[[3 * voxel, 3 * voxel + 1], voxel] = (1.0, 0.6)
    responses = images @ weights + rng.normal(0, 1, (1500, 60))
    found = receptive_fields(images, responses)
    strong = np.abs(found.coef[:30]) > 0.1
    assert (strong == (weights.T[:30] > 0)).mean() > 0.999
    planted = weights.T[:30] / 2  # half a pixel's step is its standard deviation
    assert np.abs(found.coef[:30][planted > 0] - planted[planted > 0]).max() < 0.12
    assert found.r2[:30].mean() == pytest.approx(0.34 / 1.34, abs=0.03)
    assert np.median(found.n_active[30:]) <= 1 and np.abs(found.coef[30:]).max() < 0.1
    assert np.abs(found.r2[30:]).max() < 0.02


def test_shuffled_stimuli_predict_nothing(rng):
    features, responses = simulate(7, 300, 40, 12, binary=True)
    there = receptive_fields(features, responses).r2
    shuffled = receptive_fields(features[rng.permutation(300)], responses).r2
    assert there[1::3].min() > 0.2 and np.abs(shuffled).max() < 0.1


def test_voxels_without_data_are_left_out_and_others_unaffected():
    features, responses = simulate(8, 60, 10)
    known = receptive_fields(features, responses)
    damaged = responses.copy()
    damaged[4, 1], damaged[:, 3], damaged[7, 6] = np.nan, 2.5, np.inf
    found = receptive_fields(features, damaged)
    kept = np.array([0, 2, 4, 5, 7])
    assert np.flatnonzero(found.usable).tolist() == kept.tolist()
    for name in ("coef", "alpha", "intercept", "r2"):
        assert np.isnan(getattr(found, name)[~found.usable]).all()
        here, there = getattr(found, name)[kept], getattr(known, name)[kept]
        np.testing.assert_allclose(here, there, atol=1e-12)
    assert not found.n_active[~found.usable].any()


def test_a_voxel_that_varies_in_one_fold_only():
    features, responses = simulate(9, 50, 6)
    responses[10:, 0] = 1.0
    found = check_equal(features, responses, 10)
    assert np.isfinite(found.r2).all() and np.isnan(found.fold_r2[1:, 0]).all()


def test_neither_threads_nor_blocks_change_the_result(monkeypatch):
    features, responses = simulate(10, 90, 20, 40, binary=True)
    whole = receptive_fields(features, responses)
    for name in ("_BLOCK", "_LEAST"):
        monkeypatch.setattr(field_inputs, name, 7)
    for threads in (1, 3):
        found = receptive_fields(features, responses.astype(np.float64), n_threads=threads)
        np.testing.assert_allclose(found.coef, whole.coef, atol=1e-12)
        np.testing.assert_allclose(found.fold_r2, whole.fold_r2, atol=1e-12)


def test_memory_is_bounded():
    features, responses = simulate(12, 400, 80, 1500, binary=True)
    receptive_fields(features, responses[:, :9])  # imports, BLAS
    result = 8 * 1500 * (80 + 4 + 5)
    for bound in (12, 60):
        tracemalloc.start()
        receptive_fields(features, responses, memory_mb=bound)
        peak = tracemalloc.get_traced_memory()[1] - result
        tracemalloc.stop()
        assert bound / 4 < peak / 1e6 < 1.1 * bound
    sizes = [field_inputs.block_size((2860, 100), 5438, 5, 10, n, 50) for n in (1, 4)]
    assert sizes[0] >= 4 * sizes[1] > 0


def test_voxels_are_shared_out_among_threads_where_it_pays():
    sizes = [field_inputs.block_size((2860, 100), n, 5, 10, 4, 2000) for n in (400, 4000, 40_000)]
    assert sizes == [512, 1000, 2048]


def refused(features, responses, **options):
    with pytest.raises(InputError) as caught:
        receptive_fields(features, responses, **options)
    return str(caught.value)


def test_bad_input_is_refused():
    features, responses = simulate(11, 40, 5, 3)
    assert "responses\n  expected: 40 samples, as the features have\n  found:    39" in refused(
        features, responses[:-1]
    )
    holes = features.copy()
    holes[3, 2] = np.nan
    assert "NaN or infinity in 1 features, the first in column 2 (from 0)" in refused(
        holes, responses
    )
    assert "found:    5 constant features" in refused(np.ones((40, 5)), responses)
    assert "found:    none among 3" in refused(features, np.ones((40, 3)))
    assert "a standard deviation above 1.2e-05" in refused(features, 1e-7 * responses)
    assert "features\n  expected: numbers, samples x features\n  found:    shape (40,)" in refused(
        features[:, 0], responses
    )
    assert "responses\n  expected: numbers, samples x voxels\n  found:    shape (40, 0)" in refused(
        features, responses[:, :0]
    )
    assert "1 group(s) for 40 samples, 0 missing" in refused(
        features, responses, groups=np.ones(40)
    )
    assert "2 group(s) for 40 samples, 1 missing" in refused(
        features, responses, groups=[None] + [1, 2] * 19 + [1]
    )
    assert "expected: from 2 to the 40 samples\n  found:    41" in refused(
        features, responses, n_folds=41
    )
    assert "expected: one step or more\n  found:    0" in refused(features, responses, max_iter=0)
    assert "expected: all or fold or none" in refused(features, responses, standardize="yes")
    assert "memory_mb\n  expected: 0.0167 MB or more for 5 features and 40 samples" in refused(
        features, responses, memory_mb=0.01
    )


@pytest.mark.realdata
def test_real_voxels_and_handwritten_digits(real_data):
    """Pixels of the digits 6 and 9 against visual cortex (van Gerven et al. 2010)."""
    data = loadmat(real_data("digit69") / "digit69_28x28.mat")
    images, responses = data["stimTrn"].astype(float), data["fmriTrn"][:, ::3]
    responses = responses / responses.std(axis=0)
    found = receptive_fields(images, responses)
    assert found.r2.max() > 0.4 and (found.r2 > 0.1).sum() > 50
    rng = np.random.default_rng(0)
    shuffled = receptive_fields(images[rng.permutation(90)], responses)
    assert shuffled.r2.max() < 0.2 and (shuffled.r2 > 0.1).sum() < 5
    assert np.median(shuffled.n_active) == 0
    # Of 7 x 7 coarse pixels none is a copy of another: there scikit-learn's numbers are defined.
    coarse = images.reshape(90, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(90, 49)
    coarse = coarse[:, (coarse > 0).sum(axis=0) > 20]
    best = np.argsort(-found.r2)[:30]
    check_equal(coarse, responses[:, best], 10)
