"""Scripts and submissions of SLURM jobs, with programs that only note what they are given."""

import os
import subprocess

import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces.utility import IdentityInterface
from support.fake_slurm import FakeSlurm
from support.nasty_names import NASTY_NAMES

from fmriprod.algorithms.checks import InputError
from fmriprod.workflows.slurm_array import submit_study, wait_for
from fmriprod.workflows.slurm_array_jobs import Job, Submission, read_submissions, unfinished
from fmriprod.workflows.slurm_commands import find_jobs, job_states, submit_job
from fmriprod.workflows.slurm_needs import request_for
from fmriprod.workflows.slurm_scripts import Request, check_arguments, read_preamble

SMALL, LARGE = Request(1, 2.0), Request(4, 16.0)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    return FakeSlurm(tmp_path / "fake", monkeypatch)


def run_script(script, folder, **variables):
    """Run the text of a script as SLURM's daemon does."""
    path = folder / "script"
    path.write_bytes(script.encode())
    return subprocess.run(
        ["bash", str(path)], cwd=folder, env={**os.environ, **variables}, capture_output=True
    )


@pytest.mark.parametrize("kind", NASTY_NAMES)
def test_names_go_through_as_they_are(work, slurm, kind):
    out = work / NASTY_NAMES[kind]
    out.mkdir()
    command = ["printf", r"%s\n--\n", str(out), NASTY_NAMES[kind]]
    submission = submit_study(
        out, {"01": SMALL, "02": SMALL}, command, group=SMALL, group_command=command
    )
    ran = run_script(slurm.script(1), work, SLURM_ARRAY_TASK_ID="2", SLURM_CPUS_PER_TASK="3")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert run_script(slurm.script(2), work).returncode == 0
    for who, more in (("sub-02", ["--participant-label", "02"]), ("group", [])):
        log = submission.log_file(who).read_bytes().decode()
        given = log.partition("\n")[2].rpartition("== exit code 0")[0].split("\n--\n")[:-1]
        cpus = "3" if more else "1"
        assert given == [str(out), NASTY_NAMES[kind], *more, "--n-procs", cpus, "--mem-gb", "1.80"]
        assert submission.exit_code(who) == 0
    assert submission.exit_code("sub-01") is None
    assert not [path for path in work.rglob("*INJECTED*") if path.name == "INJECTED"]


def test_the_exit_code_of_a_command_is_that_of_its_job(work, slurm):
    submission = submit_study(work, {"a": SMALL}, ["false"])
    again = {"SLURM_ARRAY_TASK_ID": "1"}
    assert run_script(slurm.script(1), work, **again).returncode == 1
    assert submission.exit_code("sub-a") == 1
    beyond = run_script(slurm.script(1), work, SLURM_ARRAY_TASK_ID="2")
    assert beyond.returncode == 1  # no such line


@pytest.mark.parametrize("command", ["true", "false"])
@pytest.mark.parametrize("preamble", ["label=v2 name=tool code=3\n", "set -euo pipefail\n"])
def test_no_preamble_changes_whose_job_it_is_or_how_it_ended(work, slurm, preamble, command):
    script = f'echo "$*"; {command}'
    submission = submit_study(work, {"a": SMALL}, ["bash", "-c", script, "-"], preamble=preamble)
    run_script(slurm.script(1), work, SLURM_ARRAY_TASK_ID="1")
    assert submission.exit_code("sub-a") == (command == "false")
    assert "--participant-label a --n-procs" in submission.log_file("sub-a").read_text()
    assert [path.name for path in (submission.folder / "ended").iterdir()] == ["sub-a"]


def test_a_requeued_element_forgets_its_first_exit_code(work, slurm):
    submission = submit_study(work, {"a": SMALL}, ["kill", "-9"], preamble="kill -9 $$\n")
    (submission.folder / "ended" / "sub-a").write_text("0\n")
    run_script(slurm.script(1), work, SLURM_ARRAY_TASK_ID="1")
    assert submission.exit_code("sub-a") is None


