"""A changed algorithm is a cache miss only if its version was raised: see that it was."""

import json

import numpy as np
import pytest
from support.golden import RECORD, results

RECORDED = json.loads(RECORD.read_text())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return results(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_numbers_are_those_of_the_recorded_version(found, name):
    ours, recorded = found[name], RECORDED[name]
    different = []
    for field, digests in recorded["numbers"].items():
        for mine, theirs in zip(ours["numbers"][field], digests, strict=True):
            # Sums may cancel: what counts is small against the norm of the values.
            if not np.allclose(mine, theirs, rtol=1e-4, atol=1e-4 * theirs[1]):
                different.append(field)
    if different and ours["version"] == recorded["version"]:
        pytest.fail(f"{name} gives other {different}: raise its _algorithm_version")
    if different or ours["version"] != recorded["version"]:
        pytest.fail(f"{name} has a new version: run `python tests/support/golden.py`")


def test_every_numeric_interface_is_recorded(found):
    assert sorted(found) == sorted(RECORDED)
