"""A small simulated study, quick to make."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fmriprod.interfaces.simulate import SimulateStudy

SMALL = {
    "n_volumes": 60,
    "t1w_zoom": 3,
    "bold_zoom": 6.0,
    "bold_shape": [30, 36, 28],
    "n_recognition_runs": 1,
}
STRONG = {"n_recognition_runs": 2, "n_production_runs": 0, "pattern": 0.03}


def simulate(folder: Path, **options) -> Path:
    """Write a study of one person, small and with strong effects; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = SMALL | STRONG | options
    made = SimulateStudy(out_dir=str(folder / "bids"), **settings).run(cwd=str(folder))
    return Path(made.outputs.bids_dir)


def validate(folder):
    """Run the BIDS validator on a folder; skip the test where there is none."""
    program = Path(sys.executable).with_name("bids-validator-deno")
    program = program if program.exists() else shutil.which("bids-validator-deno")
    if program is None:
        pytest.skip("bids-validator-deno is not installed (pip install fmriprod[test])")
    done = subprocess.run([program, "--json", folder], capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout)


def checksums(folder):
    """Digest of every file of a folder, by its relative path."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
