"""The array namespace of torch gives what NumPy's gives; himalaya's models are the same."""

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneGroupOut
from support.nested_ridge import Exact, correlation, share_of_variance, simulate

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode

PENALTIES = (0.3, 10.0, 300.0, 3000.0)
SHAPES = {  # sizes of groups, features
    "few features": ((10, 12, 9), 6),
    "many features": ((9, 8, 7, 11), 90),
    "many groups": ((5, 6, 4) * 3, 30),
}
shapes = pytest.mark.parametrize("shape", SHAPES)
forms = pytest.mark.parametrize("form", ["primal", "dual"])
scaled = pytest.mark.parametrize("standardize", [False, True], ids=["as they are", "standardized"])


def data(shape, n_voxels=20):
    sizes, n_features = SHAPES[shape]
    return simulate(np.random.default_rng(len(shape)), sizes, n_features, n_voxels)


def same_on(device, shape, form, standardize):
    arrays, options = data(shape), {"form": form, "standardize": standardize}
    there = get_backend("torch", device, "float64", 1)
    one = Exact(*arrays, PENALTIES, options).run()
    other = Exact(*arrays, PENALTIES, {**options, "backend": there}).run()
    np.testing.assert_array_equal(other.chosen, one.chosen)
    for name in ("r2", "r", "predictions"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-10)
    new = np.random.default_rng(0).normal(size=(5, arrays[0].shape[1]))
    results = [
        ridge_encode(*arrays, PENALTIES, backend=backend, predictions=True, model=True, **options)
        for backend in (get_backend(n_threads=1), get_backend("torch", device, n_threads=1))
    ]
    np.testing.assert_array_equal(*[found.penalty for found in results])
    for name, tolerance in (("fold_r2", 1e-4), ("fold_r", 1e-4), ("predictions", 1e-3)):
        one, other = (getattr(found, name) for found in results)
        assert isinstance(other, np.ndarray) and other.dtype == np.float32
        np.testing.assert_allclose(other, one, atol=tolerance)
    np.testing.assert_allclose(*[found.model.predict(new) for found in results], atol=1e-3)


@shapes
@forms
@scaled
def test_torch_equals_numpy(shape, form, standardize):
    pytest.importorskip("torch")
    same_on("cpu", shape, form, standardize)


@shapes
@forms
@scaled
def test_cuda_equals_numpy(shape, form, standardize):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    same_on("cuda", shape, form, standardize)


def himalaya_scores(features, responses, groups, *, shared, criterion):
    """KernelRidgeCV with its own intercepts, chosen and fitted without each group in turn."""
    himalaya = pytest.importorskip("himalaya")
    pytest.importorskip("himalaya.kernel_ridge")
    score = {"r2": himalaya.scoring.r2_score, "mse": himalaya.scoring.l2_neg_loss}[criterion]
    r2, r, chosen = [], [], []
    for name in dict.fromkeys(groups):
        train, test = groups != name, groups == name
        splits = list(LeaveOneGroupOut().split(features[train], groups=groups[train]))
        model = himalaya.kernel_ridge.KernelRidgeCV(
            alphas=PENALTIES, fit_intercept=True, cv=splits, warn=False,
            solver_params={"local_alpha": not shared, "score_func": score},
        )  # fmt: skip
        guess = model.fit(features[train], responses[train]).predict(features[test])
        r2.append(share_of_variance(responses[test], guess))
        r.append(correlation(responses[test], guess))
        chosen.append(np.broadcast_to(model.best_alphas_, responses.shape[1]))
    return np.array(r2), np.array(r), np.array(chosen)


@shapes
@forms
@pytest.mark.parametrize("criterion", ["r2", "mse"])
@pytest.mark.parametrize("shared", [False, True])
def test_equals_himalaya_in_an_outer_loop(shape, form, shared, criterion):
    arrays = data(shape)
    r2, r, chosen = himalaya_scores(*arrays, shared=shared, criterion=criterion)
    found = Exact(*arrays, PENALTIES, {"form": form}).run(shared=shared, criterion=criterion)
    np.testing.assert_allclose(np.array(PENALTIES)[found.chosen], chosen, rtol=1e-12)
    np.testing.assert_allclose(found.r2, r2, atol=1e-8)
    np.testing.assert_allclose(found.r, r, atol=1e-8)
