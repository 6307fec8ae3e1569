"""Networks and rankings of parcels on disk."""

from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.network_summary import NetworkSummary
from fmriprod.interfaces.parcel_ranking import ParcelRanking

NAMES = ["L_V1", "L_4", "R_V1", "R_4", "L_FFC"]
VALUES = [1.0, -9.0, 3.0, np.nan, 4.0]
TABLE = pd.DataFrame({"name": NAMES, "network": ["Visual", "Motor", "Visual", "Motor", "Visual"]})


def write(name, table):
    table.to_csv(name, sep="\t", index=False, na_rep="n/a")
    return str(Path(name).absolute())


@pytest.fixture
def files(work):
    order = [4, 2, 0, 1, 3]  # another order than that of the table
    values = pd.DataFrame({"contrast": "a-b", "parcel": NAMES, "value": VALUES}).iloc[order]
    return {"contrast_file": write("contrast.tsv", values), "parcels_file": write("p.tsv", TABLE)}


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a")


def test_contrasts_are_matched_by_name(files):
    out = NetworkSummary(**files).run().outputs
    table = read(out.table_file).set_index(["network", "hemisphere"])
    assert out.networks == ["Visual", "Motor"] and out.n_missing == 1
    assert table.loc[("Visual", "L"), "mean"] == 2.5 and table.loc[("Visual", "both"), "n"] == 3
    assert table.loc[("Motor", "L"), "mean"] == -9 and np.isnan(table.loc[("Motor", "R"), "mean"])
    assert table.loc[("Motor", "both"), "n_missing"] == 1


def test_hemispheres_in_other_words_count(files):
    sides = ["LH", "lh", "RH", "rh", "left"]
    files["parcels_file"] = write("p.tsv", TABLE.assign(name=list("abcde"), hemisphere=sides))
    values = pd.DataFrame({"contrast": "x", "parcel": list("abcde"), "value": VALUES})
    files["contrast_file"] = write("contrast.tsv", values)
    table = read(NetworkSummary(**files).run().outputs.table_file)
    assert table["n"].tolist() == [3, 2, 1, 1, 1, 0]


def test_effects_are_summarised_by_condition(files):
    rows = [
        (n, c, v * s) for n, v in zip(NAMES, VALUES, strict=True) for c, s in (("x", 1), ("y", 2))
    ]
    effects = write("effects.tsv", pd.DataFrame(rows, columns=["parcel", "condition", "effect"]))
    out = NetworkSummary(effects_file=effects, parcels_file=files["parcels_file"]).run().outputs
    table = read(out.table_file)
    assert table["condition"].tolist() == ["x"] * 6 + ["y"] * 6 and out.n_missing == 1
    means = table.pivot(index=["network", "hemisphere"], columns="condition", values="mean")
    np.testing.assert_allclose(means["y"], 2 * means["x"])
    assert means.loc[("Visual", "L"), "x"] == 2.5
    lacking = write("short.tsv", pd.read_csv(effects, sep="\t").iloc[1:])
    with pytest.raises(InputError) as info:
        NetworkSummary(effects_file=lacking, parcels_file=files["parcels_file"]).run()
    assert info.value.found == "9 rows" and info.value.file.endswith("short.tsv")


def test_connectivity_is_summarised_within_and_between_networks(files, rng):
    matrix = np.tanh(rng.normal(size=(5, 5))).astype(np.float32)
    matrix = (matrix + matrix.T) / 2
    matrix[range(5), range(5)] = np.nan
    matrix[3] = matrix[:, 3] = np.nan
    np.save("fc.npy", matrix)
    step = NetworkSummary(connectivity_file="fc.npy", parcels_file=files["parcels_file"])
    node = pe.Node(step, "networks", base_dir=str(Path.cwd()))
    node.inputs.connectivity_file = str(Path("fc.npy").absolute())
    out = node.run().outputs
    means = np.load(out.matrix_file)
    visual = [matrix[0, 2], matrix[0, 4], matrix[2, 4]]
    assert means[0, 0] == pytest.approx(np.mean(visual)) and np.isnan(means[1, 1])
    assert means[0, 1] == pytest.approx(matrix[1, [0, 2, 4]].mean()) and out.n_missing == 1
    table = read(out.table_file).set_index(["network_1", "network_2", "hemispheres"])
    assert table.loc[("Visual", "Visual", "within"), "mean"] == pytest.approx(matrix[0, 4])
    assert table.loc[("Motor", "Motor", "all"), "n_missing"] == 1


