"""Fixtures that all tests share."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("NO_ET", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("fmriprod", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("fmriprod")

_HERE = Path(__file__).resolve().parent
_REAL_DATA = Path(os.environ.get("FMRIPROD_TEST_DATA", _HERE.parent.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def real_data():
    """Return a function from the name of a public data set to its folder, or skip the test."""

    def folder(name: str) -> Path:
        path = _REAL_DATA / name
        if not path.is_dir():
            pytest.skip(f"no {name} under {_REAL_DATA}: set FMRIPROD_TEST_DATA to the data folder")
        return path

    return folder


@pytest.fixture
def rng():
    """Return a seeded random generator."""
    return np.random.default_rng(20200113)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Run the test in an empty folder of its own and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
