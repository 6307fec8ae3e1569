"""``fmriprod run ... --engine slurm``: what is submitted, and what comes out of it."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.fake_slurm import FakeSlurm
from support.simulated import checksums, simulate
from support.slurm import cluster  # noqa: F401

from fmriprod.cli.engines import AllCores
from fmriprod.cli.main import build_parser, main
from fmriprod.cli.slurm import command_of
from fmriprod.workflows.outcome import Event
from fmriprod.workflows.record import RECORDS, Recorder
from fmriprod.workflows.slurm_array_jobs import read_submissions

MODEL = ["--n-voxels", "60", "--n-permutations", "50", "--contrast", "bed-chair"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("study"), n_subjects=3)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    return FakeSlurm(tmp_path / "fake", monkeypatch)


def parse(*arguments):
    return build_parser().parse_args(["run", *map(str, arguments)])


# --- the command of an element ---


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--contrast", "bed-chair", "a=b", "--contrast=-bed+chair"],
        ["--task", "recognition", "production", "--run", "1", "--session-label=-x"],
        ["--fwhm", "0", "--high-pass", "128.5", "--seed", "7", "--omp-nthreads", "2"],
        ["--work-dir", "some where", "--subjects-dir", "fs", "--train", "task == 'a b'"],
        ["--skullstrip-engine", "bet", "--hrf", "glover + derivative", "--past-end", "drop"],
    ],
)
def test_the_command_of_an_element_means_what_was_given(work, options):
    given = (
        parse("bids dir", "out", "participant", "group", *options,
              "--engine", "slurm", "--slurm-args=--time=8:00:00", "--slurm-wait", "--n-procs", "3")
    )  # fmt: skip
    command = command_of(given, level=["participant"], participant_label=None)
    assert command[:5] == [sys.executable, "-P", "-m", "fmriprod.cli.main", "run"]
    assert not any(word.startswith(("--n-procs", "--slurm", "--engine")) for word in command)
    again = parse(*command[5:], "--participant-label", "02", "--n-procs", "2")
    before, after = vars(given), vars(again)
    changed = {"level", "participant_label", "n_procs", "engine", "slurm_args", "slurm_wait"}
    assert after["level"] == ["participant"] and after["participant_label"] == ["02"]
    assert after["engine"] == "local" and not after["slurm_wait"]
    for name in before.keys() - changed - {"parser", "run", "model_defaults"}:
        value = before[name]
        wanted = Path(os.path.abspath(value)) if isinstance(value, Path) else value
        assert after[name] == wanted, name


def test_a_study_file_is_named_from_the_root_and_a_ready_one_by_its_name(work):
    (work / "study.toml").touch()
    command = command_of(parse("bids", "out", "group", "--study", "study.toml"))
    assert f"--study={work / 'study.toml'}" in command
    assert "--study=fan2020" in command_of(parse("bids", "out", "group", "--study", "fan2020"))


def test_a_label_that_is_also_the_name_of_a_file_stays_a_label(work):
    (work / "recognition").touch()
    args = parse("raw", "out", "participant", "--task", "recognition")
    assert "--task=recognition" in command_of(args)


def test_cores_of_this_machine_are_no_wish_for_the_cluster():
    assert isinstance(parse("b", "o", "participant").n_procs, AllCores)
    assert not isinstance(parse("b", "o", "participant", "--n-procs", "4").n_procs, AllCores)


def test_levels_are_one_or_both(capsys):
    assert parse("b", "o", "participant", "group").level == ["participant", "group"]
    assert parse("b", "o", "group", "--n-procs", "2").level == ["group"]
    with pytest.raises(SystemExit):
        parse("b", "o", "session")


# --- what is submitted ---


def submit(study, out, *options):
    return main(["run", str(study), str(out), "participant", "--engine", "slurm", *MODEL, *options])


def test_an_element_a_participant_asks_for_what_its_steps_need(work, fake, study, capsys):
    assert submit(study, "my out", "--participant-label", "01", "03") == 0
    printed = capsys.readouterr().out
    (folder,) = (work / "my out" / "logs" / "slurm").iterdir()
    assert (folder / "participants-1.txt").read_text() == "01\n03\n"
    assert "Submitted job 1: array of 2 participants" in printed
    assert "squeue --jobs=1" in printed and "scancel 1" in printed and str(folder) in printed
    assert f"fmriprod status '{work / 'my out'}'" in printed
    options = fake.options(1)
    assert "--array=1-2" in options and "--cpus-per-task=2" in options  # two runs side by side
    (memory,) = [option for option in options if option.startswith("--mem=")]
    assert 2048 <= int(memory.removeprefix("--mem=").removesuffix("M")) <= 4096
    script = (folder / "array-1.sh").read_text()
    assert script == fake.script(1)
    assert subprocess.run(["bash", "-n", folder / "array-1.sh"], check=True)
    (line,) = [line for line in script.splitlines() if line.startswith(sys.executable)]
    words = shlex.split(line)
    assert str(study) in words and str(work / "my out") in words and "--engine" not in words
    text = (work / "my out" / "logs" / "methods.md").read_text()  # of all: no element writes it
    assert "This was done 2 times" in text and "--part-of-array" in words
    assert not (work / "my out" / ".fmriprod" / "work").exists()  # nothing ran here
    name = read_submissions(work / "my out")[0].jobs[0].name
    fake.queue(f"1_1|PENDING|None|{name}", f"1_2|PENDING|None|{name}")
    assert main(["status", str(work / "my out")]) == 0  # the command that was printed
    assert capsys.readouterr().out.startswith("submitted ")


def rows(out, capsys):
    """Exit code, state and state of each participant that status tells."""
    capsys.readouterr()
    code = main(["status", "--json", str(out)])
    found = json.loads(capsys.readouterr().out)
    return code, found["state"], {p["participant"]: p["state"] for p in found["participants"]}


def test_status_shows_who_waits_and_who_will_never_run(work, fake, study, capsys):
    assert submit(study, "out", "--participant-label", "01", "02") == 0
    assert fake.queue(fails="busy") or rows("out", capsys) == (
        0, "submitted", {"01": "submitted", "02": "submitted"})  # fmt: skip
    name = read_submissions(work / "out")[0].jobs[0].name
    fake.queue(f"1_1|PENDING|None|{name}", f"1_2|CANCELLED|None|{name}")
    assert rows("out", capsys) == (0, "submitted", {"01": "submitted", "02": "interrupted"})
    recorder = Recorder(work / "out", "of the element", "0.1", participants=["01"])
    for what in ("planned", "start", "failed"):
        recorder(Event("fmriprod.sub_01_wf.anat_wf.skullstrip", what, 1.0))
    assert rows("out", capsys) == (0, "running", {"01": "failed", "02": "interrupted"})
    recorder.close(False)
    fake.queue()  # SLURM has forgotten them
    assert rows("out", capsys) == (1, "failed", {"01": "failed", "02": "interrupted"})
    assert submit(study, "out", "--participant-label", "01") == 0
    fake.queue(f"2_1|PENDING|None|{read_submissions(work / 'out')[1].jobs[0].name}")
    assert rows("out", capsys) == (0, "submitted", {"01": "submitted", "02": "interrupted"})
    fake.queue()
    assert rows("out", capsys)[2]["01"] == "failed"  # as the run before left it


def test_what_sbatch_refuses_leaves_no_record(work, fake, study):
    fake.refuse(1, "no")
    assert submit(study, "out") == 1
    assert not list((work / "out" / RECORDS).iterdir())


def test_what_is_asked_for_by_hand_is_asked_of_slurm(work, fake, study):
    (work / "lines.sh").write_text("module load something\n")
    assert submit(study, "out", "--n-procs", "1", "--mem-gb", "3.5", "--slurm-preamble", "lines.sh",
                  "--slurm-args=--partition=long --time=2:00:00") == 0  # fmt: skip
    options = fake.options(1)
    assert {"--cpus-per-task=1", "--mem=3584M", "--partition=long", "--time=2:00:00"} < set(options)
    assert "module load something\n" in fake.script(1) and "--mem-gb 3.15" in fake.script(1)


def test_a_dry_run_submits_nothing(work, fake, study):
    assert submit(study, "out", "--dry-run") == 0
    assert fake.submitted == 0 and not (work / "out" / "logs").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--engine", "slurm", "--slurm-args", "'--time"], "close the quotes"),
        (["--engine", "slurm", "--slurm-args=--array=1-3"], "fmriprod sets it itself"),
        (["--engine", "slurm", "--slurm-preamble", "none.sh"], "No such file"),
        (["--slurm-wait"], "add --engine slurm"),
        (["--engine", "dask", "--slurm-args=-t1"], "--slurm-args"),
        (["--engine", "slurm", "--dask-scheduler", "tcp://a:1"], "add --engine dask"),
    ],
)
def test_options_that_cannot_be_kept_are_refused(work, fake, study, options, words, capsys):
    assert main(["run", str(study), "out", "participant", *MODEL, *options]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("expected:") == 1 and fake.submitted == 0


def test_without_slurm_the_message_says_where_to_go(work, study, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(work))
    assert submit(study, "out") == 1
    assert "login node" in capsys.readouterr().err


# --- on a real SLURM ---


def run(study, out, *options):
    command = [sys.executable, "-m", "fmriprod.cli.main", "run", str(study), str(out),
               "participant", *MODEL, *options]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False)


def results(out):
    kept = {}
    for name, digest in checksums(out).items():
        if not name.startswith((".fmriprod/", "logs/")):
            kept[name] = digest
    return kept


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = run(study, out, "--n-procs", "2")
    assert done.returncode == 0, done.stderr
    return results(out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_slurm_gives_the_same_bytes_as_this_machine(cluster, work, study, undisturbed):  # noqa: F811
    wait = ["--engine", "slurm", "--slurm-wait", "--n-procs", "1"]
    done = run(study, "it's out", *wait)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 jobs ended well" in done.stdout
    assert len(undisturbed) > 50 and results(work / "it's out") == undisturbed
    again = run(study, "it's out", *wait)
    assert again.returncode == 0
    first, second = sorted((work / "it's out" / "logs" / "slurm").iterdir())
    assert "motion  done" in (first / "sub-01.log").read_text()
    for log in second.glob("sub-*.log"):
        assert "motion  cached" in log.read_text() and "  done" not in log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_machines_that_die_in_the_middle_lose_nothing(cluster, work, study, undisturbed):  # noqa: F811
    wait = ["--engine", "slurm", "--slurm-wait", "--n-procs", "1"]
    command = [sys.executable, "-m", "fmriprod.cli.main", "run", str(study), "out", "participant"]
    driver = subprocess.Popen([*command, *MODEL, *wait], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 120
        while len(list((work / "out").rglob("result_motion.pklz"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.2)
        for node in ("n1", "n2"):
            cluster.kill_node(node)
            cluster.start_node(node)
        code = driver.wait(600)
    finally:
        driver.kill()
    if code:  # SLURM did not give all of them out again
        done = run(study, "out", *wait)
        assert done.returncode == 0, done.stdout + done.stderr
    assert results(work / "out") == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_element_that_fails_is_summed_up_and_its_exit_code_is_true(cluster, work, study):  # noqa: F811
    (work / "lines.sh").write_text('[ "$SLURM_ARRAY_TASK_ID" = 2 ] && { echo "no such module"; '
                                   "exit 7; }\n")  # fmt: skip
    done = run(study, "out", "--engine", "slurm", "--slurm-wait", "--n-procs", "1",
               "--participant-label", "01", "02", "--slurm-preamble", "lines.sh")  # fmt: skip
    assert done.returncode == 1
    assert "sub-01  done" in done.stdout and "FAILED  sub-02" in done.stdout
    assert "no such module" in done.stdout and "1 of 2 jobs ended well" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_job_for_each_step_gives_the_same_bytes(cluster, work, study, undisturbed):  # noqa: F811
    done = run(study, "out", "--engine", "slurm", "--slurm-job-per-step", "--n-procs", "1",
               "--participant-label", "01")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    mine = {name: digest for name, digest in results(work / "out").items() if "sub-01" in name}
    assert len(mine) > 20
    assert mine == {name: undisturbed[name] for name in mine}
    assert json.loads((work / "out" / "dataset_description.json").read_text())
