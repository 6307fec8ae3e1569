import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.noise_ceiling import noise_ceiling, presentations, signed_root

EVEN = np.repeat(np.arange(25), 3)
UNEVEN = np.repeat(np.arange(40), np.resize([1, 2, 3, 6], 40))


def planted(rng, stimuli, share, n_voxels=3000):
    """Responses with a known share of signal; variance 1."""
    signal = rng.normal(size=(stimuli.max() + 1, n_voxels))[stimuli]
    return np.sqrt(share) * signal + np.sqrt(1 - share) * rng.normal(size=signal.shape)


def close(values, truth, errors=4):
    """Whether a mean over independent voxels agrees with the truth but for chance."""
    return abs(values.mean() - truth) < errors * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("stimuli", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_planted_share_is_found_without_bias(rng, stimuli, share):
    found = noise_ceiling(planted(rng, stimuli, share), stimuli, n_bootstrap=0)
    assert close(found.signal, share)
    assert close(found.noise, 1 - share)
    assert close(found.share, share)
    counts = np.bincount(stimuli)
    of_mean = (1 / counts[counts > 1]).mean()
    assert abs(found.share_of_mean.mean() - share / (share + (1 - share) * of_mean)) < 0.02
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


def test_noise_gives_zero_on_average_and_is_not_clipped(rng):
    found = noise_ceiling(rng.normal(5, 2, (75, 4000)), EVEN, n_bootstrap=0)
    for values in (found.signal, found.share, found.share_of_mean):
        assert close(values, 0)
        assert 0.3 < (values < 0).mean() < 0.7


def test_noise_that_differs_between_stimuli_gives_no_signal(rng):
    """The loud stimuli have few repeats: a pooled estimate would take that for signal."""
    counts = np.resize([2, 6], 40)
    stimuli = np.repeat(np.arange(40), counts)
    loud = np.where(counts == 2, 3.0, 1.0)[stimuli, None]
    found = noise_ceiling(loud * rng.normal(size=(len(stimuli), 4000)), stimuli, n_bootstrap=0)
    assert close(found.signal, 0)
    assert close(found.noise, (9 + 1) / 2)


def test_it_is_sahani_and_linden_s_signal_power_where_repeats_have_no_offset(rng):
    """Their formula takes the mean of each repeat off; without it both are the same number."""
    n_stimuli, n = 25, 3
    values = planted(rng, EVEN, 0.4, 50).reshape(n_stimuli, n, -1)
    mean_power = values.var(axis=0, ddof=1).mean(axis=0)
    power_of_mean = values.mean(axis=1).var(axis=0, ddof=1)
    theirs = (n * power_of_mean - mean_power) / (n - 1)
    offset = values.mean(axis=0)
    within = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=(0, 1))
    between = n_stimuli * ((offset - offset.mean(axis=0)) ** 2).sum(axis=0)
    noise = (within - between) / ((n_stimuli - 1) * (n - 1))
    found = noise_ceiling(values.reshape(75, -1), EVEN, n_bootstrap=0)
    np.testing.assert_allclose(theirs, power_of_mean - noise / n)
    np.testing.assert_allclose(
        found.signal, theirs + (noise - found.noise) / n, atol=1e-6, rtol=1e-5
    )


def slow_share(groups):
    mean = np.array([np.mean(g) for g in groups])
    signal = mean.var(ddof=1) - np.mean([np.var(g, ddof=1) / len(g) for g in groups])
    return signal / (signal + np.mean([np.var(g, ddof=1) for g in groups]))


@given(st.integers(0, 10**6), st.lists(st.integers(2, 5), min_size=4, max_size=9))
def test_share_is_the_jackknife_of_a_slow_loop(seed, counts):
    rng = np.random.default_rng(seed)
    groups = [100 + rng.normal(rng.normal(), 1, n) for n in counts]
    n = len(groups)
    each = [slow_share(groups[:k] + groups[k + 1 :]) for k in range(n)]
    expected = n * slow_share(groups) - (n - 1) * np.mean(each)
    order = rng.permutation(sum(counts))
    stimuli = np.repeat([f"s{i}" for i in range(n)], counts)[order]
    responses = np.concatenate(groups)[order][:, None]
    found = noise_ceiling(responses, stimuli, n_bootstrap=0)
    np.testing.assert_allclose(found.share, [expected], rtol=1e-4, atol=1e-5)


def test_intervals_are_percentiles_of_stimuli_drawn_anew(rng):
    stimuli = UNEVEN[:33]  # few of them, so that what drawing twice does can be seen
    responses = planted(rng, stimuli, 0.5, 3)
    found = noise_ceiling(responses, stimuli, n_bootstrap=300, confidence=0.9, seed=5)
    groups = [responses[stimuli == s] for s in found.stimuli]
    n, shares, draw = len(groups), [], np.random.default_rng(5)
    for _ in range(300):
        drawn = [groups[i] for i in draw.integers(0, n, n)]
        mean = np.array([g.mean(axis=0) for g in drawn])
        noise = np.mean([g.var(axis=0, ddof=1) for g in drawn], axis=0)
        of_mean = np.mean([g.var(axis=0, ddof=1) / len(g) for g in drawn], axis=0)
        signal = mean.var(axis=0, ddof=1) * n / (n - 1) - of_mean
        shares.append(signal / (signal + noise))
    expected = np.percentile(shares, [5, 95], axis=0)
    np.testing.assert_allclose([found.low, found.high], expected, atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rng, share):
    found = noise_ceiling(planted(rng, UNEVEN, share, 1500), UNEVEN, n_bootstrap=400)
    held = ((found.low <= share) & (share <= found.high)).mean()
    assert 0.89 < held < 0.97


