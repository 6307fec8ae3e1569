"""The example of a graph of one's own: it is short, runs without data, and says what it did."""

import importlib.util
import sys
from pathlib import Path

import nibabel as nb
import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "spliced_graph.py"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["spliced_graph", "own_graph"])
def test_it_is_short_enough_to_be_read(name):
    assert len(EXAMPLE.with_stem(name).read_text().splitlines()) < 100


def test_it_ends_with_a_picture_and_its_text(work, monkeypatch, capsys):
    module = load(EXAMPLE)
    monkeypatch.setattr(sys, "argv", ["spliced_graph.py", "--out", str(work / "out")])
    module.main()
    printed = capsys.readouterr().out
    assert "Simulated data" in printed and (work / "out" / "simulated_scores.png").is_file()
    text = printed.split("For the methods section")[1]
    facts = ("a straight line", "Values were cut 4 standard", "ridge regression", "made with")
    order = [text.index(words) for words in facts]
    assert order == sorted(order)
    assert "@article{eickenberg2017," in (work / "out" / "methods.bib").read_text()
    (scores,) = (work / "out" / "work").rglob("encode/r2.nii.gz")
    assert np.nanmax(nb.load(scores).get_fdata()) > 0.5, "simulated voxels see the images"


def test_what_is_changed_in_ones_own_step_is_said(work):
    module = load(EXAMPLE)
    steps = module.DescribedWorkflow("mine", module.say)
    clip = module.Node(module.Function(["limit"], ["out"], module.say), name="clip")
    clip.inputs.limit = 2.5
    steps.add_nodes([clip])
    assert "cut 2.5 standard" in module.describe(steps)
