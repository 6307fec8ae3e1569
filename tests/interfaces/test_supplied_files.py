"""Whatever a person supplies, only `InputError` may come out of what reads it."""

import json

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fmriprod.algorithms.bids_names import BidsName, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import label, parse_contrasts
from fmriprod.algorithms.query import query_rows
from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.events import read_events

MANY = settings(max_examples=400)
SAMPLES = pd.DataFrame(
    {
        "run": ["01", "02", "02"],
        "label": ["face", "house", "a=b"],
        "half": [1, 1, 2],
        "onset": [0.5, float("nan"), 2.0],
    }
)
CONDITIONS = ["face", "house", "a=b", "face left", "7"]


def readable(err: InputError) -> bool:
    """Tell whether a message has all its parts, and is of a length that is read."""
    parts = (err.subject, err.expected, err.found, err.hint)
    return all(part.strip() for part in parts) and len(str(err)) < 5000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("supplied")


HEADER = b"onset\tduration\ttrial_type\n"
cell = st.one_of(
    st.sampled_from([b"", b"n/a", b"nan", b"inf", b"-1", b"1e999", b"3.5", b"face", b'"', b"\xe9",
                     b"\0", b"\r", b"`", b" face", "東京".encode(), b"0x10", b"1_0", b"True"]),
    st.binary(max_size=6),
    st.floats().map(lambda x: repr(x).encode()),
)  # fmt: skip
table = st.lists(st.lists(cell, min_size=1, max_size=5).map(b"\t".join), max_size=6).map(b"\n".join)


@MANY
@given(st.one_of(table.map(lambda rows: HEADER + rows), st.binary(max_size=200), table))
@example(HEADER + b"1\t1\t`\n")
@example((HEADER + b"1\t1\tface\n").decode().encode("utf-16"))
@example(b"\xef\xbb\xbf" + HEADER + b"1\t1\tface\n")
@example(HEADER + b"1\t1\tface\t9\t9\n")
@example(b"onset\tonset\tduration\ttrial_type\n1\t1\t1\ta\n")
@example(b"\tduration\ttrial_type\n")
@example(b'"\t"')
@example(b"\n\n" + HEADER + b"1\t1\tface\n")
def test_events_of_any_bytes(folder, content):
    path = folder / "events.tsv"
    path.write_bytes(content)
    try:
        events = read_events(path, n_volumes=100, tr=2.0)
    except InputError as err:
        assert readable(err) and err.file == str(path)
        return
    assert len(events) and events[["onset", "duration"]].notna().all(axis=None)
    assert events["onset"].between(0, 200, inclusive="left").all()
    assert events["trial_type"].str.strip().str.len().gt(0).all()


word = st.sampled_from(
    ["face", "house", "`a=b`", "a=b", "`", "(", ")", "+", "-", "*", "/", "=", "0", "1e9", "1e999",
     ".5", "9" * 400, " ", "name", "7", "\0", "\ud800", "é", "**", "~", ",", "."]
)  # fmt: skip
text = st.one_of(st.lists(word, max_size=12).map("".join), st.text(max_size=30))


@MANY
@given(text)
@example("(" * 5000 + "face")
@example("-" * 5000 + "face")
@example("face*" + "9" * 400 + "-house")
@example("face/1e-320")
def test_contrasts_of_any_text(contrast):
    try:
        (spec,) = parse_contrasts([contrast], CONDITIONS)
    except InputError as err:
        assert readable(err)
        return
    assert spec.weights and all(abs(w) < float("inf") for w in spec.weights.values())
    assert set(spec.weights) <= set(CONDITIONS)
    assert spec.name.isalnum() and spec.name == label(spec.name)


piece = st.sampled_from(
    ["run", "label", "half", "onset", "nothing", "==", "!=", "<", ">=", "in", "not in", "is", "and",
     "or", "not", "&", "|", "~", "(", ")", "[", "]", "{", "}", ",", "1", "-1", "1e999", "'face'",
     "'", "None", "True", "lambda: 1", "__import__('os')", ".", ":=", "[1]", "{[1]}", "b'x'", "1j",
     "\0", "\n", "f'{run}'", "*"]
)  # fmt: skip
query = st.one_of(st.lists(piece, max_size=9).map(" ".join), st.text(max_size=30))


@MANY
@given(query)
@example("not " * 5000 + "half == 1")
@example("half == " + "-" * 100_000 + "1")
@example("half == " + "[" * 500)
@example("half is 1")
@example("half in {[1]}")
@example("half == " + "9" * 5000)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_queries_of_any_text(asked):
    try:
        rows = query_rows(SAMPLES, asked)
    except InputError as err:
        assert readable(err)
        return
    assert len(rows) and set(rows) <= {0, 1, 2}


part = st.sampled_from(
    ["sub-01", "sub-", "sub", "ses-a", "task-x", "task-my task", "task-it's", "run-1", "run-x",
     "_", "-", "bold", ".nii.gz", ".nii", ".", "\n", "\udce9", "é", " ", '"', "acq-a", "sub-02"]
)  # fmt: skip
name = st.one_of(
    st.lists(part, max_size=7).map("_".join),
    st.lists(part, max_size=7).map("".join),
    st.text(max_size=30),
)


@MANY
@given(name)
def test_file_names_of_any_text(file_name):
    try:
        parsed = parse_name(file_name)
    except InputError as err:
        assert readable(err) and repr(file_name) in err.found
        return
    assert isinstance(parsed, BidsName) and str(parsed) == file_name


value = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@MANY
@given(st.one_of(st.binary(max_size=60), value.map(lambda v: json.dumps(v).encode())))
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"RepetitionTime": ' + b"9" * 5000 + b"}")
@example('{"RepetitionTime": 2}'.encode("utf-16"))
@example(b'\xef\xbb\xbf{"RepetitionTime": 2}')
def test_sidecars_of_any_bytes(folder, content):
    path = folder / "bold.json"
    path.write_bytes(content)
    try:
        metadata = read_json(path)
    except InputError as err:
        assert readable(err) and err.file == str(path)
        return
    assert isinstance(metadata, dict)
