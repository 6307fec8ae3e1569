import numpy as np
import pytest
from scipy import stats

from fmriprod.algorithms import response_contrast
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.response_contrast import two_sample_t

FIRST = np.arange(40) < 13
SECOND = (np.arange(40) >= 13) & (np.arange(40) < 30)  # ten rows are of neither kind


def test_t_is_that_of_scipy_and_of_a_linear_model(rng, monkeypatch):
    responses = rng.normal(5, 2, (40, 23)).astype(np.float32)
    responses[FIRST] += np.linspace(-2, 2, 23)
    monkeypatch.setattr(response_contrast, "_BLOCK", 5)
    t = two_sample_t(responses, FIRST, SECOND)
    expected = stats.ttest_ind(responses[FIRST].astype(float), responses[SECOND].astype(float))
    np.testing.assert_allclose(t, expected.statistic, rtol=1e-5)
    design = np.column_stack([FIRST, SECOND]).astype(float)[FIRST | SECOND]
    series = responses[FIRST | SECOND, 3].astype(float)
    beta, rest, *_ = np.linalg.lstsq(design, series, rcond=None)
    error = np.sqrt(rest[0] / 28 * (1 / 13 + 1 / 17))
    assert t[3] == pytest.approx((beta[0] - beta[1]) / error, rel=1e-5)
    np.testing.assert_array_equal(two_sample_t(responses, SECOND, FIRST), -t)


def test_noise_has_the_t_of_its_degrees_of_freedom(rng):
    t = two_sample_t(rng.normal(size=(40, 3000)), FIRST, SECOND)
    assert stats.kstest(t, stats.t(28).cdf).pvalue > 0.01


def test_voxels_that_cannot_be_used(rng):
    responses = rng.normal(size=(40, 5))
    whole = two_sample_t(responses, FIRST, SECOND)
    responses[2, 0] = np.nan
    responses[FIRST | SECOND, 1] = 3.0  # constant in the rows that count
    responses[35, 2] = np.nan  # a row of neither kind
    responses[:, 3] = np.where(FIRST, 4, 1)
    t = two_sample_t(responses, FIRST, SECOND)
    assert np.isnan(t[:2]).all() and t[3] == np.inf
    np.testing.assert_array_equal(t[[2, 4]], whole[[2, 4]])


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (FIRST, np.zeros(40, bool), "13 and 0 of 40"),
        (FIRST, FIRST, "13 and 13 of 40"),
        (FIRST[:39], SECOND[:39], "13 and 17 of 40"),
        (np.arange(40) == 0, np.arange(40) == 1, "1 and 1 of 40"),
    ],
)
def test_rows_that_make_no_contrast(rng, first, second, found):
    with pytest.raises(InputError, match=f"conditions\n.*two kinds(.*\n)+.*{found}"):
        two_sample_t(rng.normal(size=(40, 2)), first, second)
