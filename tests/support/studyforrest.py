"""The real category run of ../shared/data/studyforrest_localizer, laid out as a BIDS dataset."""

import json
from pathlib import Path

SUBJECT, TASK = "01", "oneback"
FUSIFORM = (42.0, -33.0, -20.0)  # scanner-RAS mm: where face minus house peaks (its README)


def lay_out(source: Path, folder: Path) -> Path:
    """Link the files of the data set under BIDS names in ``folder``."""
    folder.mkdir(parents=True)
    description = {"Name": "studyforrest localizer, one run", "BIDSVersion": "1.10.0"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    anat, func = folder / f"sub-{SUBJECT}" / "anat", folder / f"sub-{SUBJECT}" / "func"
    anat.mkdir(parents=True)
    func.mkdir()
    stem = f"sub-{SUBJECT}_task-{TASK}_run-1"
    (anat / f"sub-{SUBJECT}_T1w.nii.gz").symlink_to(source / "T1w.nii.gz")
    (func / f"{stem}_bold.nii.gz").symlink_to(source / "bold.nii.gz")
    (func / f"{stem}_events.tsv").symlink_to(source / "events.tsv")
    metadata = json.loads((source / "bold.json").read_text()) | {"TaskName": TASK}
    (func / f"{stem}_bold.json").write_text(json.dumps(metadata))
    return folder
