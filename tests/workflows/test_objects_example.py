"""The example on objects: what is planted and what is published is found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nipype import Node
from PIL import Image
from scipy.stats import spearmanr
from support.examples import example, run

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.kriegeskorte_objects import KriegeskorteObjects
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.interfaces.simulate_objects import SimulateObjects


@pytest.fixture(scope="module")
def objects():
    with example("ninety_two_objects") as module:
        yield module


def table(out):
    found = pd.read_csv(next((out / "work/objects/compare").glob("*.tsv")), sep="\t")
    return found.set_index("model")


def test_planted_codes_fit_and_lots_do_not(objects, work, monkeypatch, capsys):
    run(objects, monkeypatch, "--out", "out")
    assert "SIMULATED DATA" in capsys.readouterr().out
    found = table(work / "out")
    assert (found.loc[["face", "place"], "value"] > 0.2).all()
    assert (found.loc[["face", "place"], "p_familywise"] < 0.01).all()
    assert abs(found.loc["random", "value"]) < 0.1
    page = (work / "out" / "rsa.html").read_text()
    assert "Simulated data" in page and "simulated participants" in page


@pytest.mark.realdata
def test_human_cortex_is_told_by_animacy_first(objects, real_data, work, monkeypatch, capsys):
    """Spearman's rho of animacy and the monkey are those of a plain computation, and come first."""
    data = real_data("kriegeskorte92")
    run(objects, monkeypatch, "--out", "out", "--data", data)
    assert "SIMULATED" not in capsys.readouterr().out
    found = table(work / "out")
    assert found["value"].nlargest(2).index.tolist() == ["animate", "monkeyIT"]
    sessions = np.load(data / "hIT_RDMs.npz")
    people = {name.split("_")[1] for name in sessions}
    mean = np.mean([np.mean([sessions[n] for n in sessions if n.split("_")[1] == who], axis=0)
                    for who in people], axis=0)  # fmt: skip
    animate = pd.read_csv(data / "categoryVectors.csv")["animate"].to_numpy()
    upper = np.triu_indices(92, 1)
    code = (animate[:, None] != animate)[upper]
    expected = spearmanr(mean[upper], code).statistic
    assert found.loc["animate", "value"] == pytest.approx(expected, abs=1e-4)
    assert "imulated data" not in (work / "out" / "rsa.html").read_text()


def test_files_of_a_simulated_study_are_of_the_same_objects(work):
    node = Node(SimulateObjects(n_faces=3, n_places=2, n_natural=2, size=64), "objects",
                base_dir=str(work))  # fmt: skip
    out = node.run().outputs
    assert out.names == ["face01", "face02", "face03", "place01", "place02", "natural01",
                         "natural02"]  # fmt: skip
    assert [Path(p).stem for p in out.image_files] == out.names
    codes, groups = (pd.read_csv(p, sep="\t") for p in (out.codes_file, out.groups_file))
    assert codes["condition"].tolist() == groups["condition"].tolist() == out.names
    assert codes["face"].tolist() == [1, 1, 1, 0, 0, 0, 0] and codes["random"].sum() == 3
    assert groups["group"].tolist() == ["face"] * 3 + ["place"] * 2 + ["natural"] * 2
    pixels = np.load(out.pixels_file)
    shown = np.asarray(Image.open(out.image_files[4]).convert("RGB"))
    np.testing.assert_array_equal(pixels[4], shown.ravel())
    people, mean = read_rdms(out.participants_file), read_rdms(out.mean_file)
    assert people.conditions == mean.conditions == out.names
    np.testing.assert_allclose(mean.dissimilarities[0], people.dissimilarities.mean(axis=0))


def test_a_folder_without_the_objects_is_refused(work):
    with pytest.raises(InputError, match=r"(?s)a folder with stimuli.csv, .*no stimuli.csv"):
        KriegeskorteObjects(data_dir=str(work)).run()
