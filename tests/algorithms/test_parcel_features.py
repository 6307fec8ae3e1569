"""Graph measures against networkx, and features by name."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.graph_measures import graph_measures, positive_graph
from fmriprod.algorithms.parcel_features import (
    check_kinds,
    complete_features,
    matrix_features,
    value_features,
)

NETWORKS = ["Vis"] * 4 + ["Mot"] * 5 + ["n/a"] + ["Def"] * 2
TABLE = pd.DataFrame({
    "name": [f"L_{i}" for i in range(12)], "hemisphere": ["L", "R"] * 6, "network": NETWORKS
})  # fmt: skip


@pytest.fixture
def matrix(rng):
    values = np.tanh(rng.normal(0.1, 0.4, size=(12, 12)))
    values = (values + values.T) / 2
    np.fill_diagonal(values, np.nan)
    return values


@pytest.mark.parametrize("density", [1.0, 0.4, 0.1])
def test_strength_and_clustering_are_those_of_networkx(matrix, density):
    kept = sorted(matrix[np.triu_indices(12, 1)])[-round(density * 66) :]
    graph = nx.Graph()
    graph.add_nodes_from(range(12))
    graph.add_weighted_edges_from(
        (i, j, matrix[i, j]) for i in range(12) for j in range(i)
        if matrix[i, j] >= kept[0] and matrix[i, j] > 0
    )  # fmt: skip
    found = graph_measures(positive_graph(matrix, density))
    strength, clustering = (
        dict(graph.degree(weight="weight")),
        nx.clustering(graph, weight="weight"),
    )
    np.testing.assert_allclose(found["strength"], [strength[i] for i in range(12)])
    np.testing.assert_allclose(found["clustering"], [clustering[i] for i in range(12)], atol=1e-12)
    assert "participation" not in found


def test_participation_is_that_of_a_loop(matrix):
    graph = positive_graph(matrix, 0.3)
    found = graph_measures(graph, NETWORKS)["participation"]
    for i in range(12):
        sums = {}
        for j in range(12):
            if NETWORKS[j] != "n/a":
                sums[NETWORKS[j]] = sums.get(NETWORKS[j], 0) + graph[i, j]
        total = sum(sums.values())
        expected = 1 - sum((s / total) ** 2 for s in sums.values()) if total else 0
        assert found[i] == pytest.approx(expected, abs=1e-12)


def test_participation_has_the_values_that_it_must():
    ring = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=float)
    found = graph_measures(positive_graph(ring), ["a", "a", "b", "b"])
    np.testing.assert_allclose(found["participation"], [0.5, 0, 0, 0])
    np.testing.assert_allclose(found["clustering"], 0)
    np.testing.assert_allclose(found["strength"], [2, 1, 1, 0])


def test_parcels_that_are_not_usable_change_nothing_for_others(matrix):
    alone = graph_measures(positive_graph(matrix, 0.5), NETWORKS)
    more = np.full((13, 13), np.nan)
    place = np.delete(np.arange(13), 4)
    more[np.ix_(place, place)] = matrix
    found = graph_measures(positive_graph(more, 0.5), [*NETWORKS[:4], "Mot", *NETWORKS[4:]])
    for name, values in alone.items():
        np.testing.assert_allclose(found[name][place], values)
        assert np.isnan(found[name][4])


def test_graphs_that_make_no_sense_are_refused(matrix):
    def refused(*args):
        with pytest.raises(InputError) as info:
            positive_graph(*args)
        return info.value

    for density in (0, 1.2):
        assert refused(matrix, density).subject == "density"
    assert "0 NaN and 0 above 0 of 66" in refused(-np.abs(matrix)).found
    matrix[2, 3] = matrix[3, 2] = np.nan
    assert refused(matrix).found.startswith("1 NaN and")


def test_features_are_named_and_in_their_places(matrix, rng):
    values = rng.normal(size=12)
    found = value_features(values, TABLE)
    assert found["parcels", "L_7"] == values[7]
    assert found["networks", "Mot L"] == pytest.approx(values[[4, 6, 8]].mean())
    assert found["networks", "Def both"] == pytest.approx(values[10:].mean())
    assert len(found) == 12 + 9
    found = matrix_features(matrix, TABLE, density=0.5)
    assert found["edges", "L_2 L_9"] == matrix[2, 9] and len(found["edges"]) == 66
    assert found["edge_networks", "Vis Def"] == pytest.approx(matrix[:4, 10:].mean())
    measures = graph_measures(positive_graph(matrix, 0.5), NETWORKS)
    assert found["graph", "participation L_3"] == measures["participation"][3]
    assert len(found["graph"]) == 36 and len(found) == 66 + 6 + 36
    bare = TABLE.assign(network="n/a")
    assert len(matrix_features(matrix, bare, ["graph"])) == 24


def test_features_that_some_sample_lacks_are_marked():
    features = np.array([[1.0, np.nan, 2], [3, 4, 5]])
    assert complete_features(features).tolist() == [True, False, True]
    with pytest.raises(InputError) as info:
        complete_features(features[:, 1:2])
    assert info.value.found == "none of 1"


def test_kinds_that_the_data_do_not_have_are_refused():
    for kinds, found in ((["edges"], "edges"), ([], "none")):
        with pytest.raises(InputError) as info:
            check_kinds(kinds, NETWORKS, ("parcels", "networks"))
        assert info.value.found == found
    with pytest.raises(InputError) as info:
        check_kinds(["networks"], ["n/a"] * 3, ("parcels", "networks"))
    assert info.value.subject == "networks"
