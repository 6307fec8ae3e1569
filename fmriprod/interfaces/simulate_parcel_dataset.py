"""Simulate series and events of parcels in the layout of the Neuromatch Academy's HCP subset."""

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import Directory, File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.hcp_runs import (
    MEANINGS,
    N_VOLUMES,
    RUN_NAMES,
    TASKS,
    TR,
    run_numbers,
    task_of,
)
from fmriprod.algorithms.nearest_parcel import nearest_parcel
from fmriprod.algorithms.simulate_parcel_series import (
    add_effects,
    network_noise,
    plan_blocks,
    planted_effects,
)
from fmriprod.algorithms.simulate_parcel_table import made_up_parcels, with_places
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.neuromatch_layout import events_folder, series_path
from fmriprod.interfaces.parcel_table import read_parcels
from fmriprod.interfaces.simulated_files import Subfolders

_NOTE = (
    "Simulated: no person was scanned. File layout, names of runs and conditions and repetition "
    "time are those of the Neuromatch Academy's subset of the HCP; series are noise with networks "
    "and effects that are planted. Places of parcels without coordinates, and regions named made, "
    "are made up. They show whether an analysis finds what is there, and nothing about brains."
)


class _SimulateParcelDatasetInputSpec(PythonInputSpec):
    n_subjects = traits.Range(low=1, value=8, usedefault=True, desc="subjects; 339 published")
    tasks = traits.List(
        traits.Enum("REST", *TASKS),
        value=["REST", "MOTOR", "EMOTION"],
        usedefault=True,
        minlen=1,
        desc="experiments: REST has four runs, each task two; effects are planted in MOTOR and "
        "EMOTION, networks in all",
    )
    parcels_file = File(
        exists=True,
        desc="TSV of parcels, name and network (and x y z in mm), with Glasser's names where "
        "effects are planted; default: a made-up parcellation",
    )
    n_parcels = traits.Range(
        low=2, value=40, usedefault=True, desc="parcels of the made-up parcellation; even"
    )
    n_volumes = traits.Range(
        low=0, value=0, usedefault=True, desc="volumes of each run; 0: as published"
    )
    effect = traits.Range(
        low=0.0, value=1.0, usedefault=True,
        desc="plateau of a block in planted parcels, in standard deviations of the noise",
    )  # fmt: skip
    between = traits.Range(
        low=0.0, value=0.2, usedefault=True,
        desc="standard deviation of effects over subjects, as a share of their mean",
    )  # fmt: skip
    shared = traits.Range(
        low=0.0, high=1.0, value=0.3, usedefault=True, desc="variance that a network shares"
    )
    everywhere = traits.Range(
        low=0.0, high=1.0, value=0.1, usedefault=True, desc="variance that all parcels share"
    )
    ar = traits.Range(
        low=0.0, high=0.99, value=0.4, usedefault=True, desc="correlation of successive volumes"
    )
    level = traits.Float(10_000.0, usedefault=True, desc="mean of each series, its units")
    scale = traits.Range(
        low=0.0, value=50.0, exclude_low=True, usedefault=True,
        desc="standard deviation of the noise, in the same units",
    )  # fmt: skip
    seed = traits.Range(low=0, value=2020, usedefault=True, desc="seed of all that is random")


class _SimulateParcelDatasetOutputSpec(TraitedSpec):
    dataset_dir = Directory(
        exists=True, desc="folder of subjects, regions.npy, atlas.npz and simulated.json"
    )
    subjects = traits.List(traits.Str, desc="names of the subjects' folders, from 0")
    series_files = traits.List(
        traits.List(File(exists=True)), desc=".npy float32 of each subject's runs, in their order"
    )
    runs = traits.List(traits.Int, desc="number of each run of a subject, from 1 to 18")
    regions_file = File(exists=True, desc=".npy: name, network, myelin of each parcel")
    atlas_file = File(exists=True, desc=".npz: labels_L, labels_R (fsaverage5), coords (mm)")
    parcels_file = File(exists=True, desc="TSV: name hemisphere network myelin x y z (mm)")
    effects_file = File(
        exists=True, desc="TSV, planted: task condition parcel effect (mean over subjects, units)"
    )
    subject_effects_file = File(
        exists=True, desc="TSV, planted: subject task condition parcel effect (units)"
    )
    truth_file = File(exists=True, desc="JSON: says that the data are simulated, and how")


