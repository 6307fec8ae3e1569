"""p by relabelling conditions: a slow loop, all relabellings, noise, and Student's t."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from fmriprod.algorithms import rdm_permutation
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.model_codes import DIGITS_AND_OBJECTS, human_code
from fmriprod.algorithms.pair_subset import choose_pairs, relabellings
from fmriprod.algorithms.rdm import square
from fmriprod.algorithms.rdm_compare import METHODS, compare_rdms, prepare_models, prepare_rdms
from fmriprod.algorithms.rdm_permutation import RelabellingTest, student_p

NAMES = [f"c{i}" for i in range(9)]


def relabel(rdms, models, method, chosen, n=200, **options):
    test = RelabellingTest(prepare_models(models, method), method, chosen, n, **options)
    values = compare_rdms(rdms, models, method)
    return test, values, test.p_values(prepare_rdms(rdms, method), values)


def test_pairs_within_and_between():
    matrix = square(np.arange(36))
    within = choose_pairs(NAMES, within=["c7", "c2", "c4", "c3"])
    expected = matrix[np.ix_([2, 3, 4, 7], [2, 3, 4, 7])][np.triu_indices(4, 1)]
    assert within.pairs.tolist() == expected.tolist() and within.complete
    between = choose_pairs(NAMES, between=[["c7", "c0"], ["c4", "c8", "c1"]])
    assert sorted(between.pairs) == sorted(matrix[np.ix_([7, 0], [4, 8, 1])].ravel())
    assert not between.complete and between.n_relabellings == 12
    for chosen in (within, between, choose_pairs(NAMES)):
        assert matrix[chosen.first, chosen.second].tolist() == chosen.pairs.tolist()
        order = relabellings(chosen, 1)[0]
        moved = matrix[np.ix_(order[0], order[0])]
        expected = moved[chosen.first, chosen.second]
        assert chosen.pairs[chosen.relabelled(order)[0]].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"within": NAMES[:3], "between": [NAMES[:2], NAMES[2:]]}, "(?s)within or between.*both"),
        ({"within": ["c0", "c1"]}, "(?s)within.*at least 3 conditions"),
        ({"within": ["c0", "c1", "d"]}, "(?s)within.*lacking: 'd'"),
        ({"within": ["c0", "c1", "c1"]}, "'c1' more than once"),
        ({"between": [["c0", "c1"], ["c1", "c2"]]}, r"(?s)without common.*\[c0, c1\] and \[c1"),
        ({"between": [["c0"], ["c1", "c2"]]}, "3 pairs or more"),
        ({"between": [["c0"], ["c1"], ["c2"]]}, "two sets"),
        ({"between": [["c0", "c1"], ["c2", "x"]]}, "(?s)between.*lacking: 'x'"),
    ],
)
def test_bad_choices_of_pairs(choice, message):
    with pytest.raises(InputError, match=message):
        choose_pairs(NAMES, **choice)


def test_relabellings_are_all_of_them_where_there_are_few():
    chosen = choose_pairs(NAMES[:4])
    orders, exhaustive = relabellings(chosen, 23)
    assert exhaustive
    assert {(0, 1, 2, 3), *map(tuple, orders)} == set(permutations(range(4)))
    assert len(orders) == 23 and not relabellings(chosen, 22)[1]
    chosen = choose_pairs(NAMES, between=[NAMES[:3], NAMES[5:8]])
    orders, exhaustive = relabellings(chosen, 1000)
    assert exhaustive and len(np.unique(orders, axis=0)) == 35
    assert (np.sort(orders[:, :3], axis=1) == [0, 1, 2]).all()
    assert (orders[:, [3, 4, 8]] == [3, 4, 8]).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_p_is_that_of_a_slow_loop(rng, method, alternative, monkeypatch):
    monkeypatch.setattr(rdm_permutation, "_AT_ONCE", 200)
    chosen = choose_pairs(NAMES[:6])
    rdms, models = rng.random((4, 15)), np.floor(rng.random((2, 15)) * 3)
    rdms[1] += models[0]
    test, values, p = relabel(rdms, models, method, chosen, alternative=alternative)
    assert test.n_permutations == 200 and not test.exhaustive
    orders, _ = relabellings(chosen, 200)
    null = []
    for order in orders:  # relabel the model's matrix itself and compare anew
        moved = square(models)[:, order][:, :, order][:, chosen.first, chosen.second]
        null.append(compare_rdms(rdms, moved, method))
    null = np.array(null)
    if alternative == "two-sided":
        null, values = abs(null), abs(values)
    expected = (1 + (null >= values - 2e-6).sum(axis=0)) / 201
    np.testing.assert_allclose(p, expected, atol=1e-6)
    expected = (1 + (null.max(axis=2)[:, :, None] >= values - 2e-6).sum(axis=0)) / 201
    np.testing.assert_allclose(test.familywise(values), expected, atol=1e-6)


def test_all_relabellings_give_the_exact_p(rng):
    chosen = choose_pairs(NAMES[:4])
    model, rdm = np.arange(6.0)[None], np.arange(6.0)[None] ** 2
    test, _, p = relabel(rdm, model, "spearman", chosen, n=1000)
    every = [
        stats.spearmanr(square(model[0])[np.ix_(o, o)][np.triu_indices(4, 1)], rdm[0]).statistic
        for o in permutations(range(4))
    ]
    assert test.exhaustive and p[0, 0] == pytest.approx((np.array(every) > 1 - 1e-9).mean())


def test_ties_of_codes_are_counted_as_reached():
    """A relabelling that leaves a code as it is gives the same value, whatever the rounding."""
    rng = np.random.default_rng(3)
    chosen = choose_pairs(NAMES[:6])
    code = pdist(np.repeat([[0.0], [1]], 3, axis=0))[None]
    rdms = rng.random((50, 15)).astype(np.float32)
    test, _, p = relabel(rdms, code, "spearman", chosen, n=719)
    assert test.exhaustive and (p >= 72 / 720 - 1e-6).all()  # 3! * 3! * 2 leave the code as it is
    np.testing.assert_allclose(np.round(p * 10), p * 10, atol=1e-4)


def test_what_has_no_value_has_no_p(rng):
    chosen = choose_pairs(NAMES)
    rdms, models = rng.random((5, 36)), rng.random((2, 36))
    expected = relabel(rdms[[0, 2, 4]], models, "spearman", chosen)
    rdms[1], rdms[3, 2] = 1, np.nan
    test, values, p = relabel(rdms, models, "spearman", chosen)
    assert np.isnan(p[:, [1, 3]]).all()
    np.testing.assert_array_equal(p[:, [0, 2, 4]], expected[2])
    np.testing.assert_array_equal(test.largest, expected[0].largest)
    assert np.isnan(test.familywise(values)[:, [1, 3]]).all()


def unrelated_geometries(rng, n, n_conditions, n_dimensions):
    points = rng.normal(size=(n, n_conditions, n_dimensions))
    return np.array([pdist(p) for p in points])


def rate_fits(found, level=0.05):
    low, high = stats.binomtest(int(found.sum()), len(found)).proportion_ci(0.999)
    return low < level < high


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_noise_is_found_as_often_as_it_should_and_student_finds_more(alternative):
    """Conditions at random places of 3 dimensions, as a real geometry, say nothing of a code.

    Their distances depend on each other, which relabelling keeps and Student's t does not know.
    """
    rng = np.random.default_rng(1)
    rdms = unrelated_geometries(rng, 2000, 16, 3)
    codes = [human_code(name, DIGITS_AND_OBJECTS) for name in ("digit", "versus", "magnitude")]
    models = np.concatenate([codes, unrelated_geometries(rng, 1, 16, 5)])
    chosen = choose_pairs(DIGITS_AND_OBJECTS)
    _, values, p = relabel(rdms, models, "spearman", chosen, 500, alternative=alternative)
    assert all(rate_fits(found) for found in p <= 0.05), (p <= 0.05).mean(axis=1)
    published = (student_p(values, 120) <= 0.05).mean(axis=1)
    assert published[0] > 0.2 and published[2] > 0.08, published  # 27 % and 12 %, not 5 %


def test_familywise_p_finds_noise_once_in_twenty_families():
    rng = np.random.default_rng(2)
    model = human_code("versus", DIGITS_AND_OBJECTS)[None]
    chosen = choose_pairs(DIGITS_AND_OBJECTS)
    found = []
    for seed in range(300):
        rdms = unrelated_geometries(rng, 20, 16, 4)
        test, values, _ = relabel(rdms, model, "spearman", chosen, 99, seed=seed)
        found.append(test.familywise(values).min() <= 0.05)
    assert rate_fits(np.array(found)), np.mean(found)


def test_student_p_is_that_of_scipy(rng):
    rdms, models = rng.random((6, 36)), np.floor(rng.random((3, 36)) * 4)
    rdms[0] = models[0]
    found = student_p(compare_rdms(rdms, models), 36)
    expected = [[stats.spearmanr(x, y).pvalue for x in rdms] for y in models]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7)


def test_other_sides_are_refused():
    with pytest.raises(InputError, match=r"(?s)greater or two-sided.*'less'"):
        RelabellingTest(np.ones((1, 36)), "spearman", choose_pairs(NAMES), alternative="less")
