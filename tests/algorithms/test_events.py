import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.events import check_events


def table(*rows, columns=("onset", "duration", "trial_type")):
    return pd.DataFrame(list(rows), columns=list(columns))


def message(events, *args, **options):
    with pytest.raises(InputError) as caught:
        check_events(events, *args, **options)
    return str(caught.value)


def test_text_becomes_numbers_and_nothing_else_changes():
    names = ("onset", "duration", "trial_type", "stim_file")
    events = table(("1.5", "2", "face", "a.png"), ("0", "0", "2", "b.png"), columns=names)
    checked = check_events(events, 10)
    assert checked["onset"].tolist() == [1.5, 0] and checked["onset"].dtype == np.float64
    assert checked["trial_type"].tolist() == ["face", "2"]
    assert checked["stim_file"].tolist() == ["a.png", "b.png"]
    assert events["onset"].tolist() == ["1.5", "0"], "the argument is left alone"


def test_numeric_trial_types_are_names():
    checked = check_events(pd.DataFrame({"onset": [1, 9], "duration": 1, "trial_type": [1, 2]}))
    assert checked["trial_type"].tolist() == ["1", "2"]


def test_a_missing_trial_type_is_an_error_and_the_columns_are_listed():
    text = message(table((1, 1, "face"), columns=("onset", "duration", "condition")))
    assert "no column 'trial_type'; known: onset, duration, condition" in text
    assert "do:       add a trial_type column that names the condition" in text


def test_a_misspelt_column_is_recognised():
    text = message(table((1, 1, "face"), columns=("onsets", "duration", "trial_type")))
    assert "no column 'onset'; did you mean 'onsets'?" in text


def test_everything_that_is_wrong_is_said_at_once():
    text = message(
        table(
            (1, 2, "face"),
            (-3, "n/a", "Face"),
            ("soon", 2, "n/a"),
            (500, -1, "house"),
            (500, -1, "house"),
        ),
        200,
    )
    for part in (
        "8 problem(s)",
        "onset is no number in row 3: 'soon'",
        "duration is no number in row 2: 'n/a'",
        "no trial_type in row 3",
        "onset before the first volume in row 2 (earliest -3 s)",
        "negative duration in rows 4, 5",
        "onset after the end of the run (200 s) in rows 4, 5 (latest 500 s)",
        "same onset, duration and trial_type as an earlier row in row 5",
        "labels that differ only in case or punctuation: 'face', 'Face'",
    ):
        assert part in text


@pytest.mark.parametrize("onset", [np.nan, np.inf, "", "n/a", None])
def test_onsets_that_are_no_number(onset):
    assert "onset is no number in row 2" in message(table((1, 1, "a"), (onset, 1, "a")))


def test_negative_onsets_only_when_allowed():
    events = table((-3, 1, "a"), (5, 1, "a"))
    assert "onset before the first volume in row 1" in message(events)
    assert check_events(events, allow_negative=True)["onset"].tolist() == [-3, 5]


def test_labels_that_differ_only_in_case_or_punctuation():
    text = message(table((1, 1, "face_left"), (5, 1, "Face left"), (9, 1, "house")))
    assert "labels that differ only in case or punctuation: 'face_left', 'Face left'" in text
    assert "spaces around the trial_type in row 1" in message(table((1, 1, "face ")))


def test_long_lists_of_rows_are_cut():
    text = message(table(*[(-i - 1, 0.1, f"c{i}") for i in range(12)]))
    assert "rows 1, 2, 3, 4, 5, 6, 7, 8 and 4 more" in text


def test_no_rows():
    assert "no event rows" in message(table())


def test_durations_in_milliseconds_overlap_beyond_use():
    text = message(table(*[(12 * i, 883, "face" if i % 2 else "house") for i in range(8)]))
    assert "'face' overlaps itself by more than half in rows 4, 6, 8" in text
    assert "all events go on at the same time" in text
    assert "are they in seconds?" in text


def test_overlap_of_different_conditions_and_small_overlap_is_allowed():
    block = [(0, 30, "block"), (60, 30, "block")]
    trials = [(3.0 * i, 3.4, "trial") for i in range(9)]
    assert len(check_events(table(*block, *trials), 100)) == 11


@given(
    onsets=st.lists(st.integers(0, 5000), min_size=1, max_size=30, unique=True),
    duration=st.floats(0, 0.999),
)
def test_events_apart_in_time_are_always_accepted_in_any_order(onsets, duration):
    events = pd.DataFrame({"onset": onsets, "duration": duration, "trial_type": "a"})
    checked = check_events(events, 5001)
    np.testing.assert_array_equal(checked["onset"], onsets)


@given(late=st.floats(100, 1e6), row=st.integers(0, 4))
def test_an_event_at_or_after_the_end_is_always_refused(late, row):
    events = table(*[(10 * i, 1, "a") for i in range(5)])
    events["onset"] = events["onset"].astype(float)
    events.loc[row, "onset"] = late
    assert f"after the end of the run (100 s) in row {row + 1}" in message(events, 100)
