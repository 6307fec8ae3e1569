import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_embedding import embed
from fmriprod.interfaces.layer_embedding import LayerEmbedding
from fmriprod.interfaces.layer_file import write_layers

NAMES = ["a", "b", "c"]


@pytest.fixture
def inputs(work, rng):
    categories = rng.permutation(np.repeat(np.arange(3), 8))
    layers = {
        "conv1": rng.normal(size=(24, 60)),
        "fc2": rng.normal(size=(24, 40)) + 6 * rng.normal(size=(3, 40))[categories],
    }
    write_layers("features.h5", layers)
    stimuli = [f"{NAMES[k]}/{i}.png" for i, k in enumerate(categories)]
    pd.DataFrame({"stimulus": stimuli}).to_csv("samples.tsv", sep="\t", index=False)
    files = {"features_file": "features.h5", "samples_file": "samples.tsv"}
    return {k: str(work / v) for k, v in files.items()}, layers, categories


def test_layers_in_a_node(inputs, work):
    files, layers, categories = inputs
    node = pe.Node(LayerEmbedding(**files, classes=NAMES), name="places", base_dir=str(work))
    out = node.run().outputs
    table = pd.read_csv(out.places_file, sep="\t")
    assert table["layer"].tolist() == ["conv1"] * 24 + ["fc2"] * 24
    for layer, part in table.groupby("layer"):
        assert part["class"].tolist() == [NAMES[k] for k in categories]
        expected = embed(layers[layer]).places
        np.testing.assert_allclose(part[["x", "y"]], expected, atol=1e-6)
    fc2 = table[table["layer"] == "fc2"][["x", "y"]].to_numpy()
    apart = np.linalg.norm(fc2[:, None] - fc2, axis=-1)
    alike = categories[:, None] == categories
    assert apart[alike].max() < apart[~alike].min()  # planted classes are groups
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["perplexity"] == pytest.approx(23 / 3)
    assert summary["n_units"] == {"conv1": 60, "fc2": 40}
    assert Path(out.figure).is_file()


def test_some_units_of_some_layers_and_classes(inputs):
    files, layers, categories = inputs
    out = LayerEmbedding(
        **files, layers=["fc2"], n_units=10, classes=["c", "a"], seed=3, start="random"
    ).run().outputs  # fmt: skip
    table = pd.read_csv(out.places_file, sep="\t")
    rows = np.flatnonzero(categories != 1)
    assert table["sample"].tolist() == rows.tolist()
    units = np.sort(np.random.default_rng(0).choice(40, 10, replace=False))
    part = layers["fc2"].astype(np.float32)[rows][:, units]
    expected = embed(part, seed=3, start="random").places
    np.testing.assert_allclose(table[["x", "y"]], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ["fc3"]}, r"(?s)layers of the features.*'fc3'.*'fc2'"),
        ({"classes": ["a", "d"]}, r"(?s)classes.*'d'.*known: "),
        ({"n_units": 0}, r"(?s)at least 1 unit.*0"),
        ({"column": "kind"}, r"(?s)a column of the samples.*'kind'"),
    ],
)
def test_bad_input_is_said(inputs, changes, message):
    with pytest.raises(InputError, match=message):
        LayerEmbedding(**inputs[0], **changes).run()
