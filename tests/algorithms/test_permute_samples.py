import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.permute_samples import sample_orders

RUNS = st.lists(st.integers(2, 23), min_size=2, max_size=5)


def labels(lengths):
    return np.repeat(np.arange(len(lengths)), lengths)


@given(RUNS, st.sampled_from(["across", "within"]), st.integers(1, 6), st.integers(0, 99))
def test_every_order_has_every_sample_once_in_whole_blocks(lengths, scheme, block, seed):
    groups = labels(lengths)
    try:
        orders = sample_orders(groups, scheme=scheme, block=block, seed=seed)
    except InputError:  # too few blocks
        return
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for order in orders.orders(0, 20):
        assert sorted(order) == list(range(len(groups)))
        if scheme == "within":
            assert (groups[order] == groups).all()
        for run in range(len(lengths)):
            for first in range(starts[run], starts[run + 1], block):
                cut = order[first : min(first + block, starts[run + 1])]
                assert (np.diff(cut) == 1).all()  # one block, in time's order
                assert len(set(groups[cut])) == 1 and (cut[0] - starts[groups[cut[0]]]) % block == 0
                assert len(cut) == min(
                    block, lengths[groups[cut[0]]] - (cut[0] - starts[groups[cut[0]]])
                )


@given(RUNS, st.integers(0, 99))
def test_shifts_are_circular_and_of_each_run(lengths, seed):
    groups = labels(lengths)
    orders = sample_orders(groups, scheme="shift", seed=seed).orders(0, 20)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    for order in orders:
        for run, length in enumerate(lengths):
            own = order[starts[run] : starts[run + 1]] - starts[run]
            assert ((own - own[0]) % length == np.arange(length)).all()
    first = orders[:, starts[1]] - starts[1]
    assert lengths[1] == 1 or len(set(first)) > 1


def test_all_orders_are_as_likely():
    orders = sample_orders([0, 0, 1, 1], scheme="across", seed=3).orders(0, 24_000)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24 and abs(counts - 1000).max() < 5 * math.sqrt(1000)
    orders = sample_orders(labels([4, 4, 5]), block=2).orders(0, 24_000)
    assert (orders[:, 12] == 12).all()  # a remainder of its own length has nowhere to go
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 720


def test_orders_are_known_by_seed_and_number_alone():
    made = sample_orders(labels([9, 8]), seed=4)
    whole = made.orders(0, 700)
    np.testing.assert_array_equal(made.orders(250, 600), whole[250:600])
    np.testing.assert_array_equal(made.orders(511, 512), whole[511:512])
    other = sample_orders(labels([9, 8]), seed=5).orders(0, 700)
    assert (whole == other).all(axis=1).sum() < 3
    assert len(np.unique(whole, axis=0)) == 700
    assert whole.dtype == np.int16
    assert sample_orders(labels([2**15, 8])).orders(0, 1).max() == 2**15 + 7


def test_number_of_distinct_orders():
    assert sample_orders(labels([3, 4])).log10_distinct == pytest.approx(math.log10(5040))
    within = sample_orders(labels([3, 4]), scheme="within")
    assert within.log10_distinct == pytest.approx(math.log10(6 * 24))
    blocks = sample_orders(labels([5, 5]), block=2)  # four of two samples, two of one
    assert blocks.log10_distinct == pytest.approx(math.log10(24 * 2))
    assert sample_orders(labels([3, 4]), scheme="shift").log10_distinct == pytest.approx(
        math.log10(12)
    )


def test_blocks_stay_in_runs_where_a_group_has_several():
    groups, runs = np.repeat([0, 1], 8), np.repeat([1, 2, 1, 2], 4)
    orders = sample_orders(groups, runs, block=4, seed=1).orders(0, 50)
    assert set(orders[:, 0]) == {0, 4, 8, 12}
    shifted = sample_orders(groups, runs, scheme="shift").orders(0, 50)
    assert (shifted // 4 == np.arange(16) // 4).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "random"}, "across, within or shift"),
        ({"block": 0}, "1 sample or more"),
        ({"block": 2, "scheme": "shift"}, "1 where runs are shifted"),
        ({"block": 40}, "one order only, with blocks of 40 samples"),
        ({"block": 4, "scheme": "within"}, "one order only"),
        ({"seed": -1}, "0 or more"),
        ({"runs": [1] * 7}, "a run for each of 8 samples"),
        ({"block": 2, "groups": [0, 1] * 4}, "run '0' in pieces"),
        ({"scheme": "shift", "groups": [0, 1] * 4}, "follow each other in time"),
    ],
)
def test_bad_input(options, message):
    lengths = [5, 3] if options.get("block") == 40 else [4, 4]
    with pytest.raises(InputError, match=message):
        sample_orders(options.pop("groups", labels(lengths)), **options)


def test_single_samples_need_no_order_in_time():
    orders = sample_orders([0, 1] * 4, scheme="within").orders(0, 9)
    assert (orders % 2 == np.arange(8) % 2).all()
