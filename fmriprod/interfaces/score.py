"""Tell how much of the truth of a simulated study an analysis found."""

import json
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.score import (
    Verdict,
    at_least,
    at_most,
    dice,
    judge_evidence,
    judge_map,
    mean_rigid,
    motion_error,
    nearby_share,
    place_region,
)
from fmriprod.algorithms.transforms import MOTION_COLUMNS, displacement, mask_points, rigid_matrix
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.images import load_image, load_mask
from fmriprod.interfaces.transforms import read_transforms


class _ScoreDemoInputSpec(PythonInputSpec):
    truth_file = File(exists=True, mandatory=True, desc="truth.json, from SimulateStudy")
    subject = traits.Str("01", usedefault=True, desc="label of the participant")
    reference_run = traits.Str(
        desc="run that the reference of all runs was made of, such as task-recognition_run-1; "
        "the first in alphabetical order by default",
    )
    z_file = File(exists=True, desc="map of z values of the response to the tasks")
    z_space = traits.Enum(
        "boldref", "T1w", usedefault=True, desc="world of z_file and roi_file: of the runs, or T1w"
    )
    z_regions = traits.List(
        traits.Str(), ["visual"], usedefault=True, desc="planted regions that z_file should show"
    )
    z_threshold = traits.Range(
        0.0, 20.0, 3.1, usedefault=True, desc="z from which on a voxel is found"
    )
    roi_file = File(exists=True, desc="region of interest that the analysis chose")
    brain_mask = File(exists=True, desc="brain mask of the T1w image")
    transforms_files = traits.List(
        File(exists=True),
        desc="head motion of some runs, from MotionCorrect (ITK text, a transform a volume)",
    )
    runs = traits.List(
        traits.Str(), desc="run of each of transforms_files, such as task-recognition_run-1"
    )
    transform_file = File(
        exists=True,
        desc="ITK text: maps points of the T1w image to those of the reference of the runs",
    )
    evidence_files = traits.List(File(exists=True), desc="summaries of ObjectEvidence (JSON)")
    evidence_labels = traits.List(traits.Str(), desc="what each of evidence_files is, in words")
    evidence_expected = traits.List(
        traits.Enum("above chance", "chance"),
        desc="what each of evidence_files should find; above chance by default",
    )


class _ScoreDemoOutputSpec(TraitedSpec):
    out_file = File(
        exists=True, desc="JSON: name of each check -> expected, found, unit, ok; limits stated"
    )
    n_checks = traits.Int(desc="how many checks were made")
    n_found = traits.Int(desc="how many of them found what was planted")


class ScoreDemo(PythonInterface):
    """Compare what an analysis found with what a simulated study holds.

    Each result that is given is checked; the others are left out.

    Examples
    --------
    >>> ScoreDemo(z_regions=["visual", "motor"]).inputs.z_threshold
    3.1
    """

    input_spec = _ScoreDemoInputSpec
    output_spec = _ScoreDemoOutputSpec

    def _process(self) -> None:
        truth = _Truth(self.inputs.truth_file, self.inputs.subject)
        verdicts: dict[str, Verdict] = {}
        given = self.inputs
        if isdefined(given.brain_mask):
            verdicts["Brain mask of the T1w image: overlap (Dice)"] = self._brain(truth)
        if isdefined(given.transforms_files):
            verdicts |= self._motion(truth)
        if isdefined(given.transform_file):
            verdicts["Functional to T1w image: error over the brain"] = self._coregistration(truth)
        if isdefined(given.z_file):
            verdicts |= self._map(truth)
        if isdefined(given.roi_file):
            verdicts["Region of interest: lies where a response is"] = self._roi(truth)
        if isdefined(given.evidence_files):
            verdicts |= self._evidence()
        self.save_json("out_file", "truth.json", {k: v.content() for k, v in verdicts.items()})
        self.result("n_checks", len(verdicts))
        self.result("n_found", sum(v.ok for v in verdicts.values()))

    def _brain(self, truth: "_Truth") -> Verdict:
        mask, image = load_image(self.inputs.brain_mask, ndim=3)
        true = place_region(*truth.mask(truth.entry["brain_mask"]), mask.shape, image.affine)
        return at_least(dice(mask != 0, true), 0.93)

    def _motion(self, truth: "_Truth") -> dict[str, Verdict]:
        files, runs = self.inputs.transforms_files, self.inputs.runs
        _check_lengths("runs", runs, "transforms_files", files)
        points = mask_points(*truth.mask(truth.entry["brain_mask"]))[::20]
        verdicts = {}
        for file, run in zip(files, runs, strict=True):
            error = motion_error(read_transforms(file), truth.poses(run), points)
            verdicts[f"Head motion, {run}: mean error"] = at_most(error.mean(), 0.3, "mm")
        return verdicts

    def _coregistration(self, truth: "_Truth") -> Verdict:
        found = read_transforms(self.inputs.transform_file)
        if len(found) != 1:
            raise InputError(
                "transform_file",
                expected="one transform",
                found=f"{len(found)} transforms",
                hint="give the transform from Coregister; head motion goes to transforms_files",
                file=self.inputs.transform_file,
            )
        points = mask_points(*truth.mask(truth.entry["brain_mask"]))[::20]
        error = displacement(found[0], truth.reference_pose(self.inputs.reference_run), points)
        return at_most(error.mean(), 3, "mm")

    def _map(self, truth: "_Truth") -> dict[str, Verdict]:
        values, image = load_image(self.inputs.z_file, ndim=3)
        planted = self._placed(truth, self.inputs.z_regions, image)
        brain = np.isfinite(values) & (values != 0)
        judged = judge_map(
            values, image.affine, np.any(planted, axis=0), brain, self.inputs.z_threshold
        )
        return {f"Response to the task: {what}": verdict for what, verdict in judged.items()}

    def _roi(self, truth: "_Truth") -> Verdict:
        _, image = load_image(self.inputs.roi_file, ndim=3)
        roi = load_mask(self.inputs.roi_file, like=image)
        share = nearby_share(
            roi, self._placed(truth, ["visual", "motor"], image), image.affine
        )  # fmt: skip
        return at_least(100 * share, 60, "%")

    def _placed(
        self, truth: "_Truth", regions: list[str], image: nb.Nifti1Image
    ) -> list[np.ndarray]:
        pose = None
        if self.inputs.z_space == "boldref":
            pose = truth.reference_pose(self.inputs.reference_run)
        grid = (image.shape[:3], image.affine, pose)
        return [place_region(*truth.region(name), *grid) for name in regions]

    def _evidence(self) -> dict[str, Verdict]:
        given = self.inputs
        files = given.evidence_files
        labels = given.evidence_labels if isdefined(given.evidence_labels) else []
        _check_lengths("evidence_labels", labels, "evidence_files", files)
        expected = ["above chance"] * len(files)
        if isdefined(given.evidence_expected):
            expected = given.evidence_expected
        _check_lengths("evidence_expected", expected, "evidence_files", files)
        verdicts = {}
        for file, label, what in zip(files, labels, expected, strict=True):
            verdicts[f"Object evidence, {label}: accuracy"] = judge_evidence(
                _read_summary(file), what == "chance"
            )
        return verdicts


