import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.query import query_rows

TABLE = pd.DataFrame(
    {
        "run": ["01", "01", "02", "10"],
        "label": ["face", "house", "face", "chair"],
        "half": [1, 2, 1, 2],
        "onset": [0.0, 1.5, np.nan, 4.0],
    }
)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("half == 1", [0, 2]),
        ("half != 1", [1, 3]),
        ("run == 1", [0, 1]),
        ("run == '01'", [0, 1]),
        ("run in [2, 10]", [2, 3]),
        ("run not in ('02', '10')", [0, 1]),
        ("run >= 2", [2, 3]),
        ("1 < run <= 2", [2]),
        ("2 <= run", [2, 3]),
        ("label in ['face', 'chair'] and half == 2", [3]),
        ("(label == 'face') & (half == 1) | (run == 10)", [0, 2, 3]),
        ("not label == 'face'", [1, 3]),
        ("~(label == 'face')", [1, 3]),
        ("onset < 2", [0, 1]),
        ("onset == -0.0", [0]),
    ],
)
def test_rows_that_a_query_selects(query, rows):
    assert query_rows(TABLE, query).tolist() == rows


@given(
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.integers(-1, 5),
    st.sampled_from(["and", "or"]),
    st.integers(0, 4),
    st.booleans(),
)
def test_numbers_are_compared_as_pandas_does(op, first, join, second, negate):
    table = pd.DataFrame({"a": [0, 1, 2, 3, 4], "b": [4.0, 2.5, 1.0, 0.0, 3.0]})
    query = f"a {op} {first} {join} {'not ' if negate else ''}b > {second}"
    expected = np.flatnonzero(table.eval(query))
    if len(expected):
        np.testing.assert_array_equal(query_rows(table, query), expected)
    else:
        with pytest.raises(InputError, match="selects none of 5 rows"):
            query_rows(table, query)


@pytest.mark.parametrize(
    "query",
    [
        "__import__('os').system('true') == 0",
        "label.str.len() == 4",
        "half == (1).real",
        "half == half",
        "half == 1 & run == 1",
        "half + 1 == 2",
        "half",
        "True",
        "half = 1",
        "half == [1, 2]",
        "half in 1",
        "label in 'face'",
        "half == None",
        "[x for x in (1,)] == half",
        "",
        "half ==",
    ],
)
def test_nothing_but_comparisons_is_understood(query):
    with pytest.raises(InputError) as caught:
        query_rows(TABLE, query, "train")
    assert caught.value.subject == "train"
    assert "comparisons of columns" in caught.value.expected


def test_an_unknown_column_is_named():
    with pytest.raises(InputError) as caught:
        query_rows(TABLE, "lable == 'face'", "test")
    assert str(caught.value) == (
        "test\n"
        "  expected: names of columns of the sample table\n"
        "  found:    'lable' in \"lable == 'face'\"\n"
        "  do:       did you mean 'label'? known: run, label, half, onset"
    )


def test_a_query_that_selects_nothing_shows_the_values_of_its_columns():
    with pytest.raises(InputError) as caught:
        query_rows(TABLE, "run == '1' and half == 1", "train")
    assert str(caught.value) == (
        "train\n"
        "  expected: a query that selects rows\n"
        "  found:    \"run == '1' and half == 1\" selects none of 4 rows\n"
        "  do:       compare with what is there: run: '01', '02', '10'; half: 1, 2"
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [("half == 'one'", "a number to compare 'half'"), ("label == 3", "a quoted text to compare")],
)
def test_text_is_not_compared_with_numbers(query, expected):
    with pytest.raises(InputError, match=expected):
        query_rows(TABLE, query)
