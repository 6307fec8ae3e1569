import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.featurize import (
    average_trials,
    choose_labels,
    event_samples,
    merge_events,
    onset_volumes,
    standardize_series,
    volume_samples,
)


def table(*rows):
    return pd.DataFrame(rows, columns=["onset", "duration", "label"])


def published_slots(onsets, labels, window):
    """Slots of the neurosketch study: int(onset / 1.5) on, rows read 3 volumes later."""
    slots = [None] * 320
    for onset, label in zip(onsets, labels, strict=True):
        for slot in range(int(onset / 1.5), int(onset / 1.5) + window):
            slots[slot] = label
    return [(slot + 3, label) for slot, label in enumerate(slots) if label is not None]


@pytest.mark.parametrize(("window", "step"), [(1, 6), (23, 45)])
def test_rows_are_those_of_the_published_study(window, step):
    onsets = np.arange(9) * step + np.linspace(0, 1.49, 9)
    labels = ["bed", "bench", "chair"] * 3
    events = table(*zip(onsets, np.ones(9), labels, strict=True))
    expected = published_slots(onsets, labels, window)
    for lag in ({"shift": 4.5}, {"shift_volumes": 3}):
        samples, dropped = event_samples(events, 320, 1.5, window=window, **lag)
        assert list(zip(samples["tr"], samples["label"], strict=True)) == expected
        assert dropped == 0
    assert samples["time_point"].tolist() == list(range(1, window + 1)) * 9


@given(st.integers(0, 4000), st.sampled_from([0.1, 0.72, 1.0, 1.5, 2.0, 2.5]), st.integers(0, 8))
def test_a_lag_in_volumes_is_the_same_lag_in_seconds(slot, tr, lag):
    """Also where onsets lie exactly on a volume, and binary fractions round down."""
    for inside in (0.0, 0.3, 0.99):
        onset = np.array([round((slot + inside) * tr, 6)])
        assert onset_volumes(onset, tr, shift=round(lag * tr, 6)) == slot + lag
        assert onset_volumes(onset, tr, shift_volumes=lag) == slot + lag


def test_window_of_the_event_s_own_duration():
    events = table((0.0, 0.5, "a"), (10.0, 4.0, "b"), (20.0, 4.1, "c"), (30.0, 0.0, "d"))
    samples, _ = event_samples(events, 30, 2.0, shift=0, window="duration")
    assert samples.groupby("label")["tr"].apply(list).to_dict() == {
        "a": [0], "b": [5, 6], "c": [10, 11, 12], "d": [15],
    }  # fmt: skip


def test_trials_are_numbered_in_time_and_keep_their_half_whole():
    events = table((30.0, 1.0, "late"), (0.0, 1.0, "early"), (16.0, 1.0, "middle"))
    samples, _ = event_samples(events, 20, 2.0, shift=0, window=4)
    first = samples.drop_duplicates("trial")
    assert first["label"].tolist() == ["early", "middle", "late"]
    assert first["trial"].tolist() == [0, 1, 2]
    assert samples["half"].tolist() == [1] * 4 + [1] * 4 + [2] * 4  # volumes 8-11 start in half 1


def test_a_window_past_the_end_names_the_trial():
    events = table((0.0, 1.0, "bed"), (15.0, 1.0, "table"))
    with pytest.raises(InputError) as caught:
        event_samples(events, 10, 2.0, shift=4.0, window=2)
    assert str(caught.value) == (
        "events\n"
        "  expected: windows within the run, volumes 0 to 9\n"
        "  found:    trial 1 ('table', onset 15 s) needs volumes 9 to 10\n"
        "  do:       shorten the window or the shift, or leave such trials out "
        "(past_end: drop)"
    )


def test_dropped_trials_are_counted_and_the_others_keep_their_numbers():
    events = table((0.0, 1.0, "bed"), (15.0, 1.0, "table"), (8.0, 1.0, "chair"))
    samples, dropped = event_samples(events, 10, 2.0, shift=4.0, window=2, past_end="drop")
    assert dropped == 1
    assert samples["trial"].tolist() == [0, 0, 1, 1]


def test_dropping_all_trials_is_refused():
    with pytest.raises(InputError, match="needs volumes 2 to 51"):
        event_samples(table((0.0, 1.0, "a")), 10, 2.0, shift=4.0, window=50, past_end="drop")


