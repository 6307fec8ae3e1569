"""How long does `fmriprod check` take, and how long to decompress? Simulated images of noise."""

import argparse
import gzip
import tempfile
import time
from pathlib import Path

import nibabel as nb
import numpy as np

from fmriprod.interfaces.preflight import check_dataset

_EVENTS = "onset\tduration\ttrial_type\n2\t1\tface\n6\t1\thouse\n"


def image(shape: tuple[int, ...], rng: np.random.Generator) -> bytes:
    noise = rng.normal(1000, 30, size=shape).astype(np.int16)
    nifti = nb.Nifti1Image(noise, np.diag([2.0, 2.0, 2.0, 1.0]))
    nifti.header.set_xyzt_units("mm", "sec")
    if len(shape) == 4:
        nifti.header.set_zooms((2.0, 2.0, 2.0, 2.0))
    return gzip.compress(nifti.to_bytes(), compresslevel=4)


def build(root: Path, n_subjects: int, n_runs: int, bold: bytes, t1w: bytes) -> None:
    root.mkdir()
    (root / "task-x_bold.json").write_text('{"RepetitionTime": 2.0}')
    for subject in range(n_subjects):
        stem = f"sub-{subject:04d}"
        for folder in ("anat", "func"):
            (root / stem / folder).mkdir(parents=True)
        (root / stem / "anat" / f"{stem}_T1w.nii.gz").write_bytes(t1w)
        for run in range(1, n_runs + 1):
            name = f"{stem}_task-x_run-{run}"
            (root / stem / "func" / f"{name}_bold.nii.gz").write_bytes(bold)
            (root / stem / "func" / f"{name}_events.tsv").write_text(_EVENTS)


def timed(text: str, folder: Path, **options: object) -> None:
    start = time.perf_counter()
    problems = check_dataset(folder, contrasts=["face-house"], **options)
    print(f"{text}: {time.perf_counter() - start:.2f} s, {len(problems)} problems")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=200)
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        many, large = Path(folder, "many"), Path(folder, "large")
        tiny = image((4, 4, 4, 20), rng), image((4, 4, 4), rng)
        build(many, options.subjects, options.runs, *tiny)
        timed(f"{options.subjects} participants x {options.runs} runs", many)
        series = image((96, 96, 60, 150), rng)
        build(large, 1, 1, series, tiny[1])
        size = f"{len(series) / 1e6:.0f} MB"
        timed(f"one series of {size}, ends only", large)
        timed(f"one series of {size}, in full", large, full=True)


if __name__ == "__main__":
    main()