class SimulateParcelDataset(Subfolders, PythonInterface):
    """Write a simulated data set of parcels at rest and in tasks, with planted truth.

    Parcels of a network share a signal in every run. A left hand or foot acts on the right
    hemisphere, a right one on the left, the tongue on both; faces act on FFC and PIT. Responses
    are convolved with SPM's function, noise is first-order autoregressive. Left out: drift,
    motion, and all differences between subjects but those of effects' sizes.

    Examples
    --------
    >>> SimulateParcelDataset(n_subjects=339, n_parcels=360).inputs.tasks
    ['REST', 'MOTOR', 'EMOTION']
    """

    input_spec = _SimulateParcelDatasetInputSpec
    output_spec = _SimulateParcelDatasetOutputSpec
    _libraries = ("numpy", "scipy", "nilearn")

    def _process(self) -> None:
        given = self.inputs
        if isdefined(given.parcels_file):
            parcels = read_parcels(given.parcels_file)
        else:
            parcels = made_up_parcels(given.n_parcels)
        parcels = with_places(parcels)
        effects = planted_effects(parcels["name"], given.effect * given.scale)
        effects = effects[effects["task"].isin(given.tasks)]
        runs = sorted({n for task in given.tasks for n in run_numbers(task)})
        self._write_subjects(parcels, effects, runs)
        self._write_parcels(parcels)
        with self.within("dataset"):
            self._write_truth(effects, runs)
        self.result("dataset_dir", str(self._folder / "dataset"))
        self.result("runs", runs)

    def _write_subjects(self, parcels: pd.DataFrame, effects: pd.DataFrame, runs: list) -> None:
        given, files, all_effects = self.inputs, [], []
        for subject in range(given.n_subjects):
            rng = np.random.default_rng([given.seed, subject])
            own = effects.copy()
            own["effect"] *= 1 + given.between * rng.standard_normal(len(own))
            all_effects.append(own.assign(subject=str(subject)))
            files.append([self._write_run(subject, n, parcels, own, rng) for n in runs])
        self.result("subjects", [str(s) for s in range(given.n_subjects)])
        self.result("series_files", files)
        table = pd.concat(all_effects)[["subject", *effects]]
        with self.within("dataset"):
            self.save_table("subject_effects_file", "subject_effects.tsv", table)

    def _write_run(
        self,
        subject: int,
        run: int,
        parcels: pd.DataFrame,
        effects: pd.DataFrame,
        rng: np.random.Generator,
    ) -> str:
        given, task = self.inputs, task_of(run)
        n_volumes = given.n_volumes or N_VOLUMES[task]
        options = {key: getattr(given, key) for key in ("shared", "everywhere", "ar")}
        series = network_noise(parcels["network"], n_volumes, rng, **options)
        series *= np.float32(given.scale)
        if task != "REST":
            events = plan_blocks(task, n_volumes * TR, rng)
            add_effects(series, events, effects[effects["task"] == task], parcels["name"], TR)
            self._write_evs(subject, run, events)
        series += np.float32(given.level)
        path = series_path("dataset", subject, run)
        with self._deep(path.parent):
            self.save_array("series_files", path.name, series)
        return str(self._folder / path)

    def _write_evs(self, subject: int, run: int, events: pd.DataFrame) -> None:
        """Write a text file a condition: onset, duration (s), amplitude."""
        with self._deep(events_folder("dataset", subject, run)):
            for condition, own in events.groupby("trial_type"):
                columns = own[["onset", "duration", "amplitude"]].to_numpy()
                lines = ["\t".join(f"{v:g}" for v in row) for row in columns]
                self.save_text("series_files", f"{condition}.txt", "\n".join(lines) + "\n")

    def _deep(self, path: Path) -> AbstractContextManager[Path]:
        """Write into a folder within folders."""
        (self._folder / path).mkdir(parents=True, exist_ok=True)
        return self.within(str(path))

    def _write_parcels(self, parcels: pd.DataFrame) -> None:
        """Write regions, atlas and the table of both."""
        myelin = parcels["myelin"] if "myelin" in parcels else pd.Series(0.0, parcels.index)
        rows = [parcels["name"], parcels["network"], myelin.map(lambda v: f"{v:g}")]
        places = parcels[list("xyz")].to_numpy(np.float64)
        with self.within("dataset"):
            self.save_array("regions_file", "regions.npy", np.array(rows, dtype=str).T.copy())
            self.save_table("parcels_file", "parcels.tsv", parcels)
            labels = {f"labels_{s}": _label_vertices(parcels, places, s) for s in "LR"}
            with self.writing("atlas_file", "atlas.npz") as path:
                np.savez(path, **labels, coords=places)

    def _write_truth(self, effects: pd.DataFrame, runs: list[int]) -> None:
        self.save_table("effects_file", "effects.tsv", effects)
        shared = ("num_threads", "algorithm_version", "parcels_file")
        parameters = {k: v for k, v in self.inputs.get().items() if k not in shared}
        content = {
            "Simulated": True,
            "Description": _NOTE,
            "RepetitionTime": TR,
            "Runs": {str(n): RUN_NAMES[n - 1] for n in runs},
            "Conditions": MEANINGS,
            "CorrelationWithinNetworks": self.inputs.shared + self.inputs.everywhere,
            "CorrelationBetweenNetworks": self.inputs.everywhere,
            "Parameters": parameters,
        }
        self.save_json("truth_file", "simulated.json", content)


def _label_vertices(parcels: pd.DataFrame, places: np.ndarray, side: str) -> np.ndarray:
    """Give vertices of a hemisphere of fsaverage5 the row of the nearest parcel of that side."""
    from nilearn.datasets import load_fsaverage

    mesh = load_fsaverage("fsaverage5")["pial"].parts["left" if side == "L" else "right"]
    rows = np.flatnonzero(parcels["hemisphere"] == side)
    return nearest_parcel(mesh.coordinates, places, rows)
