import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrast_recovery import best_threshold, recovery_curve
from fmriprod.algorithms.response_contrast import two_sample_t

MAPS = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=40).filter(
    lambda pairs: any(inside for _, inside in pairs)
)


@given(pairs=MAPS)
def test_curve_is_that_of_scikit_learn_ties_and_all(pairs):
    values, support = (np.array(column) for column in zip(*pairs, strict=True))
    curve = recovery_curve(values, support)
    precision, recall, threshold = precision_recall_curve(support, values)
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    np.testing.assert_array_equal(curve.threshold, threshold[::-1])
    assert curve.average_precision == pytest.approx(average_precision_score(support, values))


@given(pairs=MAPS, least=st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]))
def test_chosen_threshold_is_that_of_a_slow_search(pairs, least):
    values, support = (np.array(column) for column in zip(*pairs, strict=True))
    tried = []
    for threshold in set(values.tolist()):
        active = values >= threshold
        hits = (active & support).sum()
        if hits / support.sum() >= least:
            tried.append((hits / active.sum(), hits / support.sum(), -active.sum(), threshold))
    best = max(tried, key=lambda found: found[:2])
    chosen = best_threshold(recovery_curve(values, support), least)
    assert (chosen.precision, chosen.recall) == pytest.approx(best[:2])


def test_a_case_worked_out_by_hand():
    values = [9, 8, 7, 6, 5, 4, 3, 2]
    support = [1, 0, 1, 0, 1, 1, 0, 0]
    curve = recovery_curve(values, support)
    np.testing.assert_allclose(
        curve.precision, [1, 1 / 2, 2 / 3, 1 / 2, 3 / 5, 4 / 6, 4 / 7, 4 / 8]
    )
    np.testing.assert_allclose(curve.recall, [0.25, 0.25, 0.5, 0.5, 0.75, 1, 1, 1])
    assert best_threshold(curve) == (4.0, 2 / 3, 1.0)  # of two with precision 2/3, more recall
    assert best_threshold(curve, 0) == (9.0, 1.0, 0.25)
    assert (curve.chance, curve.recall_at_full_precision) == (0.5, 0.25)


def test_constant_and_infinite_maps(rng):
    support = np.arange(10) < 3
    curve = recovery_curve(np.full(10, 2.0), support)
    assert (curve.threshold.tolist(), curve.recall.tolist()) == ([2.0], [1.0])
    assert curve.precision[0] == pytest.approx(0.3) == curve.chance
    assert best_threshold(curve).value == 2.0 and curve.recall_at_full_precision == 0
    values = np.where(support, np.inf, rng.normal(size=10))
    assert best_threshold(recovery_curve(values, support)) == (np.inf, 1.0, 1.0)
    assert recovery_curve(-values, support).precision[-1] == pytest.approx(0.3)


def test_order_of_voxels_and_rising_maps_of_the_values_do_not_matter(rng):
    values, support = rng.integers(0, 9, 200), rng.random(200) < 0.2
    order = rng.permutation(200)
    curve = recovery_curve(values, support)
    for other in (values[order], np.exp(values[order] / 3.0)):
        again = recovery_curve(other, support[order])
        np.testing.assert_array_equal(again.precision, curve.precision)
        np.testing.assert_array_equal(again.recall, curve.recall)


def test_noise_is_at_chance_and_planted_voxels_are_found_first(rng):
    """One layer that knows little finds few; the mean over layers reaches full precision."""
    support = np.arange(2000) < 100
    kind = np.arange(60) < 30
    pattern = np.where(kind[:, None], 1, -1) * support
    layers = [strength * pattern + rng.normal(0, 3, (60, 2000)) for strength in (0, 1, 2, 3)]
    curves = [
        recovery_curve(two_sample_t(responses, kind, ~kind), support)
        for responses in (layers[0], np.mean(layers, axis=0))
    ]
    first, mean = curves
    assert first.average_precision == pytest.approx(first.chance, abs=0.03)
    assert first.recall_at_full_precision <= 0.02 and best_threshold(first).precision < 0.1
    assert mean.average_precision > 0.9 and mean.recall_at_full_precision > 0.3
    assert best_threshold(mean).precision > 0.95 and best_threshold(mean).recall >= 0.5


@pytest.mark.parametrize(
    ("values", "support", "text"),
    [
        ([1.0, 2.0], [False, False], "truth\n.*to be found again\n.*none of 2"),
        ([1.0, np.nan], [True, False], "values\n.*not NaN(.*\n)+.*1 NaN"),
        ([1.0], [True, False], r"values\n.*\n.*shape \(1,\), support of shape \(2,\)"),
    ],
)
def test_maps_that_cannot_be_judged(values, support, text):
    with pytest.raises(InputError, match=text):
        recovery_curve(values, support)


def test_recall_that_is_no_share():
    with pytest.raises(InputError, match=r"recall\n.*from 0 to 1\n.*50"):
        best_threshold(recovery_curve([1.0], [True]), 50)
