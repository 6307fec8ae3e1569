"""What is installed: with fake programs, fake packages, and a fake machine."""

import importlib.metadata
import os
import stat
import sys
from importlib.metadata import version

import pytest

from fmriprod.interfaces import installed_libraries as libraries
from fmriprod.interfaces import installed_programs as programs
from fmriprod.interfaces import machine
from fmriprod.interfaces.program_versions import program_versions

VARIABLES = ("FSLDIR", "FREESURFER_HOME", "FS_LICENSE")
FSL = ("bet", "flirt", "mcflirt", "fnirt", "feat")


def package(folder, name, requires=(), number="1.0", module=""):
    """Put a package of a name into a folder that Python looks in."""
    info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n")
    if module:
        (folder / f"{name.replace('-', '_')}.py").write_text(module)


@pytest.fixture
def packages(work, monkeypatch):
    monkeypatch.syspath_prepend(str(work / "site"))
    monkeypatch.setenv("PYTHONPATH", str(work / "site"))
    return work / "site"


@pytest.fixture
def empty(work, monkeypatch):
    """A machine without any program, and a folder of programs to put some in."""
    folder = work / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(programs, "find_program", lambda: None)
    return folder


def program(folder, name, says="", code=0):
    """Put a program that says something into a folder."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{says}\nEND\nexit {code}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def found(name):
    (one,) = (p for p in programs.installed_programs() if p.name == name)
    return one


def test_each_library_is_judged_by_its_own_bounds(packages):
    package(packages, "good-one", number="2.13.0+cpu")
    package(packages, "old-one", number="1.9.2")
    package(packages, "new-one", number="3.0")
    package(packages, "mine", [
        "good-one>=2.2", "old-one>=1.10", "absent-one", 'new-one<3,>=2; extra == "cnn"',
        'absent-two>=1; extra == "dask"', 'pytest; extra == "test"', 'ruff; extra == "dev"',
        'absent-three; extra == "all"', 'sphinx; extra == "docs"',
    ])  # fmt: skip
    facts = [(x.name, x.version, x.state, x.extra) for x in libraries.installed_libraries("mine")]
    assert facts == [
        ("absent-one", None, "missing", None),
        ("good-one", "2.13.0+cpu", "ok", None),
        ("old-one", "1.9.2", "other version", None),
        ("new-one", "3.0", "other version", "cnn"),
        ("absent-two", None, "missing", "dask"),
    ]


def test_a_library_that_cannot_be_imported_is_broken(packages):
    package(packages, "fine", module="x = 1\n")
    package(packages, "torn-one", module="raise ImportError('compiled for another NumPy')\n")
    package(packages, "crashing", module="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    package(packages, "mine", ["fine", "torn-one", "crashing"])
    unseen = {x.name: x.state for x in libraries.installed_libraries("mine")}
    assert set(unseen.values()) == {"ok"}
    seen = {x.name: (x.state, x.error) for x in libraries.installed_libraries("mine", imports=True)}
    assert seen == {
        "fine": ("ok", ""),
        "torn-one": ("broken", "ImportError: compiled for another NumPy"),
        "crashing": ("broken", "import crashing ended with code -9"),
    }


@pytest.mark.parametrize(
    ("number", "bounds", "holds"),
    [
        ("2.0.0", ">=2.0", True), ("2.0", ">=2.0.0", True), ("1.10", ">=1.9", True),
        ("1.9", ">=1.10", False), ("3.0", ">=2,<3", False), ("2.99.1", ">=2,<3", True),
        ("2.13.0+cpu", "==2.13.0", True), ("2026.8.0", ">=2024.8", True), ("1.2", "!=1.2", False),
        ("1.2", "", True), ("1.2", ">1.2", False), ("1.2", "<=1.2", True),
        ("1.0.20260724", ">=1.0.20250506", True),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(number, bounds, holds):
    assert libraries.within(number, bounds) is holds
    specifiers = pytest.importorskip("packaging.specifiers")
    assert specifiers.SpecifierSet(bounds).contains(number.split("+")[0]) is holds


def test_this_package_is_read_whole():
    """As `packaging` reads it."""
    requirements = pytest.importorskip("packaging.requirements")
    for text in importlib.metadata.requires("fmriprod"):
        there = requirements.Requirement(text)
        name, bounds, extra = libraries.read_requirement(text)
        assert name == there.name
        assert set(bounds.split(",")) - {""} == {str(one) for one in there.specifier}
        assert (extra is not None) is (there.marker is not None)
    here = {x.name.lower(): x for x in libraries.installed_libraries()}
    assert here["numpy"].version == version("numpy")
    assert here["numpy"].state == "ok"
    assert libraries.installed_libraries("no-such-package") == []


def test_a_bare_machine_has_no_program(empty):
    everything = programs.installed_programs()
    assert [p.name for p in everything] == [
        "FSL", "FreeSurfer", "ANTs", "dcm2niix", "SLURM", "CUDA"
    ]  # fmt: skip
    assert {p.state for p in everything} == {"missing"}
    assert all(p.adds and not p.problem and not p.place for p in everything)


def test_fsl_whole_in_part_and_without_its_folder(empty, work, monkeypatch):
    for name in FSL[:-1]:
        program(empty, name)
    assert found("FSL").state == "incomplete"
    assert found("FSL").problem == "not on the PATH: feat"
    program(empty, "feat")
    assert found("FSL").problem == "FSLDIR is not FSL's folder, so FEAT finds no standard brain"
    home = work / "fsl"
    (home / "etc").mkdir(parents=True)
    (home / "etc" / "fslversion").write_text("6.0.7.7:abcdef\n")
    (home / "data" / "standard").mkdir(parents=True)
    monkeypatch.setenv("FSLDIR", str(home))
    fsl = found("FSL")
    assert (fsl.state, fsl.version, fsl.place) == ("ok", "6.0.7.7", str(home))
    assert fsl.problem == ""
    monkeypatch.setenv("PATH", "")
    assert found("FSL").state == "incomplete"


def test_freesurfer_needs_a_licence(empty, work, monkeypatch):
    program(empty, "recon-all")
    home = work / "freesurfer"
    home.mkdir()
    (home / "build-stamp.txt").write_text(
        "freesurfer-linux-ubuntu22_x86_64-7.4.1-20230614-7eb8460\n"
    )
    monkeypatch.setenv("FREESURFER_HOME", str(home))
    assert found("FreeSurfer").state == "incomplete"
    assert found("FreeSurfer").problem.startswith("no licence")
    monkeypatch.setenv("FS_LICENSE", str(work / "none.txt"))
    assert found("FreeSurfer").state == "incomplete"
    (home / "license.txt").write_text("x")
    assert found("FreeSurfer").version == "7.4.1"
    assert (found("FreeSurfer").state, found("FreeSurfer").problem) == ("ok", "")
    (empty / "recon-all").unlink()
    assert "recon-all is not on the PATH" in found("FreeSurfer").problem


def test_ants_says_its_version(empty):
    program_versions.__globals__["_ants_version"].cache_clear()
    program(empty, "antsRegistration", "ANTs Version: 2.5.3.dev7-gabc\nCompiled: today")
    assert found("ANTs").state == "incomplete"
    for name in ("antsRegistrationSyNQuick.sh", "antsBrainExtraction.sh"):
        program(empty, name)
    ants = found("ANTs")
    assert (ants.state, ants.version) == ("ok", "2.5.3.dev7-gabc")
    assert ants.place == str(empty)


def test_dcm2niix_that_the_package_brings(empty, monkeypatch):
    program(empty, "dcm2niix", "Chris Rorden's dcm2niiX version v1.0.20250505")
    monkeypatch.setattr(programs, "find_program", lambda: str(empty / "dcm2niix"))
    assert (found("dcm2niix").state, found("dcm2niix").version) == ("ok", "1.0.20250505")


def test_slurm_without_an_answer_is_incomplete(empty):
    program(empty, "sbatch", "slurm 23.02.3")
    assert found("SLURM").problem == "not on the PATH: squeue, scancel, sinfo"
    for name in ("squeue", "scancel"):
        program(empty, name)
    program(empty, "sinfo", "slurm_load_partitions: Unable to contact", code=1)
    slurm = found("SLURM")
    assert (slurm.state, slurm.problem) == ("incomplete", "the cluster does not answer")
    program(empty, "sinfo", "128000")
    assert (found("SLURM").state, found("SLURM").version) == ("ok", "23.02.3")


def test_a_program_that_hangs_is_not_waited_for(empty, monkeypatch):
    for name in ("sbatch", "squeue", "scancel"):
        program(empty, name, "slurm 23.02.3")
    file = empty / "sinfo"
    file.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    file.chmod(0o755)
    monkeypatch.setattr(programs, "_TIMEOUT_S", 0.2)
    assert found("SLURM").problem == "the cluster does not answer"


CARDS = "GPU 0: Some Card 80GB (UUID: GPU-1-2)\nGPU 1: Some Card 80GB (UUID: GPU-3-4)"


@pytest.mark.parametrize(
    ("cuda", "state", "problem"),
    [("'12.4'", "ok", ""), ("None", "incomplete", "PyTorch is built for processors alone")],
)
def test_a_card_needs_a_build_of_pytorch(cuda, state, problem, empty, packages):
    program(empty, "nvidia-smi", CARDS)
    package(packages, "torch", number="2.6.0")
    (packages / "torch").mkdir()
    text = f"from typing import Optional\n__version__ = '2.6.0'\ncuda: Optional[str] = {cuda}\n"
    (packages / "torch" / "version.py").write_text(text)
    card = found("CUDA")
    assert (card.state, card.place) == (state, "Some Card 80GB, Some Card 80GB")
    assert card.problem.startswith(problem)
    assert bool(card.problem) is bool(problem)


def test_a_driver_without_cards_is_none(empty):
    program(empty, "nvidia-smi", "NVIDIA-SMI has failed", code=9)
    assert found("CUDA").state == "missing"


def test_a_card_without_pytorch(empty, monkeypatch):
    program(empty, "nvidia-smi", CARDS)

    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(programs, "distribution", absent)
    assert "fmriprod[cnn]" in found("CUDA").problem


def test_memory_is_that_of_the_container_where_it_is_less(work):
    info, limit = work / "meminfo", work / "max"
    info.write_text(
        "MemTotal:  16000000 kB\nMemFree: 1 kB\nMemAvailable: 8000000 kB\nHugePages_Total: 0\n"
    )
    assert machine._memory(info, limit) == pytest.approx((16.384, 8.192))
    limit.write_text("max\n")
    assert machine._memory(info, limit) == pytest.approx((16.384, 8.192))
    limit.write_text("4000000000\n")
    assert machine._memory(info, limit) == pytest.approx((4.0, 4.0))
    assert machine._memory(work / "none", limit) == (None, None)


def test_facts_of_the_machine(work):
    facts = machine.machine_facts(work / "not" / "there" / "yet")
    (size,) = facts["free_gb"].values()
    disk = os.statvfs(work)
    assert size == pytest.approx(disk.f_bavail * disk.f_frsize / 1e9, rel=0.2)
    assert 1 <= facts["cores"] <= os.cpu_count()
    threads = [blas["threads"] for blas in facts["blas"]]
    assert threads
    assert all(1 <= n <= 1024 for n in threads)
    assert machine.python_version() == ".".join(map(str, sys.version_info[:3]))
