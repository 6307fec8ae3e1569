"""A small simulated study, quick to make."""

from pathlib import Path

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
