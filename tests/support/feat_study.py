"""The whole design of Fan et al. (2020) on tiny images of noise: what FEAT's settings need."""

from pathlib import Path

import nibabel as nb

from fmriprod.interfaces.study_folder import READY
from support.bids import DESCRIPTION, image_bytes, write_tree
from support.heads import simulated_head

LENGTHS = {"recognition": 240, "drawing": 308}
OBJECTS = ("bed", "bench", "chair", "table")
_UNFED = ("[task_mask]", "[[evidence]]", "[connectivity]", "[differentiation]")


def write_feat_study(work: Path, pairs: dict[str, tuple[str, str]]) -> Path:
    """Write a dataset of ten runs a participant under ``work/bids``; T1w images are heads."""
    rows = [f"sub-{subject}\t{one}\t{two}\n" for subject, (one, two) in pairs.items()]
    tree = {
        "dataset_description.json": DESCRIPTION,
        "README": "Simulated noise.\n",
        "participants.tsv": "participant_id\ttrained_1\ttrained_2\n" + "".join(rows),
    }
    head, affine = simulated_head(3, 2)
    t1w = nb.Nifti1Image(head.t1w.astype("int16"), affine)
    t1w.header.set_xyzt_units("mm")
    for subject, pair in pairs.items():
        home = f"sub-{subject}"
        tree[f"{home}/anat/{home}_T1w.nii"] = t1w.to_bytes()
        for task, n_runs in (("recognition", 6), ("drawing", 4)):
            for run in range(1, n_runs + 1):
                stem = f"{home}/func/{home}_task-{task}_run-{run}"
                shape = (4, 5, 6, LENGTHS[task])
                tree[f"{stem}_bold.nii.gz"] = image_bytes(shape, tr=1.5, seed=run)
                tree[f"{stem}_bold.json"] = {"RepetitionTime": 1.5, "TaskName": task}
                tree[f"{stem}_events.tsv"] = events_text(task, run, pair)
    return write_tree(work / "bids", tree)


def events_text(task: str, run: int, pair: tuple[str, str]) -> str:
    """Events of a run: recognition every 4.35 s from 3 s on, drawing every 45 s from 1.5 s on."""
    names = pair if task == "drawing" else OBJECTS
    first, step, count = (1.5, 45.0, 10) if task == "drawing" else (3.0, 4.35, 80)
    length = 34.5 if task == "drawing" else 1.0
    rows = [
        f"{first + step * i:.2f}\t{length}\t{names[(i + run) % len(names)]}" for i in range(count)
    ]
    return "\n".join(["onset\tduration\ttrial_type", *rows]) + "\n"


def standard_space(work: Path) -> Path:
    """Write head and brain of a standard space as FSL has them; return the folder of FSL."""
    folder = work / "fsldir" / "data" / "standard"
    names = ("MNI152_T1_2mm.nii.gz", "MNI152_T1_2mm_brain.nii.gz")
    write_tree(folder, {name: image_bytes() for name in names})
    return work / "fsldir"


def fan_study(*changes: tuple[str, str], maps_only: bool = False) -> str:
    """Text of the ready study file with changes; ``maps_only`` leaves out what FEAT cannot feed."""
    text = (READY / "fan2020.toml").read_text()
    if maps_only:
        blocks = text.split("\n\n")
        text = "\n\n".join(b for b in blocks if not b.startswith(_UNFED))
        text = "\n".join(line for line in text.splitlines() if "& task" not in line)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
