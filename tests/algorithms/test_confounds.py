import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.confounds import select_confounds

TABLE = pd.DataFrame(
    {
        "trans_x": [0.0, 1, 2, 3],
        "trans_x_derivative1": [np.nan, 1, 1, 4],
        "note": ["a", "b", "c", "d"],
        "late": [1.0, np.inf, np.nan, 3],
    }
)


def message(columns, n_volumes=4, **options):
    with pytest.raises(InputError) as caught:
        select_confounds(TABLE, columns, n_volumes, **options)
    return str(caught.value)


def test_columns_in_the_order_that_was_asked_for():
    chosen, filled = select_confounds(TABLE[::-1], ["trans_x"], 4)
    assert chosen["trans_x"].tolist() == [3, 2, 1, 0] and filled == {}


def test_missing_values_are_refused_or_become_the_mean_and_are_counted():
    text = message(["trans_x_derivative1", "late"])
    assert "trans_x_derivative1: 1 (volume 1); late: 2 (volume 2 and later)" in text
    assert 'confounds_nan="mean"' in text
    chosen, filled = select_confounds(TABLE, ["trans_x_derivative1", "late"], 4, nan="mean")
    assert chosen["trans_x_derivative1"].tolist() == [2, 1, 1, 4]
    assert chosen["late"].tolist() == [1, 2, 2, 3]
    assert filled == {"trans_x_derivative1": 1, "late": 2}


@pytest.mark.parametrize(
    ("columns", "n_volumes", "part"),
    [
        (["trans_y"], 4, "no column 'trans_y'"),
        (["trans_y"], 4, "did you mean 'trans_x'"),
        (["trans_x"], 5, "one row for each of the 5 volumes"),
        (["note"], 4, "no number in note"),
        (["trans_x", "trans_x"], 4, "twice: trans_x"),
    ],
)
def test_what_cannot_be_used(columns, n_volumes, part):
    assert part in message(columns, n_volumes, nan="mean")
