"""Simulate a small study and look at what is planted in it.

Run it with ``python examples/simulate_study.py [PICTURE]``. The study is written to a
temporary folder as a BIDS dataset; the picture shows the mean of the first run and the
planted regions. Nothing in it is from a person.
"""

import json
import sys
import tempfile
from pathlib import Path

import nibabel as nb

from fmriprod.interfaces.simulate import SimulateStudy
from fmriprod.reports.slices import slices_figure
from fmriprod.reports.style import PALETTE

RUN = "task-recognition_run-1"
COLOURS = (PALETTE[5], PALETTE[1], PALETTE[2])


def main(picture: str = "simulated_study.png") -> None:
    """Simulate, say what is planted, and save the picture."""
    with tempfile.TemporaryDirectory() as folder:
        simulate = SimulateStudy(out_dir=f"{folder}/study", n_recognition_runs=1, num_threads=2)
        study = simulate.run(cwd=folder).outputs
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
            figure.savefig(picture)
    print(f"saved {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