def test_participants_that_ask_alike_are_an_array_and_the_group_waits_for_all(work, slurm):
    needs = {"01": SMALL, "02": LARGE, "03": SMALL}
    submission = submit_study(
        work, needs, ["true"], group=LARGE, group_command=["true"],
        arguments=["--partition=long", "--mem-per-cpu=1G", "--dependency=singleton"],
    )  # fmt: skip
    assert [job.participants for job in submission.jobs] == [("01", "03"), ("02",), ()]
    first, second, group = (slurm.options(number) for number in (1, 2, 3))
    assert "--array=1-2" in first and "--array=1-1" in second
    assert "--cpus-per-task=1" in first and "--cpus-per-task=4" in second
    assert not [option for option in first if option.startswith("--mem=")]
    assert group[-2:] == ["--dependency=afterok:1:2", "--kill-on-invalid-dep=yes"]
    assert all("--partition=long" in options for options in (first, second, group))
    assert read_submissions(work) == [submission]
    assert submission.parts() == {"sub-01": "1_1", "sub-03": "1_2", "sub-02": "2_1", "group": "3"}


def test_memory_is_asked_for_where_the_cluster_counts_it(work, slurm):
    for number, known in ((1, "1\n"), (2, "1\n128000+\n"), (3, "unknown\n")):
        (slurm.folder / "sinfo").write_text(known)
        submit_study(work, {f"{number}": SMALL}, ["true"])
        assert ("--mem=2048M" in slurm.options(number)) == (number > 1)


def test_more_participants_than_an_array_may_have_are_several(work, slurm):
    submission = submit_study(work, {f"{n:04d}": SMALL for n in range(1, 1003)}, ["true"])
    assert [len(job.participants) for job in submission.jobs] == [1000, 2]
    ran = run_script(slurm.script(2), work, SLURM_ARRAY_TASK_ID="2")
    assert ran.returncode == 0 and submission.log_file("sub-1002").exists()


def test_a_refused_job_leaves_nothing_submitted(work, slurm):
    slurm.refuse(2, "sbatch: error: invalid partition specified: long")
    with pytest.raises(InputError) as caught:
        submit_study(work, {"01": SMALL, "02": LARGE}, ["true"])
    assert "invalid partition specified: long" in caught.value.found
    assert "--slurm-args" in caught.value.hint
    assert slurm.cancelled == ["1"]


def test_who_has_a_job_that_has_not_ended_is_refused(work, slurm):
    first = submit_study(work, {"01": SMALL, "02": SMALL, "03": SMALL}, ["true"])
    name = first.jobs[0].name
    slurm.queue(f"1_1|RUNNING|None|{name}", f"1_2|COMPLETED|None|{name}", "1_3|RUNNING|None|other")
    with pytest.raises(InputError) as caught:
        submit_study(work, {"01": SMALL, "02": SMALL, "03": SMALL}, ["true"])
    assert caught.value.found == "sub-01 (job 1_1)"
    assert "scancel 1_1" in caught.value.hint
    submit_study(work, {"02": SMALL, "03": SMALL}, ["true"])
    assert slurm.submitted == 2
    slurm.queue(fails="slurm_load_jobs error: Unable to contact slurm controller")
    with pytest.raises(InputError, match="SLURM") as caught:
        submit_study(work, {"02": SMALL}, ["true"])
    assert "squeue" in caught.value.hint


def test_a_job_that_was_taken_without_an_answer_is_not_handed_over_again(slurm):
    slurm.refuse(1, "sbatch: error: Batch job submission failed: Socket timed out on send/recv")
    slurm.queue("41|PENDING|None|mine", "40|CANCELLED|None|mine")
    assert submit_job("x", [], "mine", pause=0.01) == 41
    assert slurm.submitted == 1


def test_a_busy_controller_is_asked_again_and_a_refusal_is_not(slurm):
    busy = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"
    for number in (1, 2):
        slurm.refuse(number, busy)
    assert submit_job("x", [], "mine", pause=0.01) == 3
    slurm.refuse(4, "sbatch: error: no")
    with pytest.raises(InputError, match="sbatch"):
        submit_job("x", [], "mine", pause=0.01)
    assert slurm.submitted == 4


