"""Simulate a small study and look at what is planted in it.

The study is a BIDS dataset; the picture shows the mean of the first run and the planted
regions. Nothing in it is from a person.

    python examples/simulate_study.py --out simulated
"""

import argparse
import json
from pathlib import Path

import nibabel as nb

from fmriprod.interfaces.simulate import SimulateStudy
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE

RUN = "task-recognition_run-1"
COLOURS = (PALETTE[5], PALETTE[1], PALETTE[2])


def main() -> None:
    """Simulate, say what is planted, and save the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("simulated"), help="output folder")
    folder = parser.parse_args().out.absolute()
    folder.mkdir(parents=True, exist_ok=True)

    simulate = SimulateStudy(out_dir=str(folder / "bids"), n_recognition_runs=1, num_threads=2)
    study = simulate.run(cwd=str(folder)).outputs
    root = Path(study.bids_dir)
    truth = json.loads(Path(study.truth_file).read_text())["subjects"]["01"]
    bold = nb.load(root / truth["runs"][RUN]["bold"])
    contours = []
    masks = truth["runs"][RUN]["masks"]
    for colour, (name, file) in zip(COLOURS, masks.items(), strict=True):
        mask = nb.load(root / file).get_fdata() > 0
        contours.append((mask, colour, name))
        print(f"{name}: {mask.sum()} voxels; {truth['regions'][name]['role']}")
    mean = bold.get_fdata(dtype="float32").mean(axis=-1)
    title = "Simulated data: mean of a run, and what is planted"
    with slices_figure(mean, bold.affine, contours=contours, title=title) as figure:
        figure.savefig(folder / "simulated_study.png")
    print(f"saved {folder / 'simulated_study.png'}")


if __name__ == "__main__":
    main()
