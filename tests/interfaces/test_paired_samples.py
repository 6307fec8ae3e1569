import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.paired_samples import paired_rows


def refused(subject, *arguments):
    with pytest.raises(InputError) as info:
        paired_rows(*arguments)
    assert info.value.subject == subject
    return str(info.value)


def table(**columns):
    return pd.DataFrame(columns)


@given(st.lists(st.integers(0, 9), min_size=1), st.permutations(range(10)))
def test_stimuli_are_found_however_often_and_in_whatever_order(shown, order):
    features = table(stimulus=[f"{i}.png" for i in order])
    samples = table(stimulus=[f"{i}.png" for i in shown], run="1")
    rows = paired_rows(features, samples, 10)
    assert [order[row] for row in rows] == shown


def test_runs_and_volumes_come_before_stimuli():
    features = table(run=["1", "1", "2"], volume=[4, 5, 4], stimulus=["a", "b", "a"])
    samples = table(run=["2", "1", "1"], volume=[4, 5, 4], stimulus=["b", "a", "b"])
    np.testing.assert_array_equal(paired_rows(features, samples, 3), [2, 1, 0])


def test_without_common_columns_rows_are_in_the_same_order():
    samples = table(run=["1", "2"], stimulus=["a", "b"])
    np.testing.assert_array_equal(paired_rows(None, samples, 2), [0, 1])
    np.testing.assert_array_equal(paired_rows(table(frame=[0, 1]), samples, 2), [0, 1])


def test_numbers_that_differ_are_refused():
    samples = table(run=["1", "2"])
    text = refused("features_file", None, samples, 3)
    assert "2 samples, as the responses have" in text and "found:    3" in text
    assert "give features_samples_file" in text
    text = refused("features_samples_file", table(stimulus=["a"]), samples, 3)
    assert "3 rows, as the features have" in text and "found:    1" in text


def test_features_that_are_there_twice_are_refused():
    features, samples = table(stimulus=["a", "b", "a"]), table(stimulus=["a"])
    text = refused("features_samples_file", features, samples, 3)
    assert "each stimulus once" in text and "a twice" in text
    features = table(run=["1", "1"], volume=[3, 3])
    text = refused("features_samples_file", features, table(run=["1"], volume=[3]), 2)
    assert "each run and volume once" in text and "1, 3 twice" in text


def test_samples_without_features_are_refused():
    features = table(stimulus=["house1.png", "face1.png"])
    samples = table(stimulus=["face1.png", "hosue1.png", "tree.png"])
    text = refused("features_samples_file", features, samples, 2)
    assert "none of 2 samples, the first stimulus hosue1.png" in text
    assert "did you mean 'house1.png'?" in text
    features = table(run=["1", "1"], volume=[0, 1])
    text = refused("features_samples_file", features, table(run=["1"], volume=[7]), 2)
    assert "the first run volume 1, 7" in text
