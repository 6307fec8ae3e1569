"""Write simulated participants as a BIDS dataset, and the truth about them beside it."""

import filecmp
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd

from fmriprod import __version__
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.schedule import OBJECTS, slice_times
from fmriprod.algorithms.score import place_region
from fmriprod.algorithms.simulate_head import REGIONS
from fmriprod.algorithms.simulate_people import Participant
from fmriprod.algorithms.simulate_study import TRAINED, Run
from fmriprod.algorithms.transforms import MOTION_COLUMNS, rigid_matrix
from fmriprod.interfaces.images import save_image

TRUTH = "derivatives/truth"


class StudyWriter:
    """Writes one simulated study into a folder.

    Every file is either whole or not there; the same study gives the same bytes.

    Parameters
    ----------
    folder : path
        Where the dataset shall be.
    parameters : dict
        What the study is made from; it is written into the description, and a folder that
        holds another study is refused.
    texts : str
        File of the package's data with what is said about the study.
    maker : str
        Name of the interface that simulates it.
    """

    def __init__(
        self,
        folder: str | Path,
        parameters: dict[str, Any],
        *,
        texts: str = "simulated_study.json",
        maker: str = "SimulateStudy",
    ):
        self.maker = maker
        self.folder = Path(folder).absolute()
        self.parameters = parameters
        self._written: set[str] = set()
        self.texts = json.loads((files("fmriprod") / "data" / texts).read_text())

    def check(self) -> None:
        """Refuse a folder in use.

        Raises
        ------
        InputError
            If the folder holds anything but this study, whole or begun.
        """
        if self.folder.exists():
            self._check_own(self.folder / "dataset_description.json", self._maker())

    def whole(self, algorithm: str) -> Path | None:
        """Find the truth of this study when it is complete and unchanged since it was written.

        Parameters
        ----------
        algorithm : str
            Version of the code and libraries that make the numbers.

        Returns
        -------
        pathlib.Path or None
            The ``truth.json``; None when something is missing, changed or made by other code.
        """
        file = self.folder / TRUTH / "truth.json"
        try:
            truth = json.loads(file.read_text(encoding="utf-8"))
            same = truth["algorithm"] == algorithm and truth["parameters"] == self.parameters
            if same and all(_sha256(self.folder / k) == v for k, v in truth["sha256"].items()):
                return file
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            pass
        return None

    def begin(self) -> None:
        """Write the descriptions; they come first, so that a study cut off is known as ours."""
        maker = self._maker()
        self._json(
            "dataset_description.json", {**self.texts["description"], "GeneratedBy": [maker]}
        )
        self._text("README.md", "\n".join(self.texts["readme"]) + "\n")
        self._json(
            f"{TRUTH}/dataset_description.json",
            {
                **self.texts["description"],
                "Name": "Truth of the simulated study",
                "DatasetType": "derivative",
                "GeneratedBy": [maker],
                "DatasetLinks": {"raw": "../.."},
            },
        )
        self._text(f"{TRUTH}/.bidsignore", "truth.json\n*_timeseries.*\n")
        self._text(
            f"{TRUTH}/README.md", "The truth about a simulated study; see `../../README.md`.\n"
        )

    def tasks(self, names: set[str], tr: float, n_slices: int) -> None:
        """Write what holds for all runs of a task."""
        for task in sorted(names):
            self._json(
                f"task-{task}_bold.json",
                {
                    "TaskName": task,
                    "Instructions": self.texts["instructions"][task],
                    "RepetitionTime": tr,
                    "SliceTiming": slice_times(n_slices, tr).round(6).tolist(),
                },
            )
            self._json(f"task-{task}_events.json", self.texts["events"])

    def participants(self, labels: list[str]) -> None:
        """Write the table of participants."""
        rows = {
            "participant_id": [f"sub-{label}" for label in labels],
            "trained_objects": ["+".join(TRAINED)] * len(labels),
        }
        self._table("participants.tsv", pd.DataFrame(rows))
        self._json("participants.json", self.texts["participants"])

    def anatomy(self, label: str, person: Participant) -> dict[str, Any]:
        """Write the anatomical image and the masks of the truth on its grid."""
        name = f"sub-{label}/anat/sub-{label}"
        self._image(f"{name}_T1w.nii.gz", np.rint(person.t1w).astype(np.int16), person.t1w_affine)
        brain = f"{TRUTH}/{name}_space-T1w_desc-brain_mask.nii.gz"
        self._mask(brain, person.brain_mask, person.t1w_affine, f"{name}_T1w.nii.gz", "Brain")
        regions = {}
        for region in REGIONS:
            mask = person.regions[region.name]
            file = f"{TRUTH}/{name}_space-T1w_label-{region.name}_mask.nii.gz"
            self._mask(file, mask, person.t1w_affine, f"{name}_T1w.nii.gz", "ROI")
            regions[region.name] = {"t1w_mask": file, "role": region.role}
        centre = person.centre.round(4).tolist()
        return {"brain_mask": brain, "regions": regions, "centre": centre}

    def bold_masks(self, name: str, run: Run, person: Participant) -> dict[str, str]:
        """Write the regions where they are in the first volume of a run."""
        masks = {}
        pose = rigid_matrix(run.motion[0], person.centre)
        grid = (person.bold_shape, person.bold_affine, pose)
        for region, mask in person.regions.items():
            there = place_region(mask, person.t1w_affine, *grid)
            masks[region] = f"{TRUTH}/{name}_space-boldref_label-{region}_mask.nii.gz"
            self._mask(masks[region], there, person.bold_affine, f"{name}_bold.nii.gz", "ROI")
        return masks

    def run(
        self, label: str, task: str, number: int, run: Run, person: Participant, tr: float
    ) -> tuple[str, dict[str, Any]]:
        """Write a run and the truth about it; return its name and what the truth says of it."""
        key = f"task-{task}_run-{number}"
        name = f"sub-{label}/func/sub-{label}_{key}"
        self._image(f"{name}_bold.nii.gz", run.series, person.bold_affine, tr=tr)
        self._table(f"{name}_events.tsv", run.events)
        motion = f"{TRUTH}/{name}_desc-motion_timeseries.tsv"
        self._table(motion, pd.DataFrame(run.motion.round(6), columns=MOTION_COLUMNS))
        self._json(motion.replace(".tsv", ".json"), self.texts["motion"])
        return key, {
            "bold": f"{name}_bold.nii.gz",
            "events": f"{name}_events.tsv",
            "motion": motion,
            "task": task,
            "masks": self.bold_masks(name, run, person),
        }

    def finish(self, subjects: dict[str, Any], algorithm: str) -> Path:
        """Write the truth, the last file of the study, with the checksums of the others."""
        name = f"{TRUTH}/truth.json"
        sums = {written: _sha256(self.folder / written) for written in sorted(self._written)}
        content = {
            "simulated": True,
            "parameters": self.parameters,
            "objects": list(OBJECTS),
            **self._planted(),
            "subjects": subjects,
            "algorithm": algorithm,
            "sha256": sums,
        }
        self._json(name, content)
        return self.folder / name

    def _planted(self) -> dict[str, Any]:
        """Tell what holds for all participants."""
        return {"trained_objects": list(TRAINED)}

    def _maker(self) -> dict[str, str]:
        return {
            "Name": f"fmriprod {self.maker}",
            "Version": __version__,
            "Description": "simulated with " + json.dumps(self.parameters, sort_keys=True),
        }

    def _check_own(self, file: Path, maker: dict[str, str]) -> None:
        expected = "an empty folder, or one that holds the same simulated study"
        if not self.folder.is_dir():
            raise self._error(expected, "a file", "give a folder")
        present = sorted(
            p.name for p in self.folder.iterdir() if not p.name.startswith(".writing-")
        )
        if not present:
            return
        try:
            made = json.loads(file.read_text())["GeneratedBy"][0]
        except (OSError, ValueError, LookupError, TypeError):
            found = f"{', '.join(present[:4])}{' ...' if len(present) > 4 else ''}"
            raise self._error(expected, found, "give a new folder") from None
        if made != maker:
            found = f"a dataset by {made.get('Name')} {made.get('Version')}, "
            found += str(made.get("Description"))
            raise self._error(expected, found, "give a new folder, or delete that study")

    def _error(self, expected: str, found: str, hint: str) -> InputError:
        return InputError(
            "out_dir", expected=expected, found=found, hint=hint, file=str(self.folder)
        )

    @contextmanager
    def _writing(self, name: str) -> Iterator[Path]:
        """Give a temporary path; a file that is there with the same content stays as it is."""
        final = self.folder / name
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise self._error("a folder that may be written", str(err), "give another") from None
        temporary = final.with_name(f".writing-{os.getpid()}-{final.name}")
        try:
            yield temporary
            if not (final.is_file() and filecmp.cmp(temporary, final, shallow=False)):
                temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        self._written.add(name)

    def _text(self, name: str, text: str) -> None:
        with self._writing(name) as path:
            path.write_text(text, encoding="utf-8")

    def _json(self, name: str, content: dict[str, Any]) -> None:
        self._text(name, json.dumps(content, indent=2, allow_nan=False) + "\n")

    def _table(self, name: str, table: pd.DataFrame) -> None:
        with self._writing(name) as path:
            table.to_csv(path, sep="\t", index=False, na_rep="n/a", lineterminator="\n")

    def _mask(
        self, name: str, mask: np.ndarray, affine: np.ndarray, reference: str, kind: str
    ) -> None:
        """Write a mask of the truth with the sidecar that BIDS asks for."""
        self._image(name, mask, affine)
        sidecar = {"Type": kind, "SpatialReference": f"bids:raw:{reference}"}
        self._json(name.replace(".nii.gz", ".json"), sidecar)

    def _image(
        self, name: str, data: np.ndarray, affine: np.ndarray, tr: float | None = None
    ) -> None:
        like = nb.Nifti1Image(np.zeros((1, 1, 1), np.uint8), affine)
        with self._writing(name) as path:
            save_image(path, data, like, tr=tr)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
