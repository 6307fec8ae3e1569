"""A pytest plugin that writes down how far numbers were apart where a test compared them.

``collect.py`` runs the tests of ``agreement.toml`` with it. It looks into the comparisons of
``numpy.testing`` and ``pytest.approx``, changes nothing about them, and writes for each test the
largest difference and how many numbers were compared.
"""

import json
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

_FOUND = defaultdict(
    lambda: {"n_numbers": 0, "largest_difference": 0.0, "relative_difference": 0.0}
)
_PASSED: dict[str, bool] = {}
_NOW = {"test": None}


def note(actual, desired) -> None:
    """Add a comparison to those of the test that is running."""
    if _NOW["test"] is None:
        return
    try:
        one, other = np.broadcast_arrays(
            np.asarray(actual, dtype=np.float64), np.asarray(desired, dtype=np.float64)
        )
    except (TypeError, ValueError):
        return  # words, or shapes that the comparison itself will refuse
    finite = np.isfinite(one) & np.isfinite(other)
    if not finite.any():
        return
    difference = float(np.abs(one[finite] - other[finite]).max())
    size = float(np.abs(other[finite]).max())
    found = _FOUND[_NOW["test"]]
    found["n_numbers"] += int(finite.sum())
    found["largest_difference"] = max(found["largest_difference"], difference)
    if size > 0:
        found["relative_difference"] = max(found["relative_difference"], difference / size)


def _watch(name: str) -> None:
    original = getattr(np.testing, name)

    def watched(actual, desired, *args, **options):
        original(actual, desired, *args, **options)
        note(actual, desired)

    setattr(np.testing, name, watched)


for _name in ("assert_allclose", "assert_array_equal", "assert_array_almost_equal"):
    _watch(_name)  # before test modules take the functions by name


def _watch_approx(kind: type) -> None:
    original = kind.__eq__

    def watched(self, actual):
        equal = original(self, actual)
        if equal:
            note(actual, self.expected)
        return equal

    kind.__eq__ = watched


for _example in (1.0, np.ones(2), [1.0]):
    _watch_approx(type(pytest.approx(_example)))


def pytest_runtest_setup(item):
    """Remember which test the next comparisons belong to, whatever its parameters."""
    _NOW["test"] = item.nodeid.split("[")[0]


def pytest_runtest_logreport(report):
    """Remember whether the test, with all its parameters, passed."""
    name = report.nodeid.split("[")[0]
    if report.when == "call":
        _PASSED[name] = _PASSED.get(name, True) and report.passed
    elif not report.passed:
        _PASSED[name] = False  # skipped, or it broke before it began


def pytest_sessionfinish():
    """Write what was found."""
    content = {name: {**_FOUND[name], "passed": passed} for name, passed in _PASSED.items()}
    Path(os.environ["FMRIPROD_AGREEMENT"]).write_text(json.dumps(content), encoding="utf-8")
