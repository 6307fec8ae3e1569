"""Features of parcels on disk, and what a classifier makes of them."""

import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_features import ParcelFeatures
from fmriprod.interfaces.parcel_values import read_scaled_connectivity

NAMES = ["L_V1", "L_4", "L_FFC", "R_V1", "R_4", "R_FFC"]
TABLE = pd.DataFrame({"name": NAMES, "network": ["Visual", "Motor", "Visual"] * 2})


def write(name, table):
    table.to_csv(name, sep="\t", index=False, na_rep="n/a")
    return str(Path(name).absolute())


def effects_of(values, conditions=("fear", "neut")):
    rows = [
        (name, condition, value) for condition, row in zip(conditions, values, strict=True)
        for name, value in zip(NAMES, row, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["parcel", "condition", "effect"])


@pytest.fixture
def effects(work, rng):
    values = rng.normal(size=(12, 2, 6)) + 2 * rng.normal(size=(12, 1, 6))
    values[:, 0, 2] += 6
    files = [write(f"sub{i}.tsv", effects_of(each).sample(frac=1, random_state=i))
             for i, each in enumerate(values)]  # fmt: skip
    return values, {"effects_files": files, "parcels_file": write("p.tsv", TABLE)}


@pytest.fixture
def rest(work, rng):
    values = np.tanh(rng.normal(0.3, 0.2, size=(8, 6, 6)))
    values = ((values + values.transpose(0, 2, 1)) / 2).astype(np.float32)
    values[:, range(6), range(6)] = np.nan
    files = []
    for i, each in enumerate(values):
        np.save(f"fc{i}.npy", each)
        files.append(str(Path(f"fc{i}.npy").absolute()))
    return values, {"connectivity_files": files, "parcels_file": write("p.tsv", TABLE)}


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a")


def test_conditions_are_samples_and_are_told_apart(effects, work):
    values, options = effects
    node = pe.Node(ParcelFeatures(**options, n_permutations=99), "features", base_dir=str(work))
    out = node.run().outputs
    features, samples = np.load(out.features_file), read(out.samples_file)
    assert features.shape == (24, 6) and features.dtype == np.float32
    assert read(out.names_file)["name"].tolist() == NAMES
    for row, (subject, label) in zip(features, samples.to_numpy(), strict=True):
        expected = values[int(subject[4:]) - 1, ["fear", "neut"].index(label)]
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    told = read(out.predictions_file)
    assert out.accuracy == (told["label"] == told["predicted"]).mean() and out.accuracy > 0.8
    assert (told.groupby("subject")["fold"].nunique() == 1).all()
    about = json.loads(Path(out.summary_file).read_text())
    assert about["labels_exchanged"] == "within subjects" and about["p"] == 0.01
    assert about["n_features"] == {"parcels": 6} and about["n_subjects"] == 12


def test_features_that_some_subject_lacks_are_left_out_and_listed(effects):
    values, options = effects
    values[3, 1, 4] = np.nan
    options["effects_files"][3] = write("sub3.tsv", effects_of(values[3]))
    out = ParcelFeatures(**options, kinds=["parcels", "networks"], n_permutations=0).run().outputs
    assert read(out.excluded_file).to_numpy().tolist() == [
        ["parcels", "R_4", 1], ["networks", "Motor R", 1]
    ]  # fmt: skip
    assert out.n_features == 5 + 5 and np.isfinite(np.load(out.features_file)).all()
    assert json.loads(Path(out.summary_file).read_text())["p"] is None


def test_connectivity_and_contrasts_of_one_sample_stand_beside_each_other(rest, rng):
    values, options = rest
    contrasts = rng.normal(size=(8, 6))
    files = [
        write(f"c{i}.tsv", pd.DataFrame({"parcel": NAMES, "value": row}).iloc[::-1])
        for i, row in enumerate(contrasts)
    ]
    kinds = ["parcels", "edges", "edge_networks", "graph"]
    out = ParcelFeatures(**options, contrast_files=files, kinds=kinds, density=0.6).run().outputs
    names, features = read(out.names_file), np.load(out.features_file)
    assert names["kind"].value_counts().to_dict() == {
        "graph": 18, "edges": 15, "parcels": 6, "edge_networks": 3
    }  # fmt: skip
    place = names.set_index(["kind", "name"]).assign(row=range(len(names)))["row"]
    np.testing.assert_allclose(features[:, place["parcels", "L_4"]], contrasts[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(features[:, place["edges", "L_4 R_4"]], values[:, 1, 4])
    assert read(out.samples_file).columns.tolist() == ["subject"]
    usual = ParcelFeatures(**options, contrast_files=files).run().outputs
    assert set(read(usual.names_file)["kind"]) == {"parcels", "edges"}
    only = ParcelFeatures(**options, contrast_files=files, kinds=["parcels"]).run().outputs
    assert only.n_features == 6


def test_groups_of_subjects_can_be_labels(rest):
    out = ParcelFeatures(**rest[1], labels=["old", "young"] * 4, n_folds=4, n_permutations=9).run()
    about = json.loads(Path(out.outputs.summary_file).read_text())
    assert about["labels_exchanged"] == "across subjects" and about["p"] > 0.05


def refused(options, **more):
    with pytest.raises(InputError) as info:
        ParcelFeatures(**options, **more).run()
    assert info.value.interface == "ParcelFeatures"
    return info.value


def test_what_does_not_fit_is_refused(effects, rest):
    _, tasks = effects
    _, graphs = rest
    assert refused({"parcels_file": tasks["parcels_file"]}).found == "none"
    assert refused(tasks, kinds=["edges"]).found == "edges"
    assert refused(tasks, subjects=["a"]).expected == "one for each of 12 files"
    error = refused(tasks, conditions=["fear", "happy"])
    assert error.found.startswith("no happy among") and error.file.endswith("sub0.tsv")
    assert refused(tasks, conditions=["fear"]).found == "one: fear"
    assert refused(tasks, subjects=["a"] * 12).expected == "two subjects or more"
    assert refused(graphs, labels=["a", "b"]).subject == "labels"
    one = write("c.tsv", pd.DataFrame({"parcel": NAMES, "value": 1.0}))
    assert refused(graphs, contrast_files=[one]).subject == "connectivity_files"
    bare = write("bare.tsv", TABLE[["name"]])
    assert "no column network" in refused(graphs | {"parcels_file": bare},
                                          kinds=["edge_networks"]).found  # fmt: skip


def test_contrasts_of_a_model_are_no_classes_unless_named(effects):
    values, options = effects
    for path, each in zip(options["effects_files"], values, strict=True):
        each = np.concatenate([each, each[:1] - each[1:]])
        table = effects_of(each, ("fear", "neut", "fearMinusNeut"))
        write(path, table.assign(variance=1.0, t=table["effect"], dof=90))
    error = refused(options)
    assert error.subject == "conditions" and "fear, neut, fearMinusNeut" in error.found
    assert error.file.endswith("sub0.tsv")
    out = ParcelFeatures(**options, conditions=["fear", "neut"], n_permutations=0).run().outputs
    assert set(read(out.samples_file)["label"]) == {"fear", "neut"}


def test_parcels_that_disagree_are_named(effects):
    values, options = effects
    other = effects_of(values[2]).replace("R_4", "R_6")
    options["effects_files"][2] = write("other.tsv", other)
    error = refused(options)
    assert "R_4" in error.found and "R_6" in error.found and error.file.endswith("other.tsv")


def test_correlations_without_their_diagonal_are_correlations(work):
    for seed in range(20):
        matrix = np.corrcoef(np.random.default_rng(seed).normal(size=(3, 40)))
        np.save("r.npy", matrix - np.eye(3))  # 0, but for rounding in some
        assert read_scaled_connectivity("r.npy")[1] == "correlations"
    np.save("r.npy", 1e-9 * np.cov(np.random.default_rng(0).normal(size=(3, 40))))
    assert read_scaled_connectivity("r.npy")[1] == "other values"


@pytest.mark.parametrize(
    ("diagonal", "holds"), [(np.inf, "Fisher's z"), (0.3, "other values"), (-np.inf, "a statistic")]
)
def test_samples_of_two_scales_are_refused(rest, diagonal, holds):
    values, options = rest
    np.fill_diagonal(values[2], diagonal)
    np.save("other.npy", values[2])
    options["connectivity_files"][2] = str(Path("other.npy").absolute())
    error = refused(options)
    assert error.found == f"{holds}, by the diagonal" and error.file.endswith("other.npy")
    assert error.expected.startswith("correlations, as ") and "fc0.npy" in error.expected


def test_a_graph_without_edges_names_the_file(rest):
    values, options = rest
    np.save("negative.npy", -np.abs(values[0]))
    options["connectivity_files"][4] = str(Path("negative.npy").absolute())
    assert refused(options, kinds=["graph"]).file.endswith("negative.npy")


def test_graphs_without_networks_have_no_participation(rest):
    """ParcelTimeseries writes n/a for every parcel of a table that names none."""
    table = TABLE.assign(network="n/a", hemisphere="n/a")
    options = rest[1] | {"parcels_file": write("none.tsv", table)}
    out = ParcelFeatures(**options, kinds=["graph"]).run().outputs
    measures = {name.split()[0] for name in read(out.names_file)["name"]}
    assert measures == {"strength", "clustering"}
