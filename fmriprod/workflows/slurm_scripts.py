"""Texts of SLURM jobs: scripts, what a job asks for, and checks of what a person adds to them."""

import math
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shlex import join, quote
from typing import NamedTuple

from fmriprod.algorithms.checks import InputError

# Options of sbatch that would undo what makes the jobs right.
_OURS = ("--array", "-a", "--wrap", "--parsable", "--wait", "-W", "--test-only", "--job-name", "-J")
_CPUS, _MEMORY = ("--cpus-per-task", "-c"), ("--mem", "--mem-per-cpu", "--mem-per-gpu")
_LABEL, _NAME = "_fmriprod_label", "_fmriprod_name"  # no preamble has variables of these names
OWN_SHARE = 0.9  # of a job's memory that steps may declare; the driver and Python have the rest


class Request(NamedTuple):
    """What a job asks for: processors, and memory in GB (None: what the cluster gives)."""

    cpus: int
    memory_gb: float | None = None

    def options(self, given: Sequence[str] = ()) -> list[str]:
        """Options of ``sbatch``, without those that a person has given.

        Examples
        --------
        >>> Request(4, 2.5).options()
        ['--cpus-per-task=4', '--mem=2560M']
        >>> Request(4, 2.5).options(["--mem-per-cpu=1G"])
        ['--cpus-per-task=4']
        """
        options = [] if _has(given, _CPUS) else [f"--cpus-per-task={self.cpus}"]
        if self.memory_gb is not None and not _has(given, _MEMORY):
            options.append(f"--mem={math.ceil(self.memory_gb * 1024)}M")
        return options


def check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments of ``sbatch`` that would undo what makes the jobs right.

    Raises
    ------
    InputError
        For such an option, or a word with which no option begins.
    """
    for option in _OURS:
        if _has(arguments, (option,)):
            raise InputError(
                "--slurm-args", expected="options that say where and how long jobs run",
                found=option, hint="leave it out: fmriprod sets it itself",
            )  # fmt: skip
    if arguments and not arguments[0].startswith("-"):
        raise InputError(
            "--slurm-args", expected="options of sbatch", found=repr(arguments[0]),
            hint="write options with =, such as '--partition=long --time=8:00:00'",
        )  # fmt: skip


def read_preamble(path: str | Path | None) -> str:
    """Read the shell lines that each job runs first, and check them.

    Raises
    ------
    InputError
        If there is no such file, bash does not understand it, it has line ends of Windows, or
        lines that SLURM would not read there.
    """
    if path is None:
        return ""

    def refuse(found: str, hint: str) -> InputError:
        return InputError(
            "--slurm-preamble", expected="a file of shell lines", found=found, hint=hint,
            file=str(path),
        )  # fmt: skip

    try:
        text = Path(path).read_bytes().decode()
    except OSError as err:
        raise refuse(err.strerror or str(err), "name a file that can be read") from None
    except UnicodeDecodeError:
        raise refuse("no UTF-8 text", "save it as UTF-8") from None
    if "\r" in text:
        raise refuse("line ends of Windows", "save it with Unix line ends") from None
    if "\0" in text:
        raise refuse("a NUL character", "name a text file")
    if any(line.startswith("#SBATCH") for line in text.splitlines()):
        raise refuse("a line #SBATCH", "give its options with --slurm-args")
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise refuse(done.stderr.strip(), "mend it until `bash -n` says nothing")
    return text.rstrip("\n") + "\n"


def element_script(
    command: Sequence[str], request: Request, folder: str | Path, number: int, preamble: str = ""
) -> str:
    """Text of an array's script: element N works on the participant in line N of a list.

    Parameters
    ----------
    command : sequence of str
        What is run, without participant, threads and memory.
    request : Request
        What each element asks for.
    folder : path
        Folder of the submission: has ``participants-<number>.txt``; gets ``sub-<label>.log``, and
        ``ended/sub-<label>`` with the exit code.
    number : int
        Which array of the submission it is.
    preamble : str
        Shell lines that are run first.
    """
    lines = quote(f"{folder}/participants-{number}.txt")
    head = (
        f"# Element N of this array works on the participant in line N of participants-{number}.txt"
        f'\n{_LABEL}=$(sed -n "${{SLURM_ARRAY_TASK_ID}}p" <{lines}) '
        f'&& test -n "${_LABEL}" || exit 1\n{_NAME}="sub-${_LABEL}"\n'
    )
    whose = f' --participant-label "${_LABEL}"'
    return _script(head, command, request, folder, preamble, whose)


def group_script(
    command: Sequence[str], request: Request, folder: str | Path, preamble: str = ""
) -> str:
    """Text of the script of the group step; parameters as `element_script`'s."""
    return _script(f'{_NAME}="group"\n', command, request, folder, preamble, "")


def node_script(command: Sequence[str], request: Request, log_file: str, preamble: str = "") -> str:
    """Text of the script of a job that runs one node.

    Parameters
    ----------
    command : sequence of str
        What is run.
    request : Request
        What the job asks for; numerical libraries take no more threads than it has.
    log_file : str
        Where it writes what it prints.
    preamble : str
        Shell lines that are run first.
    """
    cpus = f'"${{SLURM_CPUS_PER_TASK:-{request.cpus}}}"'
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    threads = "".join(f"export {name}={cpus}\n" for name in names)
    # No exec: the shell stays, and says in the log by which signal the command was ended.
    return (
        f"#!/bin/bash\nexec >>{quote(log_file)} 2>&1 || exit 1\n"
        f'echo "== job ${{SLURM_JOB_ID:-none}} on $(hostname), $(date)"\n'
        f"{threads}{preamble}{join(command)}\nexit\n"
    )


def _script(
    head: str,
    command: Sequence[str],
    request: Request,
    folder: str | Path,
    preamble: str,
    more: str,
) -> str:
    memory = f" --mem-gb {request.memory_gb * OWN_SHARE:.2f}" if request.memory_gb else ""
    # The log is opened here, not with sbatch's --output: that one reads signs such as %j in names.
    return (
        f"#!/bin/bash\n{head}"
        f'exec >>{quote(str(folder))}/"${_NAME}.log" 2>&1 || exit 1\n'
        f'rm -f {quote(str(folder))}/ended/"${_NAME}"\n'
        'echo "== job ${SLURM_JOB_ID:-none} on $(hostname), $(date)"\n'
        f"{preamble}"
        "code=0\n"  # and not $? on the next line: a preamble may say set -e
        f'{join(command)}{more} --n-procs "${{SLURM_CPUS_PER_TASK:-{request.cpus}}}"{memory}'
        ' || code=$?\necho "== exit code $code, $(date)"\n'
        f'echo "$code" >{quote(str(folder))}/ended/"${_NAME}"\n'
        'exit "$code"\n'
    )


def _has(arguments: Sequence[str], options: Sequence[str]) -> bool:
    """Tell whether one of the options is among arguments: ``--ab=c``, ``--ab c``, ``-ac``.

    As sbatch reads them, a long one may be cut short (``--arr=1``).
    """
    for text in arguments:
        word = text.partition("=")[0]
        if word.startswith("--"):
            if len(word) > 2 and any(option.startswith(word) for option in options):
                return True
        elif any(text.startswith(option) for option in options):
            return True
    return False
