"""The examples of the main job and of the production study, as a user runs them."""

import json
import subprocess
import sys

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
