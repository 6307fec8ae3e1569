"""Participants who are not there: plans from which builders make graphs to be drawn, not run."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype.interfaces.base import Undefined
from nipype.pipeline import engine as pe

from fmriprod.algorithms.contrasts import word
from fmriprod.workflows.plan import EvidencePlan, RunPlan, SubjectPlan
from fmriprod.workflows.plan_production import ProductionPlan
from fmriprod.workflows.production_regions import RegionFiles
from fmriprod.workflows.save import Destination
from fmriprod.workflows.study_model import Study
from fmriprod.workflows.study_words import fill, placeholders

SHAPE = (2, 2, 2)
TR = 2.125  # s; no run has this one by chance, so that it can be found and taken out again


@dataclass(frozen=True)
class Placeholders:
    """Makes plans of participants with empty files in a folder.

    Builders look for files, and read the headers of images; they read nothing else.
    """

    folder: Path

    def file(self, name: str) -> str:
        """Make an empty file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return str(path)

    def image(self, name: str, *more: int) -> str:
        """Make a NIfTI image of zeros of the smallest size."""
        import nibabel as nib
        import numpy as np

        path = Path(self.file(name))
        nib.save(nib.Nifti1Image(np.zeros((*SHAPE, *more), np.uint8), np.eye(4)), path)
        return str(path)

    def run(
        self, subject: str, task: str, number: str, labels: Iterable[str], contrasts: Iterable[str]
    ) -> RunPlan:
        """Plan a run."""
        name = f"sub-{subject}/func/sub-{subject}_task-{task}_run-{number}"
        return RunPlan(
            f"task_{task}_run_{number}", self.image(f"{name}_bold.nii", 2),
            self.file(f"{name}_events.tsv"), task, f"run-{number}", TR, tuple(labels),
            tuple(contrasts), "events",
        )  # fmt: skip

    def t1w(self, subject: str) -> str:
        """Make a T1-weighted image."""
        return self.image(f"sub-{subject}/anat/sub-{subject}_T1w.nii")

    def main_plan(self, subject: str) -> SubjectPlan:
        """Plan the main job: three runs of recognition to train on, one of production to test."""
        labels = ("bed", "chair")
        runs = tuple(
            self.run(subject, task, number, labels, ("task=(bed+chair)/2", "bed-chair"))
            for task, number in (*(("recognition", n) for n in "123"), ("production", "1"))
        )
        keys = tuple(run.key for run in runs[:3])
        question = EvidencePlan(
            "production", tuple(run.key for run in runs), "task == 'recognition'",
            "task == 'production'",
        )  # fmt: skip
        return SubjectPlan(subject, self.t1w(subject), runs, keys, (question,))

    def study_plan(self, study: Study, subject: str) -> ProductionPlan:
        """Plan a participant with all runs of a study file; two of a phase that names none."""
        objects = list(study.objects.labels)
        words = placeholders(study)
        trained = tuple(objects[: sum(w.startswith("trained") for w in words)])
        controls = tuple(label for label in objects if label not in trained)
        named = dict(zip(words, (*trained, *controls), strict=True))
        quoted = {key: word(name) for key, name in named.items()}
        numbers: dict[str, dict[str, None]] = {name: {} for name in study.tasks}
        for phase in study.phases.values():
            numbers[phase.task] |= dict.fromkeys(phase.runs or ("1", "2"))
        runs: dict[tuple[str, str], RunPlan] = {}
        for name, task in study.tasks.items():
            labels = [fill(label, named) for label in task.labels]
            contrasts = [f"{k}={fill(text, quoted)}" for k, text in task.contrasts.items()]
            for number in numbers[name] or ("1",):
                runs[name, number] = self.run(subject, name, number, labels, contrasts)
        phases = {
            name: tuple(runs[phase.task, n].key for n in phase.runs or numbers[phase.task])
            for name, phase in study.phases.items()
        }
        samples = {name: task.samples for name, task in study.tasks.items()}
        return ProductionPlan(
            subject, self.t1w(subject), tuple(runs.values()), phases, trained, controls, samples
        )

    def region_files(self, study: Study, subject: str) -> RegionFiles:
        """Make what the regions of a participant are made of."""
        place = f"sub-{subject}/regions"
        if study.regions.source == "labels":
            return RegionFiles(self.file(f"{place}/labels.nii.gz"), self.file("labels.tsv"))
        names = [*study.regions.surface_labels, "white", "thickness"]
        files = {n: tuple(self.file(f"{place}/{side}.{n}") for side in ("lh", "rh")) for n in names}
        labels = tuple(f for n in study.regions.surface_labels for f in files[n])
        return RegionFiles(
            self.file(f"{place}/aparc+aseg.mgz"), None, labels, files["white"], files["thickness"]
        )

    def arguments(self) -> dict[str, Any]:
        """Give values of arguments that builders have no default for, by name."""
        plan = self.main_plan("01")
        return {
            "plan": plan, "plans": [plan], "run": plan.runs[0],
            "destination": Destination(str(self.folder), str(self.folder), plan.t1w_file),
            "out_dir": str(self.folder), "bids_dir": str(self.folder),
            "contrasts": ["bed-chair"], "contrast": "bed-chair",
        }  # fmt: skip


def forget_tr(workflow: pe.Workflow) -> None:
    """Take the repetition time of placeholders out of a workflow: it comes from data."""
    for node in workflow._graph.nodes:
        if isinstance(node, pe.Workflow):
            forget_tr(node)
        elif "tr" in node.inputs.copyable_trait_names() and node.inputs.tr == TR:
            node.inputs.tr = Undefined
