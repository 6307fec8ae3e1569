"""Small production studies: one to be run from file to report, and one of noise to be planned."""

from pathlib import Path

from fmriprod.interfaces.study_folder import READY
from support.bids import DESCRIPTION, image_bytes, write_tree

STRONG = {"pattern": 3.0, "drawing": 2.0, "connectivity": 5.0}
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


_SURFACE = ("label/{}.V1_exvivo.label", "label/{}.V2_exvivo.label",
            "label/{}.perirhinal_exvivo.label", "surf/{}.white", "surf/{}.thickness")  # fmt: skip
_PAIRS = {"sub-01": ("bed", "chair"), "sub-02": ("table", "bench")}
_VOLUMES = {"recognition": 40, "drawing": 60}


def tiny_subjects_dir(folder: Path) -> Path:
    """Folders of FreeSurfer of two participants with all files, empty: plans do not read them."""
    names = [name.format(side) for name in _SURFACE for side in ("lh", "rh")]
    names.append("mri/aparc+aseg.mgz")
    return write_tree(folder, {f"{home}/{name}": None for home in _PAIRS for name in names})


def tiny_dataset(folder: Path) -> Path:
    """Two participants of noise with all runs of the ready study, a few volumes each."""
    tree = {"dataset_description.json": DESCRIPTION, "README": "Simulated noise.\n"}
    rows = ["\t".join((home, *pair)) for home, pair in _PAIRS.items()]
    tree["participants.tsv"] = "participant_id\ttrained_1\ttrained_2\n" + "\n".join(rows) + "\n"
    seed = 0
    for home, pair in _PAIRS.items():
        tree[f"{home}/anat/{home}_T1w.nii.gz"] = image_bytes(seed=seed)
        for task, n_runs in (("recognition", 6), ("drawing", 4)):
            for run in range(1, n_runs + 1):
                stem = f"{home}/func/{home}_task-{task}_run-{run}"
                seed += 1
                shape = (4, 5, 6, _VOLUMES[task])
                tree[f"{stem}_bold.nii.gz"] = image_bytes(shape, tr=1.5, seed=seed)
                tree[f"{stem}_bold.json"] = {"RepetitionTime": 1.5, "TaskName": task}
                names = pair if task == "drawing" else ["bed", "bench", "chair", "table"]
                step, length = (37.5, 34.5) if task == "drawing" else (3.0, 1.0)
                events = [f"{1.5 + step * i}\t{length}\t{n}" for i, n in enumerate(names)]
                table = "onset\tduration\ttrial_type\n" + "\n".join(events) + "\n"
                tree[f"{stem}_events.tsv"] = table
    return write_tree(folder, tree)
