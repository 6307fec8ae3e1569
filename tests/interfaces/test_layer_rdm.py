import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_rdm import layer_rdm
from fmriprod.algorithms.rdm import reorder_pairs
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.rdm_file import read_rdms

NAMES = ["zero", "one", "bird", "tree"]
CATEGORIES = np.tile(np.repeat(np.arange(4), 3), 2)  # two participants of 12 images


@pytest.fixture
def inputs(work, rng):
    layers = {
        name: rng.normal(size=(24, n)) + rng.normal(size=(4, n))[CATEGORIES]
        for name, n in (("conv1", 500), ("a/fc2", 90))
    }
    layers = {name: values.astype(np.float32) for name, values in layers.items()}
    write_layers("features.h5", layers)
    table = pd.DataFrame(
        {
            "stimulus": [f"{NAMES[k]}/{i}.png" for i, k in enumerate(CATEGORIES)],
            "kind": [NAMES[k].upper() for k in CATEGORIES],
            "participant": np.repeat([7, 8], 12),
        }
    )
    table.to_csv("samples.tsv", sep="\t", index=False)
    files = {name: str(work / f"{name}.h5") for name in ("features",)}
    return {"features_file": files["features"], "samples_file": str(work / "samples.tsv")}, layers


def expected(layers, name, rows=slice(None), **how):
    values = layers[name][rows]
    return layer_rdm(lambda: [values], CATEGORIES[rows], **how).dissimilarities


def test_an_rdm_a_layer_in_a_node(inputs, work):
    files, layers = inputs
    out = pe.Node(LayerRDM(**files), name="rdm", base_dir=str(work)).run().outputs
    found = read_rdms(out.rdm_file)
    assert (found.conditions, found.names) == (NAMES, ["conv1", "a/fc2"])
    assert found.distance == "correlation"
    for row, name in zip(found.dissimilarities, layers, strict=True):
        np.testing.assert_allclose(row, expected(layers, name), atol=1e-6)
    np.testing.assert_array_equal(
        read_rdms(out.rdm_files[0]).dissimilarities, found.dissimilarities
    )
    summary = json.loads(Path(out.summary_file).read_text())
    assert set(summary["n_components"]["all"]) == set(layers)


def test_blocks_of_columns_change_nothing(inputs, monkeypatch):
    files, _ = inputs
    one = read_rdms(LayerRDM(**files).run().outputs.rdm_file).dissimilarities[:]
    from fmriprod.interfaces import layer_rdm as module

    blocks = module.column_blocks
    monkeypatch.setattr(module, "column_blocks", lambda data, rows, _: blocks(data, rows, 8 * 24))
    two = read_rdms(LayerRDM(**files).run().outputs.rdm_file).dissimilarities
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_conditions_in_another_order_and_fewer(inputs):
    files, layers = inputs
    out = LayerRDM(**files, conditions=["tree", "zero", "one"], layers=["a/fc2"]).run().outputs
    found = read_rdms(out.rdm_file)
    assert found.conditions == ["tree", "zero", "one"]
    rows = np.flatnonzero(CATEGORIES != 2)
    values, numbers = layers["a/fc2"][rows], np.array([1, 2, -1, 0])[CATEGORIES[rows]]
    alone = layer_rdm(lambda: [values], numbers).dissimilarities
    np.testing.assert_allclose(found.dissimilarities[0], alone, atol=1e-6)
    out = LayerRDM(**files, conditions=NAMES[::-1]).run().outputs
    turned = expected(layers, "conv1")[reorder_pairs(np.arange(4)[::-1], 4)]
    np.testing.assert_allclose(read_rdms(out.rdm_file).dissimilarities[0], turned, atol=1e-6)


def test_rdms_of_each_participant_and_their_mean(inputs):
    files, layers = inputs
    out = LayerRDM(**files, group_column="participant", column="kind").run().outputs
    assert out.groups == ["7", "8"]
    each = [read_rdms(path) for path in out.rdm_files]
    assert each[0].conditions == [name.upper() for name in NAMES]
    for rdms, rows in zip(each, (slice(0, 12), slice(12, 24)), strict=True):
        np.testing.assert_allclose(
            rdms.dissimilarities[0], expected(layers, "conv1", rows), atol=1e-6
        )
    mean = np.mean([rdms.dissimilarities for rdms in each], axis=0)
    np.testing.assert_allclose(read_rdms(out.rdm_file).dissimilarities, mean, atol=1e-6)


def test_a_layer_file_is_the_same_twice(inputs):
    files, _ = inputs
    first = Path(LayerRDM(**files).run().outputs.rdm_file).read_bytes()
    assert Path(LayerRDM(**files).run().outputs.rdm_file).read_bytes() == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "knd"}, r"(?s)samples\.tsv.*'knd'.*did you mean 'kind'"),
        ({"conditions": ["zero", "won", "tree"]}, "(?s)conditions of the rows.*'won'.*'one'"),
        ({"conditions": ["zero", "one"]}, "(?s)at least 3 conditions.*2"),
        ({"layers": ["conv9"]}, "(?s)layers of the features.*conv9"),
        ({"group_column": "stimulus"}, r"(?s)every condition in every group.*a group of 1 rows"),
    ],
)
def test_bad_input_is_said(inputs, changes, message):
    files, _ = inputs
    with pytest.raises(InputError, match=message):
        LayerRDM(**files, **changes).run()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"stimulus": ["zero/1.png"] * 23}), "(?s)each of 24 rows.*23 rows"),
        (pd.DataFrame({"stimulus": ["1.png"] * 24}), r"(?s)such as zero/1\.png.*1\.png.*column"),
        (pd.DataFrame({"kind": ["a"] * 24}), "no column 'stimulus'"),
    ],
)
def test_tables_that_do_not_fit_are_said(inputs, table, message):
    files, _ = inputs
    table.to_csv(files["samples_file"], sep="\t", index=False)
    with pytest.raises(InputError, match=message):
        LayerRDM(**files).run()


def test_missing_values_are_said(inputs):
    files, _ = inputs
    table = pd.read_csv(files["samples_file"], sep="\t")
    table.loc[[4, 6], "kind"] = None
    table.to_csv(files["samples_file"], sep="\t", index=False, na_rep="n/a")
    with pytest.raises(InputError, match="none in row 5; 2 such"):
        LayerRDM(**files, column="kind").run()
