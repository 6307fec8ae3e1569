"""Faults of ``fmriprod run`` on a simulated study, one after the other in the same folders.

After each the same command ends with the bytes of the first, undisturbed run, and only steps run
whose result was lost.
"""

import os
import subprocess
import sys
import time

import pytest
from support.simulated import simulate
from support.small_disks import read_only
from support.study_of_files import digests, latest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MOTION = "01.task_recognition_run_1.bold.motion"


class Study:
    """A simulated study, the command on it, and what its first run gave."""

    def __init__(self, folder):
        self.raw, self.out = simulate(folder), folder / "out"
        code, said = self.run()
        assert code == 0, said
        self.results = digests(self.out)
        assert len(self.results) > 40

    def run(self, *options):
        command = [sys.executable, "-m", "fmriprod.cli.main", "run", self.raw, self.out,
                   "participant", "--n-procs", "2", "--n-voxels", "60", "--n-permutations", "20",
                   *options]  # fmt: skip
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, timeout=600, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    def works(self):
        """Steps that the latest run computed; savers always run."""
        return {name for name in latest(self.out, "end") if ".save" not in name}

    def ends(self, computed=frozenset(), *options):
        code, said = self.run(*options)
        assert code == 0, said
        assert self.works() == set(computed)
        assert digests(self.out) == self.results

    def work(self, pattern):
        (path,) = (self.out / ".fmriprod/work/fmriprod/sub_01_wf").glob(pattern)
        return path


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(tmp_path_factory.mktemp("study"))


def test_nothing_happened(study):
    study.ends()


def test_a_truncated_series_in_the_cache(study):
    path = study.work("task_recognition_run_1_wf/bold_wf/motion/*_realigned.nii")
    os.truncate(path, path.stat().st_size // 2)
    study.ends({MOTION})


def test_a_truncated_result_of_nipype(study):
    path = study.work("task_recognition_run_1_wf/bold_wf/motion/result_motion.pklz")
    os.truncate(path, 50)
    study.ends({MOTION})


def test_damaged_derivatives(study):
    for pattern in ("sub-01/func/*run-1_desc-preproc_bold.nii.gz", "sub-01_report.html"):
        (path,) = study.out.glob(pattern)
        os.truncate(path, 1000)
    study.ends()


@pytest.mark.parametrize("name", ["anat/sub-01_T1w.nii.gz",
                                  "func/sub-01_task-recognition_run-1_bold.nii.gz",
                                  "func/sub-01_task-recognition_run-2_events.tsv"])  # fmt: skip
def test_an_input_that_is_gone_and_comes_back(study, name):
    """It is told before anything is computed, and nothing of the results is lost."""
    path, away = study.raw / "sub-01" / name, study.raw.parent / "away"
    n_records = len(list((study.out / ".fmriprod/runs").iterdir()))
    path.rename(away)
    path.symlink_to(away.with_name("nowhere"))
    code, said = study.run()
    assert code == 1 and "a link to" in said and path.name in said
    assert len(list((study.out / ".fmriprod/runs").iterdir())) == n_records
    assert digests(study.out) == study.results
    path.unlink()
    away.rename(path)
    study.ends()


def test_a_damaged_input_that_is_copied_again(study):
    path = study.raw / "sub-01/func/sub-01_task-recognition_run-1_bold.nii.gz"
    content = path.read_bytes()
    os.truncate(path, len(content) // 2)
    code, said = study.run()
    assert code == 1 and "the file ends early" in said
    path.write_bytes(content)
    study.ends()


def date(folder, when):
    for path in folder.rglob("*"):
        if ".fmriprod" not in path.parts or ".fmriprod" in folder.parts:
            os.utime(path, (when, when))


def test_inputs_and_results_dated_in_the_future(study):
    later = time.time() + 3 * 365 * 86400
    date(study.raw, later)
    date(study.out, later)
    study.ends()


def test_a_work_folder_with_other_dates(study):
    date(study.out / ".fmriprod/work", time.time() - 365 * 86400)
    study.ends()


def test_a_read_only_output_folder(study):
    with read_only(study.out):
        code, said = study.run()
        assert code == 1 and "may not be written" in said
    study.ends()


def test_work_that_was_cleaned_is_computed_again(study):
    study.ends()  # so that all is cached, whichever test came before
    everything = {name for name in latest(study.out, "cached") if ".save" not in name}
    assert len(everything) > 20
    study.ends(frozenset(), "--clean-work", "finished")
    assert not (study.out / ".fmriprod/work/fmriprod/sub_01_wf").exists()
    study.ends(everything)
