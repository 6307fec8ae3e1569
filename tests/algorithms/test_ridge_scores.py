import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.ridge_scores import choose_penalties, score_predictions


@pytest.mark.parametrize("name", ["numpy", "torch"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_scores_are_those_of_scikit_learn_and_scipy(rng, name, dtype, tolerance, unit):
    if name == "torch":
        pytest.importorskip("torch")
    backend = get_backend(name, "cpu", dtype, 1)
    responses = rng.normal(1, 1, size=(5, 12))
    predicted = 0.5 * responses + rng.normal(size=(5, 12))
    found = score_predictions(backend, *(backend.array(unit * v) for v in (responses, predicted)))
    for row in range(5):
        assert found.r2[row] == pytest.approx(
            r2_score(responses[row], predicted[row]), abs=tolerance
        )
        expected = pearsonr(responses[row], predicted[row])[0]
        assert found.r[row] == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_constant_prediction_correlates_with_nothing(rng, dtype, unit):
    backend = get_backend(dtype=dtype)
    responses = rng.normal(size=(4, 9))
    predicted = np.ones((4, 9)) * [[0.0], [0.3], [0.3], [1 / 3]]
    predicted[2] += np.finfo(dtype).eps * 0.3 * rng.normal(size=9)  # but for rounding
    found = score_predictions(backend, *(backend.array(unit * v) for v in (responses, predicted)))
    assert (found.r == 0).all() and (found.r2 < 0).all()


def test_small_predictions_still_correlate(rng):
    backend = get_backend()
    responses = rng.normal(size=(1, 50))
    found = score_predictions(backend, *(backend.array(v) for v in (responses, 1e-4 * responses)))
    assert found.r == pytest.approx(1, abs=1e-5)


def test_the_best_penalty_of_each_voxel_or_of_all():
    inner = np.array([[[0.1, 0.9, 0.2], [0.3, 0.1, 0.2]], [[0.0, 0.0, -9.0], [-1.0, 0.1, 0.0]]])
    np.testing.assert_array_equal(choose_penalties(inner, shared=False), [[1, 0, 0], [0, 1, 1]])
    np.testing.assert_array_equal(choose_penalties(inner, shared=True), [[0] * 3, [1] * 3])
