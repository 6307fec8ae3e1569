import bz2
import gzip
import lzma

import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.events import read_events, read_table


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
        (
            'onset\tduration\ttrial_type\n1\t2\t"a\n3\t4\tb"\n',
            'closed within its value in line 2: "a',
        ),
        ('onset\tduration\ttrial_type\r\n1\t2\tb\r\n3\t4\t"a\r\n', 'value in line 3: "a'),
        ('onset\tduration\ttrial_type\tx\n1\t2\t"a\tb"\n', 'value in line 2: "a'),
        ('\ufeff"onset\tduration\ttrial_type\n1\t2\t""a\n', 'value in line 1: "onset'),
        ("onset\tduration\ttrial_type\n1\tn/a\tface\n", "duration is no number in row 1"),
        ("onset\tduration\ttrial_type\n20\t1\tface\n", "after the end of the run (20 s) in row 1"),
    ],
)
def test_what_cannot_be_used_names_the_file(tmp_path, text, part):
    assert part in refused(tmp_path / "events.tsv", text, n_volumes=10, tr=2.0)


# As pandas and R write text, and marks that quote nothing.
@pytest.mark.parametrize("value", ['a "b" c', '5" disk', '"a" or "b"', '"', "", "a", "ü"])
@pytest.mark.parametrize("quoting", [0, 2])
def test_quotation_marks_within_a_value_are_read_as_they_were_written(tmp_path, value, quoting):
    rows = pd.DataFrame({"onset": [0, 1, 2], "response": ["x", value, "y"]})
    rows.to_csv(tmp_path / "t.tsv", sep="\t", index=False, quoting=quoting)
    assert read_table(tmp_path / "t.tsv", "events")["response"].tolist() == ["x", value, "y"]


def test_a_mark_inside_a_value_without_quotes_is_text(tmp_path):
    (tmp_path / "t.tsv").write_text('a\tb\n5" disk\t1\n6"\t7\n')
    assert read_table(tmp_path / "t.tsv", "t")["a"].tolist() == ['5" disk', '6"']


@pytest.mark.parametrize("name", ["t.tsv.gz", "t.TSV.xz", "t.zip", "t.tsv.zst", "t.tsv"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, bytes])
def test_a_packed_table_is_to_be_unpacked(tmp_path, name, pack):
    (tmp_path / name).write_bytes(pack(b"a\tb\n1\t2\n"))
    if name == "t.tsv" and pack is bytes:
        assert read_table(tmp_path / name, "events")["b"].tolist() == [2]
        return
    with pytest.raises(InputError, match=r"a packed file.*\n.*unpack it"):
        read_table(tmp_path / name, "events")


@pytest.mark.parametrize("column", ["name", "parcel", "participant_id", "trial_type"])
def test_labels_are_no_numbers(tmp_path, column):
    (tmp_path / "t.tsv").write_text(f"{column}\tx\n001\t001\n1e2\t3\nn/a\t4\n")
    table = read_table(tmp_path / "t.tsv", "parcels")
    assert table[column].tolist()[:2] == ["001", "1e2"] and table[column].isna().tolist()[2]
    assert table["x"].tolist() == [1, 3, 4]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_row_of_one_column_may_not_be_empty(tmp_path, end):
    path = tmp_path / "t.tsv"
    path.write_bytes(end.join(["x", "1", "2", "", ""]).encode())
    assert read_table(path, "t")["x"].tolist() == [1, 2]
    path.write_bytes(end.join(["x", "1", " ", "2"]).encode())
    with pytest.raises(InputError, match="nothing in line 3"):
        read_table(path, "t")


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


@pytest.mark.parametrize(("text", "line"), [
    ("a\tb\n1\t2\n3\n", 3), ("a\tb\n1\n3\t4\n", 2), ("a\tb\r\n1\t2\r\n3.", 3),
])  # fmt: skip
def test_a_file_that_was_cut_short_is_refused(work, text, line):
    (work / "t.tsv").write_bytes(text.encode())
    with pytest.raises(InputError, match=f"fewer values than names in line {line}"):
        read_table(work / "t.tsv", "events")


def test_lines_without_anything_are_none(work):
    (work / "t.tsv").write_text("a\tb\n1\t2\n\n3\t\n  \n\n")
    assert len(read_table(work / "t.tsv", "events")) == 2
