"""A small simulated production study: study file and dataset for runs from file to report."""

from pathlib import Path

from fmriprod.workflows.study_file import READY

STRONG = {"pattern": 3.0, "drawing": 2.0, "connectivity": 3.0}
REGIONS = ("V1", "V2", "LOC", "hipp")
_CHANGES = (
    ("pre = { task", "#pre = { task"),
    ("post = { task = \"recognition\", runs = [5, 6] }",
     "post = { task = \"recognition\", runs = [3, 4] }"),
    ("runs = [1, 2, 3, 4] }", "runs = [1, 4] }"),
    ("voxel_size = 2.0", "voxel_size = 5.0"),
    ('test = "pre"', 'test = "localizer"'),
    ('before = "pre"', 'before = "localizer"'),
    ('["V1", "V2", "LOC", "IT", "fusiform", "parahippo", "PRC", "ento", "hipp"]',
     '["V1", "V2", "LOC", "hipp"]'),
    ("[connectivity]\n", "[connectivity]\nversions = [\"allruns\"]\n"),
    ("n_bootstrap = 10000", "n_bootstrap = 1000"),
)  # fmt: skip


def study_text(*changes: tuple[str, str]) -> str:
    """Text of the ready study file with four runs of recognition and two of drawing.

    Drawing runs 1 and 4 are on either side of the change of connectivity; ``changes`` are
    pairs of text that is there and text instead.
    """
    text = (READY / "fan2020.toml").read_text()
    for old, new in (*_CHANGES, *changes):
        assert old in text, old
        text = text.replace(old, new)
    return text


def simulate_small(folder: Path, **options) -> tuple[Path, Path]:
    """Simulate two people with strong effects on a coarse grid; dataset and SUBJECTS_DIR."""
    from fmriprod.interfaces.simulate_production import SimulateProduction

    settings = {
        "n_subjects": 2, "n_recognition_runs": 4, "n_drawing_runs": 4, "t1w_zoom": 3,
        "bold_zoom": 7.0, "bold_shape": [26, 30, 25], "subdivisions": 5, "num_threads": 2,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    made = SimulateProduction(
        out_dir=str(folder / "bids"), **settings | STRONG | options
    ).run(cwd=str(folder)).outputs  # fmt: skip
    raw = Path(made.bids_dir)
    for number in (2, 3):  # of drawing, which a small study can do without
        for path in raw.glob(f"sub-*/func/*_task-drawing_run-*{number}_*"):
            path.unlink()
    (folder / "study.toml").write_text(study_text())
    return raw, Path(made.subjects_dir)
