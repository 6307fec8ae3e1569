"""The examples of the main job and of the production study, as a user runs them."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from support.examples import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def say(name, *arguments, cwd):
    """Run an example in a process of its own, as its steps start others; give what it said."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_main_job_finds_what_is_planted_and_takes_data_of_ones_own(work):
    said = say("main_job", "--out", "out", cwd=work)
    assert "SIMULATED DATA" in said and "[@liblinear]" in said
    page = work / "out" / "derivatives" / "sub-01_report.html"
    assert f"Report: {page}" in said and "imulated" in page.read_text()
    (found,) = (work / "out" / "derivatives").glob("sub-*/func/*_desc-truth_quality.json")
    missed = {name: check for name, check in json.loads(found.read_text()).items()
              if not check["ok"]}  # fmt: skip
    assert not missed
    said = say("main_job", "--out", "own", "--data", work / "out" / "bids", cwd=work)
    assert "SIMULATED" not in said
    assert (work / "own" / "derivatives" / "sub-01_report.html").is_file()


def test_the_production_study_tells_objects_in_visual_areas_and_not_in_the_hippocampus(work):
    said = say("production_study", "--out", "out", cwd=work)
    assert "SIMULATED DATA" in said
    found = work / "out" / "derivatives"
    table = pd.read_csv(found / "group" / "accuracy.tsv", sep="\t").set_index("region")
    assert (table["phase"] == "drawing").all() and (table["n"] == 2).all()
    assert table.loc["V1", "ci_low"] > 0.35 and table.loc["LOC", "ci_low"] > 0.28
    assert abs(table.loc["hipp", "mean"] - 0.25) < 0.07
    assert f"Report of the group: {found / 'group_report.html'}" in said
    assert "imulated" in (found / "group_report.html").read_text()

    shutil.copy(FOLDER / "production_study.toml", work / "out" / "bids" / "study.toml")
    shutil.rmtree(found)
    said = say("production_study", "--out", "own", "--data", work / "out" / "bids", cwd=work)
    assert "SIMULATED" not in said and (work / "own/derivatives/group_report.html").is_file()
