"""Scaling of RDMs against scikit-learn, planted points, and an eigendecomposition by hand."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.manifold import smacof

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import condensed, square
from fmriprod.algorithms.rdm_mds import classical_scaling, metric_scaling, scaling_stress


@pytest.mark.parametrize("scale", [classical_scaling, metric_scaling])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("n_dimensions", [1, 2, 3])
def test_planted_points_are_found_again(scale, squared, n_dimensions, rng):
    planted = rng.normal(size=(12, n_dimensions)) + 5
    d = pdist(planted)
    found = scale(d**2 if squared else d, n_dimensions, squared=squared)
    np.testing.assert_allclose(pdist(found.coordinates), d, atol=1e-6)  # also the size is right
    assert found.stress < 1e-6
    if n_dimensions > 1:
        assert procrustes(planted, found.coordinates)[2] < 1e-9


def test_classical_scaling_of_patterns_gives_their_principal_components(rng):
    patterns = rng.normal(size=(16, 40)) * np.linspace(3, 0.1, 40)
    found = classical_scaling(pdist(patterns), 3).coordinates
    components = PCA(3).fit_transform(patterns)
    signs = np.sign((found * components).sum(axis=0))
    np.testing.assert_allclose(found, components * signs, atol=1e-8)


def test_distances_that_are_not_euclidean_by_the_textbook_formula(rng):
    pairs = rng.uniform(0.2, 2, 45)
    n = 10
    centring = np.eye(n) - np.ones((n, n)) / n
    gram = -0.5 * centring @ square(pairs) ** 2 @ centring
    values, vectors = np.linalg.eig(gram)
    values, vectors = values.real, vectors.real
    assert values.min() < -0.1  # some are imaginary
    order = np.argsort(values)[::-1][:2]
    wanted = vectors[:, order] * np.sqrt(values[order])
    found = classical_scaling(pairs).coordinates
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-9)
    np.testing.assert_allclose(pdist(found), pdist(wanted), atol=1e-9)


def test_stress_is_that_of_a_slow_loop_and_of_scikit_learn(rng):
    pairs, points = rng.uniform(1, 2, 28), rng.normal(size=(8, 2))
    matrix, above, below = square(pairs), 0.0, 0.0
    for i in range(8):
        for j in range(i + 1, 8):
            above += (matrix[i, j] - np.sqrt(((points[i] - points[j]) ** 2).sum())) ** 2
            below += ((points[i] - points[j]) ** 2).sum()
    assert scaling_stress(pairs, points) == pytest.approx(np.sqrt(above / below))
    found, stress = smacof(matrix, metric=True, n_init=1, init=points, n_components=2,
                           normalized_stress=True)  # fmt: skip
    assert scaling_stress(pairs, found) == pytest.approx(stress, rel=1e-3)


def test_metric_scaling_has_no_more_stress_than_classical_or_random_starts(rng):
    pairs = pdist(rng.normal(size=(20, 6)))
    metric, classical = metric_scaling(pairs), classical_scaling(pairs)
    assert metric.stress < 0.9 * classical.stress
    starts = [smacof(square(pairs), metric=True, n_init=1, random_state=seed,
                     normalized_stress=True)[1] for seed in range(4)]  # fmt: skip
    assert metric.stress < 1.1 * min(starts)


@given(st.integers(3, 12), st.integers(0, 10**6), st.booleans())
def test_order_unit_and_repetition_do_not_matter(n, seed, squared):
    rng = np.random.default_rng(seed)
    pairs = pdist(rng.normal(size=(n, 5)))
    scaled = classical_scaling(pairs, squared=squared)
    again = classical_scaling(pairs.copy(), squared=squared)
    np.testing.assert_array_equal(scaled.coordinates, again.coordinates)
    order = rng.permutation(n)
    other = classical_scaling(condensed(square(pairs)[np.ix_(order, order)]), squared=squared)
    np.testing.assert_allclose(
        pdist(other.coordinates), pdist(scaled.coordinates[order]), atol=1e-6
    )
    unit = classical_scaling(1000 * pairs, squared=squared)
    assert unit.stress == pytest.approx(scaled.stress, abs=1e-9)
    factor = 1000**0.5 if squared else 1000
    np.testing.assert_allclose(
        pdist(unit.coordinates), factor * pdist(scaled.coordinates), atol=1e-4
    )
    assert np.allclose(scaled.coordinates.mean(axis=0), 0)
    assert (scaled.coordinates.max(axis=0) >= -scaled.coordinates.min(axis=0) - 1e-12).all()
    spread = scaled.coordinates.var(axis=0)
    assert (np.diff(spread) <= 1e-9).all()


def test_crossnobis_distances_below_zero_are_taken(rng):
    pairs = pdist(rng.normal(size=(8, 4)), "sqeuclidean")
    pairs[3] = -0.2
    for scale in (classical_scaling, metric_scaling):
        assert np.isfinite(scale(pairs, squared=True).coordinates).all()
    with pytest.raises(InputError) as info:
        classical_scaling(pairs)
    assert info.value.found == "1 of 28 below 0" and "squared" in info.value.hint


def test_equal_distances_and_none_at_all():
    alike = classical_scaling(np.ones(3), 2)
    np.testing.assert_allclose(pdist(alike.coordinates), 1)
    for scale in (classical_scaling, metric_scaling):
        nothing = scale(np.zeros(6), 2)
        assert not nothing.coordinates.any() and nothing.stress == 0
        alone = scale(np.array([-1.0, -1, -2]), 2, squared=True)
        assert not alone.coordinates.any() and alone.stress == 0
    assert np.isnan(scaling_stress(np.ones(3), np.zeros((3, 2))))


@pytest.mark.parametrize("scale", [classical_scaling, metric_scaling])
@pytest.mark.parametrize(("pairs", "n", "found", "hint"), [
    (np.array([1, np.nan, 2]), 2, "1 of 3 not finite", "leave out"),
    (np.ones(4), 2, "shape (4,)", "upper triangle"),
    (np.ones((2, 3)), 2, "shape (2, 3)", "upper triangle"),
    (np.ones(1), 1, "2", "says nothing"),
    (np.ones(3), 3, "3", "two are seen best"),
    (np.ones(3), 0, "0", "two are seen best"),
])  # fmt: skip
def test_what_cannot_be_scaled_is_refused(scale, pairs, n, found, hint):
    with pytest.raises(InputError) as info:
        scale(pairs, n)
    assert info.value.found == found and hint in info.value.hint


@pytest.mark.realdata
@pytest.mark.parametrize("scale", [classical_scaling, metric_scaling])
def test_animate_and_inanimate_objects_part_in_human_it(scale, real_data):
    folder = real_data("kriegeskorte92")
    with np.load(folder / "hIT_RDMs.npz") as stored:
        mean = np.mean([stored[name] for name in stored], axis=0)
    points = scale(condensed(mean, tolerance=1e-5)).coordinates
    with (folder / "stimuli.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    animate = np.array([row["animal"] == "1" for row in rows])
    face = np.array([row["face"] == "1" for row in rows])
    gap = np.linalg.norm(points[animate].mean(axis=0) - points[~animate].mean(axis=0))
    within = np.mean([points[part].std(axis=0).mean() for part in (animate, ~animate)])
    assert gap > 1.5 * within
    # A line half way between the two means parts most of them; faces lie farthest out.
    along = points @ (points[animate].mean(axis=0) - points[~animate].mean(axis=0)) / gap
    middle = (along[animate].mean() + along[~animate].mean()) / 2
    assert ((along > middle) == animate).mean() > 0.8
    assert along[face].mean() > along[animate & ~face].mean() > along[~animate].mean()
