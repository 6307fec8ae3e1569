"""Scores, penalties, predictions and models of `ridge_encode` against scikit-learn, in a loop."""

from functools import cache

import numpy as np
import pytest
from support.nested_ridge import Exact, NestedLoop, simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.encode_model import DualModel, LinearModel
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.ridge_inner import PredictJob, ResidualJob
from fmriprod.algorithms.ridge_path import PathJob

FOUR = (0.1, 3.0, 30.0, 1000.0)
CASES = {  # sizes of groups, features, voxels, penalties
    "few features": ((10, 12, 9), 6, 7, FOUR),
    "many features": ((10, 12, 9), 80, 7, FOUR),
    "as many features as samples": ((8, 8, 8, 8), 32, 5, FOUR),
    "one feature": ((6, 8, 7), 1, 5, FOUR),
    "one voxel": ((8, 8, 8), 5, 1, FOUR),
    "one voxel, many features": ((8, 9, 7), 40, 1, FOUR),
    "one penalty": ((5, 6, 7, 8), 40, 3, (10.0,)),
    "two groups and one penalty": ((9, 14), 7, 4, (3.0,)),
    "two groups and one penalty, many features": ((9, 14), 50, 4, (3.0,)),
    "very unequal groups": ((2, 9, 30, 5, 7), 30, 6, FOUR),
    "twelve groups, few features": ((6,) * 12, 10, 6, (0.1, 1000.0)),
    "seven groups, many features": ((4, 6, 8, 5, 6, 7, 4), 100, 6, FOUR),
}
OPTIONS = [(shared, criterion) for shared in (False, True) for criterion in ("r2", "mse")]
every_case = pytest.mark.parametrize("case", CASES)
forms = pytest.mark.parametrize("form", ["primal", "dual"])
scaled = pytest.mark.parametrize("standardize", [False, True], ids=["as they are", "standardized"])


@cache
def data(case):
    sizes, n_features, n_voxels, penalties = CASES[case]
    rng = np.random.default_rng([list(CASES).index(case), 7])
    return *simulate(rng, sizes, n_features, n_voxels), penalties


@cache
def loop(case, standardize):
    return NestedLoop(*data(case), standardize=standardize)


@cache
def truth(case, standardize, shared=False, criterion="r2"):
    new = np.random.default_rng(5).normal(0, 3, (6, CASES[case][1]))
    found = loop(case, standardize).run(shared=shared, criterion=criterion, new=new)
    assert found.margin > 1e-6, "rounding would choose the penalty: give the case another seed"
    return new, found


@every_case
@forms
@scaled
def test_equals_the_loop_in_float64(case, form, standardize):
    *arrays, penalties = data(case)
    exact = Exact(*arrays, penalties, {"form": form, "standardize": standardize})
    for shared, criterion in OPTIONS:
        _, expected = truth(case, standardize, shared, criterion)
        found = exact.run(shared=shared, criterion=criterion)
        np.testing.assert_array_equal(found.chosen, expected.chosen)
        np.testing.assert_allclose(found.r2, expected.r2, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found.r, expected.r, rtol=0, atol=1e-8)
        np.testing.assert_allclose(found.predictions, expected.predictions, rtol=1e-8, atol=1e-8)


@every_case
@forms
@scaled
def test_equals_the_loop_in_float32(case, form, standardize):
    *arrays, penalties = data(case)
    new, expected = truth(case, standardize)
    found = ridge_encode(
        *arrays, penalties, form=form, standardize=standardize, predictions=True, model=True,
        backend=get_backend(n_threads=1),
    )  # fmt: skip
    np.testing.assert_array_equal(found.penalty, np.float32(np.array(penalties)[expected.chosen]))
    np.testing.assert_allclose(found.fold_r2, expected.r2, atol=3e-4)
    np.testing.assert_allclose(found.fold_r, expected.r, atol=3e-4)
    np.testing.assert_allclose(found.r2, expected.r2.mean(0), atol=3e-4)
    np.testing.assert_allclose(found.r, expected.r.mean(0), atol=1e-4)
    np.testing.assert_allclose(found.predictions, expected.predictions, atol=2e-3)
    np.testing.assert_allclose(found.model.predict(new), expected.new, atol=2e-3)
    assert found.form == form and found.usable.all()
    assert found.folds == tuple(dict.fromkeys(arrays[2]))
    for values in (found.r2, found.r, found.fold_r2, found.fold_r, found.penalty):
        assert values.dtype == np.float32


def test_the_cases_choose_among_penalties_and_differ_between_options():
    chosen = [truth(case, False, *options)[1].chosen for case in CASES for options in OPTIONS[:2]]
    assert len(np.unique(np.concatenate([c.ravel() for c in chosen]))) == len(FOUR)
    for one, other in ((OPTIONS[0], OPTIONS[2]), (OPTIONS[0], OPTIONS[1])):
        assert any(
            (truth(case, False, *one)[1].chosen != truth(case, False, *other)[1].chosen).any()
            for case in CASES
        )
    assert any(np.ptp(c, axis=1).any() for c in chosen)  # voxels differ, and
    assert any(np.ptp(c, axis=0).any() for c in chosen)  # so do folds


