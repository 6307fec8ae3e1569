"""Averages of conditions against hand-counted volumes and the source's own way."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.condition_average import condition_average, condition_frames

TR = 0.72


def table(*rows):
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])


def source_average(runs, events, condition, tr, skip):
    """Average frames as the Neuromatch Academy's `selective_average` does."""
    chosen = []
    for run, rows in zip(runs, events, strict=True):
        rows = rows[rows.trial_type == condition]
        start = np.floor(rows.onset / tr).astype(int)
        duration = np.ceil(rows.duration / tr).astype(int)
        frames = [s + np.arange(skip, d) for s, d in zip(start, duration, strict=True)]
        frames = np.concatenate(frames) if frames else np.array([], int)
        demeaned = run - run.mean(axis=1, keepdims=True)
        chosen.append(demeaned[:, frames[frames < run.shape[1]]])
    return np.concatenate(chosen, axis=-1).mean(axis=-1)


@pytest.mark.parametrize(
    ("onset", "duration", "tr", "frames"),
    [
        (1.0, 2.0, 2.0, [0]),  # half a volume late: still the volume that it falls in
        (2.0, 2.0, 2.0, [1]),
        (3.99, 2.0, 2.0, [1]),
        (0.0, 2.01, 2.0, [0, 1]),  # a part of a volume counts as one
        (0.0, 1.0, 2.0, [0]),
        (0.36, 0.36, TR, [0]),
        (1.08, 1.08, TR, [1, 2]),  # one and a half
        (2.16, 2.16, TR, [3, 4, 5]),  # 2.16 / .72 is 3.0000000000000004 in binary
        (2.4, 2.4, 0.8, [3, 4, 5]),  # 2.4 / .8 is 2.9999999999999996
        (18.0, 18.0, TR, list(range(25, 50))),
        (11.009, 12.0, TR, list(range(15, 32))),
        (5.0, 0.0, TR, []),
    ],
)
def test_frames_counted_by_hand(onset, duration, tr, frames):
    (found,) = condition_frames(np.array([onset]), np.array([duration]), tr)
    assert found.tolist() == frames


def test_skipped_frames_are_those_at_the_start_of_each_trial():
    found = condition_frames(np.array([0.0, 10.0]), np.array([8.0, 4.0]), 2.0, skip=2)
    assert [f.tolist() for f in found] == [[2, 3], []]
    assert np.floor(2.4 / 0.8) == 2 and np.ceil(2.16 / 0.72) == 4, "why rounding is needed"


@given(st.integers(1, 5000), st.integers(1, 100), st.sampled_from([0.72, 0.8, 1.1, 2.0, 2.2, 2.5]))
def test_whole_volumes_stay_whole(start, n, tr):
    (found,) = condition_frames(np.array([start * tr]), np.array([n * tr]), tr)
    assert (found[0], len(found)) == (start, n)


@given(
    st.lists(st.tuples(st.floats(0, 70), st.floats(0.5, 20)), min_size=1, max_size=6),
    st.integers(0, 3),
    st.sampled_from([0.72, 1.0, 2.2]),
)
def test_pooled_frames_as_the_source(trials, skip, tr):
    quotients = np.array(trials) / tr
    assume((np.abs(quotients - np.round(quotients)) > 1e-5).all())
    rng = np.random.default_rng(0)
    runs = [rng.normal(50, 1, size=(3, n)) for n in (int(72 / tr), int(75 / tr))]
    events = [table(*((o, d, "a") for o, d in trials)), table((10.1, 9.3, "a"))]
    found = condition_average(runs, events, tr, skip=skip)
    expected = source_average(runs, events, "a", tr, skip)
    np.testing.assert_allclose(found.effect[0], expected, atol=1e-5)


def test_all_volumes_or_trials_first_by_hand():
    run = np.arange(20.0)[None] ** 2
    events = [table((2, 1, "a"), (6, 3, "a"), (18, 4, "a"))]
    options = {"remove_mean": False}
    frames = condition_average([run], events, 1.0, **options)
    assert frames.effect[0, 0] == pytest.approx((4 + 36 + 49 + 64 + 324 + 361) / 6)
    trials = condition_average([run], events, 1.0, average="trials", **options)
    assert trials.effect[0, 0] == pytest.approx((4 + 149 / 3 + 685 / 2) / 3)
    assert frames.counts.to_dict("records") == [
        {"run": 1, "condition": "a", "n_trials": 3, "n_used": 3, "n_frames": 6, "n_clipped": 2}
    ]
    skipped = condition_average([run], events, 1.0, average="trials", skip=1, **options)
    assert skipped.effect[0, 0] == pytest.approx((113 / 2 + 361) / 2), "a trial without volumes"
    assert skipped.counts.n_used.tolist() == [2]


def test_trials_are_pooled_over_runs_not_runs_averaged():
    runs = [np.arange(10.0)[None], 100 + np.arange(10.0)[None] ** 2]
    events = [table((1, 1, "a"), (3, 1, "a"), (5, 2, "b")), table((2, 1, "a"))]
    for average in ("frames", "trials"):
        found = condition_average(runs, events, 1.0, average=average)
        assert found.conditions == ["a", "b"]
        expected = [(1 - 4.5 + 3 - 4.5 + 4 - 28.5) / 3, 5.5 - 4.5]
        assert found.effect[:, 0] == pytest.approx(expected)
    assert found.counts.query("condition == 'b'").n_trials.tolist() == [1, 0]
    one = condition_average(runs, events, 1.0, conditions=["b"])
    assert one.conditions == ["b"] and one.effect[0, 0] == pytest.approx(1)


def test_parcels_that_are_not_usable_are_nan_and_counted(rng):
    run = rng.normal(size=(4, 30))
    events = [table((3, 5, "a"))]
    expected = condition_average([run], events, 1.0).effect
    run[1], run[2] = np.nan, 7
    found = condition_average([run], events, 1.0)
    np.testing.assert_array_equal(found.effect[:, [0, 3]], expected[:, [0, 3]])
    assert np.isnan(found.effect[:, 1:3]).all()
    assert found.excluded == {"nonfinite": 1, "constant": 1}


def test_bad_input(rng):
    run, events = rng.normal(size=(2, 30)), [table((3, 5, "fear"), (9, 2, "neut"))]

    def message(series=run, **options):
        with pytest.raises(InputError) as caught:
            condition_average([series], events, 1.0, **options)
        return str(caught.value)

    assert "did you mean 'fear'" in message(conditions=["feat"])
    text = message(skip=2)
    assert "none of neut (skip 2" in text and "skip fewer" in text
    assert "frames, trials" in message(average="runs")
    assert "none of 2: 0 not finite, 2 constant" in message(np.ones((2, 30)))