@pytest.mark.parametrize("words", ["", "Submitted;", "ok ok"])
def test_an_sbatch_that_names_no_job_is_an_error(slurm, words):
    (slurm.folder / "bin" / "sbatch").write_text(f"#!/bin/bash\ncat >/dev/null\necho '{words}'\n")
    with pytest.raises(InputError, match="the number of the job"):
        submit_job("x", [], "mine")


def test_states_are_read_and_an_unknown_job_is_no_error(slurm):
    slurm.queue("7|OUT_OF_MEMORY|OutOfMemory|a|b", "8_2|PENDING|Priority|c", "garbage")
    states = job_states([7, 8])
    assert set(states) == {"7", "8_2"}
    assert states["7"].ended and states["7"].name == "a|b" and not states["8_2"].ended
    assert set(find_jobs("c")) == {"8_2"}
    slurm.queue(fails="slurm_load_jobs error: Invalid job id specified")
    assert job_states([7]) == {}
    slurm.queue(fails="slurm_load_jobs error: Socket timed out on send/recv operation")
    assert job_states([7]) is None


def test_one_question_is_asked_for_many_jobs(slurm):
    job_states(range(2500))
    asked = (slurm.folder / "squeue.options").read_text().count("--noheader")
    assert asked == 3


def test_without_slurm_the_message_says_so(work, monkeypatch):
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError, match="sbatch") as caught:
        submit_job("x", [], "mine")
    assert "login node" in caught.value.hint


def test_waiting_tells_each_end_once_and_survives_a_silent_slurm(work, slurm):
    submission = Submission(work, (Job(1, "a", ("x", "y", "z", "w")), Job(2, "g")))
    (work / "ended").mkdir()
    (work / "ended" / "sub-x").write_text("0\n")
    (work / "ended" / "sub-w").write_text("1\n")
    answers = [
        {"fails": "timed out"},
        {"lines": ["1_1|COMPLETED|None|a", "1_2|RUNNING|None|a", "1_3|TIMEOUT|TimeLimit|a",
                   "1_4|FAILED|NonZeroExitCode|a", "2|PENDING|Dependency|g"]},
        {"lines": ["1_1|COMPLETED|None|a", "2|CANCELLED|Dependency|g"]},  # 1_2 is forgotten
    ]  # fmt: skip
    seen = []

    def next_answer():
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        slurm.queue(*answer.get("lines", ()), fails=answer.get("fails", ""))

    next_answer()
    codes = wait_for(
        submission, lambda *what: seen.append(what), interval=0.01, sleep=lambda _: next_answer()
    )
    assert codes == {"sub-x": 0, "sub-y": None, "sub-z": None, "sub-w": 1, "group": None}
    assert [who for who, _, _ in seen] == ["sub-x", "sub-z", "sub-w", "sub-y", "group"]
    assert seen[1][2].state == "TIMEOUT"


@pytest.mark.parametrize(
    "arguments",
    [["--array=1-3"], ["-a", "1"], ["-a1"], ["--wrap", "x"], ["-J", "me"], ["-Jme"], ["--wait"],
     ["script.sh"], ["--parsable"], ["--arr=1"], ["--jo", "x"], ["--test"]],
)  # fmt: skip
def test_arguments_that_undo_ours_are_refused(arguments):
    with pytest.raises(InputError, match="--slurm-args"):
        check_arguments(arguments)


def test_other_arguments_pass():
    check_arguments(["--partition", "long", "-t8:00:00", "--account=a", "--mem=4G", "-pJ"])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "No such file"),
        (b"module load x\r\n", "Windows"),
        (b"\xff\xfe", "UTF-8"),
        (b"#SBATCH --time=1\n", "#SBATCH"),
        (b"if true; then\n", "syntax error"),
        (b"a\0b", "NUL"),
    ],
)
def test_a_preamble_that_cannot_run_is_refused(work, content, found):
    if content is not None:
        (work / "lines").write_bytes(content)
    with pytest.raises(InputError, match="lines") as caught:
        read_preamble("lines")
    assert found in caught.value.found and caught.value.hint


