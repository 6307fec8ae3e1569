import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_events


def refused(path, text, **options):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_events(path, **options)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_bids_file_with_a_byte_order_mark_and_missing_values(tmp_path):
    path = tmp_path / "events.tsv"
    path.write_text("﻿onset\tduration\ttrial_type\tresponse_time\n1\t2\tface\t0.4\n5\t2\tNA\tn/a\n")
    events = read_events(path, n_volumes=5, tr=2.0)
    assert events["trial_type"].tolist() == ["face", "NA"], "only n/a is missing in BIDS"
    assert events["response_time"].isna().tolist() == [False, True]
    assert events["onset"].tolist() == [1, 5]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "an empty file"),
        ("onset\tduration\ttrial_type\n", "no event rows"),
        ("onset,duration,trial_type\n1,2,face\n", "separate columns by tabs"),
        ("onset\tduration\ttrial_type\n1\t2\tface\tx\n", "more values than the header"),
        ("onset\tduration\ttrial_type\n1\t2\ta\n1\t2\ta\tb\n", "Expected 3 fields in line 3"),
        ("onset\tduration\ttrial_type\tonset\n1\t2\tface\t1\n", "column 'onset' is there twice"),
        (b"\xff\xfe\x00\x01onset", "save it as tab-separated UTF-8"),
        ("onset\tduration\ttrial_type\n1\tn/a\tface\n", "duration is no number in row 1"),
        ("onset\tduration\ttrial_type\n20\t1\tface\n", "after the end of the run (20 s) in row 1"),
    ],
)
def test_what_cannot_be_used_names_the_file(tmp_path, text, part):
    assert part in refused(tmp_path / "events.tsv", text, n_volumes=10, tr=2.0)


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_events(tmp_path / "none.tsv")


@pytest.mark.realdata
def test_real_events(real_data):
    events = read_events(real_data("studyforrest_localizer") / "events.tsv", n_volumes=156, tr=2.0)
    assert len(events) == 192
    assert sorted(events["trial_type"].unique()) == [
        "body", "face", "house", "object", "scene", "scramble",
    ]  # fmt: skip
