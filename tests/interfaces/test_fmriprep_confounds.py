import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nipype.pipeline import engine as pe
from support.fmriprep import confounds, confounds_metadata, write_confounds

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.fmriprep_confounds import StrategyConfounds


def run(work, strategy, table=None, n_volumes=60, metadata=None):
    table = confounds(seed=1) if table is None else table
    file = write_confounds(work / "in", "sub-01_task-x", table, metadata)
    inputs = {"confounds_json": str(file.with_suffix(".json"))} if metadata else {}
    step = StrategyConfounds(
        confounds_file=str(file), strategy=strategy, n_volumes=n_volumes, **inputs
    )
    node = pe.Node(step, name="confounds", base_dir=str(work))
    return node.run().outputs


def test_columns_motion_and_summary(work):
    table = confounds(seed=1)
    table.loc[20, "framewise_displacement"] = 0.8
    found = run(work, "motion24+acompcor:2+scrub:0.5", table, metadata=confounds_metadata())
    chosen = pd.read_csv(found.out_file, sep="\t")
    assert list(chosen) == found.columns and chosen.shape == (60, 27)
    assert chosen.notna().all(axis=None) and chosen["scrub_020"].idxmax() == 20
    np.testing.assert_allclose(chosen["rot_z_power2"], table["rot_z_power2"])
    motion = pd.read_csv(found.motion_file, sep="\t")
    assert list(motion) == [*MOTION_COLUMNS, "framewise_displacement"]
    assert motion["framewise_displacement"].iloc[0] == 0
    np.testing.assert_allclose(motion["trans_y"], table["trans_y"])
    about = json.loads(Path(found.summary_file).read_text())
    assert about["ScrubbedVolumes"] == [20] and about["Strategy"] == "motion24+acompcor:2+scrub:0.5"
    assert about["Columns"] == found.columns
    filled = {f"{name}_derivative1{more}" for name in MOTION_COLUMNS for more in ("", "_power2")}
    assert about["FilledWithZero"] == dict.fromkeys(filled, 1)
    assert (found.n_scrubbed, found.n_filled) == (1, 12)


def test_nothing_taken_is_no_file(work):
    found = run(work, "none")
    assert found.columns == [] and not isinstance(found.out_file, str)
    assert pd.read_csv(found.motion_file, sep="\t").shape == (60, 7)


@pytest.mark.parametrize(
    ("strategy", "n_volumes", "part"),
    [
        ("motion6", 61, "one row for each of the 61 volumes"),
        ("acompcor", 60, "the JSON file beside the table"),
        ("motion7", 60, "did you mean 'motion6'"),
    ],
)
def test_refusals_name_the_file(work, strategy, n_volumes, part):
    file = write_confounds(work, "sub-01_task-x", confounds())
    step = StrategyConfounds(confounds_file=str(file), strategy=strategy, n_volumes=n_volumes)
    with pytest.raises(InputError) as caught:
        step.run(cwd=str(work))
    assert part in str(caught.value) and str(file) in str(caught.value)
    assert not list(work.glob("*.json"))
