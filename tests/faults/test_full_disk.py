"""A disk that is full in the middle: one message, nothing half-written, and it continues."""

import errno
import json
import time

import h5py
import numpy as np
import pytest
from support.small_disks import fill, small_disk
from support.study_of_files import digests, finish, latest, start, write

from fmriprod.algorithms.checks import InputError
from fmriprod.cli.main import main
from fmriprod.interfaces.atomic_files import save_file, save_text
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.disk_full import disk_full, why_full
from fmriprod.workflows.failure_report import FAILURES
from fmriprod.workflows.readable_error import readable_error

N = 200_000  # numbers in a file: 1.6 MB
SIZE = 8 * N


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of a run that nothing disturbs, by number of numbers."""
    known = {}

    def results(n=N):
        if n not in known:
            folder = write(tmp_path_factory.mktemp("undisturbed"))
            code, said = finish(folder, "--n", n)
            assert code == 0, said
            known[n] = digests(folder / "out")
        return known[n]

    return results


def leftovers(*folders):
    """Files that are not whole: temporary ones, and those of a size that no step writes."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    parts = [p for p in files if p.name.startswith((".writing", ".making", ".removing"))]
    return parts + [p for p in files if p.suffix == ".npy" and p.stat().st_size not in
                    (SIZE + 128, 928)]  # fmt: skip


def works(names):
    """Steps that compute; savers always run."""
    return {name for name in names if ".save" not in name}


def check_message(said, *words):
    assert "Traceback" not in said
    assert "no space left on the disk" in said and "are free at" in said
    assert "--work-dir" in said and "continues" in said
    for word in words:
        assert word in said


