"""Stand-ins for FSL's programs: they write matrices that a test planted, and nothing else."""

import os
import stat
from pathlib import Path

import numpy as np

_SCRIPT = """#!{python}
import pathlib, shutil, sys
args = sys.argv[1:]
pathlib.Path("{log}").write_text(" ".join(args))
planted = pathlib.Path("{planted}")
out = pathlib.Path(args[args.index("-out") + 1])
out.write_bytes(b"moved")
if "-omat" in args:
    shutil.copy(planted / "MAT_0000", args[args.index("-omat") + 1])
if "-mats" in args:
    shutil.copytree(planted, str(out) + ".mat")
"""


def install(folder: Path, program: str, matrices: np.ndarray, monkeypatch) -> Path:
    """Put a fake program first on the PATH; return the file that its arguments go to."""
    import sys

    planted = folder / "planted"
    planted.mkdir()
    for number, matrix in enumerate(matrices):
        np.savetxt(planted / f"MAT_{number:04d}", matrix, fmt="%.12f")
    fake, log = folder / "bin" / program, folder / "arguments.txt"
    fake.parent.mkdir()
    fake.write_text(_SCRIPT.format(python=sys.executable, log=log, planted=planted))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    return log
