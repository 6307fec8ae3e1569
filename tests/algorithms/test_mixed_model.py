import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.mixed_model import (
    bootstrap_mixed,
    fit_mixed,
    likelihood_ratio,
    resample_mixed,
)


def simulated(rng, sizes, between=0.5, within=1.0, slope=0.3):
    """Participants with different numbers of rows, two effects and a random intercept."""
    subjects = np.repeat(np.arange(len(sizes)), sizes)
    n = len(subjects)
    design = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, n)])
    values = design @ [1, slope, -0.2] + rng.normal(0, within, n)
    return values + rng.normal(0, between, len(sizes))[subjects], design, subjects


def dense_deviance(variances, values, design, subjects, restricted):
    """Minus twice the log-likelihood by the book, with full matrices."""
    residual, between = variances
    shared = subjects[:, None] == subjects
    cov = residual * np.eye(len(values)) + between * shared
    inverse = np.linalg.inv(cov)
    cross = design.T @ inverse @ design
    rest = values - design @ np.linalg.solve(cross, design.T @ inverse @ values)
    deviance = np.linalg.slogdet(cov)[1] + rest @ inverse @ rest
    n = len(values)
    if restricted:
        deviance += np.linalg.slogdet(cross)[1]
        n -= design.shape[1]
    return deviance + n * np.log(2 * np.pi)


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("sizes", [[6] * 12, [2, 9, 1, 4, 12, 3, 7, 5, 1, 8]])
def test_the_fit_is_that_of_statsmodels(rng, method, sizes):
    linear = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    values, design, subjects = simulated(rng, sizes)
    found = fit_mixed(values, design, subjects, method=method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = linear.MixedLM(values, design, subjects).fit(reml=method == "reml", gtol=1e-9)
    np.testing.assert_allclose(found.coefficient, other.fe_params, atol=1e-5)
    # statsmodels takes the Hessian of all parameters; lme4, and this, the covariance given V
    shared = subjects[:, None] == subjects
    cov = other.scale * np.eye(len(values)) + float(other.cov_re[0, 0]) * shared
    errors = np.sqrt(np.linalg.inv(design.T @ np.linalg.solve(cov, design)).diagonal())
    np.testing.assert_allclose(found.standard_error, errors, rtol=1e-4)
    assert found.residual_variance == pytest.approx(other.scale, rel=1e-3)
    assert found.subject_variance == pytest.approx(float(other.cov_re[0, 0]), rel=1e-3)
    assert found.log_likelihood == pytest.approx(other.llf, abs=1e-5)
    assert found.log_likelihood >= other.llf - 1e-7  # ours is no worse a maximum


@pytest.mark.parametrize("restricted", [True, False])
def test_no_variances_are_more_likely(rng, restricted):
    values, design, subjects = simulated(rng, [3, 8, 5, 2, 9, 6, 1])
    found = fit_mixed(values, design, subjects, method="reml" if restricted else "ml")
    arguments = (values, design, subjects, restricted)
    here = np.array([found.residual_variance, found.subject_variance])
    assert dense_deviance(here, *arguments) == pytest.approx(-2 * found.log_likelihood)
    best = optimize.minimize(
        lambda x: dense_deviance(np.exp(x), *arguments), np.log(here) + 0.3,
        method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10},
    )  # fmt: skip
    assert -2 * found.log_likelihood <= best.fun + 1e-8
    np.testing.assert_allclose(here, np.exp(best.x), rtol=1e-4)


