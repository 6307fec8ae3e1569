from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.volumes import evenly_spaced


@given(st.integers(1, 500), st.integers(1, 60))
def test_as_many_different_volumes_as_asked_in_order(n_volumes, n):
    chosen = evenly_spaced(n_volumes, n)
    assert len(chosen) == min(n, n_volumes)
    assert chosen == sorted(set(chosen))
    assert 0 <= chosen[0] and chosen[-1] < n_volumes
    gaps = {b - a for a, b in pairwise(chosen)}
    assert not gaps or max(gaps) - min(gaps) <= 1