@pytest.mark.parametrize("case", ["few features", "many features", "seven groups, many features"])
@scaled
def test_weights_of_a_dual_model_are_those_of_the_primal_one(case, standardize):
    *arrays, penalties = data(case)
    new, expected = truth(case, standardize)
    models = [
        ridge_encode(
            *arrays, penalties, form=form, standardize=standardize, model=True,
            backend=get_backend(dtype="float64", n_threads=1),
        ).model
        for form in ("primal", "dual")
    ]  # fmt: skip
    assert isinstance(models[0], LinearModel) and isinstance(models[1], DualModel)
    linear = models[1].linear()
    np.testing.assert_allclose(linear.weights, models[0].weights, atol=2e-5)
    np.testing.assert_allclose(linear.intercept, models[0].intercept, atol=2e-4)
    np.testing.assert_allclose(linear.predict(new), models[1].predict(new), atol=2e-4)
    np.testing.assert_allclose(linear.predict(new), expected.new, atol=2e-4)


def test_few_groups_use_paths_or_predictors_and_many_use_small_inverses():
    def kinds(case, dtype, n_penalties=None):
        features, _, groups, penalties = data(case)
        penalties = penalties[:n_penalties]
        options = {"form": "dual", "backend": get_backend(dtype=dtype, n_threads=1)}
        return [
            type(j)
            for j in nested_ridge(features, groups, penalties, **options).solver.inner_jobs()
        ]

    assert set(kinds("few features", "float64")) == {PathJob}
    assert set(kinds("few features", "float64", 2)) == {PredictJob}
    assert set(kinds("twelve groups, few features", "float64")) == {ResidualJob}
    # In float32 small penalties are left to predictors, which are solved in float64.
    assert set(kinds("twelve groups, few features", "float32")) == {PredictJob, ResidualJob}


def test_penalties_that_are_not_given_go_with_the_length_of_the_features(rng):
    features, responses, groups = simulate(rng, (8, 9, 10), 5, 3)
    centred = features - features.mean(axis=0)
    for form in ("primal", "dual"):
        found = ridge_encode(features, responses, groups, form=form)
        assert found.unit == pytest.approx((centred**2).sum(axis=1).mean(), rel=1e-5)
        np.testing.assert_allclose(found.penalties / found.unit, np.logspace(-5, 4, 10), rtol=1e-6)
        larger = ridge_encode(50 * features, responses, groups, form=form)
        np.testing.assert_allclose(larger.r2, found.r2, atol=1e-5)
        scaled = ridge_encode(features, responses, groups, form=form, standardize=True)
        assert scaled.unit == 5  # features, each of variance 1
    assert ridge_encode(features, responses, groups, [2.0]).unit == 1


def test_gives_what_was_asked_for(rng):
    features, responses, groups = simulate(rng, (8, 9, 10), 5, 3)
    bare = ridge_encode(features, responses, groups, FOUR)
    assert bare.predictions is None and bare.model is None
    whole = ridge_encode(features, responses, groups, FOUR, predictions=True, model=True)
    assert whole.predictions.shape == responses.shape and whole.model.n_features == 5
    np.testing.assert_array_equal(bare.fold_r2, whole.fold_r2)


def test_reads_arrays_from_disk(tmp_path, rng):
    h5py = pytest.importorskip("h5py")
    features, responses, groups = simulate(rng, (8, 9, 10), 5, 3)
    np.save(tmp_path / "responses.npy", responses.astype("f4"))
    mapped = np.load(tmp_path / "responses.npy", mmap_mode="r")
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["x"] = features
        for form in ("primal", "dual"):
            found = ridge_encode(file["x"], mapped, groups, FOUR, form=form, model=True)
            same = ridge_encode(features, np.array(mapped), groups, FOUR, form=form, model=True)
            np.testing.assert_array_equal(found.fold_r2, same.fold_r2)
            np.testing.assert_array_equal(found.model.intercept, same.model.intercept)


def refused(*arrays, penalties=FOUR, **options):
    with pytest.raises(InputError) as info:
        ridge_encode(*arrays, penalties, **options)
    return str(info.value)


def test_bad_input_is_refused(rng):
    features, responses, groups = simulate(rng, (8, 9, 10), 5, 3)
    text = refused(features, responses[:-1], groups)
    assert "responses" in text and "27 samples" in text and "(26, 3)" in text
    assert "same samples, in the same order" in text
    assert "r2 or mse" in refused(features, responses, groups, criterion="r")
    text = refused(features, np.ones_like(responses), groups)
    assert "a voxel that is finite and varies in every group" in text and "none of 3" in text
    assert "look at the mask" in text
    assert "responses" in refused(features, responses[:, 0], groups)
