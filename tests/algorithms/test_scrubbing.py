import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.scrubbing import scrubbed_volumes, spikes


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 6))
def test_no_kept_piece_is_too_short_and_nothing_else_is_scrubbed(jumps, least):
    moved = np.array(jumps) * 0.9
    found = scrubbed_volumes(moved, np.zeros(len(moved)), min_segment=least)
    kept = "".join(" " if i in found else "x" for i in range(len(moved)))
    pieces = "".join(" " if jump else "x" for jump in jumps).split()
    if not any(jumps):
        assert found == []
        return
    assert set(np.flatnonzero(jumps)) <= set(found)
    assert kept.split() == [piece for piece in pieces if len(piece) >= least]


@pytest.mark.parametrize("fill", [0.5, 1.5])
def test_at_the_threshold_a_volume_is_kept(fill):
    flat = np.full(9, fill)
    at = {"fd_threshold": fill, "dvars_threshold": fill}
    assert scrubbed_volumes(flat, flat, **at) == []
    assert scrubbed_volumes(flat + 1e-6, flat, **at) == list(range(9))
    assert scrubbed_volumes(flat, flat + 1e-6, **at) == list(range(9))


def test_spikes_are_columns_of_a_unit_matrix():
    table = spikes([0, 3], 4)
    assert list(table) == ["scrub_000", "scrub_003"]
    assert table.to_numpy().tolist() == [[1, 0], [0, 0], [0, 0], [0, 1]]
    assert spikes([], 4).shape == (4, 0)
