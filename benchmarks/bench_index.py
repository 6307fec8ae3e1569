"""How long does the index of a large dataset take? Run: python benchmarks/bench_index.py."""

import argparse
import tempfile
import time
from pathlib import Path

from fmriprod.interfaces.bids_index import index_dataset


def build(root: Path, n_subjects: int, n_runs: int) -> int:
    n_files = 0
    for subject in range(n_subjects):
        stem = f"sub-{subject:04d}"
        for folder in ("anat", "func"):
            (root / stem / folder).mkdir(parents=True)
        names = [f"anat/{stem}_T1w.nii.gz", f"anat/{stem}_T1w.json"]
        for run in range(1, n_runs + 1):
            name = f"func/{stem}_task-draw_run-{run:02d}"
            names += [f"{name}_bold.nii.gz", f"{name}_bold.json", f"{name}_events.tsv"]
        for name in names:
            (root / stem / name).touch()
        n_files += len(names)
    return n_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        n_files = build(Path(folder), options.subjects, options.runs)
        for attempt in ("first", "second"):
            start = time.perf_counter()
            index = index_dataset(folder)
            seconds = time.perf_counter() - start
            print(f"{attempt}: {n_files} files, {len(index.runs)} runs in {seconds:.2f} s")
        start = time.perf_counter()
        index.select(participants=["0007"], tasks=["draw"])
        print(f"select: {1000 * (time.perf_counter() - start):.1f} ms")


if __name__ == "__main__":
    main()
