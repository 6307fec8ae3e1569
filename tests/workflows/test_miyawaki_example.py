"""The example on Miyawaki's study, small, on simulated data and on data from a folder."""

import importlib.util
import shutil
import sys
from argparse import Namespace
from pathlib import Path

import nibabel as nb
import numpy as np
import pytest
from nilearn.maskers import NiftiMasker
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

PATH = Path(__file__).parents[2] / "examples" / "miyawaki_encoding.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("miyawaki_encoding", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for themselves
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_folder_without_data_is_refused_before_anything_is_done(example, work):
    given = Namespace(data=work, fetch=False, simulate=(1, 2, 100))
    with pytest.raises(SystemExit, match=r"no folder func .* give what Nilearn fetched"):
        example.find_study(given, work)
    assert not list(work.iterdir())


def test_without_a_network_the_fetch_is_said_to_have_failed(example, work, monkeypatch, capsys):
    def fail(**_):
        raise ConnectionError("no network")

    monkeypatch.setattr("nilearn.datasets.fetch_miyawaki2008", fail)
    given = Namespace(data=None, fetch=True, simulate=(1, 2, 100))
    study = example.find_study(given, work)
    said = capsys.readouterr().out
    assert "cannot be fetched" in said and "SIMULATED DATA" in said
    assert study.truth.is_file() and len(study.runs("random")[0]) == 2


@pytest.mark.slow
def test_simulated_and_given_data_give_the_scores_of_the_published_loop(
    example, work, monkeypatch, capsys
):
    """The four pairs of eight runs are the folds of KFold(4), as those of 20 are of KFold(10)."""
    out = work / "simulated"
    monkeypatch.setattr("sys.argv", ["x", "--out", str(out), "--simulate", "2", "8", "600"])
    example.main()
    said = capsys.readouterr().out
    assert "SIMULATED DATA" in said and "Of what was planted" in said and "[@lars]" in said
    assert "Simulated data" in (out / "encoding.html").read_text()
    made = out / "simulated"
    masker = NiftiMasker(str(made / "mask/mask.nii.gz"), detrend=True, standardize=None).fit()
    responses, pixels = [], []
    for run in sorted(made.glob("func/*random*")):
        responses.append(masker.transform(str(run))[2:])
        label = made / "label" / run.name.replace(".nii.gz", "_label.csv")
        images = np.loadtxt(label, delimiter=",").reshape(-1, 10, 10, order="F")
        pixels.append(images[:-2].reshape(-1, 100))
    x, y = np.concatenate(pixels), np.concatenate(responses)
    folds = [
        r2_score(y[test], Ridge(alpha=100.0).fit(x[train], y[train]).predict(x[test]),
                 multioutput="raw_values")
        for train, test in KFold(4).split(x)
    ]  # fmt: skip
    inside = nb.load(made / "mask/mask.nii.gz").get_fdata() > 0
    found = nb.load(out / "r2.nii.gz").get_fdata()[inside].ravel()
    np.testing.assert_allclose(found, np.mean(folds, axis=0), atol=2e-4)

    given = work / "given"
    shutil.copytree(made, given)
    monkeypatch.setattr("sys.argv", ["x", "--out", str(work / "real"), "--data", str(given)])
    example.main()
    said = capsys.readouterr().out
    assert "SIMULATED" not in said and "planted" not in said
    assert "imulated data" not in (work / "real/encoding.html").read_text()
    assert (work / "real/marked_voxels.png").is_file()