def test_voxels_without_signal_or_with_nan_change_no_other(rng):
    responses = planted(rng, UNEVEN, 0.5, 12)
    expected = noise_ceiling(responses, UNEVEN, n_bootstrap=50)
    bad = np.insert(responses, [0, 4, 12], 3.0, axis=1)
    bad[7, 5] = np.nan
    single = np.flatnonzero(UNEVEN == 0)
    bad[single, 3] = np.nan  # of a stimulus that is not used
    found = noise_ceiling(bad, UNEVEN, n_bootstrap=50)
    assert np.flatnonzero(~found.usable).tolist() == [0, 5, 14]
    for name in ("signal", "noise", "share", "share_of_mean", "low", "high"):
        values = getattr(found, name)
        assert np.isnan(values[[0, 5, 14]]).all()
        np.testing.assert_allclose(values[found.usable], getattr(expected, name), rtol=1e-6)


def test_order_scale_offset_and_blocks_change_nothing(rng):
    responses = planted(rng, UNEVEN, 0.5, 20)
    expected = noise_ceiling(responses, UNEVEN, n_bootstrap=50)
    blocks = noise_ceiling(responses, UNEVEN, n_bootstrap=50, memory_gb=1e-5)
    np.testing.assert_array_equal(blocks.low, expected.low)
    moved = noise_ceiling(7 * responses + 1000, UNEVEN, n_bootstrap=50)
    np.testing.assert_allclose(moved.share, expected.share, atol=1e-5)
    np.testing.assert_allclose(moved.low, expected.low, atol=1e-5)
    np.testing.assert_allclose(moved.noise, 49 * expected.noise, rtol=1e-4)


def test_single_presentations_and_missing_ones_are_left_out(rng):
    responses = planted(rng, UNEVEN, 0.5, 4)
    names = np.array([f"s{i}" for i in UNEVEN], dtype=object)
    found = noise_ceiling(responses, names, n_bootstrap=0)
    assert len(found.stimuli) == 30 and set(found.n_repeats) == {2, 3, 6}
    names[UNEVEN == 3] = None
    less = noise_ceiling(responses, names, n_bootstrap=0)
    assert "s3" not in less.stimuli and len(less.stimuli) == 29


def test_shares_of_means_follow_spearman_and_brown(rng):
    found = noise_ceiling(planted(rng, EVEN, 0.5, 3000), EVEN, n_bootstrap=0)
    assert np.abs(found.shares(1) - found.share).max() < 1e-6
    assert abs(np.median(found.shares(4)) - 4 / 5) < 0.02
    np.testing.assert_allclose(signed_root(np.array([0.25, -0.04])), [0.5, -0.2])


def test_a_model_that_knows_the_signal_reaches_the_ceiling(rng):
    """r2 and r of the truth with single responses and with means are what is told of them."""
    signal = rng.normal(size=(3000, 1)) * np.sqrt(0.3)
    stimuli = np.repeat(np.arange(3000), 4)
    responses = signal[stimuli] + np.sqrt(0.7) * rng.normal(size=(12000, 1))
    found = noise_ceiling(responses, stimuli, n_bootstrap=0)
    single = np.corrcoef(signal[stimuli, 0], responses[:, 0])[0, 1]
    mean = np.corrcoef(signal[:, 0], responses.reshape(3000, 4).mean(axis=1))[0, 1]
    assert abs(signed_root(found.share)[0] - single) < 0.02
    assert abs(signed_root(found.share_of_mean)[0] - mean) < 0.02
    assert abs(found.shares(4)[0] - mean**2) < 0.03


def test_presentations_end_with_the_stimulus_the_run_and_a_gap():
    table = pd.DataFrame(
        {
            "run": ["1"] * 8 + ["2"] * 3,
            "volume": [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11],
            "stimulus": ["a", "a", None, "b", "b", "b", "c", "c", "c", "c", "a"],
        }
    )
    expected = [0, 0, -1, 1, 1, 2, 3, 3, 4, 4, 5]
    assert presentations(table).tolist() == expected
    assert presentations(table.drop(columns=["run", "volume"])).tolist() == [
        0, 0, -1, 1, 1, 1, 2, 2, 2, 2, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stimuli", "options", "message"),
    [
        (EVEN[:-1], {}, "one for each of the 75 responses"),
        (np.arange(75), {}, "0 of 75 stimuli"),
        (np.minimum(np.arange(75) // 2, 3), {"confidence": 1.0}, "confidence 1, n_bootstrap"),
        (np.r_[0, 0, 1, 1, 2, 2, 3 + np.arange(69)], {}, "3 of 72 stimuli"),
        (EVEN, {"n_bootstrap": -1}, "n_bootstrap -1"),
    ],
)
def test_repeats_that_tell_nothing_are_refused(rng, stimuli, options, message):
    with pytest.raises(InputError, match=message):
        noise_ceiling(rng.normal(size=(75, 3)), stimuli, **options)
