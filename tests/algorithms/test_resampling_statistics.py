import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.resampling_statistics import (
    bootstrap_interval,
    permutation_p,
    permuted_codes,
)


def test_interval_of_a_share_is_close_to_the_exact_binomial_one():
    correct = np.r_[np.ones(70), np.zeros(30)]
    low, high = bootstrap_interval(correct, np.ones(100), n_bootstrap=4000, seed=1)
    exact = stats.binomtest(70, 100).proportion_ci(method="wilson")
    assert low == pytest.approx(exact.low, abs=0.02)
    assert high == pytest.approx(exact.high, abs=0.02)


def test_rows_of_one_trial_are_drawn_together():
    """Ten copies of each row say no more than one: the interval stays as wide."""
    correct = np.r_[np.ones(14), np.zeros(6)]
    one = bootstrap_interval(correct, np.ones(20), seed=2)
    ten = bootstrap_interval(10 * correct, np.full(20, 10), seed=2)
    np.testing.assert_allclose(one, ten)


def test_intervals_cover_the_truth_as_often_as_they_say(rng):
    covered = 0
    for _ in range(300):
        values = rng.normal(0.4, 1, size=60)
        low, high = bootstrap_interval(values, np.ones(60), n_bootstrap=400, seed=rng)
        covered += low <= 0.4 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_a_time_point_that_no_trial_has_gives_nan():
    ends = bootstrap_interval(np.ones((5, 2)), np.c_[np.ones(5), np.zeros(5)], n_bootstrap=50)
    assert ends[:, 0].tolist() == [1, 1]
    assert np.isnan(ends[:, 1]).all()


@given(st.lists(st.integers(0, 10), min_size=1, max_size=50), st.integers(0, 10))
def test_p_counts_the_observed_arrangement(null, observed):
    expected = (1 + sum(value >= observed for value in null)) / (1 + len(null))
    assert permutation_p(observed / 10, np.array(null) / 10) == pytest.approx(expected)


@given(seed=st.integers(0, 1000), n_runs=st.integers(1, 4), n_points=st.integers(1, 3))
def test_labels_stay_in_their_run_and_trials_stay_whole(seed, n_runs, n_points):
    rng = np.random.default_rng(seed)
    run = np.repeat(np.arange(n_runs), 6)
    codes = rng.integers(0, 3, len(run))
    codes[:2] = 0, 1
    rows = np.repeat(np.arange(len(run)), n_points)
    drawn = permuted_codes(codes[rows], rows, run[rows], 20, seed)
    whole = drawn.reshape(20, -1, n_points)
    assert (whole == whole[..., :1]).all()
    for number in range(n_runs):
        before, after = np.sort(codes[run == number]), np.sort(whole[:, run == number, 0])
        assert (after == before).all()


def test_all_arrangements_are_equally_likely():
    drawn = permuted_codes(np.array([0, 1, 2]), np.arange(3), np.zeros(3), 6000, seed=4)
    _, counts = np.unique(drawn @ [100, 10, 1], return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


def test_nothing_to_permute_is_refused():
    with pytest.raises(InputError) as caught:
        permuted_codes(np.array([0, 0, 1, 1]), np.arange(4), np.array([0, 0, 1, 1]), 10)
    assert str(caught.value) == (
        "n_permutations\n"
        "  expected: trials of different labels that can be exchanged within a run\n"
        "  found:    runs whose trials all have one label\n"
        "  do:       set n_permutations to 0, or check the labels and the run column"
    )


def test_a_trial_with_two_labels_is_an_error_of_the_caller():
    with pytest.raises(ValueError, match="several labels"):
        permuted_codes(np.array([0, 1]), np.array([5, 5]), np.zeros(2), 3)
