"""Dissimilarities of features as files."""

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces import feature_rdm
from fmriprod.interfaces.feature_rdm import FeatureRDM
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.rdm_file import read_rdms

CONDITIONS = ["cat", "dog", "bed", "cat", "tree", "dog", "cat"]


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    sizes = {"conv1": 300, "fc": 7}
    return {n: rng.normal(size=(7, k)).astype(np.float32) + 4 for n, k in sizes.items()}


@pytest.fixture
def run(work):
    def run(in_node=False, **said):
        node = pe.Node(FeatureRDM(), name="features", base_dir=work)
        node.inputs.trait_set(**{k: str(v) if k[-5:] == "_file" else v for k, v in said.items()})
        found = (node if in_node else node.interface).run().outputs
        return read_rdms(found.rdm_file), found

    return run


def averaged(values):
    return pd.DataFrame(values.astype(float)).groupby(CONDITIONS, sort=False).mean().to_numpy()


@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
def test_layers_have_the_distances_of_scipy(work, run, layers, distance, monkeypatch):
    monkeypatch.setattr(feature_rdm, "_ROWS_BYTES", 3000)  # some rows at a time
    write_layers(work / "f.h5", layers)
    found, outputs = run(
        True, features_file=work / "f.h5", conditions=CONDITIONS, distance=distance
    )
    assert found.conditions == ["cat", "dog", "bed", "tree"]
    assert found.names == outputs.names == ["conv1", "fc"]
    assert outputs.n_undefined == 0
    for row, values in zip(found.dissimilarities, layers.values(), strict=True):
        if distance == "correlation":
            expected = pdist(averaged(values), "correlation")
        else:
            expected = pdist(averaged(values), "sqeuclidean") / values.shape[1]
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    chosen, _ = run(features_file=work / "f.h5", conditions=CONDITIONS, layers=["fc"])
    assert chosen.names == ["fc"]


def test_a_matrix_and_a_table_are_the_same(work, run, layers):
    values = layers["fc"]
    np.save(work / "fc.npy", values)
    table = pd.DataFrame(values.astype(float), columns=[f"f{i}" for i in range(7)])
    table.insert(2, "condition", CONDITIONS)
    table.to_csv(work / "fc.tsv", sep="\t", index=False)
    table[["condition"]].rename(columns={"condition": "what"}).to_csv(
        work / "samples.tsv", sep="\t", index=False
    )
    of_table, _ = run(features_file=work / "fc.tsv")
    of_matrix, _ = run(
        features_file=work / "fc.npy", samples_file=work / "samples.tsv", condition_column="what"
    )
    assert of_matrix.names == ["fc"]
    np.testing.assert_allclose(of_matrix.dissimilarities, of_table.dissimilarities, atol=1e-6)
    expected = pdist(averaged(values), "correlation")
    np.testing.assert_allclose(of_table.dissimilarities[0], expected, rtol=1e-5)


def test_a_pattern_that_is_constant_is_counted(work, run, layers):
    layers["fc"][2] = 3.0
    write_layers(work / "f.h5", layers)
    found, outputs = run(features_file=work / "f.h5", conditions=CONDITIONS)
    assert outputs.n_undefined == np.isnan(found.dissimilarities[1]).sum() == 3
    assert np.isfinite(found.dissimilarities[0]).all()


def test_what_cannot_be_used_is_refused(work, run, layers):
    def refused(message, **said):
        with pytest.raises(InputError, match=message):
            run(**said)

    write_layers(work / "f.h5", layers)
    file = {"features_file": work / "f.h5"}
    refused("the condition of each sample", **file)
    refused(r"(?s)7, one a sample of 'conv1'.*6", **file, conditions=CONDITIONS[:6])
    refused("at least 3 conditions", **file, conditions=["a", "b", "a", "b", "a", "b", "a"])
    refused(r"(?s)'fc3'.*did you mean 'fc'", **file, conditions=CONDITIONS, layers=["fc3"])
    layers["fc"][3, 2] = np.nan
    write_layers(work / "nan.h5", layers)
    message = r"(?s)nan.h5.*finite features in 'fc'.*1 of 7"
    refused(message, features_file=work / "nan.h5", conditions=CONDITIONS)
    (work / "t.tsv").write_text("a\tb\twhat\n1\t2\tcat\n3\tx\tdog\n4\t5\tn/a\n")
    refused("(?s)'condition'.*known: a, b, what", features_file=work / "t.tsv")
    refused("(?s)a condition in every row.*1 of 3", features_file=work / "t.tsv",
            condition_column="what")  # fmt: skip
    (work / "t.tsv").write_text("a\tb\twhat\n1\t2\tcat\n3\tx\tdog\n4\t5\tbed\n")
    refused("(?s)columns of numbers.*other columns: b", features_file=work / "t.tsv",
            condition_column="what")  # fmt: skip
