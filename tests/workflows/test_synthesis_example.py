"""The example of experiments on a fitted model: what is planted is found."""

import json

import pandas as pd
import pytest
from support.examples import example, run

from fmriprod.interfaces.contrast_recovery import ContrastRecovery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def worse_alone(table):
    """Check both contrasts: the mean of layers is precise where t is large, the first is worse."""
    by = table.set_index(["contrast", "map"])
    for contrast in table["contrast"].unique():
        mean, first = by.loc[(contrast, "mean of layers")], by.loc[(contrast, "conv1")]
        assert mean["recall_at_full_precision"] > 0
        assert first["average_precision"] < 0.75 * mean["average_precision"]


def test_planted_angles_and_preferences_are_found(work, monkeypatch, capsys):
    """Also judged by the planted voxels, which only a simulation knows."""
    with example("synthesize_retinotopy") as module:
        run(module, monkeypatch, "--out", work)
    assert "SIMULATED DATA" in capsys.readouterr().out
    page = (work / "encoding.html").read_text()
    assert "Simulated data" in page and "precision" in page
    steps, made = work / "work" / "synthesis", work / "simulated"
    found = json.loads((steps / "retinotopy_wf/retinotopy/retinotopy.json").read_text())
    assert found["n_compared"] > 500
    assert found["circular_correlation_uniform"] >= 0.9
    assert found["mean_angular_error"] < 0.26  # 15 degrees; of unrelated angles: 90

    worse_alone(pd.read_csv(steps / "contrast_wf/recovery/recovery.tsv", sep="\t"))
    planted = ContrastRecovery(
        in_files=[str(steps / "contrast_wf" / name / "t.nii.gz")
                  for name in ("contrast", "single_contrast")],
        names=["mean of layers", "conv1"], truth_file=str(made / "preferences.nii.gz"),
        truth_threshold=1.0, mask_file=str(made / "mask.nii.gz"),
    ).run().outputs  # fmt: skip
    worse_alone(pd.read_csv(planted.summary_file, sep="\t"))