class _Truth:
    """The truth about one participant."""

    def __init__(self, truth_file: str, subject: str):
        content = _read_json(truth_file)
        subjects = content["subjects"]
        label = subject.removeprefix("sub-")
        if label not in subjects:
            raise InputError(
                "subject",
                expected="a participant of the simulated study",
                found=repr(subject),
                hint=suggest(label, subjects),
                file=truth_file,
            )
        self.root = Path(truth_file).absolute().parents[2]
        self.entry: dict[str, Any] = subjects[label]

    def mask(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Read a mask; return it with its affine."""
        data, image = load_image(self.root / name, ndim=3)
        return data != 0, image.affine

    def region(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Read the mask of a planted region on the T1w grid."""
        regions = self.entry["regions"]
        if name not in regions:
            raise InputError(
                "z_regions",
                expected="planted regions",
                found=repr(name),
                hint=suggest(name, regions),
            )
        return self.mask(regions[name]["t1w_mask"])

    def poses(self, run: str) -> np.ndarray:
        """Read the pose at each volume of a run: T1w world to scanner, shape (n, 4, 4)."""
        runs = self.entry["runs"]
        if run not in runs:
            raise InputError(
                "runs", expected="runs of the simulated study", found=repr(run),
                hint=suggest(run, runs),
            )  # fmt: skip
        table = read_table(self.root / runs[run]["motion"], "motion")
        return rigid_matrix(table[list(MOTION_COLUMNS)].to_numpy(float), self.entry["centre"])

    def reference_pose(self, run: Any) -> np.ndarray:
        """Mean pose of the run that the reference was made of."""
        name = run if isdefined(run) else min(self.entry["runs"])
        return mean_rigid(self.poses(name), np.array(self.entry["centre"]))


def _read_json(truth_file: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(truth_file).read_text(encoding="utf-8"))
        if content["simulated"] is True and content["subjects"]:
            return content
    except (ValueError, LookupError, TypeError):
        pass
    raise InputError(
        "truth_file",
        expected="the truth.json that SimulateStudy wrote",
        found="another or a damaged file",
        hint="give derivatives/truth/truth.json of a simulated study",
        file=truth_file,
    )


def _read_summary(file: str) -> dict[str, Any]:
    found = "no JSON"
    try:
        summary = json.loads(Path(file).read_text(encoding="utf-8"))
        absent = sorted({"accuracy", "chance", "accuracy_interval"} - set(summary))
        if not absent:
            return summary
        found = f"no {absent[0]}"
    except (ValueError, TypeError):
        pass
    raise InputError(
        "evidence_files",
        expected="summaries of ObjectEvidence with an interval of the accuracy",
        found=found,
        hint="give summary_file of ObjectEvidence, run with n_bootstrap above 0",
        file=file,
    )


def _check_lengths(name: str, values: Any, other: str, files: list[str]) -> None:
    found = len(values) if isdefined(values) else 0
    if found != len(files):
        raise InputError(
            name,
            expected=f"{len(files)}, as many as {other}",
            found=str(found),
            hint=f"give one of {name} for each of {other}",
        )