def test_a_preamble_runs_first(work, slurm):
    (work / "lines").write_text("export WHERE='a b'  # no newline at the end")
    submission = submit_study(
        work, {}, [], group=SMALL, group_command=["printenv", "WHERE", "HOME"],
        preamble=read_preamble("lines"),
    )  # fmt: skip
    run_script(slurm.script(1), work)
    assert "\na b\n" in submission.log_file("group").read_text()


def test_a_participant_asks_for_its_largest_steps_side_by_side():
    study = pe.Workflow("study")
    for label, sizes in (("01", [1.0, 2.0, 4.0]), ("02", [8.0, 0.5])):
        person, inner = pe.Workflow(f"sub_{label}_wf"), pe.Workflow("inner_wf")
        for number, size in enumerate(sizes):
            inner.add_nodes([pe.Node(IdentityInterface(["a"]), f"n{number}", mem_gb=size)])
        person.add_nodes([inner])
        study.add_nodes([person])
    assert request_for(study, "01", 2) == Request(2, 8.0)  # (4 + 2 + 0.6) / 0.9, rounded up
    assert request_for(study, "01", 1) == Request(1, 6.0)
    assert request_for(study, "02", 2) == Request(2, 11.0)
    assert request_for(study, None, 1) == Request(1, 10.0)
    assert request_for(study, "01", 30).cpus == 8
    assert request_for(study, "01", 30, cpus=12, memory_gb=3.5) == Request(12, 3.5)


def test_who_waits_is_known_from_exit_codes_and_slurm(work, slurm):
    labels = dict.fromkeys(("01", "02", "03", "group"), SMALL)
    jobs = submit_study(work, labels, ["true"], group=SMALL, group_command=["true"])
    (array, group), ended = jobs.jobs, jobs.folder / "ended"
    slurm.queue(f"1_1|PENDING|None|{array.name}", f"1_2|FAILED|None|{array.name}",
                f"1_3|RUNNING|None|{array.name}", f"1_4|PENDING|None|{array.name}",
                f"2|PENDING|Dependency|{group.name}")  # fmt: skip
    (ended / "sub-03").write_text("1\n")
    assert unfinished(work) == {"01", "sub-group", "group"}
    slurm.queue("1_1|RUNNING|None|of somebody else")  # the number was used again
    assert unfinished(work) == set()
    slurm.queue(fails="slurm_load_jobs error: Unable to contact slurm controller")
    assert unfinished(work) == {"01", "02", "sub-group", "group"}  # nobody knows


def test_who_waits_where_there_is_no_slurm(work, slurm, monkeypatch):
    submit_study(work, {"01": SMALL}, ["true"])
    monkeypatch.setenv("PATH", str(work))
    assert unfinished(work) == {"01"}


@pytest.mark.parametrize(
    "text",
    ['{"jobs": [', "[1]", "{}", '{"jobs": [{"number": 1}]}', '{"jobs": 3}', "[" * 100000,
     '{"jobs": [{"number": "1", "name": "x", "participants": []}]}'],
)  # fmt: skip
def test_jobs_that_cannot_be_read_are_said(work, slurm, text):
    (work / "logs" / "slurm" / "before").mkdir(parents=True)
    (work / "logs" / "slurm" / "before" / "jobs.json").write_text(text)
    with pytest.raises(InputError) as caught:
        submit_study(work, {"01": SMALL}, ["true"])
    assert "the jobs that fmriprod submitted" in caught.value.expected
    assert "squeue" in caught.value.hint and slurm.submitted == 0 and unfinished(work) is None


def test_a_number_that_sbatch_does_not_tell_is_said(work, slurm):
    (slurm.folder / "bin" / "sbatch").write_text("#!/bin/bash\ncat >/dev/null\n")
    with pytest.raises(InputError, match="squeue --name=fmriprod-array-1"):
        submit_study(work, {"01": SMALL}, ["true"])
