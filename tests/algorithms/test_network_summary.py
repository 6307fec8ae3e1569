"""Networks and rankings of parcels, against slow loops."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_summary import (
    network_matrix,
    network_order,
    summarize_edges,
    summarize_networks,
)
from fmriprod.algorithms.parcel_ranking import rank_parcels, top_parcels

NETWORKS = ["Vis", "Mot", "Vis", "n/a", "Mot", "Vis", "One", "Mot"]
SIDES = ["L", "L", "R", "R", "n/a", "R", "L", "R"]


def test_means_are_those_of_a_loop_over_parcels(rng):
    values = rng.normal(size=8)
    values[5] = np.nan
    table = summarize_networks(values, NETWORKS, SIDES)
    assert table["network"].unique().tolist() == ["Vis", "Mot", "One"]
    for row in table.itertuples():
        inside = [
            value for value, network, side in zip(values, NETWORKS, SIDES, strict=True)
            if network == row.network and row.hemisphere in (side, "both")
        ]  # fmt: skip
        known = [value for value in inside if value == value]
        assert (row.n, row.n_missing) == (len(known), len(inside) - len(known))
        if len(known):
            assert row.mean == pytest.approx(sum(known) / len(known))
        else:
            assert np.isnan(row.mean)
        if len(known) > 1:
            assert row.sd == pytest.approx(np.std(known, ddof=1))
        else:
            assert np.isnan(row.sd)
    both = table.query("network == 'Mot' and hemisphere == 'both'").iloc[0]
    assert both["n"] == 3  # the one without a hemisphere too
    assert table.query("network == 'Vis'")["n_missing"].tolist() == [1, 0, 1]


@pytest.mark.parametrize("fisher", [False, True])
def test_connectivity_is_that_of_a_loop_over_edges(rng, fisher):
    matrix = np.tanh(rng.normal(size=(8, 8)))
    matrix = (matrix + matrix.T) / 2
    matrix[range(8), range(8)] = np.nan
    matrix[2, 5] = matrix[5, 2] = np.nan
    table = summarize_edges(matrix, NETWORKS, SIDES, fisher=fisher)
    assert len(table) == 6 * 3
    for row in table.itertuples():
        edges = []
        for i, j in combinations(range(8), 2):
            if {NETWORKS[i], NETWORKS[j]} != {row.network_1, row.network_2}:
                continue
            sides = {SIDES[i], SIDES[j]}
            if row.hemispheres == "within" and sides not in ({"L"}, {"R"}):
                continue
            if row.hemispheres == "between" and sides != {"L", "R"}:
                continue
            edges.append(matrix[i, j])
        known = np.array([edge for edge in edges if edge == edge])
        assert (row.n, row.n_missing) == (len(known), len(edges) - len(known))
        if len(known):
            mean = np.tanh(np.arctanh(known).mean()) if fisher else known.mean()
            assert row.mean == pytest.approx(mean)
    means, names = network_matrix(table)
    assert names == ["Vis", "Mot", "One"] and means.dtype == np.float32
    np.testing.assert_array_equal(means, means.T)
    row = table.query("network_1 == 'Vis' and network_2 == 'Mot' and hemispheres == 'all'")
    assert means[0, 1] == pytest.approx(row["mean"].item()) and np.isnan(means[2, 2])


def test_missing_networks_are_no_network():
    assert network_order(["Vis", np.nan, "n/a", None, "Mot", "Vis"]) == ["Vis", "Mot"]


def test_parcels_without_a_hemisphere_are_within_none():
    """Two without one are no pair within a hemisphere, though theirs are the same word."""
    sides = ["n/a", "n/a", np.nan, np.nan, "L", "L", "R"]
    table = summarize_edges(np.full((7, 7), 0.5), ["Vis"] * 7, sides)
    assert table.set_index("hemispheres")["n"].to_dict() == {"all": 21, "within": 1, "between": 2}


def test_parcels_without_networks_are_refused():
    for networks in (["n/a"] * 3, [np.nan] * 3):
        with pytest.raises(InputError) as info:
            summarize_networks(np.arange(3.0), networks, ["L"] * 3)
        assert info.value.found.startswith("none: the table of parcels has no column network")
    with pytest.raises(InputError) as info:
        summarize_edges(np.eye(3), ["a", "b"], ["L"] * 3)
    assert info.value.expected == "one for each of 3 parcels"


def parcels(n):
    return pd.DataFrame({"name": [f"L_{i}" for i in range(n)], "hemisphere": "L", "network": "Vis"})


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan]), min_size=2, max_size=30))
def test_ranks_are_scipys_and_nothing_is_lost(values):
    values = np.array([*values, 3.0, -1.5])
    for by, size in (("absolute", np.abs(values)), ("value", values)):
        table = rank_parcels(parcels(len(values)), values, by=by)
        known = ~np.isnan(values)
        expected = stats.rankdata(-size[known], method="min")
        found = table.set_index("parcel").loc[parcels(len(values))["name"]]
        np.testing.assert_array_equal(found["rank"][known].astype(int), expected)
        assert found["rank"][~known].isna().all()
        np.testing.assert_array_equal(found["value"], values)
        assert table["rank"].dropna().is_monotonic_increasing
        assert table["rank"].iloc[: known.sum()].notna().all()


def test_the_first_ranks_hold_all_that_are_equal():
    table = rank_parcels(parcels(6), np.array([1.0, 5, -3, 3, np.nan, 0]))
    assert table["parcel"].tolist() == ["L_1", "L_2", "L_3", "L_0", "L_5", "L_4"]
    top = top_parcels([table], 2)
    assert top["parcel"].tolist() == ["L_1", "L_2", "L_3"] and top["rank"].tolist() == [1, 2, 2]


def test_values_without_an_order_are_refused():
    for values, found in (([2.0, -2.0], "2 in all"), ([np.nan] * 2, "none")):
        with pytest.raises(InputError) as info:
            rank_parcels(parcels(2), np.array(values))
        assert info.value.found == found
