"""Small BIDS trees for tests: a dictionary of contents becomes files."""

import json
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np

EVENTS = (
    "onset\tduration\ttrial_type\n"
    "2.0\t4.0\tface\n10.0\t4.0\thouse\n18.0\t4.0\tface\n26.0\t4.0\thouse\n"
)
DESCRIPTION = {"Name": "simulated test data", "BIDSVersion": "1.10.0", "DatasetType": "raw"}


def image_bytes(shape=(4, 5, 6), tr: float = 2.0, affine=None, seed: int = 0) -> bytes:
    """Give a compressed NIfTI image of noise."""
    data = np.random.default_rng(seed).integers(0, 1000, size=shape).astype(np.int16)
    image = nb.Nifti1Image(data, np.diag([3.0, 3.0, 3.0, 1.0]) if affine is None else affine)
    image.header.set_xyzt_units("mm", "sec")
    if len(shape) == 4:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr))
    import gzip

    return gzip.compress(image.to_bytes(), compresslevel=1, mtime=0)


def write_tree(root: Path, tree: dict[str, Any]) -> Path:
    """Write files: bytes and text as they are, dictionaries as JSON, None as an empty file."""
    for name, content in tree.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        content = content or b""
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(root)


def study_tree(
    subjects=("01", "02"), task: str = "view", n_runs: int = 2, n_volumes: int = 20, tr: float = 2.0
) -> dict[str, Any]:
    """Contents of a small valid study: a T1w image, runs with events, JSON at the root."""
    tree: dict[str, Any] = {
        "dataset_description.json": DESCRIPTION,
        "README": "Simulated images of noise, for tests.\n",
        f"task-{task}_bold.json": {"RepetitionTime": tr, "TaskName": task},
    }
    for k, subject in enumerate(subjects):
        home = f"sub-{subject}"
        tree[f"{home}/anat/{home}_T1w.nii.gz"] = image_bytes(seed=k)
        for run in range(1, n_runs + 1):
            stem = f"{home}/func/{home}_task-{task}_run-{run}"
            tree[f"{stem}_bold.nii.gz"] = image_bytes((4, 5, 6, n_volumes), tr, seed=10 * k + run)
            tree[f"{stem}_events.tsv"] = EVENTS
    return tree
