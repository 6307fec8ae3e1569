"""Contrasts of conditions within a subject."""

import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.parcel_contrast import parcel_contrast

PARCELS, CONDITIONS = ["R_V1", "L_V1", "L_FFC"], ["fear", "neut", "left hand"]


@pytest.fixture
def effects():
    """Effects 0 to 8, conditions one after the other; parcels not in alphabetical order."""
    return pd.DataFrame(
        {
            "parcel": PARCELS * 3,
            "condition": np.repeat(CONDITIONS, 3),
            "effect": np.arange(9.0) ** 2,
            "variance": np.arange(9.0) + 1,
            "t": np.arange(9.0) ** 2 / np.sqrt(np.arange(9.0) + 1),
            "dof": 40.0,
        }
    )


def test_weights_by_hand_in_the_order_of_parcels(effects):
    found = parcel_contrast(effects, "emotion = 2*fear - (neut + `left hand`)/2")
    assert found.name == "emotion"
    assert found.weights == {"fear": 2, "neut": -0.5, "left hand": -0.5}
    assert list(found.table) == ["parcel", "contrast", "value"], "no variance of a difference"
    assert found.table.parcel.tolist() == PARCELS
    assert found.table.value.tolist() == [-22.5, 2 - 8 - 24.5, 8 - 12.5 - 32]
    assert set(found.table.contrast) == {"emotion"}
    rows = effects.sample(frac=1, random_state=3)
    mixed = parcel_contrast(rows, "fear-neut").table.set_index("parcel").value
    assert mixed[PARCELS].tolist() == [-9, 1 - 16, 4 - 25]


def test_a_contrast_of_one_row_keeps_its_error(effects):
    found = parcel_contrast(effects, "-2*neut").table
    assert found.value.tolist() == [-18, -32, -50]
    assert found.variance.tolist() == [16, 20, 24] and set(found.dof) == {40}
    np.testing.assert_allclose(found.t, found.value / np.sqrt(found.variance))
    bare = effects.drop(columns=["variance", "t", "dof"])
    assert list(parcel_contrast(bare, "neut").table) == ["parcel", "contrast", "value"]


def test_a_parcel_that_is_missing_in_one_condition_has_no_value(effects):
    effects.loc[4, "effect"] = np.nan
    found = parcel_contrast(effects, "fear-neut")
    assert found.table.value.isna().tolist() == [False, True, False] and found.n_missing == 1
    assert parcel_contrast(effects, "fear").n_missing == 0


def test_bad_input(effects):
    def message(table, contrast="fear-neut"):
        with pytest.raises(InputError) as caught:
            parcel_contrast(table, contrast)
        return str(caught.value)

    assert "did you mean 'fear'" in message(effects, "feat-neut")
    assert "all weights are zero" in message(effects, "fear-fear")
    text = message(effects.rename(columns={"effect": "effects"}))
    assert "no column 'effect'" in text and "did you mean 'effects'" in text
    assert "no number" in message(effects.astype({"effect": str}))
    assert "R_V1 twice for fear" in message(pd.concat([effects, effects[:1]]))
    assert "3 parcels for left hand, 2 for fear, 3 in all" in message(effects[1:])
    effects.loc[:2, "effect"] = np.nan
    assert "none of 3" in message(effects)