def check_continued(folder, out, before, undisturbed, options=()):
    """The same command ends well, computes only what was not there, and gives the same bytes."""
    code, said = finish(folder, "--n", N, *options)
    assert code == 0, said
    assert works(latest(out, "cached")) == works(before)
    assert not works(latest(out, "end")) & works(before)
    assert digests(out) == undisturbed()
    assert not leftovers(folder)
    assert not list((out / FAILURES).rglob("*.txt"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_work_folder(work, undisturbed):
    write(work)
    disk, options = work / "disk", ["--work", work / "disk" / "work"]
    with small_disk(disk, 4 * SIZE) as resize:
        code, said = finish(work, "--n", N, *options)
        assert code == 1
        check_message(said, "room to write out.npy", str(disk))
        before, failed = latest(work / "out", "end"), latest(work / "out", "failed")
        assert failed and works(before) >= {"01.one", "02.one"}, "others go on"
        assert not leftovers(disk, work / "out")
        assert not list((work / "out" / ".fmriprod" / "locks").iterdir())
        record = max((work / "out" / ".fmriprod" / "runs").glob("*"))
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        assert lines[-1]["what"] == "failed-run"
        resize(30 * SIZE)
        check_continued(work, work / "out", before, undisturbed, options)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_output_folder(work, undisturbed):
    """One result does not fit any more; the other participant's does."""
    write(work)
    disk, out = work / "disk", work / "disk" / "out"
    options = ["--out", out, "--work", work / "work"]
    with small_disk(disk, int(1.6 * SIZE)) as resize:
        code, said = finish(work, "--n", N, *options)
        assert code == 1
        check_message(said, "room to write sub-0", str(out / "sub-0"))
        before, failed = latest(out, "end"), latest(out, "failed")
        assert len(failed) == 1 and failed[0].endswith("save_numbers")
        assert len(works(before)) == 6 and len(list(out.rglob("*_features.npy"))) == 1
        assert not leftovers(out)
        resize(10 * SIZE)
        check_continued(work, out, before, undisturbed, options)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_not_a_byte_is_left_for_record_and_reports(work, undisturbed, capsys):
    write(work)
    disk, out = work / "disk", work / "disk" / "out"
    options = ["--out", out, "--work", work / "work"]
    with small_disk(disk, 6 * SIZE):
        (work / "hold-two").touch()
        process = start(work, "--n", N, *options)
        wait_until(lambda: list(work.glob("hold-two.*")), process)
        filler = fill(disk)
        (work / "hold-two").unlink()
        said = "".join(process.communicate(timeout=120))
        assert process.returncode == 1
        check_message(said)
        assert main(["status", str(out)]) == 1
        assert "Traceback" not in "".join(capsys.readouterr())
        code, said = finish(work, "--n", N, *options)
        assert code == 1 and "Traceback" not in said, "the disk is still full"
        assert "No space left" in said or "no space left" in said
        filler.unlink()
        before = {f"0{i}.{step}" for i in (1, 2) for step in ("one", "two", "three")}
        check_continued(work, out, before, undisturbed, options)


def wait_until(what, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.timeout(120)
def test_a_limit_on_the_size_of_files(work):
    """Where no disk can be mounted, this can still be had: RLIMIT_FSIZE."""
    write(work)
    code, said = finish(work, "--n", N, "--largest", SIZE // 2)
    assert code == 1 and "Traceback" not in said
    assert said.count("a file may not become so large here") == 2
    assert latest(work / "out", "failed") == ["01.one", "02.one"]
    assert not leftovers(work)
    code, said = finish(work, "--n", N)
    assert code == 0 and not leftovers(work), said


FULL = OSError(errno.ENOSPC, "No space left on device")


def wrapped(inner, kind=RuntimeError, text="could not write"):
    try:
        raise inner
    except OSError as err:
        new = kind(text)
        new.__context__ = err
        return new


@pytest.mark.parametrize(("error", "reason"), [
    (FULL, "no space left on the disk"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "the quota on the disk is used up"),
    (OSError(errno.EFBIG, "File too large"), "a file may not become so large here"),
    (OSError("200000 requested and 82928 written"), "no space left on the disk"),
    (RuntimeError("H5Fwrite: errno = 28, error message = 'No space left on device'"),
     "no space left on the disk"),
    (wrapped(FULL), "no space left on the disk"),
    (wrapped(OSError(errno.EACCES, "Permission denied")), None),
    (ValueError("12 numbers expected"), None),
    (InputError("disk", expected="a", found="No space left on device", hint="c"), None),
])  # fmt: skip
def test_errors_that_mean_a_full_disk(error, reason):
    assert why_full(error) == reason


def test_an_error_that_comes_from_itself_is_no_endless_chain():
    error = RuntimeError("x")
    other = RuntimeError("y")
    error.__context__, other.__context__ = other, error
    assert why_full(error) is None


@pytest.mark.parametrize("mark", ["12", "12.0a1b2c.3d4e5f"])
def test_it_is_said_where_and_what(work, mark):
    error = OSError(errno.ENOSPC, "No space left on device", str(work / f".writing-{mark}-a.txt"))
    found = disk_full(error, "/elsewhere")
    assert found.expected == f"room to write a.txt in {work}"
    assert found.found.startswith("no space left on the disk; ")
    assert found.found.endswith(f"are free at {work}")
    copied = OSError(errno.ENOSPC, "No space left", "/source/a.npy", None, str(work / "b.npy"))
    assert disk_full(copied, "/elsewhere").expected == f"room to write b.npy in {work}"
    assert disk_full(FULL, work, "c.nii").expected == f"room to write c.nii in {work}"
    assert disk_full(KeyError("a"), work) is None


class Writer(PythonInterface):
    """Write a file, onto a full disk."""

    def _process(self):
        with self.writing("out_file", "out.bin") as path:
            path.write_bytes(b"half")
            raise FULL


def test_an_interface_says_it_and_leaves_nothing(work):
    with pytest.raises(InputError, match="Writer: disk") as caught:
        Writer().run(cwd=str(work))
    assert caught.value.expected == f"room to write out.bin in {work}"
    assert list(work.iterdir()) == []


def test_what_nipype_or_a_program_writes_is_said_in_a_line():
    trace = ["Traceback (most recent call last):\n", "  File x\n",
             "OSError: [Errno 28] No space left on device: '/w/_inputs.pklz'\n"]  # fmt: skip
    lines = readable_error(trace).splitlines()
    assert lines[0] == "disk full: no space left on the disk"
    assert "/w/_inputs.pklz" in lines[1] and "same command again" in lines[2]


def test_an_unforeseen_error_in_an_interface_is_its_last_line():
    trace = ("Traceback (most recent call last):\n  File a\nNodeExecutionError: Exception raised "
             "while executing Node x.\n\nTraceback:\n\tTraceback (most recent call last):\n"
             "\t  File b\n\tKeyError: 'a'\n\n")  # fmt: skip
    assert readable_error(trace) == "KeyError: 'a'"


def test_a_result_that_is_not_there_after_a_failure_is_not_its_reason():
    trace = ("Traceback (most recent call last):\n  File a\nPermissionError: [Errno 13] Permission "
             "denied: 'x'\n\nDuring handling of the above exception, another exception occurred:\n"
             "\nTraceback (most recent call last):\n  File b\nFileNotFoundError: {}\n")  # fmt: skip
    said = readable_error(trace.format("/w/two/result_two.pklz"))
    assert said == "PermissionError: [Errno 13] Permission denied: 'x'"
    assert readable_error(trace.format("/w/other")) == "FileNotFoundError: /w/other"


@pytest.mark.timeout(60)
def test_real_libraries_on_a_real_full_disk(work):
    """What each of them raises is known for what it is, and nothing is left of files."""
    import nibabel as nb

    disk = work / "disk"
    source = work / "source"
    source.write_bytes(bytes(1_000_000))
    big = np.random.default_rng(0).normal(size=(50, 50, 50))

    def hdf5(path):
        with h5py.File(path, "w") as file:
            file["x"] = big

    writers = {
        "text": lambda path: save_text("x" * 1_000_000, path),
        "copy": lambda path: save_file(source, path),
        "nifti": lambda path: nb.Nifti1Image(big, np.eye(4)).to_filename(f"{path}.nii.gz"),
        "npy": lambda path: np.save(path, big),
        "hdf5": hdf5,
    }
    with small_disk(disk, 300_000):
        for name, writer in writers.items():
            with pytest.raises(Exception) as caught:
                writer(disk / name)
            assert why_full(caught.value) == "no space left on the disk", name
            assert f"in {disk}" in disk_full(caught.value, disk).expected
            if name in ("text", "copy"):
                assert list(disk.iterdir()) == []
            for path in disk.iterdir():
                path.unlink()
