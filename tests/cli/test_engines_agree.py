"""The same study through every engine: the same bytes.

Three participants of three runs; FMRIPROD_TEST_PARTICIPANTS=8 for as many.
"""

import os

import pytest
from support.simulated import checksums, simulate
from support.slurm import cluster  # noqa: F401

from fmriprod.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]
PARTICIPANTS = int(os.environ.get("FMRIPROD_TEST_PARTICIPANTS", "3"))
SMALLEST = {"n_recognition_runs": 3, "bold_zoom": 8.0, "bold_shape": [23, 27, 21]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("study"), n_subjects=PARTICIPANTS, **SMALLEST)


def derivatives(study, out, *options):
    """Run the study, and give the digests of what it left for people."""
    command = ["run", str(study), str(out), "participant", "--contrast", "bed-chair", "--n-procs",
               "2", "--n-voxels", "60", "--n-permutations", "20", *options]  # fmt: skip
    assert main(command) == 0
    ours = (".fmriprod", "logs")
    found = {name: digest for name, digest in checksums(out).items()
             if not name.startswith(ours)}  # fmt: skip
    assert sum(name.endswith("_report.html") for name in found) == PARTICIPANTS
    return found


@pytest.fixture(scope="module")
def local(study, tmp_path_factory):
    return derivatives(study, tmp_path_factory.mktemp("local") / "out")


def test_dask_gives_the_same_bytes(study, local, tmp_path):
    pytest.importorskip("distributed")
    assert derivatives(study, tmp_path / "out", "--engine", "dask") == local


def test_slurm_gives_the_same_bytes(study, local, tmp_path, cluster):  # noqa: F811
    options = ("--engine", "slurm", "--slurm-wait", "--mem-gb", "2")
    assert derivatives(study, tmp_path / "out", *options) == local
