"""What a person meets who gives something that cannot be analysed: a message, no traceback."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys

import nibabel as nb
import numpy as np
import pytest
from support.interrupts import heed_interrupts
from support.simulated import simulate

from fmriprod.cli.main import main

STEM = "sub-01/func/sub-01_task-recognition_run-1"
BOLD, EVENTS = f"{STEM}_bold.nii.gz", f"{STEM}_events.tsv"
BOLD_2 = BOLD.replace("run-1", "run-2")
T1W = "sub-01/anat/sub-01_T1w.nii.gz"
SIDECAR = "task-recognition_bold.json"
HEADER = "onset\tduration\ttrial_type\n"
QUICK = ["--n-voxels", "60", "--n-permutations", "20", "--n-procs", "2"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(simulated, work):
    """Copy of the study that a test may spoil."""
    shutil.copytree(simulated, work / "raw", ignore=shutil.ignore_patterns("derivatives"))
    return work / "raw"


@pytest.fixture
def ask(study, work, capsys):
    """Return a function that gives a command and returns exit code and all that was printed."""

    def command(*options, name="run", out=work / "out"):
        level = ["participant", "--dry-run"] if name == "run" else []
        arguments = [name, study, out, *level, *options]
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return command


def rewrite(path, change=lambda data: data, tr=2.0, affine=None):
    """Change voxels, repetition time or affine of an image."""
    image = nb.load(path)
    data = change(np.asarray(image.dataobj).copy())
    new = nb.Nifti1Image(data, image.affine if affine is None else affine)
    new.header.set_xyzt_units("mm", "sec")
    if data.ndim > 3:
        new.header.set_zooms((*new.header.get_zooms()[:3], tr, *[1] * (data.ndim - 4)))
    path.unlink()
    nb.save(new, path)


def cut(study, name, share=0.5):
    whole = (study / name).read_bytes()
    (study / name).write_bytes(whole[: int(share * len(whole))])


def add_events(study, *rows):
    text = (study / EVENTS).read_text()
    (study / EVENTS).write_text(text + "".join(f"{row}\n" for row in rows))


def write(study, name, text):
    (study / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def images(name, **changes):
    return lambda study: rewrite(study / name, **changes)


def events(rows):
    text = rows if isinstance(rows, bytes) else HEADER + rows
    return lambda study: write(study, EVENTS, text)


def zoomed(study):
    rewrite(study / BOLD_2, affine=nb.load(study / BOLD_2).affine @ np.diag([0.5, 1, 1, 1]))


def twins(study):
    """Two conditions with the same events: their regressors are the same."""
    write(study, EVENTS, HEADER + "".join(f"{t}\t1\t{c}\n" for t in range(10, 90, 20)
                                          for c in ("bed", "chair")))  # fmt: skip


SPOILT = {
    "truncated image": (lambda s: cut(s, BOLD), "the file ends early: ", "copy or convert it"),
    "empty image": (lambda s: write(s, BOLD, ""), "an empty file (0 bytes)", "copy it again"),
    "empty T1w": (lambda s: write(s, T1W, ""), "an empty file (0 bytes)", "copy it again"),
    "no image": (lambda s: write(s, BOLD, "text" * 200), "is not a gzip file", "copy it again"),
    "other TR": (images(BOLD, tr=1.5), "1.5 s in the header", "from the protocol"),
    "no TR": (
        lambda s: (rewrite(s / BOLD, tr=0), (s / SIDECAR).unlink()),
        "repetition time above 0 s in the header",
        "mend the header",
    ),
    "TR in ms": (
        lambda s: write(s, SIDECAR, '{"RepetitionTime": 2000}'),
        "2 s in the header",
        "looks like milliseconds",
    ),
    "3-D bold": (images(BOLD, change=lambda d: d[..., 0]), "3, shape", "give a series"),
    "5-D bold": (images(BOLD, change=lambda d: d[..., None]), "5, shape", "give a series"),
    "one volume": (images(BOLD, change=lambda d: d[..., :1]), "1 volume", "probably aborted"),
    "complex": (
        images(BOLD, change=lambda d: d.astype(np.complex64)),
        "complex64",
        "one real number a voxel",
    ),
    "other voxel size": (zoomed, "voxels as those of", "by themselves"),
    "short run": (
        lambda s: (
            rewrite(s / BOLD, change=lambda d: d[..., :10]),
            write(s, EVENTS, HEADER + "0\t1\tbed\n10\t1\tchair\n"),
        ),
        "fewer regressors than volumes (10)",
        "simpler hrf",
    ),
    "late events": (
        lambda s: add_events(s, "500\t1\tbed"),
        "onset after the end of the run (120 s) in row 17 (latest 500 s)",
        "of the same run",
    ),
    "response after the end": (
        lambda s: add_events(s, "118\t1\tbed"),
        "trial 16 ('bed', onset 118 s) needs volumes 61 to 61",
        "past_end: drop",
    ),
    "no trial_type": (events(b"onset\tduration\n1\t1\n"), "no column 'trial_type'", "add a trial"),
    "NaN onset": (events("n/a\t1\tbed\n5\t1\tchair\n"), "onset is no number in row 1", "seconds"),
    "negative onset": (events("-3\t1\tbed\n5\t1\tchair\n"), "onset before the first", "first"),
    "overlap": (
        events("".join(f"{t}\t50\t{c}\n" for t in range(9) for c in ("bed", "chair"))),
        "overlaps itself by more than half",
        "are they in seconds?",
    ),
    "not UTF-8": (events(b"onset\tduration\ttrial_type\n1\t1\tb\xe9d\n"), "0xe9", "UTF-8"),
    "UTF-16": (events((HEADER + "1\t1\tbed\n").encode("utf-16")), "0xff", "UTF-8"),
    "no events": (events(""), "no event rows", "list the events"),
    "empty events": (events(b""), "an empty file", "write it again"),
    "commas": (events(b"onset,duration,trial_type\n1,1,bed\n"), "one column", "by tabs"),
    "backquote": (events("1\t1\tbe`d\n9\t1\tchair\n"), "a backquote or a control", "another sign"),
    "twins": (twins, "combinations of each other: bed", "check onsets and durations"),
    "events missing": (lambda s: (s / EVENTS).unlink(), "an events file", "choose other tasks"),
    "broken JSON": (lambda s: write(s, SIDECAR, '{"RepetitionTime": 2,}'), "line 1 col", "comma"),
    "JSON without end": (lambda s: write(s, SIDECAR, "[" * 10**5), "without end", "mend the file"),
    "JSON not UTF-8": (lambda s: write(s, SIDECAR, b'{"a": "\xe9"}'), "0xe9", "mend the file"),
    "description": (
        lambda s: write(s, "dataset_description.json", "{,}"),
        "a JSON object",
        "mend the file",
    ),
    "no T1w": (lambda s: (s / T1W).unlink(), "a T1-weighted image", "--participant-label"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_cannot_be_analysed_is_refused_before_anything_is_computed(case, study, ask, work):
    spoil, found, hint = SPOILT[case]
    spoil(study)
    for name in ("run", "check"):
        code, text = ask("--contrast", "bed-chair", name=name)
        assert code == 1
        assert found in text and hint in text
        assert "ERROR" in text and "expected:" in text and "Traceback" not in text
    assert not (work / "out").exists()


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--fwhm", "-3"], "expected a width in mm of 0 or more, found '-3'"),
        (["--fwhm", "nan"], "found 'nan'"),
        (["--fwhm", "wide"], "found 'wide'"),
        (["--n-voxels", "0"], "expected a whole number of 1 or more, found '0'"),
        (["--n-procs", "0"], "found '0'"),
        (["--n-procs", "1.5"], "found '1.5'"),
        (["--omp-nthreads", "-1"], "found '-1'"),
        (["--mem-gb", "0"], "expected a size in GB above 0, found '0'"),
        (["--high-pass", "0"], "expected a period in s above 0, found '0'"),
        (["--shift", "inf"], "expected a lag in s, found 'inf'"),
        (["--window", "0"], "found '0'"),
        (["--n-permutations", "-1"], "found '-1'"),
        (["--seed", "99999999999"], "at most 4294967295"),
        (["--hrf", "smp"], "expected a response model, found 'smp'; did you mean 'spm'?"),
        (["--noise", "ar9"], "expected a noise model, found 'ar9'; did you mean"),
        (["--work-dir", ""], "expected a folder, found nothing"),
        (["--skullstrip-engine", "magic"], "invalid choice: 'magic'"),
    ],
)
def test_options_out_of_range_are_refused_as_the_command_is_read(options, found, ask):
    code, text = ask(*options)
    assert code == 2 and found in text and "Traceback" not in text


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--participant-label", "99"], "--participant-label"),
        (["--task", "recogntion"], "did you mean 'recognition'?"),
        (["--run", "7"], "known: 1, 2"),
        (["--contrast", "bed-hair"], "did you mean 'chair'?"),
        (["--contrast", "bed-bed"], "all weights are zero"),
        (["--contrast", "bed-chair", "bed-chair"], "'name=expression'"),
        (["--contrast", "(" * 5000 + "bed"], "without end"),
        (["--contrast", f"{'9' * 400}*bed-chair"], "too large"),
        (["--train", "half == 1"], "give the other query too"),
        (["--train", "half = 1", "--test", "half == 2"], "'half = 1'"),
        (["--train", "part == 1", "--test", "half == 2"], "'part'"),
        (["--train", "half is 1", "--test", "half == 2"], "comparisons of columns"),
        (["--train", "tr < 20", "--test", "tr > 999"], "selects none of"),
        (["--train", "half == 1", "--test", "half == 1"], "test rows that are not training"),
        (["--train", "run == 1 and label != 'bed'", "--test", "run == 2"], "no training sample"),
        (["--window", "100"], "windows within the run"),
        (["--shift", "1e9"], "windows within the run"),
        (["--high-pass", "4"], "fewer regressors than volumes"),
        (["--motion-engine", "mcflirt"], "the program mcflirt of FSL on the PATH"),
    ],
)
def test_what_does_not_fit_the_dataset_is_refused(options, found, ask, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for name in ("run", "check"):
        code, text = ask(*options, name=name)
        assert code == 1 and found in text and "do:" in text and "Traceback" not in text


def test_output_and_work_folders(ask, study, work):
    (work / "file").write_text("")
    for out, found in (
        (study, "the raw dataset itself"),
        (study / "out", "a folder inside the raw dataset"),
        (work / "file" / "out", "is no folder"),
    ):
        code, text = ask(out=out)
        assert code == 1 and found in text
    code, text = ask("--work-dir", study / "sub-01")
    assert code == 1 and "outside the raw dataset" in text
    assert ask(out="")[0] == 2


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_an_output_folder_that_may_not_be_written(ask, work):
    (work / "closed").mkdir(mode=0o500)
    code, text = ask(out=work / "closed" / "out")
    assert code == 1 and "may not be written" in text


@pytest.mark.parametrize("label", ["my task", "it's", 'a"b', "a\nb"])
def test_names_with_blanks_and_quotes_are_said_and_passed_over(label, study, ask):
    shutil.copy(study / BOLD, study / BOLD.replace("recognition", label))
    code, text = ask()
    assert code == 0 and "WARNING" in text and "a BIDS name" in text


def test_conditions_with_signs_and_blanks_can_be_asked_for(study, ask):
    for run in ("1", "2"):
        path = study / EVENTS.replace("run-1", f"run-{run}")
        path.write_text(path.read_text().replace("bed", "a=b - c").replace("chair", "東京"))
    code, text = ask("--contrast", "sum=`a=b - c` - 東京")
    assert code == 0 and "sum" in text, text


def add_participant(study, label):
    shutil.copytree(study / "sub-01", study / f"sub-{label}")
    for path in sorted((study / f"sub-{label}").rglob("sub-01_*")):
        path.rename(path.with_name(path.name.replace("sub-01", f"sub-{label}")))


def test_participants_with_errors_are_named_and_the_others_go_on(study, ask):
    for label in ("02", "03"):
        add_participant(study, label)
    (study / T1W.replace("01", "02")).unlink()
    cut(study, BOLD.replace("sub-01", "sub-03"))
    code, text = ask("--contrast", "bed-chair")
    assert code == 1 and "a T1-weighted image" in text and "the file ends early" in text
    assert text.count("Left out because of the errors above: sub-02, sub-03.") == 2
    planned = [line[:2] for line in text.splitlines() if "recogn" in line and line[0] == "0"]
    assert set(planned) == {"01"}
    code, text = ask("--participant-label", "01")
    assert code == 0 and "Left out" not in text
    assert ask("--participant-label", "02", "03")[0] == 1


def test_a_folder_for_a_demo_that_cannot_be_made(work, capsys):
    (work / "file").write_text("")
    assert main(["demo", str(work / "file" / "demo")]) == 1
    assert "Not a directory" in capsys.readouterr().err


def run_it(study, out, *options):
    command = [sys.executable, "-m", "fmriprod.cli.main", "run", str(study), str(out)]
    return [*command, "participant", "--contrast", "bed-chair", *QUICK, *options]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_voxels_that_cannot_be_analysed_are_counted_and_have_no_statistic(study, work):
    damaged = [(14, 18, 14), (15, 18, 14), (12, 18, 16), (13, 20, 14), (14, 21, 14), (16, 20, 16)]
    raw = nb.load(study / BOLD)

    def damage(data):
        data = data.astype(np.float32)
        data[14, 18, 14, 5], data[15, 18, 14], data[12, 18, 16, 3] = np.nan, np.nan, np.inf
        data[13:15, 20:22, 14], data[16, 20, 16] = 0, 777
        return data

    rewrite(study / BOLD, change=damage)
    done = subprocess.run(run_it(study, work / "out"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    func = work / "out" / "sub-01" / "func"
    stem = "sub-01_task-recognition_run-1"
    analysed = nb.load(func / f"{stem}_desc-analysed_mask.nii.gz")
    brain = nb.load(func / "sub-01_desc-brain_mask.nii.gz").get_fdata() > 0
    to_voxel = np.linalg.inv(analysed.affine) @ raw.affine
    places = np.rint(nb.affines.apply_affine(to_voxel, damaged)).astype(int)
    used = analysed.get_fdata() > 0
    assert brain[tuple(places.T)].all() and not used[tuple(places.T)].any()
    maps = [*func.glob(f"{stem}_contrast-*_statmap.nii.gz"), *func.glob("*_desc-fixed_*.nii.gz")]
    assert len(maps) == 9
    for path in maps:
        values = nb.load(path).get_fdata()
        assert np.isfinite(values).all() and not values[tuple(places.T)].any(), path
    counts = json.loads((func / f"{stem}_desc-audit_design.json").read_text())["voxels"]
    lost = int((brain & ~used).sum())
    assert len(damaged) <= lost <= 80  # the damage, and what interpolation would make of it
    assert counts["mask"] - counts["analysed"] == lost == counts["excluded_constant"]
    quality = json.loads((func / f"{stem}_quality.json").read_text())
    assert quality["n_voxels"] - quality["n_analysed"] == lost


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        (BOLD, lambda d: np.where(np.arange(60) == 7, 0, d), "no finite value: 7 (counted from 0"),
        (BOLD, np.zeros_like, "60 of 60"),
        (T1W, np.zeros_like, "the value 0 in all voxels"),
        (T1W, lambda d: np.random.default_rng(0).normal(100, 3, d.shape), "that look like one"),
    ],
    ids=["an empty volume", "an empty run", "an empty T1w", "no brain"],
)
def test_images_without_a_head_stop_what_depends_on_them(study, work, name, change, found):
    rewrite(study / name, change=lambda data: change(data).astype(np.float32))
    done = subprocess.run(run_it(study, work / "out"), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "FAILED  01" in done.stdout and found in done.stdout and "do:" in done.stdout
    assert not list((work / "out").glob("*.html"))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_from_outside(study, work, sent):
    process = subprocess.Popen(
        run_it(study, work / "out"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    for line in process.stderr:
        if "done" in line:
            break
    process.send_signal(sent)
    # Ends only when all workers have: they hold the other end of the pipe.
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert "Interrupted. The same command continues where it was." in rest
    status = [sys.executable, "-m", "fmriprod.cli.main", "status", str(work / "out")]
    shown = subprocess.run(status, capture_output=True, text=True, check=False)
    assert shown.returncode == 1 and shown.stdout.startswith("interrupted")


def test_the_study_itself_is_fine(ask, study):
    assert gzip.decompress((study / BOLD).read_bytes())
    code, text = ask("--contrast", "bed-chair")
    assert code == 0 and "ERROR" not in text and "WARNING" not in text
