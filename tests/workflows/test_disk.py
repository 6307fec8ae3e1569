"""The estimate of what a run takes on disk, and what is said of a disk that is too small."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.bids import image_bytes, study_tree, write_tree
from support.fmriprep import write_derivatives
from support.production_study import simulate_small
from support.simulated import simulate

from fmriprod.cli.main import main
from fmriprod.interfaces import disk_space
from fmriprod.interfaces.disk_space import folder_size, free_space, same_disk, size_text
from fmriprod.workflows import disk
from fmriprod.workflows.disk import DiskNeed, disk_need, disk_problems
from fmriprod.workflows.prepare import prepare_study
from fmriprod.workflows.prepare_production import prepare_production

GB = 1e9
NEED = DiskNeed({"01": (6 * GB, 1 * GB), "02": (10 * GB, 2 * GB), "03": (8 * GB, 2 * GB)})


@pytest.fixture
def disks(monkeypatch):
    """Let free space be what the test says, in one disk or, by the last name, in several."""

    def give(free, apart=False):
        monkeypatch.setattr(disk, "free_space", lambda path: free[Path(path).name])
        monkeypatch.setattr(disk, "same_disk", lambda one, two: not apart)

    return give


def test_need_of_all_and_of_some_at_a_time():
    assert NEED.work == 24 * GB and NEED.results == 5 * GB
    assert [NEED.peak(n) for n in (None, 0, 1, 2, 9)] == [24e9, 0, 10e9, 18e9, 24e9]


def test_a_disk_that_holds_it_is_no_problem(work, disks):
    disks({"work": 38 * GB})
    assert disk_problems(NEED, work / "out", work / "work") == []


def test_one_disk_has_to_hold_both(work, disks):
    disks({"work": 28 * GB})
    (problem,) = disk_problems(NEED, work / "out", work / "work")
    assert problem.severity == "error" and problem.file == str(work / "work")
    assert problem.expected == "room for about 24 GB for the work and 5 GB for the results"
    assert problem.found == f"28 GB free on the disk of {work}"
    for option in ("--work-dir", "--clean-work", "--participant-label", "--ignore-disk"):
        assert option in problem.hint


def test_two_disks_are_looked_at_by_themselves(work, disks):
    disks({"work": 28 * GB, "out": 4 * GB}, apart=True)
    problems = disk_problems(NEED, work / "out", work / "work")
    assert [p.severity for p in problems] == ["warning", "error"]  # 24 of 28 GB is tight
    assert problems[1].expected == "room for about 5 GB for the results"
    assert "another" not in problems[1].hint and "output folder" in problems[1].hint


def test_the_risk_can_be_taken(work, disks):
    disks({"work": 1 * GB})
    (problem,) = disk_problems(NEED, work / "out", work / "work", severity="warning")
    assert problem.severity == "warning" and "--ignore-disk" not in problem.hint


def test_cleaning_needs_less(work, disks):
    disks({"work": 24 * GB})
    assert disk_problems(NEED, work / "out", work / "work", n_at_once=1) == []
    (problem,) = disk_problems(NEED, work / "out", work / "work", n_at_once=2)
    assert "18 GB for the work" in problem.expected and "--clean-work" not in problem.hint


@pytest.mark.parametrize(("label", "own"), [("01", "sub_01_wf"), ("a+b", "sub_a_plus_b_wf")])
def test_what_an_earlier_run_left_counts_but_nobody_elses(work, disks, label, own):
    need = DiskNeed({label: (3e6, 1e6)})
    disks({"work": 2_000_000})
    own = f"work/fmriprod/{own}"
    for name in ("work/fmriprod/sub_02_wf", own, f"out/sub-{label}", "out/sub-02"):
        (work / name).mkdir(parents=True)
        (work / name / "file").write_bytes(os.urandom(3_000_000))
    assert disk_problems(need, work / "out", work / "work") == []
    (work / own / "file").unlink()
    (problem,) = disk_problems(need, work / "out", work / "work")
    assert problem.expected.endswith("1 MB for the results, 1 MB of it there already")
    assert problem.severity == "error"


def test_more_than_a_participant_needs_is_no_room_for_others(work, disks):
    need = DiskNeed({"01": (3e6, 0.0), "02": (3e6, 0.0)})
    disks({"work": 2_000_000})
    (work / "work/fmriprod/sub_01_wf").mkdir(parents=True)
    (work / "work/fmriprod/sub_01_wf/file").write_bytes(os.urandom(9_000_000))
    (problem,) = disk_problems(need, work / "out", work / "work")
    assert "3 MB of it there already" in problem.expected and problem.severity == "error"


def test_folder_size_counts_blocks_and_each_file_once(work):
    (work / "a").mkdir()
    (work / "a" / "one").write_bytes(os.urandom(1_000_000))
    os.link(work / "a" / "one", work / "a" / "same")
    (work / "a" / "link").symlink_to("/")
    with (work / "a" / "hole").open("wb") as stream:
        stream.truncate(10**9)
    assert folder_size(work / "a") == pytest.approx(1e6, rel=0.05)
    assert folder_size(work / "none") == 0
    assert free_space(work / "none" / "such") == pytest.approx(
        shutil.disk_usage(work).free, rel=0.1
    )
    assert same_disk(work, work / "none") and not same_disk(work, "/proc")


def test_sizes_are_written_with_two_digits():
    sizes = [0, 8.2e5, 1e6, 9.96e6, 99.4e6, 123.4e6, 5.34e10, 2.5e12]
    assert [size_text(s) for s in sizes] == [
        "0 MB", "0.82 MB", "1 MB", "10 MB", "99 MB", "123 MB", "53 GB", "2.5 TB",
    ]  # fmt: skip


@pytest.fixture
def dataset(work):
    return write_tree(work / "bids", study_tree(n_runs=2))


def test_more_volumes_and_more_runs_need_more(work):
    sizes = {}
    for n_volumes, n_runs in ((20, 1), (20, 2), (40, 2)):
        tree = study_tree(subjects=("01",), n_volumes=n_volumes, n_runs=n_runs)
        for name in tree:
            if name.endswith("_bold.nii.gz"):
                tree[name] = image_bytes((30, 30, 30, n_volumes), 2.0)
        root = write_tree(work / f"{n_volumes}-{n_runs}", tree)
        need = disk_need(prepare_study(root, choice={}, plan={}).plans)
        sizes[n_volumes, n_runs] = np.array([need.work, need.results])
    series = 30**3 * 20 * 4
    assert np.all(sizes[20, 2] - sizes[20, 1] > [3.5 * series, 0.8 * series])
    assert np.all(sizes[40, 2] - sizes[20, 2] > [7 * series, 1.7 * series])


def run(*args):
    return main([*map(str, args)])


@pytest.fixture
def little_room(monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=3_000_000)
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: usage)


def test_check_says_what_it_will_take(dataset, work, capsys):
    assert run("check", dataset, work / "out") == 0
    said = capsys.readouterr().out
    assert "Disk: about " in said and f"in {work / 'out' / '.fmriprod' / 'work'}" in said
    assert "of results" in said and "are free" in said
    assert run("check", dataset) == 0
    assert "Disk: about " in capsys.readouterr().out


def test_check_finds_a_disk_that_is_too_small(dataset, work, capsys, little_room):
    assert run("check", dataset, work / "out") == 1
    said = capsys.readouterr().out
    assert "room for about" in said and "3 MB free on the disk" in said and "1 error." in said


def test_run_refuses_before_anything_is_written(dataset, work, capsys, little_room, monkeypatch):
    started = []
    monkeypatch.setattr("fmriprod.workflows.workers.start_early", lambda: None)
    monkeypatch.setattr(
        "fmriprod.cli.execute.execute", lambda *_, **__: started.append(1) or pytest.skip()
    )
    assert run("run", dataset, work / "out", "participant") == 1
    said = capsys.readouterr().out
    assert said.count("room for about") == 1 and "--ignore-disk" in said
    assert not (work / "out").exists() and not started
    assert run("run", dataset, work / "out", "participant", "--dry-run") == 0
    with pytest.raises(pytest.skip.Exception):
        run("run", dataset, work / "out", "participant", "--ignore-disk")
    assert "WARNING" in capsys.readouterr().out


def really_takes(need, command, out):
    """Run, and compare; the estimate has to lie within 0.7 and 1.5 of what it takes."""
    done = subprocess.run(
        [sys.executable, "-m", "fmriprod.cli.main", "run", *map(str, command), "--n-procs", "2"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Disk: about " in done.stdout
    work = folder_size(out / ".fmriprod" / "work")
    results = folder_size(out) - folder_size(out / ".fmriprod")
    assert 0.7 < need.work / work < 1.5
    assert 0.7 < need.results / results < 1.5


QUICK = ["--n-voxels", "60", "--n-permutations", "20"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [{}, {"bold_zoom": 4.5, "bold_shape": [40, 48, 38],
                                       "n_volumes": 50}])  # fmt: skip
def test_the_main_job_takes_about_what_was_said(work, size):
    root = simulate(work / "study", **size)
    plans = prepare_study(root, choice={}, plan={"contrasts": ["bed-chair"]}).plans
    command = [root, work / "out", "participant", *QUICK, "--contrast", "bed-chair"]
    really_takes(disk_need(plans), command, work / "out")
    if size:
        return
    made = write_derivatives(work / "out", work / "fprep")  # fewer copies: nothing is aligned
    given = {"folder": made, "space": "T1w", "confounds": "none"}
    plans = prepare_study(root, choice={}, plan={}, derivatives=given).plans
    command = [root, work / "again", "participant", *QUICK, "--derivatives", made,
               "--space", "T1w", "--confounds", "none"]  # fmt: skip
    really_takes(disk_need(plans), command, work / "again")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_file_takes_about_what_was_said(work):
    raw, subjects_dir = simulate_small(work)
    study = work / "study.toml"
    prepared = prepare_production(raw, study, subjects_dir=subjects_dir, participants=["01"])
    command = [raw, work / "out", "participant", "--study", study, "--subjects-dir", subjects_dir,
               "--participant-label", "01"]  # fmt: skip
    really_takes(disk_need(prepared.plans), command, work / "out")