def test_a_window_before_the_first_volume_is_refused():
    with pytest.raises(InputError, match="needs volumes -2 to -2"):
        event_samples(table((0.0, 1.0, "a")), 10, 2.0, shift=-4.0)


events_lists = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 8), st.sampled_from("ab")), min_size=1, max_size=8
)


@given(events_lists, st.sampled_from([0.0, 4.5, 5.0]))
def test_volumes_are_labelled_by_what_was_on_before_them(steps, shift):
    """A loop over volumes and events finds the same."""
    onset, rows = 0.0, []
    for pause, duration, label in steps:
        rows.append((onset, duration * 0.5, label))
        onset += duration * 0.5 + pause * 0.5
    expected = []
    for volume in range(40):
        for number, (start, duration, label) in enumerate(rows):
            if start <= volume * 2.0 - shift < start + duration:
                expected.append((volume, number, label))
    if not expected:
        with pytest.raises(InputError, match="no volume"):
            volume_samples(table(*rows), 40, 2.0, shift=shift)
        return
    samples = volume_samples(table(*rows), 40, 2.0, shift=shift)
    found = list(zip(samples["tr"], samples["trial"], samples["label"], strict=True))
    assert found == expected
    assert (samples.groupby("trial")["time_point"].min() == 1).all()


def test_two_labels_for_one_volume_are_refused():
    events = table((0.0, 6.0, "face"), (4.0, 6.0, "house"))
    with pytest.raises(InputError) as caught:
        volume_samples(events, 10, 2.0, shift=0)
    assert caught.value.found == ("volume 2 belongs to 'face' (onset 0 s) and 'house' (onset 4 s)")


def test_images_of_a_block_become_one_block():
    """Sixteen images of 0.9 s at 1 s intervals, twice, then another label."""
    images = [(start + i, 0.9, label) for start, label in ((12, "a"), (36, "a"), (52, "b"))
              for i in range(16)]  # fmt: skip
    blocks = merge_events(table(*images), gap=2.0)
    assert blocks["onset"].tolist() == [12, 36, 52]
    np.testing.assert_allclose(blocks["duration"], 15.9)
    assert blocks["label"].tolist() == ["a", "a", "b"]


def test_a_long_event_around_short_ones_ends_its_block():
    blocks = merge_events(table((0, 10.0, "a"), (2, 1.0, "a"), (11, 1.0, "a")), gap=1.0)
    assert blocks[["onset", "duration"]].to_numpy().tolist() == [[0, 12]]


def test_average_is_the_mean_over_each_trial(rng):
    events = table((0.0, 4.0, "a"), (10.0, 6.0, "b"))
    samples, _ = event_samples(events, 20, 2.0, shift=0, window="duration")
    features = rng.normal(size=(5, 7)).astype(np.float32)
    averaged, weights = average_trials(samples)
    expected = [features[:2].mean(axis=0), features[2:].mean(axis=0)]
    np.testing.assert_allclose(weights @ features, expected, rtol=1e-5)
    assert averaged[["label", "tr", "n_volumes"]].to_numpy().tolist() == [["a", 0, 2], ["b", 5, 3]]


def test_standardized_series_have_mean_0_and_deviation_1(rng):
    series = (1000 + 5 * rng.normal(size=(4, 200))).astype(np.float32)
    series[1] = 0.1
    series[2, 3] = np.nan
    out = standardize_series(series)
    np.testing.assert_allclose(out[[0, 3]].mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(out[[0, 3]].std(axis=1), 1, rtol=1e-4)
    assert (out[1] == 0).all()
    assert np.isnan(out[2]).all()
    assert out.dtype == np.float32


def test_an_unknown_label_is_named():
    with pytest.raises(InputError, match="did you mean 'house'"):
        choose_labels(table((0.0, 1.0, "house"), (2.0, 1.0, "face")), ["face", "hosue"])


@pytest.mark.parametrize(("n_volumes", "halves"), [(8, [1, 2]), (9, [1, 1]), (7, [1, 2])])
def test_the_second_half_begins_with_the_middle_volume(n_volumes, halves):
    events = pd.DataFrame({"onset": [1.0, 4.0], "duration": 1.0, "label": ["a", "b"]})
    samples, _ = event_samples(events, n_volumes, 1.0, shift=0.0)
    assert samples["half"].tolist() == halves
