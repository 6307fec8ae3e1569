import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.run_order import parse_run_order
from fmriprod.algorithms.scaffold import add_participants, run_order_template

LABELS = st.lists(st.from_regex("[a-z0-9]{1,3}", fullmatch=True), max_size=6)
STUDY = {
    "objects": {"labels": ["bed", "chair"], "trained": ["trained_1", "trained_2"]},
    "tasks": {"recognition": {}, "rest": {}},
    "phases": {
        "pre": {"task": "recognition", "runs": [1, 2]},
        "post": {"task": "recognition", "runs": [2, 3]},
        "drawing": {"task": "drawing", "runs": [1]},
    },
}


def rows(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


@given(LABELS, LABELS)
def test_each_participant_has_one_row(first, then):
    one = add_participants(None, first, ["trained_1"])
    two = add_participants(one, then)
    assert two.startswith(one)
    wanted = [f"sub-{label}" for label in dict.fromkeys([*first, *then])]
    assert [row["participant_id"] for row in rows(two)] == wanted
    assert all(row["trained_1"] == "n/a" for row in rows(two))
    assert add_participants(two, then[::-1]) == two


def test_what_a_person_wrote_stays():
    text = "age\tparticipant_id\r\n20\tsub-01\r\n31\tsub-02"  # without an end of line
    new = add_participants(text, ["02", "03"])
    assert new == text + "\r\n" + "n/a\tsub-03\r\n"


@pytest.mark.parametrize("text", ["", "subject\tage\n01\t20\n"])
def test_a_table_without_participants_is_refused(text):
    with pytest.raises(InputError, match="a column participant_id"):
        add_participants(text, ["01"])


def test_labels_are_checked():
    with pytest.raises(InputError, match="write sub-a1"):
        add_participants(None, ["a_1"])


def test_the_template_is_a_run_order():
    lines = parse_run_order(run_order_template(STUDY, "01"))
    assert [line.stem for line in lines] == [
        "T1w", "task-recognition_run-1_bold", "task-recognition_run-2_bold",
        "task-recognition_run-3_bold", "task-drawing_run-1_bold", "task-rest_bold",
    ]  # fmt: skip
    assert [line.stem for line in parse_run_order(run_order_template({}, "01"))] == ["T1w"]
