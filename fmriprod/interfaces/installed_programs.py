"""Which programs that are not Python's are installed, and what they add."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from fmriprod.interfaces.dcm2niix import find_program, program_version
from fmriprod.interfaces.program_versions import program_versions

_TIMEOUT_S = 20  # a program that hangs (SLURM without its controller) is not waited for


@dataclass(frozen=True)
class Program:
    """A program, or a family of them.

    Attributes
    ----------
    name : str
        As people call it.
    state : str
        ``ok``, ``missing``, or ``incomplete``: something of it is there, and not all.
    version : str
        Empty where it is missing or does not say.
    place : str
        Its file or folder.
    problem : str
        What is lacking, where it is incomplete.
    adds : str
        What can be done with it.
    """

    name: str
    state: str
    version: str
    place: str
    problem: str
    adds: str


def installed_programs() -> list[Program]:
    """Look up each program that a step or command of this package can use.

    None is needed. Programs are asked for their version and nothing else; SLURM also whether
    its controller answers.

    Returns
    -------
    list of Program
    """
    return [_fsl(), _freesurfer(), _ants(), _dcm2niix(), _slurm(), _cuda()]


def _fsl() -> Program:
    parts = ("bet", "flirt", "mcflirt", "fnirt", "feat")
    adds = 'engines bet, mcflirt, flirt, fnirt; FEAT for engine = "fsl" in a study\'s file'
    home = os.environ.get("FSLDIR", "")
    problem = _lacking(parts)
    if not problem and not Path(home, "data", "standard").is_dir():
        problem = "FSLDIR is not FSL's folder, so FEAT finds no standard brain"
    there = any(map(shutil.which, parts)) or bool(home)
    version = program_versions(["fsl"])["FSL"] if there else ""
    return _program("FSL", there, version, home or _folder(parts), problem, adds)


def _freesurfer() -> Program:
    adds = "recon-all, where participants have no FreeSurfer folders yet"
    home = os.environ.get("FREESURFER_HOME", "")
    program = shutil.which("recon-all")
    problem = "" if program else "recon-all is not on the PATH: source SetUpFreeSurfer.sh"
    if program and _licence(home) is None:
        problem = "no licence: FS_LICENSE names no file, and FREESURFER_HOME holds no license.txt"
    version = ""
    for name in ("VERSION.txt", "build-stamp.txt"):
        stamp = Path(home, name)
        if home and stamp.is_file():
            lines = stamp.read_text(encoding="utf-8", errors="replace").splitlines()
            version = _number(lines[0]) if lines else ""
            break
    there = bool(program) or bool(home)
    return _program("FreeSurfer", there, version, home or _folder(["recon-all"]), problem, adds)


def _licence(home: str) -> Path | None:
    """Find FreeSurfer's licence, where FreeSurfer itself looks for it."""
    given = os.environ.get("FS_LICENSE", "")
    files = [Path(given)] if given else []
    if home:
        files += [Path(home, "license.txt"), Path(home, ".license")]
    return next((file for file in files if file.is_file()), None)


def _ants() -> Program:
    parts = ("antsRegistration", "antsRegistrationSyNQuick.sh", "antsBrainExtraction.sh")
    there = any(map(shutil.which, parts))
    version = program_versions(["ants"])["ANTs"] if shutil.which(parts[0]) else ""
    adds = "engine ants of skull stripping and normalization"
    return _program("ANTs", there, version, _folder(parts), _lacking(parts), adds)


def _dcm2niix() -> Program:
    place = find_program()
    version = program_version(place).lstrip("v") if place else ""
    return _program("dcm2niix", bool(place), version, place or "", "", "fmriprod convert")


def _slurm() -> Program:
    parts = ("sbatch", "squeue", "scancel", "sinfo")
    problem = _lacking(parts)
    there = any(map(shutil.which, parts))
    version = _number(_said(["sbatch", "--version"])[1]) if shutil.which("sbatch") else ""
    if there and not problem and _said(["sinfo", "--noheader", "--format=%m"])[0]:
        problem = "the cluster does not answer"
    adds = "--engine slurm: a job for each participant"
    return _program("SLURM", there, version, _folder(parts), problem, adds)


def _cuda() -> Program:
    code, said = _said(["nvidia-smi", "-L"])
    cards = re.findall(r"^GPU \d+: ([^(\n]+?) \(", said, re.M) if code == 0 else []
    built = _torch_cuda()
    problem = ""
    if built is None:
        problem = "PyTorch is not installed: pip install 'fmriprod[cnn]'"
    elif not built:
        problem = "PyTorch is built for processors alone: install a build with CUDA"
    adds = "device cuda: networks and encoding on a graphics card"
    return _program("CUDA", bool(cards), built or "", ", ".join(cards), problem, adds)


def _torch_cuda() -> str | None:
    """CUDA version that PyTorch is built for, read from its files: its import takes seconds.

    Returns
    -------
    str or None
        Empty for a build without CUDA, none where there is no PyTorch.
    """
    try:
        file = Path(str(distribution("torch").locate_file("torch/version.py")))
        text = file.read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError):
        return None
    found = re.search(r"^cuda\b[^=\n]*= *'([\d.]+)'", text, re.M)
    return found[1] if found else ""


def _program(name: str, there: bool, version: str, place: str, problem: str, adds: str) -> Program:
    if not there:
        return Program(name, "missing", "", "", "", adds)
    state = "incomplete" if problem else "ok"
    return Program(name, state, version, place, problem, adds)


def _lacking(programs: Sequence[str]) -> str:
    absent = [program for program in programs if shutil.which(program) is None]
    return f"not on the PATH: {', '.join(absent)}" if absent else ""


def _folder(programs: Sequence[str]) -> str:
    place = next(filter(None, map(shutil.which, programs)), None)
    return str(Path(place).parent) if place else ""


def _number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else ""


def _said(command: list[str]) -> tuple[int, str]:
    """Exit code and output of a program; a code that is not 0 where it cannot be run."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, done.stdout
