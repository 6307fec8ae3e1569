"""Simulate a small production study, and look at what is in it.

A BIDS dataset with recognition and drawing runs, a folder of parcels and surfaces as FreeSurfer
lays them out, and the truth; pictures of anatomy, regions, and time courses. No person was scanned.

    python examples/simulate_production.py --out simulated
    python examples/simulate_production.py --out simulated --subjects 8 --runs 6 4 --zoom 5
    python examples/simulate_production.py --out simulated --data ../neurosketch --subjects 31

``--data`` is the study's published repository, whose onsets the runs then have.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import nibabel as nb
import numpy as np

from fmriprod.algorithms.score import place_region
from fmriprod.algorithms.transforms import MOTION_COLUMNS, rigid_matrix
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.simulate_production import SimulateProduction
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE

SHOWN = {"V1": PALETTE[5], "V2": PALETTE[1], "LOC": PALETTE[2], "parietal": PALETTE[3],
         "hipp": PALETTE[4]}  # fmt: skip


def main() -> None:
    """Simulate, say what is planted, and save the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("simulated"), help="output folder")
    parser.add_argument("--data", type=Path, help="the study's published repository")
    parser.add_argument("--subjects", type=int, default=1)
    parser.add_argument("--runs", type=int, nargs=2, default=(1, 1), help="recognition, drawing")
    parser.add_argument("--zoom", type=float, default=6.0, help="voxel size of the series in mm")
    given = parser.parse_args()
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)

    simulate = SimulateProduction(
        out_dir=str(folder / "bids"),
        n_subjects=given.subjects,
        n_recognition_runs=given.runs[0],
        n_drawing_runs=given.runs[1],
        bold_zoom=given.zoom,
        bold_shape=[int(np.ceil(mm / given.zoom)) for mm in (180, 210, 170)],
        num_threads=2,
    )
    if given.data:
        simulate.inputs.design_dir = str(given.data.absolute())
    study = simulate.run(cwd=str(folder)).outputs
    truth = json.loads(Path(study.truth_file).read_text())
    print("These data are simulated; no person was scanned.")
    for name, what in truth["expected"]["accuracy"].items():
        print(f"  {name}: expect accuracy {'above' if what['pre'] else 'at'} chance")
    look(folder, Path(study.bids_dir), *next(iter(truth["subjects"].items())))


def look(folder: Path, root: Path, label: str, person: dict) -> None:
    """Save pictures of a participant's anatomy and of one run."""
    t1w = nb.load(root / f"sub-{label}/anat/sub-{label}_T1w.nii.gz")
    masks = {k: nb.load(root / person["regions"][k]["t1w_mask"]).get_fdata() > 0 for k in SHOWN}
    contours = [(mask, SHOWN[name], name) for name, mask in masks.items()]
    title = "Simulated data: T1w image and regions"
    with slices_figure(t1w.get_fdata(), t1w.affine, contours=contours, title=title) as figure:
        figure.savefig(folder / "anatomy.png")
    run = next((r for r in person["runs"].values() if r["task"] == "drawing"), None)
    if run is None:
        return
    bold = nb.load(root / run["bold"])
    series = bold.get_fdata(dtype="float32")
    motion = read_table(root / run["motion"], "motion")[list(MOTION_COLUMNS)].to_numpy(float)
    pose = rigid_matrix(motion, person["centre"])[0]
    grid = (series.shape[:3], bold.affine, pose)
    there = {k: place_region(mask, t1w.affine, *grid) for k, mask in masks.items()}
    contours = [(mask, SHOWN[name], name) for name, mask in there.items()]
    title = "Simulated data: mean of a drawing run"
    with slices_figure(series.mean(-1), bold.affine, contours=contours, title=title) as figure:
        figure.savefig(folder / "bold.png")
    figure, axis = plt.subplots(figsize=(10, 4), layout="constrained")
    seconds = np.arange(series.shape[3]) * float(bold.header.get_zooms()[3])
    for name in ("LOC", "parietal", "hipp"):
        course = series[there[name]].mean(axis=0)
        axis.plot(seconds, 100 * (course / course.mean() - 1), color=SHOWN[name], label=name)
    for row in read_table(root / run["events"], "events").itertuples():
        axis.axvspan(row.onset, row.onset + row.duration, color="0.9", zorder=0)
    axis.set(xlabel="s", ylabel="signal change (%)", title="Simulated: means of regions")
    axis.legend(frameon=False)
    figure.savefig(folder / "courses.png", dpi=110)
    print(f"saved {folder}/anatomy.png, bold.png, courses.png")


if __name__ == "__main__":
    main()
