import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.frames import (
    LaggedCopies,
    VolumeMeans,
    check_coverage,
    covered_volumes,
    lag_volumes,
)


def means_by_loop(frames, rate, tr, n_volumes):
    rows = []
    for v in range(n_volumes):
        seen = [
            max(0.0, min((v + 1) * tr, (i + 1) / rate) - max(v * tr, i / rate))
            for i in range(len(frames))
        ]
        rows.append(np.array(seen) @ frames / sum(seen))
    return np.array(rows)


def means_in_blocks(frames, rate, tr, n_volumes, block):
    means = VolumeMeans(rate, tr, n_volumes)
    rows = [means.add(frames[i : i + block]) for i in range(0, len(frames), block)]
    rows.append(means.finish())
    return np.concatenate([part for part in rows if len(part)] or [np.empty((0, 1))])


@given(
    rate=st.sampled_from([0.5, 1.3, 15, 24, 25, 29.97, 30, 59.94]),
    tr=st.sampled_from([0.5, 0.72, 1.0, 1.37, 2.0, 2.5]),
    n_volumes=st.integers(1, 6),
    extra=st.integers(0, 40),
    block=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_means_are_those_of_a_loop_whatever_the_blocks(rate, tr, n_volumes, extra, block, seed):
    n_frames = int(np.ceil(n_volumes * tr * rate - 1e-9)) + extra
    frames = np.random.default_rng(seed).normal(size=(n_frames, 3)).astype(np.float32)
    found = means_in_blocks(frames, rate, tr, n_volumes, block)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, means_by_loop(frames, rate, tr, n_volumes), atol=1e-5)


def test_whole_frames_per_volume_give_the_plain_mean(rng):
    frames = rng.normal(size=(90, 4)).astype(np.float32)
    plain = frames.reshape(3, 30, 4).mean(axis=1)
    np.testing.assert_allclose(means_in_blocks(frames, 15, 2.0, 3, 7), plain, atol=1e-6)


def test_a_last_frame_that_is_missing_by_rounding_is_forgiven_and_no_more(rng):
    frames = rng.normal(size=(60, 2)).astype(np.float32)
    assert covered_volumes(60, 30.1, 2.0) == 1  # 60.2 frames would be needed
    assert len(means_in_blocks(frames, 30.1, 2.0, 1, 9)) == 1
    assert covered_volumes(59, 30, 2.0) == 0
    assert len(means_in_blocks(frames[:59], 30, 2.0, 1, 9)) == 0


def test_a_film_that_does_not_cover_its_run_is_refused():
    check_coverage(300, 15, 2.0, 10)
    with pytest.raises(InputError) as caught:
        check_coverage(298, 15, 2.0, 10)
    assert str(caught.value) == (
        "frames\n"
        "  expected: frames for 10 volumes of 2 s, 20 s\n"
        "  found:    298 frames at 15 per s, 19.8667 s\n"
        "  do:       check frame_rate, tr and n_volumes"
    )
    check_coverage(345, 15, 2.0, 10)  # 3 s longer: less than two volumes
    with pytest.raises(InputError, match="past_end='drop' leaves out"):
        check_coverage(600, 15, 2.0, 10)
    check_coverage(600, 15, 2.0, 10, past_end="drop")


def test_lags_are_whole_volumes():
    assert lag_volumes([4, 6, 8], 2.0) == [2, 3, 4]
    assert lag_volumes([0, 2.16], 0.72) == [0, 3]
    for lags in ([4, 5], [-2], [4, 4]):
        with pytest.raises(InputError, match="different multiples of the repetition time, 2 s"):
            lag_volumes(lags, 2.0)


@given(
    lags=st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True),
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    block=st.integers(1, 5),
)
def test_lags_never_cross_runs(lags, lengths, block):
    """Every value names its run and volume: what is found must be of the same run, or 0."""
    for run, length in enumerate(lengths, start=1):
        volumes = np.arange(length)
        rows = np.stack([100 * run + volumes, -(100 * run + volumes)], axis=1).astype(np.float32)
        copies = LaggedCopies(lags)
        found = np.concatenate(
            [copies.add(rows[i : i + block]) for i in range(0, length, block)]
        ).reshape(length, len(lags), 2)
        for place, lag in enumerate(lags):
            before = volumes - lag
            expected = np.where(before >= 0, 100 * run + before, 0)
            np.testing.assert_array_equal(found[:, place, 0], expected)
            np.testing.assert_array_equal(found[:, place, 1], -expected)
