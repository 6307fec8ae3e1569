"""Volumes of a run: the numbers in the page are those of the tables."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.reports.run_panel import run_panel

N = 30


@pytest.fixture
def run(rng):
    columns = ["global_signal", "std_dvars", "framewise_displacement"]
    table = pd.DataFrame(rng.uniform(0.2, 1, (N, 3)), columns=columns)
    table.loc[0, ["std_dvars", "framewise_displacement"]] = np.nan
    motion = pd.DataFrame(rng.normal(size=(N, 6)), columns=list(MOTION_COLUMNS))
    return rng.normal(0, 0.5, (20, N)), table, motion


def lines(panel):
    return {(t["name"], part["name"]): part["values"] for t in panel.data["traces"]
            for part in t["lines"]}  # fmt: skip


def test_traces_are_the_columns_in_their_units(run):
    carpet, table, motion = run
    panel = run_panel(carpet, 1.5, table, motion, fd_threshold=0.4)
    found, close = lines(panel), {"rtol": 1e-3}
    signal = table["global_signal"]
    percent = 100 * (signal / signal.mean() - 1)
    np.testing.assert_allclose(found["Global signal", ""], percent, **close)
    assert found["FD", ""][0] is None and found["DVARS", ""][0] is None
    np.testing.assert_allclose(found["FD", ""][1:], table["framewise_displacement"][1:], **close)
    np.testing.assert_allclose(found["Translation", "y"], motion["trans_y"], **close)
    np.testing.assert_allclose(found["Rotation", "z"], np.rad2deg(motion["rot_z"]), **close)
    assert panel.data["n"] == N and panel.data["tr"] == 1.5 and panel.data["threshold"] == 0.4
    assert [t["line"] for t in panel.data["traces"]] == [0, 1, 0.4, None, None]


def test_the_carpet_is_a_picture_with_a_column_a_volume(run):
    carpet, table, _ = run
    carpet[3, 4], carpet[5, 6], carpet[0, 0] = 9, -9, np.nan
    uri = run_panel(carpet, 2.0, table).data["carpet"]
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    assert grey.shape == (20, N) and grey[3, 4] == 255 and grey[5, 6] == 0
    expected = (np.clip(np.nan_to_num(carpet), -1, 1) + 1) / 2 * 255
    np.testing.assert_allclose(grey, expected, atol=255 / 63 / 2 + 0.5)


def test_without_motion_there_are_no_such_traces(run):
    carpet, table, _ = run
    names = {name for name, _ in lines(run_panel(carpet, 2.0, table))}
    assert names == {"Global signal", "DVARS", "FD"}
    table["framewise_displacement"] = np.nan
    assert ("FD", "") not in lines(run_panel(carpet, 2.0, table))


def test_a_global_signal_of_zero_mean_is_unknown(run):
    carpet, table, _ = run
    table["global_signal"] = 0.0
    assert set(lines(run_panel(carpet, 2.0, table))["Global signal", ""]) == {None}


def test_tables_of_other_runs_are_refused(run):
    carpet, table, motion = run
    with pytest.raises(InputError, match=r"table\n.*a row for each of 30 volumes\n.*29 rows"):
        run_panel(carpet, 2.0, table[1:])
    with pytest.raises(InputError, match=r"motion\n(.*\n)*.*no rot_y"):
        run_panel(carpet, 2.0, table, motion.drop(columns="rot_y"))
