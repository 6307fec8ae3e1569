"""The examples on layers of the visual system and on synthesised experiments."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.images import write_image
from support.pictures import write_images

FOLDER = Path(__file__).parents[2] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for themselves
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def layers():
    yield load("layers_of_the_visual_system")
    del sys.modules["layers_of_the_visual_system"]


@pytest.mark.parametrize("name", ["layers_of_the_visual_system", "synthesize_retinotopy"])
def test_without_torch_they_say_what_is_needed(name, work, monkeypatch):
    example = load(name)
    monkeypatch.setattr(example, "find_spec", lambda _: None)
    monkeypatch.setattr("sys.argv", ["x", "--out", str(work / "out")])
    with pytest.raises(SystemExit, match=r"needs PyTorch: pip install 'fmriprod\[cnn\]'"):
        example.main()
    assert not (work / "out").exists()
    del sys.modules[name]


def test_images_alone_are_not_enough(layers, work, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--out", "out", "--images", ".", "--network", "gabor"])
    with pytest.raises(SystemExit, match="needs --responses, --samples and --mask"):
        layers.main()


def test_the_published_table_is_judged_line_by_line(layers):
    falling, rising = np.linspace(1, 0.1, 9), np.linspace(0.1, 1, 9)
    hill = np.array([0.8, 0.9, 0.95, 1, 0.9, 0.9, 0.8, 0.75, 0.71])
    found = {"V1": falling, "V2": falling, "V4": hill, "LOC": rising, "mine": rising}
    table = pd.concat(pd.DataFrame({"roi": roi, "value": v}) for roi, v in found.items())
    lines = {line: ok for line, (_, ok) in layers.published_table(table).items()}
    assert lines == {
        "V1 peaks at layer 1": True,
        "V2 peaks at layer 2": False,
        "V4 peaks at layer 4 or 5": True,
        "V4 always above 70 % of its maximum": True,
        "LOC rises to last layers": True,
    }
    table.loc[table["roi"] == "V4", "value"] -= 0.05
    table.loc[table["roi"] == "LOC", "value"] = falling
    lines = layers.published_table(table)
    assert not lines["V4 always above 70 % of its maximum"][1]
    assert lines["V4 always above 70 % of its maximum"][0] == "at least 66 %"
    assert not lines["LOC rises to last layers"][1]


def test_data_of_ones_own_need_no_network(layers, work, rng, monkeypatch, capsys):
    """Without torch; responses in another order than the images, which their table names."""
    (work / "images").mkdir()
    names = [Path(path).name for path in write_images(work / "images", 24, shape=(16, 16))]
    order = rng.permutation(24)
    samples = pd.DataFrame({"stimulus": np.array(names)[order], "session": np.arange(24) % 3 + 1})
    samples.to_csv("samples.tsv", sep="\t", index=False)
    np.save("responses.npy", rng.normal(size=(24, 60)).astype(np.float32))
    mask = np.zeros((6, 6, 6), np.uint8)
    mask[1:5, 1:6, 1:4] = 1
    write_image(work / "mask.nii.gz", mask)
    write_image(work / "V1.nii.gz", mask * (np.indices(mask.shape)[0] < 3))
    given = ["--out", "out", "--images", "images", "--responses", "responses.npy", "--samples",
             "samples.tsv", "--mask", "mask.nii.gz", "--rois", "V1.nii.gz", "--network", "gabor",
             "--permutations", "0"]  # fmt: skip
    monkeypatch.setattr("sys.argv", ["x", *given])
    monkeypatch.setattr(layers, "find_spec", lambda _: None)
    layers.main()
    said = capsys.readouterr().out
    assert "Profiles of regions" in said and "SIMULATED" not in said and "Published" not in said
    page = (work / "out" / "encoding.html").read_text()
    assert "imulated data" not in page and "Planted truth" not in page
    assert (work / "out" / "winner.nii.gz").is_file()
    assert pd.read_csv("out/profiles.tsv", sep="\t")["roi"].unique().tolist() == ["V1"]