@pytest.mark.parametrize("sizes", [[5] * 10, [3, 8, 5, 2, 9, 6, 4]])
def test_degrees_of_freedom_by_numeric_derivatives(rng, sizes):
    """Satterthwaite's formula with a finite-difference Hessian of full matrices."""
    values, design, subjects = simulated(rng, sizes)
    found = fit_mixed(values, design, subjects)
    here = np.array([found.residual_variance, found.subject_variance])
    step = 1e-3 * here

    def variances_of_coefficients(at):
        shared = subjects[:, None] == subjects
        inverse = np.linalg.inv(at[0] * np.eye(len(values)) + at[1] * shared)
        return np.linalg.inv(design.T @ inverse @ design).diagonal()

    def deviance(at):
        return dense_deviance(at, values, design, subjects, True)

    moves = np.diag(step)
    gradient = np.array([
        (variances_of_coefficients(here + m) - variances_of_coefficients(here - m)) / (2 * m.sum())
        for m in moves
    ])  # fmt: skip
    hessian = np.array([
        [(deviance(here + a + b) - deviance(here + a - b) - deviance(here - a + b)
          + deviance(here - a - b)) / (4 * a.sum() * b.sum()) for a in moves]
        for b in moves
    ])  # fmt: skip
    spread = 2 * np.einsum("ic,ij,jc->c", gradient, np.linalg.inv(hessian), gradient)
    expected = 2 * variances_of_coefficients(here) ** 2 / spread
    np.testing.assert_allclose(found.dof, expected, rtol=2e-3)


def test_two_rows_each_make_a_paired_t_test(rng):
    before, after = rng.normal(0, 1, 14), rng.normal(0.4, 1, 14)
    shift = rng.normal(0, 2, 14)
    values = np.r_[before + shift, after + shift]
    design = np.column_stack([np.ones(28), np.repeat([0, 1], 14)])
    found = fit_mixed(values, design, np.tile(np.arange(14), 2))
    paired = stats.ttest_rel(after + shift, before + shift)
    assert found.t[1] == pytest.approx(paired.statistic)
    assert found.dof[1] == pytest.approx(13, rel=1e-5)
    assert found.p[1] == pytest.approx(paired.pvalue, rel=1e-5)


def test_a_mean_has_the_degrees_of_freedom_of_the_participants(rng):
    values, _, subjects = simulated(rng, [6] * 15, between=1, slope=0)
    found = fit_mixed(values, np.ones((90, 1)), subjects)
    means = values.reshape(15, 6).mean(axis=1)
    one = stats.ttest_1samp(means, 0)
    assert found.t[0] == pytest.approx(one.statistic) and found.dof[0] == pytest.approx(14)


def test_participants_who_do_not_differ_leave_the_linear_model(rng):
    """Means of participants that are all the same: the variance between them is 0."""
    values, design, subjects = simulated(rng, [8] * 9, between=0)
    for subject in range(9):
        values[subjects == subject] -= values[subjects == subject].mean()
    found = fit_mixed(values, design[:, :1], subjects)
    assert found.subject_variance == 0
    assert found.dof[0] == 71
    assert found.residual_variance == pytest.approx(values.var(ddof=1))


@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_do_not_matter(seed, scale, shift):
    values, design, subjects = simulated(np.random.default_rng(seed), [4, 6, 3, 7, 5])
    one = fit_mixed(values, design, subjects)
    other = fit_mixed(scale * values + shift, design * [1, 3, 1], subjects)
    np.testing.assert_allclose(other.coefficient[1:], one.coefficient[1:] * scale / [3, 1],
                               rtol=1e-5, atol=1e-7 * scale)  # fmt: skip
    np.testing.assert_allclose(other.p[1:], one.p[1:], rtol=1e-4, atol=1e-9)
    assert other.residual_variance == pytest.approx(one.residual_variance * scale**2, rel=1e-5)


def test_order_of_rows_and_names_of_participants_do_not_matter(rng):
    values, design, subjects = simulated(rng, [4, 6, 3, 7, 5])
    order = rng.permutation(len(values))
    names = np.array(["d", "a", "0110", "c", "b"])[subjects]
    one = fit_mixed(values, design, subjects)
    other = fit_mixed(values[order], design[order], names[order])
    np.testing.assert_allclose(other.t, one.t, rtol=1e-6)


