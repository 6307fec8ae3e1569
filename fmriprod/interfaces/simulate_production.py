"""Simulate the production study as a BIDS dataset with FreeSurfer's folder."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import Directory, File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.schedule import OBJECTS
from fmriprod.algorithms.simulate_production import (
    ProductionParticipant,
    make_production_participant,
    make_template,
)
from fmriprod.algorithms.simulate_production_runs import (
    TR,
    plan_drawing,
    plan_recognition,
    simulate_drawing,
    simulate_recognition,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.production_design import (
    PersonDesign,
    design_labels,
    read_production_design,
)
from fmriprod.interfaces.simulate import load_template
from fmriprod.interfaces.simulated_production import SUBJECTS, ProductionWriter


class _SimulateProductionInputSpec(PythonInputSpec):
    out_dir = traits.Str(
        mandatory=True, desc="folder of the dataset; new, empty, or the same study"
    )
    design_dir = traits.Str(
        desc="folder of the study's published repository: onsets and trained objects are those of "
        "its people; without it they are made up after the same rules",
    )
    n_subjects = traits.Range(
        1, 99, 8, usedefault=True, desc="how many participants; of a design, the first ones"
    )
    labels = traits.List(
        traits.Str(), desc="labels of the participants, instead of n_subjects; of a design, whose"
    )
    seed = traits.Range(low=0, value=2020, usedefault=True, desc="seed of all that is random")
    n_recognition_runs = traits.Range(1, 6, 6, usedefault=True, desc="recognition runs each")
    n_drawing_runs = traits.Range(0, 4, 4, usedefault=True, desc="drawing runs each")
    t1w_zoom = traits.Enum(2, 3, 1, usedefault=True, desc="voxel size of the T1w image in mm")
    bold_zoom = traits.Range(1.5, 8.0, 5.0, usedefault=True, desc="voxel size of the series in mm")
    bold_shape = traits.List(
        traits.Int(),
        [36, 42, 34],
        minlen=3,
        maxlen=3,
        usedefault=True,
        desc="voxels of a volume along left, anterior and superior",
    )
    subdivisions = traits.Range(
        2, 7, 6, usedefault=True,
        desc="fineness of the surfaces: 6 gives 40962 vertices a hemisphere, each less a quarter",
    )  # fmt: skip
    pattern = traits.Range(
        0.0, 20.0, 1.0, usedefault=True,
        desc="factor of what is each object's own; 1 gives about the published accuracies",
    )  # fmt: skip
    drawing = traits.Range(
        0.0, 20.0, 1.0, usedefault=True,
        desc="factor of what drawing evokes and suppresses of it; 1 gives about the published "
        "log odds",
    )  # fmt: skip
    connectivity = traits.Range(
        0.0, 20.0, 1.0, usedefault=True,
        desc="factor of what couples regions while drawing; 1 gives about the published slopes",
    )  # fmt: skip
    tsnr = traits.Range(
        5.0, 1000.0, 70.0, usedefault=True, desc="temporal SNR of still grey matter"
    )
    motion = traits.Range(
        0.0, 5.0, 0.15, usedefault=True,
        desc="size of the head motion within a run in mm; 0 keeps the head still",
    )  # fmt: skip
    displacement = traits.Range(
        0.0, 10.0, 3.0, usedefault=True,
        desc="largest shift in mm and rotation in degrees from the T1w image to the series",
    )  # fmt: skip


class _SimulateProductionOutputSpec(TraitedSpec):
    bids_dir = Directory(exists=True, desc="the BIDS dataset")
    subjects_dir = Directory(exists=True, desc="parcels and surfaces, as FreeSurfer lays them out")
    truth_file = File(
        exists=True,
        desc="what is planted, and what should be found (JSON; paths relative to the dataset)",
    )


class SimulateProduction(PythonInterface):
    """Write a simulated production study whose truth is known, as a valid BIDS dataset.

    Six recognition runs and four drawing runs a participant, as Fan et al. (2020) had them;
    planted are object-specific patterns, suppression of the foil, responses to drawing and
    connectivity. ``derivatives/freesurfer`` is a ``SUBJECTS_DIR`` with parcels and surfaces,
    ``derivatives/truth`` holds the truth. A participant's data depend on the label and the
    other arguments, not on who else is there. The same arguments give the same bytes; a
    study that is there already, whole and unchanged, is left alone.

    Examples
    --------
    >>> SimulateProduction(out_dir="study", n_subjects=2).inputs.n_drawing_runs
    4
    """

    input_spec = _SimulateProductionInputSpec
    output_spec = _SimulateProductionOutputSpec
    _libraries = ("numpy", "scipy", "nilearn", "nibabel")
    _always_run = True  # a design is a folder, whose content Nipype does not hash

    def _process(self) -> None:
        given = self.inputs
        design = self._design()
        shared = ("out_dir", "num_threads", "algorithm_version", "n_subjects", "design_dir")
        parameters = {k: v for k, v in sorted(given.get().items()) if k not in shared}
        parameters["labels"] = list(design)
        parameters["design"] = _digest(design) if isdefined(given.design_dir) else "made up"
        writer = ProductionWriter(self._folder / given.out_dir, parameters)
        writer.check()
        algorithm = str(given.algorithm_version)
        truth_file = writer.whole(algorithm) or self._simulate(writer, design, algorithm)
        self.result("bids_dir", str(writer.folder))
        self.result("subjects_dir", str(writer.folder / SUBJECTS))
        self.result("truth_file", str(truth_file))

    def _design(self) -> dict[str, PersonDesign]:
        """Read or make up who sees what."""
        given = self.inputs
        wanted = given.labels if isdefined(given.labels) else None
        if isdefined(given.design_dir):
            known = design_labels(given.design_dir)
            labels = wanted or known[: given.n_subjects]
            _check_labels(labels, known)
            if len(labels) < given.n_subjects and not wanted:
                raise InputError(
                    "n_subjects", expected=f"at most the {len(known)} of the design",
                    found=str(given.n_subjects), hint="ask for fewer",
                )  # fmt: skip
            return read_production_design(given.design_dir, labels, given.n_recognition_runs)
        labels = wanted or [f"{n + 1:02d}" for n in range(given.n_subjects)]
        _check_labels(labels, labels)
        pairs = list(combinations(OBJECTS, 2))
        return {
            label: PersonDesign(
                pairs[_number(label) % len(pairs)],
                tuple(
                    plan_recognition(np.random.default_rng([given.seed, _number(label), 500 + run]))
                    for run in range(given.n_recognition_runs)
                ),
            )
            for label in labels
        }

    def _simulate(
        self, writer: ProductionWriter, design: dict[str, PersonDesign], algorithm: str
    ) -> Path:
        given = self.inputs
        self._template = make_template(
            *load_template(given.t1w_zoom), subdivisions=given.subdivisions
        )
        # What cannot be simulated is refused before anything is written.
        first = self._participant(*next(iter(design.items())))
        writer.begin()
        tasks = {"recognition", "drawing"} if given.n_drawing_runs else {"recognition"}
        writer.tasks(tasks, TR, given.bold_shape[2])
        writer.people({label: person.trained for label, person in design.items()})
        subjects = {}
        for label, plan in design.items():
            person = self._participant(label, plan) if subjects else first
            subjects[label] = writer.anatomy(label, person)
            subjects[label]["runs"] = self._runs(writer, label, person, plan)
        return writer.finish(subjects, algorithm)

    def _participant(self, label: str, plan: PersonDesign) -> ProductionParticipant:
        given = self.inputs
        return make_production_participant(
            self._template,
            plan.trained,
            seed=(given.seed, _number(label)),
            bold_shape=tuple(given.bold_shape),
            bold_zoom=given.bold_zoom,
            pattern=given.pattern,
            drawing=given.drawing,
            connectivity=given.connectivity,
            displacement=given.displacement,
        )

    def _runs(
        self,
        writer: ProductionWriter,
        label: str,
        person: ProductionParticipant,
        plan: PersonDesign,
    ) -> dict[str, Any]:
        """Simulate and write the runs of a participant, several at a time; tell the truth."""
        given = self.inputs
        runs = [("recognition", n) for n in range(given.n_recognition_runs)]
        runs += [("drawing", n) for n in range(given.n_drawing_runs)]

        def make(which: tuple[str, int]) -> tuple[str, dict[str, Any]]:
            task, number = which
            seed = [given.seed, _number(label), 1 + number + 100 * (task == "drawing")]
            same = {"seed": seed, "tsnr": given.tsnr, "motion": given.motion}
            if task == "recognition":
                run = simulate_recognition(person, plan.runs[number], **same)
            else:
                events = plan_drawing(person.trained, np.random.default_rng([*seed, 1]))
                run = simulate_drawing(person, events, late=number >= 2, **same)
            return writer.run(label, task, number + 1, run, person, TR)

        with ThreadPoolExecutor(given.num_threads) as pool:
            return dict(pool.map(make, runs))


def _check_labels(labels: list[str], known: list[str]) -> None:
    wrong = [label for label in labels if label not in known or not label.isalnum()]
    if wrong or len(set(labels)) != len(labels) or not labels:
        raise InputError(
            "labels",
            expected="letters and digits, each label once; of a design, people in it",
            found=", ".join(map(repr, wrong or labels)) or "no label",
            hint=suggest(wrong[0], known) if wrong and wrong[0] not in known else "mend them",
        )


def _number(label: str) -> int:
    """Turn a label into a number for seeds; numeric labels keep their own."""
    if label.isdecimal():
        return int(label)
    return int.from_bytes(hashlib.sha256(label.encode()).digest()[:6], "big")


def _digest(design: dict[str, PersonDesign]) -> str:
    """Checksum of what was read, so that another design is another study."""
    total = hashlib.sha256()
    for label, person in design.items():
        total.update("\t".join([label, *person.trained]).encode())
        for events in person.runs:
            total.update(events.to_csv(index=False).encode())
    return total.hexdigest()[:16]
