import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.penalty_shares import penalty_shares


def test_shares_are_counts_whatever_the_order_and_the_precision(rng):
    penalties = 10.0 ** np.arange(-3, 7)
    chosen = rng.choice(penalties, (3, 4, 50))
    grid, shares = penalty_shares(chosen.astype(np.float32), rng.permutation(penalties))
    np.testing.assert_array_equal(grid, penalties)
    for layer in range(3):
        for penalty, share in zip(penalties, shares[layer], strict=True):
            assert share == (chosen[layer] == penalty).mean()


def test_voxels_without_a_penalty_do_not_count():
    chosen = np.array([[[1, np.nan, 2]], [[np.nan, np.nan, np.nan]]])
    _, shares = penalty_shares(chosen, [1, 2])
    assert shares[0].tolist() == [0.5, 0.5] and np.isnan(shares[1]).all()
    assert penalty_shares(np.ones((1, 2, 3)), [1])[1].tolist() == [[1]]


def test_a_penalty_that_was_not_tried_is_refused():
    with pytest.raises(InputError) as info:
        penalty_shares(np.array([[[1.0, 5.0]]]), [1, 10])
    assert info.value.expected == "the penalties that were chosen, among them 5"
    assert info.value.found == "1, 10"
