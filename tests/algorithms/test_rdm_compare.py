"""Comparing dissimilarities: SciPy, rsatoolbox, slow loops, and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms import rdm_kendall
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm import reorder_pairs
from fmriprod.algorithms.rdm_compare import METHODS, compare_rdms
from fmriprod.algorithms.rdm_ranks import average_ranks


def some_rdms(rng, n, n_conditions, levels=None):
    values = rng.random((n, n_conditions * (n_conditions - 1) // 2))
    return np.floor(values * levels) if levels else values


def tau_a(x, y):
    total = 0.0
    for i in range(len(x)):
        for j in range(i):
            total += np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
    return total / (len(x) * (len(x) - 1) / 2)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(1, 12), st.sampled_from(["f4", "f8"]))
def test_ranks_are_those_of_scipy(n, k, levels, dtype):
    rng = np.random.default_rng(n * 31 + k)
    rows = rng.integers(-levels, levels, (n, k)).astype(dtype)
    rows[::2] += rng.random(rows[::2].shape)
    rows[rng.random((n, k)) < 0.01] = np.nan
    rows[(rows == 0) & (rng.random((n, k)) < 0.5)] *= -1  # both zeros are one value
    np.testing.assert_array_equal(average_ranks(rows), stats.rankdata(rows, axis=1))


def test_ranks_over_many_blocks(rng):
    rows = rng.normal(size=(3000, 120)).astype(np.float32)
    rows[7, 3] = rows[7, 90]
    np.testing.assert_array_equal(average_ranks(rows), stats.rankdata(rows, axis=1))


@pytest.mark.parametrize("levels", [None, 2, 5])
@pytest.mark.parametrize("model_levels", [None, 2, 3])
def test_spearman_pearson_cosine_are_those_of_scipy(rng, levels, model_levels):
    rdms, models = some_rdms(rng, 25, 9, levels), some_rdms(rng, 6, 9, model_levels)
    for method, of_two in {
        "spearman": lambda x, y: stats.spearmanr(x, y).statistic,
        "pearson": lambda x, y: np.corrcoef(x, y)[0, 1],
        "cosine": lambda x, y: x @ y / np.sqrt(x @ x * (y @ y)),
        "kendall": tau_a,
    }.items():
        expected = [[of_two(rdm, model) for rdm in rdms] for model in models]
        found = compare_rdms(rdms, models, method)
        assert found.dtype == np.float32 and found.shape == (6, 25)
        np.testing.assert_allclose(found, expected, atol=2e-7)


@pytest.mark.parametrize("levels", [None, 4])
def test_kendall_by_sorting_is_kendall_by_signs(rng, monkeypatch, levels):
    rdms, models = some_rdms(rng, 5, 12, levels), some_rdms(rng, 4, 12, 3)
    rdms[1], rdms[3, 2] = 1, np.nan
    expected = compare_rdms(rdms, models, "kendall")
    monkeypatch.setattr(rdm_kendall, "_MANY_PAIRS", 10)
    found = compare_rdms(rdms, models, "kendall")
    np.testing.assert_allclose(found, expected, atol=1e-7)
    monkeypatch.setattr(rdm_kendall, "_by_signs", None)
    np.testing.assert_array_equal(compare_rdms(rdms, models, "kendall"), found)


@pytest.mark.parametrize("levels", [None, 4])
@pytest.mark.parametrize(
    ("method", "theirs"),
    [
        ("spearman", "spearman"), ("pearson", "corr"), ("cosine", "cosine"), ("kendall", "tau-a"),
        ("whitened correlation", "corr_cov"), ("whitened cosine", "cosine_cov"),
    ],
)  # fmt: skip
def test_all_methods_are_those_of_rsatoolbox(rng, method, theirs, levels):
    rsatoolbox = pytest.importorskip("rsatoolbox")
    rdms, models = some_rdms(rng, 7, 10, levels), some_rdms(rng, 4, 10, levels)
    expected = rsatoolbox.rdm.compare(
        *(rsatoolbox.rdm.RDMs(values) for values in (models, rdms)), method=theirs
    )
    np.testing.assert_allclose(compare_rdms(rdms, models, method), expected, atol=5e-7)


@pytest.mark.parametrize("correlation", [True, False])
def test_whitened_comparison_is_that_of_centred_matrices(rng, correlation):
    """Cosine of both matrices after their rows and columns were centred (closed form)."""
    rdms, models = some_rdms(rng, 3, 8), some_rdms(rng, 2, 8)
    rows, columns = np.triu_indices(8, 1)
    centre = np.eye(8) - 1 / 8

    def centred(values):
        matrix = np.zeros((8, 8))
        matrix[rows, columns] = values - values.mean() * correlation
        return (centre @ (matrix + matrix.T) @ centre).ravel()

    method = "whitened correlation" if correlation else "whitened cosine"
    for m, model in enumerate(models):
        for r, rdm in enumerate(rdms):
            a, b = centred(model), centred(rdm)
            expected = a @ b / np.sqrt(a @ a * (b @ b))
            assert compare_rdms(rdms, models, method)[m, r] == pytest.approx(expected, abs=2e-7)


@given(st.permutations(range(7)), st.sampled_from(METHODS), st.integers(0, 100))
def test_the_order_of_conditions_does_not_matter(order, method, seed):
    rng = np.random.default_rng(seed)
    rdms, models = some_rdms(rng, 3, 7), some_rdms(rng, 2, 7, levels=3)
    index = reorder_pairs(np.array(order), 7)
    found = compare_rdms(rdms[:, index], models[:, index], method)
    np.testing.assert_allclose(found, compare_rdms(rdms, models, method), atol=1e-6)


@given(st.sampled_from(["spearman", "kendall"]), st.integers(0, 100))
def test_monotone_transformations_do_not_matter(method, seed):
    rng = np.random.default_rng(seed)
    rdms, models = some_rdms(rng, 3, 7), some_rdms(rng, 2, 7, levels=4)
    np.testing.assert_array_equal(
        compare_rdms(np.exp(3 * rdms), models**3, method), compare_rdms(rdms, models, method)
    )
    np.testing.assert_allclose(
        compare_rdms(-rdms, models, method), -compare_rdms(rdms, models, method), atol=1e-7
    )


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_compared_is_nan_and_changes_nothing_else(rng, method):
    rdms, models = some_rdms(rng, 6, 6), some_rdms(rng, 4, 6, 3)
    expected = compare_rdms(rdms, models, method)
    rdms[1, 4], rdms[2], rdms[3, 0] = np.nan, 0.25, np.inf
    models[0], models[1, 3] = 1, np.nan
    found = compare_rdms(rdms, models, method)
    assert np.isnan(found[:2]).all() and np.isnan(found[:, 1:4]).all()
    np.testing.assert_array_equal(found[2:, [0, 4, 5]], expected[2:, [0, 4, 5]])
    assert np.isfinite(expected).all()


@pytest.mark.parametrize("method", METHODS)
def test_threads_and_blocks_give_the_same(rng, method, monkeypatch):
    from fmriprod.algorithms import rdm_ranks

    rdms, models = some_rdms(rng, 500, 8).astype("f4"), some_rdms(rng, 3, 8, 2)
    whole = compare_rdms(rdms, models, method)
    np.testing.assert_allclose(compare_rdms(rdms, models, method, n_threads=2), whole, atol=1e-6)
    monkeypatch.setattr(rdm_ranks.row_blocks, "__defaults__", (100,))
    np.testing.assert_allclose(compare_rdms(rdms, models, method), whole, atol=1e-6)


def test_a_planted_model_is_found_among_others(rng):
    models = some_rdms(rng, 5, 16)
    rdms = models[3] + rng.normal(0, 0.3, (50, 120))
    for method in METHODS:
        values = compare_rdms(rdms, models, method)
        assert (values.argmax(axis=0) == 3).all(), method
        assert abs(np.delete(values, 3, axis=0).mean(axis=1)).max() < values[3].mean() / 2 or (
            "cosine" in method
        )


def test_bad_input(rng):
    with pytest.raises(InputError, match=r"(?s)shape \(2, 10\).*shape \(1, 6\)"):
        compare_rdms(some_rdms(rng, 2, 5), some_rdms(rng, 1, 4))
    with pytest.raises(InputError, match=r"(?s)spearman, pearson, kendall.*'spearmann'.*did you"):
        compare_rdms(some_rdms(rng, 2, 5), some_rdms(rng, 1, 5), "spearmann")
    with pytest.raises(InputError, match=r"(?s)all pairs of some conditions.*9 pairs"):
        compare_rdms(rng.random((2, 9)), rng.random((1, 9)), "whitened cosine")
