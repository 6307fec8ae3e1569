"""What is shown as measured was compared by a test, and is as far apart as it was there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDER = ROOT / "docs" / "validation"

TESTS = """
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal


@pytest.mark.parametrize("off", [0.25, 0.0])
def test_near(off):
    assert_allclose([1.0, 2.0 + off, np.nan], [1.0, 2.0, np.nan], atol=1)


def test_scalar():
    assert 3.5 == pytest.approx(3.0, abs=1)
    assert {"a": 1} == {"a": 1}


def test_words():
    assert_array_equal(["a"], ["a"])


def test_fails():
    assert_allclose(1.0, 2.0)


def test_skipped():
    pytest.skip("no data")


@pytest.mark.skip
def test_never_begun():
    assert_allclose(1.0, 1.0)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "test_it.py").write_text(TESTS)
    environment = os.environ | {
        "FMRIPROD_AGREEMENT": str(folder / "found.json"), "PYTHONPATH": str(RECORDER)
    }  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "record_agreement", "-p",
               "no:cacheprovider", "--rootdir", str(folder), str(folder)]  # fmt: skip
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    content = json.loads((folder / "found.json").read_text())
    return {name.rpartition("::")[2]: one for name, one in content.items()}


def test_the_largest_difference_over_parameters_is_kept(found):
    assert found["test_near"] == {
        "passed": True, "n_numbers": 4, "largest_difference": 0.25, "relative_difference": 0.125
    }  # fmt: skip


def test_approx_is_seen(found):
    assert found["test_scalar"]["n_numbers"] == 1
    assert found["test_scalar"]["largest_difference"] == 0.5


def test_words_are_no_numbers_and_failures_no_agreement(found):
    assert found["test_words"]["n_numbers"] == 0
    assert not found["test_fails"]["passed"] and not found["test_skipped"]["passed"]
    assert not found["test_never_begun"]["passed"]
