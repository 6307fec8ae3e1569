"""The demo finds what it planted, and what it writes is BIDS."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fmriprod.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "demo"
    assert main(["demo", str(folder), "--n-procs", "2"]) == 0
    return folder


def test_everything_planted_is_found(demo):
    file = demo / "derivatives" / "sub-01" / "func" / "sub-01_desc-truth_quality.json"
    checks = json.loads(file.read_text())
    assert len(checks) >= 11
    assert all(check["ok"] for check in checks.values()), checks


def test_the_report_says_that_the_data_are_simulated(demo):
    page = (demo / "derivatives" / "sub-01_report.html").read_text(encoding="utf-8")
    assert "Simulated data" in page
    assert "Planted truth" in page


@pytest.mark.parametrize("dataset", ["bids", "derivatives"])
def test_what_is_written_is_valid_bids(demo, dataset):
    validator = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
    if validator is None:
        pytest.skip("bids-validator-deno is not installed")
    done = subprocess.run(
        [validator, str(demo / dataset), "--ignoreWarnings", "--format", "json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    issues = json.loads(done.stdout)["issues"]["issues"]
    errors = [issue for issue in issues if issue.get("severity") == "error"]
    assert not errors, errors


def test_a_second_demo_computes_nothing(demo, capsys):
    before = {p: p.stat().st_mtime_ns for p in demo.rglob("sub-01*") if p.is_file()}
    assert main(["demo", str(demo), "--n-procs", "2"]) == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert not [ln for ln in capsys.readouterr().err.splitlines() if ln.endswith(("s)", "done"))]