def test_parcels_without_networks_or_with_other_names_are_refused(files):
    bare = write("bare.tsv", TABLE[["name"]])
    with pytest.raises(InputError) as info:
        NetworkSummary(contrast_file=files["contrast_file"], parcels_file=bare).run()
    assert info.value.interface == "NetworkSummary" and "no column network" in info.value.found
    other = write("other.tsv", TABLE.replace("L_4", "L_5"))
    for step in (
        NetworkSummary(contrast_file=files["contrast_file"], parcels_file=other),
        ParcelRanking(contrast_files=[files["contrast_file"]], parcels_file=other),
    ):
        with pytest.raises(InputError) as info:
            step.run()
        assert "L_5" in info.value.found and "L_4" in info.value.found


def test_values_beyond_one_are_not_clipped_into_z(files):
    np.save("large.npy", np.where(np.eye(5), np.nan, 1.5).astype(np.float32))
    step = NetworkSummary(connectivity_file="large.npy", parcels_file=files["parcels_file"])
    step.inputs.fisher = True
    with pytest.raises(InputError, match="correlations, -1 to 1") as caught:
        step.run()
    assert caught.value.file.endswith("large.npy")


def test_several_contrasts_are_ranked(files, work):
    second = write("other.tsv", pd.DataFrame({"parcel": NAMES, "value": [5.0, 5, -7, 1, 0]}))
    step = ParcelRanking(
        contrast_files=[files["contrast_file"], second], parcels_file=files["parcels_file"], n_top=2
    )
    node = pe.Node(step, "ranking", base_dir=str(work))
    out = node.run().outputs
    table = read(out.ranking_file)
    first = table[table["contrast"] == "a-b"]
    assert first["parcel"].tolist() == ["L_4", "L_FFC", "R_V1", "L_V1", "R_4"]
    assert first["rank"].tolist()[:4] == [1, 2, 3, 4] and np.isnan(first["rank"].iloc[4])
    assert first["hemisphere"].tolist() == ["L", "L", "R", "L", "R"]
    assert first["network"].iloc[0] == "Motor" and out.n_missing == [1, 0]
    top = read(out.top_file)
    assert top["contrast"].tolist() == ["a-b"] * 2 + ["other"] * 3
    assert top["rank"].tolist() == [1, 2, 1, 2, 2]
    step.inputs.by = "value"
    by_value = read(step.run().outputs.ranking_file)
    assert by_value["parcel"].tolist()[0] == "L_FFC" and by_value["parcel"][3] == "L_4"


def test_one_file_need_not_be_a_list(files):
    step = ParcelRanking(parcels_file=files["parcels_file"])
    with pytest.raises(ValueError, match="contrast_files"):
        step.run()
    step.inputs.contrast_files = files["contrast_file"]
    assert read(step.run().outputs.ranking_file)["parcel"][0] == "L_4"


def test_rankings_that_make_no_sense_are_refused(files):
    common = {"contrast_files": [files["contrast_file"]] * 2, "parcels_file": files["parcels_file"]}
    with pytest.raises(InputError) as info:
        ParcelRanking(**common).run()
    assert info.value.subject == "names" and info.value.found == "a-b, a-b"
    ParcelRanking(**common, names=["one", "two"]).run()
    same = write("same.tsv", pd.DataFrame({"parcel": NAMES, "value": 1.0}))
    with pytest.raises(InputError) as info:
        ParcelRanking(contrast_files=[same], parcels_file=files["parcels_file"]).run()
    assert info.value.found == "1 in all" and info.value.file.endswith("same.tsv")