def test_likelihood_ratio_is_that_of_statsmodels(rng):
    linear = pytest.importorskip("statsmodels.regression.mixed_linear_model")
    values, design, subjects = simulated(rng, [6, 9, 4, 8, 7, 5, 6])
    found = likelihood_ratio(values, design, subjects, [1, 2])
    full = linear.MixedLM(values, design, subjects).fit(reml=False)
    null = linear.MixedLM(values, design[:, :1], subjects).fit(reml=False)
    assert found.chi2 == pytest.approx(2 * (full.llf - null.llf), abs=1e-4)
    assert found.p == pytest.approx(stats.chi2.sf(found.chi2, 2)) and found.dof == 2
    assert found.aic == pytest.approx(-2 * full.llf + 2 * 5, abs=1e-4)
    assert found.aic_null == pytest.approx(-2 * null.llf + 2 * 3, abs=1e-4)
    weights = np.exp(-np.array([found.aic, found.aic_null]) / 2 + found.aic / 2)
    assert found.weight == pytest.approx(weights[0] / weights.sum())


def test_refits_of_many_simulations_are_those_of_one(rng):
    values, design, subjects = simulated(rng, [5, 9, 3, 7])
    model = fit_mixed(values, design, subjects)
    many = resample_mixed(model, design, subjects, n_bootstrap=6, seed=3)
    draw = np.random.default_rng(3)
    between = draw.normal(0, np.sqrt(model.subject_variance), (4, 6))[subjects]
    within = draw.normal(0, np.sqrt(model.residual_variance), (len(values), 6))
    data = (design @ model.coefficient)[:, None] + between + within
    single = np.array([fit_mixed(column, design, subjects).coefficient for column in data.T])
    np.testing.assert_allclose(many, single.T, atol=1e-6)


def test_bootstrap_interval_has_the_width_of_the_standard_error(rng):
    values, design, subjects = simulated(rng, [10] * 20)
    model = fit_mixed(values, design, subjects)
    low, high = bootstrap_mixed(model, design, subjects, n_bootstrap=3000, seed=1)
    np.testing.assert_allclose((high - low) / (2 * 1.96 * model.standard_error), 1, atol=0.07)
    np.testing.assert_allclose((high + low) / 2, model.coefficient, atol=0.02)


def real_design():
    """31 participants, 20 trials in each of two phases."""
    phase = np.tile(np.repeat([1.0, 2.0], 20), 31)
    return np.column_stack([np.ones(1240), phase]), np.repeat(np.arange(31), 40)


def test_a_thousand_refits_of_the_real_design_take_less_than_two_seconds(rng):
    design, subjects = real_design()
    model = fit_mixed(rng.normal(size=1240), design, subjects)
    start = time.perf_counter()
    drawn = resample_mixed(model, design, subjects, n_bootstrap=1000)
    assert time.perf_counter() - start < 2
    assert drawn.shape == (2, 1000)


def rejections(n_sets, rng):
    design, subjects = real_design()
    shift = rng.normal(0, 0.5, (n_sets, 31))[:, subjects]
    data = shift + rng.normal(size=(n_sets, 1240))
    p = [likelihood_ratio(values, design, subjects, [1]).p for values in data]
    return int((np.array(p) <= 0.05).sum())


def test_null_of_the_real_design_is_rejected_as_often_as_said(rng):
    low, high = stats.binomtest(rejections(200, rng), 200).proportion_ci(0.999)
    assert low <= 0.05 <= high


@pytest.mark.slow
def test_null_of_the_real_design_two_thousand_times():
    """95 % interval of the share of rejections."""
    count = rejections(2000, np.random.default_rng(7))
    low, high = stats.binomtest(count, 2000).proportion_ci(0.95)
    assert low <= 0.05 <= high, (count, low, high)
    assert high - low < 0.022


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"subjects": np.arange(8)}, "8 participants in 8 rows"),
        ({"subjects": np.zeros(8)}, "1 participants in 8 rows"),
        ({"subjects": np.zeros(7)}, "8 values, a design of (8, 1), 7 participants"),
        ({"values": np.r_[np.nan, np.arange(7.0)]}, "1 missing or infinite"),
        ({"values": np.full(8, 0.25)}, "values that the design explains to the last digit"),
        ({"design": np.ones((8, 2))}, "2 columns of rank 1 in 8 rows"),
        ({"method": "ols"}, "'ols'"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, text):
    given_ = {"values": np.arange(8.0), "design": np.ones((8, 1)), "subjects": np.arange(8) // 2}
    with pytest.raises(InputError) as caught:
        fit_mixed(**(given_ | change))
    assert f"found:    {text}" in str(caught.value)
