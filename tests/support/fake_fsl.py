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


_FEAT = """#!{python}
import pathlib, re, sys
text = pathlib.Path(sys.argv[1]).read_text()
value = lambda name: re.search(r'set fmri\\(' + name + r'\\) "?([^"\\n]*)', text).group(1)
out = pathlib.Path(value("outputdir"))
first = value("level") == "1"
n = int(value("ncon_real" if first else "ncopeinputs"))
lower = [] if first else re.findall(r'set feat_files\\(\\d+\\) "([^"]*)"', text)
if not all((pathlib.Path(f) / "reg/example_func2standard.mat").is_file() for f in lower):
    sys.exit()  # FEAT ends without an error code
if first:
    (out / "reg").mkdir(parents=True)
    (out / "reg/example_func2standard.mat").write_text("made")
for i in range(1, n + 1):
    stats = out / "stats" if first else out / ("cope%d.feat" % i) / "stats"
    stats.mkdir(parents=True, exist_ok=True)
    for kind in ("cope", "varcope", "zstat"):
        (stats / ("%s%d.nii.gz" % (kind, i if first else 1))).write_text("made")
if first and not {broken}:
    (out / "filtered_func_data.nii.gz").write_text("made")
(out / "report_log.html").write_text("Error: flirt could not be run")
"""


def install_feat(folder: Path, monkeypatch, *, broken: bool = False) -> None:
    """Put a fake FEAT first on the PATH: it makes the files that its settings ask for.

    A second level makes nothing where a first level has no registration.

    A broken one leaves the filtered series out, and ends without an error code, as FEAT does.
    """
    import sys

    fake = folder / "bin" / "feat"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text(_FEAT.format(python=sys.executable, broken=broken))
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
