"""The main job on a real scanner run, from raw images to evidence and report."""

import json

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import maximum_filter
from support.studyforrest import FUSIFORM, lay_out

from fmriprod.cli.main import main
from fmriprod.interfaces.transforms import read_transforms

pytestmark = [pytest.mark.realdata, pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def source(real_data):
    return real_data("studyforrest_localizer")


@pytest.fixture(scope="module")
def command(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    bids = lay_out(source, folder / "bids")
    out = folder / "out"
    return [
        "run", str(bids), str(out), "participant", "--participant-label", "01",
        "--contrast", "face-house", "--fwhm", "5", "--n-procs", "2",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def out(command):
    from pathlib import Path

    assert main(command) == 0
    return Path(command[2])


@pytest.fixture(scope="module")
def func(out):
    return out / "sub-01" / "func"


STEM = "sub-01_task-oneback_run-1"


def test_faces_more_than_houses_peaks_in_the_right_fusiform(func):
    image = nb.load(func / f"{STEM}_contrast-faceMinusHouse_stat-z_statmap.nii.gz")
    z = image.get_fdata()
    peaks = np.argwhere((z >= 6) & (z == maximum_filter(z, size=3)))
    assert len(peaks), f"the largest z is only {z.max():.2f}"
    places = nb.affines.apply_affine(image.affine, peaks)
    assert np.linalg.norm(places - FUSIFORM, axis=1).min() <= 12


def test_motion_of_the_run_is_small(func):
    motion = pd.read_csv(func / f"{STEM}_desc-motion_timeseries.tsv", sep="\t", na_values="n/a")
    assert motion["framewise_displacement"].median() < 0.3


def test_epi_and_t1_are_aligned_as_the_reference_transform_says(out, func, source):
    (ours,) = read_transforms(func / "sub-01_from-boldref_to-T1w_mode-image_xfm.txt")
    reference = np.loadtxt(source / "epi_to_t1_rigid_dipy.txt")  # maps T1 points to EPI points
    brain = nb.load(out / "sub-01" / "anat" / "sub-01_desc-brain_mask.nii.gz")
    points = nb.affines.apply_affine(brain.affine, np.argwhere(brain.get_fdata() > 0)[::101])
    apart = nb.affines.apply_affine(ours, points) - nb.affines.apply_affine(reference, points)
    assert np.linalg.norm(apart, axis=1).mean() < 3


def test_the_category_is_read_from_the_other_half(func):
    summary = json.loads((func / "sub-01_label-task_desc-oneback_decoding.json").read_text())
    assert summary["chance"] == pytest.approx(1 / 6)
    assert summary["accuracy"] >= 0.85
    assert summary["permutation"]["null_mean"] == pytest.approx(1 / 6, abs=0.03)  # no leak
    assert summary["permutation"]["p"] <= 0.01
    evidence = pd.read_csv(func / "sub-01_label-task_desc-oneback_evidence.tsv", sep="\t")
    assert set(evidence["half"]) == {2}
    logs = evidence[[c for c in evidence if c.startswith("logprob_")]]
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-4)
    assert (evidence["label"] == evidence["predicted"]).mean() == pytest.approx(summary["accuracy"])


def test_running_it_again_does_nothing_again(command, out, capsys):
    before = {p: p.stat().st_mtime_ns for p in out.rglob("sub-01*") if p.is_file()}
    assert main(command) == 0
    assert before == {p: p.stat().st_mtime_ns for p in before}
    lines = [line for line in capsys.readouterr().err.splitlines() if line.endswith("done")]
    assert all("save" in line or "gather" in line for line in lines), lines
