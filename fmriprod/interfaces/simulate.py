"""Simulate a study as a BIDS dataset."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import Directory, File, TraitedSpec, traits

from fmriprod.algorithms.simulate_people import Participant, make_participant
from fmriprod.algorithms.simulate_study import plan_events, simulate_run
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.simulated_dataset import StudyWriter


class _SimulateStudyInputSpec(PythonInputSpec):
    out_dir = traits.Str(
        mandatory=True, desc="folder of the dataset; new, empty, or the same study"
    )
    n_subjects = traits.Range(1, 99, 1, usedefault=True, desc="how many participants")
    seed = traits.Range(low=0, value=2020, usedefault=True, desc="seed of all that is random")
    n_recognition_runs = traits.Range(1, 20, 2, usedefault=True, desc="recognition runs each")
    n_production_runs = traits.Range(0, 20, 1, usedefault=True, desc="production runs each")
    n_volumes = traits.Range(low=40, value=130, usedefault=True, desc="length of a run in volumes")
    tr = traits.Range(0.3, 6.0, 2.0, usedefault=True, desc="repetition time in s")
    t1w_zoom = traits.Enum(2, 3, 1, usedefault=True, desc="voxel size of the T1w image in mm")
    bold_zoom = traits.Range(1.5, 8.0, 4.0, usedefault=True, desc="voxel size of the series in mm")
    bold_shape = traits.List(
        traits.Int(),
        [44, 56, 42],
        minlen=3,
        maxlen=3,
        usedefault=True,
        desc="voxels of a volume along left, anterior and superior",
    )
    amplitude = traits.Range(
        0.0, 0.2, 0.025, usedefault=True,
        desc="response of grey matter that all objects share, as a fraction of the signal; "
        "voxels hold other tissue as well and respond with about 0.6 of it",
    )  # fmt: skip
    pattern = traits.Range(
        0.0, 0.2, 0.009, usedefault=True,
        desc="standard deviation of each object's own response, as a fraction of the signal",
    )  # fmt: skip
    tsnr = traits.Range(
        5.0, 1000.0, 70.0, usedefault=True, desc="temporal SNR of still grey matter"
    )
    motion = traits.Range(
        0.0, 5.0, 0.3, usedefault=True,
        desc="size of the head motion within a run in mm; 0 keeps the head still",
    )  # fmt: skip
    displacement = traits.Range(
        0.0, 10.0, 4.0, usedefault=True,
        desc="largest shift in mm and rotation in degrees from the T1w image to the series",
    )  # fmt: skip


class _SimulateStudyOutputSpec(TraitedSpec):
    bids_dir = Directory(exists=True, desc="the BIDS dataset")
    truth_file = File(exists=True, desc="what is planted (JSON; paths relative to the dataset)")


class SimulateStudy(PythonInterface):
    """Write a small simulated study whose truth is known, as a valid BIDS dataset.

    Heads are random deformations of the MNI template that Nilearn ships, given a skull. Four
    objects are recognised, two are drawn; a visual region answers to all of them, each with
    its own pattern, a motor region to drawing, a control region to nothing. The truth is
    written into ``derivatives/truth``. The same arguments give the same bytes; a study that is
    there already, whole and unchanged, is left alone.

    Examples
    --------
    >>> SimulateStudy(out_dir="study", n_subjects=2).inputs.n_recognition_runs
    2
    """

    input_spec = _SimulateStudyInputSpec
    output_spec = _SimulateStudyOutputSpec
    _libraries = ("numpy", "scipy", "nilearn")

    def _process(self) -> None:
        given = self.inputs
        shared = ("out_dir", "num_threads", "algorithm_version")
        parameters = {k: v for k, v in sorted(given.get().items()) if k not in shared}
        writer = StudyWriter(self._folder / given.out_dir, parameters)
        writer.check()
        algorithm = str(given.algorithm_version)
        truth_file = writer.whole(algorithm) or self._simulate(writer, algorithm)
        self.result("bids_dir", str(writer.folder))
        self.result("truth_file", str(truth_file))

    def _simulate(self, writer: StudyWriter, algorithm: str) -> Path:
        given = self.inputs
        plan = [("recognition", n + 1) for n in range(given.n_recognition_runs)]
        plan += [("production", n + 1) for n in range(given.n_production_runs)]
        # What cannot be simulated is refused before anything is written.
        for task in {task for task, _ in plan}:
            plan_events(task, given.n_volumes, given.tr, np.random.default_rng(given.seed))
        template = load_template(given.t1w_zoom)
        person = self._participant(template, 0)
        writer.begin()
        writer.tasks({task for task, _ in plan}, given.tr, given.bold_shape[2])
        labels = [f"{n + 1:02d}" for n in range(given.n_subjects)]
        writer.participants(labels)
        subjects = {}
        for number, label in enumerate(labels):
            if number:
                person = self._participant(template, number)
            subjects[label] = writer.anatomy(label, person)
            subjects[label]["runs"] = self._runs(writer, label, number, person, plan)
        return writer.finish(subjects, algorithm)

    def _participant(self, template: tuple[np.ndarray, np.ndarray], number: int) -> Participant:
        given = self.inputs
        return make_participant(
            *template,
            seed=(given.seed, number),
            bold_shape=tuple(given.bold_shape),
            bold_zoom=given.bold_zoom,
            amplitude=given.amplitude,
            pattern=given.pattern,
            displacement=given.displacement,
        )

    def _runs(
        self,
        writer: StudyWriter,
        label: str,
        number: int,
        person: Participant,
        plan: list[tuple[str, int]],
    ) -> dict[str, Any]:
        """Simulate and write the runs of a participant, several at a time; tell the truth."""
        given = self.inputs

        def make(which: int) -> tuple[str, dict[str, Any]]:
            task, run_number = plan[which]
            run = simulate_run(
                person,
                task,
                seed=(given.seed, number, which + 1),
                n_volumes=given.n_volumes,
                tr=given.tr,
                tsnr=given.tsnr,
                motion=given.motion,
            )
            return writer.run(label, task, run_number, run, person, given.tr)

        with ThreadPoolExecutor(given.num_threads) as pool:
            return dict(pool.map(make, range(len(plan))))


def load_template(zoom: int) -> tuple[np.ndarray, np.ndarray]:
    """Load the brain that all heads are made from, and its voxel to MNI mm.

    Parameters
    ----------
    zoom : int
        Voxel size in mm.

    Returns
    -------
    brain : ndarray of float32, shape (x, y, z)
        The ICBM 152 template that Nilearn ships, 0 outside the brain.
    affine : ndarray, shape (4, 4)
        Its voxel to world.
    """
    from nilearn.datasets import load_mni152_template

    image = load_mni152_template(resolution=zoom)
    return np.asarray(image.dataobj, np.float32), image.affine
