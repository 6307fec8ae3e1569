"""How long does the index of many derivatives take? Run: python benchmarks/bench_fmriprep_index.py.

Empty files under the names of a simulated study, as fMRIPrep 23 writes them.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.fmriprep_index import index_derivatives

ANAT = ("desc-preproc_T1w.nii.gz", "desc-brain_mask.nii.gz", "dseg.nii.gz",
        "from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5")  # fmt: skip
FUNC = (
    "desc-confounds_timeseries.tsv", "desc-confounds_timeseries.json",
    "from-boldref_to-T1w_mode-image_desc-coreg_xfm.txt", "desc-hmc_boldref.nii.gz",
    *(f"{space}_{end}" for space in ("space-T1w", "space-MNI152NLin2009cAsym_res-2")
      for end in ("desc-preproc_bold.nii.gz", "desc-preproc_bold.json",
                  "desc-brain_mask.nii.gz", "boldref.nii.gz")),
)  # fmt: skip


def build(root: Path, n_subjects: int, n_runs: int) -> int:
    maker = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "fMRIPrep"}]}
    (root / "dataset_description.json").write_text(json.dumps({"Name": "simulated", **maker}))
    n_files = 0
    for subject in range(n_subjects):
        stem = f"sub-{subject:04d}"
        for folder in ("anat", "func"):
            (root / stem / folder).mkdir(parents=True)
        names = [f"anat/{stem}_{end}" for end in ANAT]
        for run in range(1, n_runs + 1):
            names += [f"func/{stem}_task-draw_run-{run:02d}_{end}" for end in FUNC]
        for name in names:
            (root / stem / name).touch()
        n_files += len(names)
    return n_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        n_files = build(Path(folder), options.subjects, options.runs)
        for attempt in ("first", "second"):
            start = time.perf_counter()
            index = index_derivatives(folder)
            seconds = time.perf_counter() - start
            n_runs = sum(map(len, index.runs.values()))
            print(f"{attempt}: {n_files} files, {n_runs} runs in {seconds:.2f} s")
        name = "sub-0007_task-draw_run-1_bold.nii.gz"
        start = time.perf_counter()
        index.space_of(Run(parse_name(name), name), "T1w")
        print(f"one run: {1000 * (time.perf_counter() - start):.2f} ms")


if __name__ == "__main__":
    main()
