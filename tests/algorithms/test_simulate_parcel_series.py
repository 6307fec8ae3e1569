"""Simulated parcels have the correlations and effects that are planted, and no others."""

import re

import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.nearest_parcel import nearest_parcel
from fmriprod.algorithms.simulate_parcel_series import (
    add_effects,
    network_noise,
    plan_blocks,
    planted_effects,
)
from fmriprod.algorithms.simulate_parcel_table import (
    made_up_parcels,
    with_places,
)


def test_correlations_are_those_of_the_closed_form(rng):
    networks = ["a"] * 6 + ["b"] * 6
    series = network_noise(networks, 60_000, rng, shared=0.35, everywhere=0.15, ar=0.4)
    assert series.dtype == np.float32
    same = np.equal.outer(networks, networks)
    wanted = np.where(same, 0.5, 0.15)
    np.fill_diagonal(wanted, 1)
    np.testing.assert_allclose(np.corrcoef(series), wanted, atol=0.03)
    np.testing.assert_allclose(series.var(axis=1), 1, atol=0.05)
    lagged = [np.corrcoef(row[:-1], row[1:])[0, 1] for row in series]
    np.testing.assert_allclose(lagged, 0.4, atol=0.03)


def test_noise_is_stationary_from_its_first_volume(rng):
    draws = np.stack([network_noise(["a", "b"], 3, rng, ar=0.8)[:, 0] for _ in range(3000)])
    np.testing.assert_allclose(draws.var(axis=0), 1, atol=0.1)


@pytest.mark.parametrize("options", [{"shared": 0.8, "everywhere": 0.3}, {"ar": 1.0}])
def test_shares_that_are_none_are_refused(rng, options):
    with pytest.raises(InputError, match="at most 1 together"):
        network_noise(["a"], 10, rng, **options)


@pytest.mark.parametrize("networks", [["a", "n/a"], ["a", np.nan]])
def test_parcels_need_a_network(rng, networks):
    with pytest.raises(InputError, match="none for 1 of 2, first row 1"):
        network_noise(networks, 10, rng)


def test_effects_cross_to_the_other_side():
    names = made_up_parcels(40)["name"]
    table = planted_effects(names, 2.0).set_index(["condition", "parcel"])["effect"]
    assert table["lh", "R_3b"] == table["rh", "L_3b"] == table["lf", "R_5m"] == 2
    assert table["t", "L_OP4"] == table["t", "R_OP4"] == 2
    assert table["fear", "L_FFC"] == 4 * table["neut", "L_FFC"] == 2
    for condition, side in (("lh", "L"), ("rh", "R"), ("lf", "L"), ("rf", "R")):
        assert not [name for name in table[condition].index if name.startswith(side)]
    assert set(table["lh"].index) & set(table["lf"].index) == set()
    with pytest.raises(InputError, match="1 lacking: L_FFC"):
        planted_effects(names[names != "L_FFC"])


def test_a_long_block_has_a_plateau_of_the_planted_size(rng):
    series = np.zeros((3, 100), np.float32)
    events = pd.DataFrame({"onset": [10.0, 0], "duration": [60.0, 5], "trial_type": ["a", "b"]})
    effects = pd.DataFrame({"condition": ["a"], "parcel": ["y"], "effect": [3.0]})
    add_effects(series, events, effects, ["x", "y", "z"], 1.0)
    assert not series[[0, 2]].any() and not series[1, :11].any()
    np.testing.assert_allclose(series[1, 45:70], 3, atol=0.02)


@pytest.mark.parametrize("task", ["MOTOR", "EMOTION", "WM", "LANGUAGE", "SOCIAL"])
def test_blocks_do_not_overlap_and_end_within_the_run(rng, task):
    events = plan_blocks(task, 176.0, rng)
    ends = events["onset"] + events["duration"]
    assert (events["onset"].to_numpy()[1:] >= ends.to_numpy()[:-1]).all()
    assert ends.max() <= 176 and events["onset"].min() == 8
    orders = {tuple(plan_blocks(task, 176.0, rng)["trial_type"]) for _ in range(10)}
    assert len(orders) > 1
    with pytest.raises(InputError, match=re.escape(f"all conditions of {task}")):
        plan_blocks(task, 30.0, rng)


def test_the_made_up_table_is_right_first_and_says_what_is_made():
    table = made_up_parcels(360)
    assert len(table) == 360 and table["name"].is_unique
    assert table["hemisphere"].tolist() == ["R"] * 180 + ["L"] * 180
    assert (table["name"].str[0] == table["hemisphere"]).all()
    assert ((table["x"] > 0) == (table["hemisphere"] == "R")).all()
    assert table["name"].str.contains("made").sum() == 360 - 18
    assert table.set_index("name")["network"][["R_3b", "L_OP4", "R_FFC"]].tolist() == [
        "Somatomotor", "Somatomotor", "Visual2"
    ]  # fmt: skip
    for number in (41, 26):
        with pytest.raises(InputError, match="an even number from 28 on"):
            made_up_parcels(number)


def test_places_are_added_where_there_are_none():
    table = made_up_parcels(40)
    assert with_places(table) is table
    bare = table[["name", "hemisphere"]]
    placed = with_places(bare).set_index("name")
    wanted = table.set_index("name").loc[["L_3b", "R_FFC"], list("xyz")]
    np.testing.assert_array_equal(placed.loc[["L_3b", "R_FFC"], list("xyz")], wanted)
    assert not placed[list("xyz")].duplicated().any() and "x" not in bare


def test_vertices_get_the_nearest_parcel_of_their_side(rng):
    places, vertices = rng.normal(size=(8, 3)), rng.normal(size=(40, 3))
    rows = np.array([1, 4, 6])
    slow = [min(rows, key=lambda r: ((places[r] - v) ** 2).sum()) for v in vertices]
    assert nearest_parcel(vertices, places, rows).tolist() == slow
