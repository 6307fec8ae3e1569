from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm.first_level.hemodynamic_models import compute_regressor

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.schedule import (
    OBJECTS,
    production_events,
    recognition_events,
    response_courses,
    slice_times,
)

SEEDS = st.integers(0, 2**32 - 1)


@given(st.integers(60, 300), st.sampled_from([1.5, 2.0, 2.5]), SEEDS)
def test_recognition_shows_every_object_equally_often_and_ends_in_time(n_volumes, tr, seed):
    events = recognition_events(n_volumes, tr, np.random.default_rng(seed))
    labels = events["trial_type"].to_numpy()
    counts = events["trial_type"].value_counts()
    assert set(counts.index) == set(OBJECTS)
    assert counts.nunique() == 1
    gaps = np.diff(events["onset"]) / tr
    np.testing.assert_allclose(gaps, gaps.round(), atol=2e-3 / tr)
    assert set(gaps.round()) <= {2, 3, 4}
    assert events["onset"].iloc[0] == 12
    assert events["onset"].iloc[-1] + 10 < n_volumes * tr
    assert not ((labels[2:] == labels[1:-1]) & (labels[1:-1] == labels[:-2])).any()


def test_intervals_come_in_the_shares_of_the_study(rng):
    events = recognition_events(600, 2.0, rng)
    gaps = np.diff(events["onset"]) / 2
    for volumes, share in ((2, 0.4), (3, 0.4), (4, 0.2)):
        assert (gaps == volumes).mean() == pytest.approx(share, abs=0.01)


@given(st.integers(40, 300), st.sampled_from([1.5, 2.0, 2.5]), SEEDS)
def test_production_draws_by_turns_and_ends_in_time(n_volumes, tr, seed):
    if n_volumes * tr < 80:
        return
    events = production_events(n_volumes, tr, np.random.default_rng(seed))
    labels = list(events["trial_type"])
    assert set(labels) == set(OBJECTS[:2])
    assert all(a != b for a, b in pairwise(labels))
    ends = (events["onset"] + events["duration"]).to_numpy()
    assert (events["onset"].to_numpy()[1:] - ends[:-1] >= 10 - 1e-6).all()
    assert ends[-1] <= n_volumes * tr


def test_the_order_depends_on_the_seed_alone():
    one, two, other = (recognition_events(130, 2.0, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)


@pytest.mark.parametrize("plan", [recognition_events, production_events])
def test_a_run_that_is_too_short_is_refused_with_the_length_it_needs(plan, rng):
    with pytest.raises(InputError, match="10 volumes of 2 s, 20 s") as err:
        plan(10, 2.0, rng)
    needed = int(err.value.expected.split(" s, ")[1].split()[0])
    assert len(plan(needed, 2.0, rng)) >= 2


@pytest.mark.parametrize("plan", [recognition_events, production_events])
def test_responses_agree_with_nilearn(plan, rng):
    events = plan(130, 2.0, rng)
    times = np.arange(130) * 2.0 + 1
    found = response_courses(events, OBJECTS, times)
    for course, label in zip(found, OBJECTS, strict=True):
        own = events[events["trial_type"] == label]
        if own.empty:
            np.testing.assert_array_equal(course, 0)
            continue
        condition = (own["onset"], own["duration"], np.ones(len(own)))
        expected, _ = compute_regressor(condition, "glover", times, oversampling=50)
        assert np.corrcoef(course, expected[:, 0])[0, 1] > 0.999


@pytest.mark.parametrize("duration", [1.0, 20.0])
def test_one_event_peaks_at_its_gain_whatever_its_duration(rng, duration):
    events = production_events(130, 2.0, rng, objects=["bed"], duration=duration).iloc[:1]
    times = np.linspace(0, 60, 6001)
    course = response_courses(events, ["bed"], times, gains=np.array([2.5]))[0]
    assert course.max() == pytest.approx(2.5, rel=1e-3)
    assert not course[times < 12].any()


def test_slices_are_taken_at_their_own_times(rng):
    events = recognition_events(130, 2.0, rng)
    within = slice_times(42, 2.0)
    grid = np.arange(130)[:, None] * 2.0 + within
    found = response_courses(events, OBJECTS, grid)
    assert found.shape == (4, 130, 42)
    np.testing.assert_allclose(
        found[..., 7], response_courses(events, OBJECTS, grid[:, 7]), atol=1e-6
    )


@given(st.integers(1, 80), st.floats(0.5, 4), st.integers(1, 8))
def test_slice_times_fill_the_repetition_time_evenly(n_slices, tr, multiband):
    times = slice_times(n_slices, tr, multiband)
    shots, counts = np.unique(times.round(9), return_counts=True)
    assert times.shape == (n_slices,)
    assert times[0] == 0
    assert counts.max() <= multiband
    assert shots[-1] < tr
    np.testing.assert_allclose(np.diff(shots), tr / len(shots), atol=1e-6)
    if len(shots) > 2:  # interleaved: neighbours are not taken one after the other
        assert times[2] == pytest.approx(tr / len(shots))
