"""What must not change the scores of `ridge_encode`, and what must not raise them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.nested_ridge import Exact, simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode

PENALTIES = (0.3, 10.0, 300.0)
FLOAT64 = get_backend(dtype="float64", n_threads=1)
forms = pytest.mark.parametrize("form", ["primal", "dual"])
scaled = pytest.mark.parametrize("standardize", [False, True], ids=["as they are", "standardized"])
studies = st.builds(
    lambda seed, sizes, n_features, n_voxels, form, standardize: (
        np.random.default_rng(seed), sizes, n_features, n_voxels,
        {"form": form, "standardize": standardize, "backend": FLOAT64},
    ),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(3, 9), min_size=3, max_size=8),
    st.integers(1, 40),
    st.integers(1, 5),
    st.sampled_from(["primal", "dual"]),
    st.booleans(),
)  # fmt: skip


def encode(features, responses, groups, penalties=PENALTIES, **options):
    options = {"backend": FLOAT64, "predictions": True, **options}
    return ridge_encode(features, responses, groups, penalties, **options)


def agree(found, expected, voxels=slice(None), tolerance=1e-5):
    """Scores are the same wherever rounding did not choose the penalty."""
    same = np.isclose(found.penalty, expected.penalty[:, voxels], rtol=1e-5)
    assert same.mean() > 0.9
    for name in ("fold_r2", "fold_r"):
        one, other = getattr(found, name), getattr(expected, name)[:, voxels]
        np.testing.assert_allclose(one[same], other[same], rtol=tolerance, atol=tolerance)


@settings(max_examples=20)
@given(studies)
def test_the_order_of_samples_voxels_and_features_does_not_matter(study):
    rng, sizes, n_features, n_voxels, options = study
    features, responses, groups = simulate(rng, sizes, n_features, n_voxels)
    expected = encode(features, responses, groups, **options)
    rows = rng.permutation(len(groups))
    columns, voxels = rng.permutation(n_features), rng.permutation(n_voxels)
    found = encode(features[rows][:, columns], responses[rows][:, voxels], groups[rows], **options)
    order = [found.folds.index(name) for name in expected.folds]
    found.penalty[:], found.fold_r2[:], found.fold_r[:] = (
        values[order] for values in (found.penalty, found.fold_r2, found.fold_r)
    )
    agree(found, expected, voxels)
    same = np.isclose(found.penalty, expected.penalty[:, voxels], rtol=1e-5).all(axis=0)
    np.testing.assert_allclose(
        found.predictions[:, same], expected.predictions[rows][:, voxels][:, same], atol=1e-4
    )


@settings(max_examples=20)
@given(studies, st.floats(1e-3, 1e3))
def test_the_unit_of_features_goes_with_that_of_penalties(study, unit):
    rng, sizes, n_features, n_voxels, options = study
    features, responses, groups = simulate(rng, sizes, n_features, n_voxels)
    expected = encode(features, responses, groups, **options)
    factor = 1 if options["standardize"] else unit**2
    found = encode(unit * features, responses, groups, np.array(PENALTIES) * factor, **options)
    found.penalty[:] = found.penalty / factor
    agree(found, expected)


@settings(max_examples=20)
@given(studies, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_constants_and_the_unit_of_responses_do_not_matter(study, a, b, unit):
    rng, sizes, n_features, n_voxels, options = study
    features, responses, groups = simulate(rng, sizes, n_features, n_voxels)
    expected = encode(features, responses, groups, **options)
    found = encode(features + a, unit * responses + b, groups, **options)
    agree(found, expected)


@settings(max_examples=20)
@given(studies)
def test_forms_agree_and_voxels_do_not_depend_on_each_other(study):
    rng, sizes, n_features, n_voxels, options = study
    features, responses, groups = simulate(rng, sizes, n_features, n_voxels)
    other = {"primal": "dual", "dual": "primal"}[options["form"]]
    expected = encode(features, responses, groups, **options)
    twice = encode(
        features, np.hstack([responses, responses]), groups, **{**options, "form": other}
    )
    agree(twice, expected, np.tile(np.arange(n_voxels), 2))
    first = [getattr(twice, name)[:, :n_voxels] for name in ("fold_r2", "fold_r", "penalty")]
    second = [getattr(twice, name)[:, n_voxels:] for name in ("fold_r2", "fold_r", "penalty")]
    for one, same in zip(first, second, strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-6, atol=1e-6)
    alone = encode(features, responses[:, :1], groups, **options)
    agree(alone, expected, slice(0, 1))


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e4), st.floats(1e-12, 1e12))
@settings(max_examples=20)
def test_scores_do_not_depend_on_the_unit_of_responses_in_float32(seed, penalty, unit):
    features, responses, groups = simulate(np.random.default_rng(seed), (6, 7, 8), 5, 3)
    backend = get_backend(n_threads=1)
    one, other = (
        encode(features, factor * responses, groups, [penalty], backend=backend)
        for factor in (1.0, unit)
    )
    np.testing.assert_allclose(one.fold_r, other.fold_r, atol=1e-4)
    np.testing.assert_allclose(one.fold_r2, other.fold_r2, atol=1e-4)


@forms
@scaled
def test_responses_that_have_nothing_to_do_with_features_are_not_predicted(form, standardize):
    rng = np.random.default_rng(3)
    n_groups, size, n_voxels = 6, 25, 2000
    groups = np.repeat(np.arange(n_groups), size)
    features = rng.normal(size=(n_groups * size, 12)) @ rng.normal(size=(12, 60))
    responses = features @ rng.normal(size=(60, n_voxels)) + rng.normal(size=(150, n_voxels))
    true = ridge_encode(features, responses, groups, form=form, standardize=standardize)
    assert true.r.mean() > 0.9
    shuffled = np.stack([column[rng.permutation(150)] for column in responses.T], axis=1)
    null = ridge_encode(features, shuffled, groups, form=form, standardize=standardize)
    # r of one fold has mean 0 and deviation 1 / sqrt(size - 1). Folds depend on each other in
    # pairs: with much shrinkage r of fold k is a sum over j of y_k' K_kj y_j, and K_kj is in
    # that of fold j too. That doubles the variance of the mean over folds. Voxels are
    # independent, since each has a permutation of its own: 4 standard errors.
    assert null.fold_r.std() == pytest.approx(1 / np.sqrt(size - 1), rel=0.05)
    deviation = np.sqrt(2 / ((size - 1) * n_groups))
    assert abs(null.r.mean()) < 4 * deviation / np.sqrt(n_voxels)
    assert null.r.std() == pytest.approx(deviation, rel=0.1)
    assert null.r.max() < 5 * deviation
    # Without a relation, r2 about the test samples' mean is below 0 for every model but the
    # constant one that knows that mean.
    assert null.r2.mean() < 0


@forms
@scaled
@pytest.mark.parametrize("penalties", [(1e-3,), PENALTIES])
def test_a_copy_of_the_group_label_gains_nothing(form, standardize, penalties, rng):
    groups = np.repeat(np.arange(6), 10)
    responses = rng.normal(size=(60, 50)) + 3 * rng.normal(size=(6, 50))[groups]
    labels = groups[:, None] * 1.0
    one_hot = (groups[:, None] == np.arange(6)) * 1.0
    options = {"form": form, "standardize": standardize, "backend": get_backend(n_threads=1)}
    for features in (labels, one_hot):
        found = encode(features, responses, groups, penalties, **options)
        assert (found.fold_r == 0).all()  # constant within what is left out
        assert (found.fold_r2 < 1e-5).all()
    signal = rng.normal(size=(60, 4))
    responses = signal @ rng.normal(size=(4, 50)) + rng.normal(size=(60, 50))
    without = encode(signal, responses, groups, penalties, **options)
    beside = encode(np.hstack([signal, labels]), responses, groups, penalties, **options)
    assert beside.r.mean() < without.r.mean() + 0.01


@forms
@scaled
def test_an_offset_of_a_group_says_nothing_about_other_groups(form, standardize, rng):
    features, responses, groups = simulate(rng, (12, 12, 12, 12), 6, 40, noise=0.3)
    options = {"form": form, "standardize": standardize}
    plain = encode(features, responses, groups, **options)
    offset = 5 * rng.normal(size=(4, 40))[np.unique(groups, return_inverse=True)[1]]
    found = encode(features, responses + offset, groups, **options)
    own = encode(features, offset + 0.3 * rng.normal(size=offset.shape), groups, **options)
    assert plain.r[20:].min() > 0.8 and (found.r2 < plain.r2).all()
    # r2 counts a wrong mean, r does not.
    assert own.r2.max() < 0 and abs(own.r.mean()) < 3 / np.sqrt(11 * 4 * 40)


@forms
@scaled
def test_voxels_that_cannot_be_analysed_do_not_touch_the_others(form, standardize, rng):
    features, responses, groups = simulate(rng, (9, 10, 11), 12, 30)
    options = {"form": form, "standardize": standardize, "model": True,
               "backend": get_backend(n_threads=1)}  # fmt: skip
    clean = encode(features, responses, groups, **options)
    bad = responses.copy()
    bad[3, 2], bad[5, 7], bad[:, 11] = np.nan, np.inf, 4.0
    bad[groups == "s1", 20] = 1.0  # constant in one group only: its r2 is not defined
    found = encode(features, bad, groups, **options)
    left_out = np.isin(np.arange(30), (2, 7, 11, 20))
    np.testing.assert_array_equal(found.usable, ~left_out)
    for name in ("r2", "r", "fold_r2", "fold_r", "penalty", "predictions"):
        one, other = getattr(found, name), getattr(clean, name)
        assert np.isnan(one[..., left_out]).all()
        tolerance = 2e-5 if name == "predictions" else 4e-6  # other blocks round otherwise
        np.testing.assert_allclose(one[..., ~left_out], other[..., ~left_out], atol=tolerance)
    new = rng.normal(size=(4, 12))
    assert found.model.intercept.shape == (26,)
    expected = clean.model.predict(new)[:, ~left_out]
    np.testing.assert_allclose(found.model.predict(new), expected, rtol=1e-5, atol=1e-5)


@forms
@scaled
def test_bounded_memory_gives_the_same_numbers(form, standardize, rng):
    features, responses, groups = simulate(rng, (20,) * 7, 30, 300)
    options = {"form": form, "standardize": standardize, "model": True}
    large, small = (
        encode(features, responses, groups, memory_mb=bound, **options) for bound in (2000, 0.01)
    )
    np.testing.assert_array_equal(large.penalty, small.penalty)
    np.testing.assert_allclose(large.fold_r2, small.fold_r2, atol=1e-6)
    np.testing.assert_allclose(large.predictions, small.predictions, atol=1e-5)
    np.testing.assert_allclose(large.model.intercept, small.model.intercept, atol=1e-5)


@forms
def test_memory_grows_with_voxels_by_the_results_only(form):
    """One copy of the responses (float32), the choices, and inner scores or results."""
    rng = np.random.default_rng(0)
    n_groups, penalties, features = 5, np.logspace(0, 4, 6), rng.normal(size=(100, 40))
    groups = np.repeat(np.arange(n_groups), 20)

    def peak(n_voxels):
        responses = rng.normal(size=(100, n_voxels)).astype(np.float32)
        backend = get_backend(n_threads=1)
        tracemalloc.start()
        found = ridge_encode(
            features, responses, groups, penalties, form=form, backend=backend, memory_mb=4
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.usable.all()
        return peak

    peak(100)  # modules are loaded
    grown = (peak(24_000) - peak(8_000)) / 16_000  # bytes a voxel
    copy, mean, choice = 4 * 100, 8, 8 * n_groups
    inner = 4 * n_groups * len(penalties)
    results = 4 * (2 + 3 * n_groups) + 1  # r2 and r; folds: r2, r, penalty; usable
    assert grown < copy + mean + choice + max(inner, 3 * results) + 16


def test_voxels_in_blocks_and_threads_are_where_they_belong(rng):
    features, responses, groups = simulate(rng, (8,) * 6, 10, 1500, noise=0.5)
    for form in ("primal", "dual"):
        whole = encode(features, responses, groups, form=form)
        threads = encode(
            features, responses, groups, form=form,
            backend=get_backend(dtype="float64", n_threads=3),
        )  # fmt: skip
        np.testing.assert_allclose(threads.fold_r2, whole.fold_r2, atol=1e-6)
        part = rng.choice(1500, 40, replace=False)
        some = encode(features, responses[:, part], groups, form=form)
        np.testing.assert_allclose(some.fold_r2, whole.fold_r2[:, part], rtol=1e-5, atol=1e-6)


def test_exact_results_do_not_depend_on_the_form_or_on_blocks(rng):
    arrays = simulate(rng, (8, 9, 10, 11), 25, 30)
    runs = [
        Exact(*arrays, PENALTIES, {"form": form, "memory_mb": bound}).run()
        for form in ("primal", "dual")
        for bound in (0.001, 100.0)
    ]
    for other in runs[1:]:
        np.testing.assert_array_equal(other.chosen, runs[0].chosen)
        np.testing.assert_allclose(other.predictions, runs[0].predictions, atol=1e-10)
