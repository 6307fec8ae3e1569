"""Simulate a cortex whose areas represent conditions as layers of a network, or codes, do."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError, suggest
from fmriprod.algorithms.rdm import check_conditions
from fmriprod.algorithms.simulate_representations import (
    features_of_rdm,
    lay_out_areas,
    planted_distances,
    simulate_patterns,
    standardized_features,
)
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.map_stacks import on_grid
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.simulated_files import Subfolders, grid_image

_NOTE = (
    "Simulated: no person was scanned. A box of voxels stands for a brain; each area's patterns "
    "have the distances between conditions that are planted in it, and noise. They show whether an "
    "analysis finds what is there, and nothing about brains."
)


class _SimulateRepresentationsInputSpec(PythonInputSpec):
    rdm_file = File(
        exists=True,
        mandatory=True,
        xor=["features_file"],
        desc="RDMs (HDF5) to plant, such as those of layers or codes; what no patterns can have is "
        "replaced by the nearest that they can: see planted_rdm_file",
    )
    features_file = File(
        exists=True,
        mandatory=True,
        xor=["rdm_file"],
        requires=["conditions"],
        desc="features (HDF5) to plant instead, a layer an area, a row a condition; standardised "
        "over conditions",
    )
    conditions = traits.List(traits.Str, desc="names of the rows of features_file")
    models = traits.List(
        traits.Str,
        desc="RDMs or layers to plant, in the order of their areas, from the back of the box to "
        "its front (default: all)",
    )
    n_components = traits.Range(
        low=0,
        value=0,
        usedefault=True,
        desc="leading components of features or distances that are planted; 0: all. Layers with "
        "many features are nearly as far from each other for every pair of conditions, which "
        "noise hides; 3 to 5 components make distances differ",
    )
    n_subjects = traits.Range(low=1, value=6, usedefault=True, desc="participants")
    n_runs = traits.Range(low=1, value=4, usedefault=True, desc="runs of each")
    snr = traits.Range(
        low=0.0,
        value=1.0,
        usedefault=True,
        desc="variance of the signal over conditions, over that of the noise of a run's map",
    )
    shape = traits.Tuple(
        traits.Int(20),
        traits.Int(28),
        traits.Int(14),
        usedefault=True,
        desc="voxels of the grid; one at each face is outside the brain",
    )
    zoom = traits.Range(
        low=0.0, value=3.0, exclude_low=True, usedefault=True, desc="voxel size in mm"
    )
    gap = traits.Range(low=0, value=2, usedefault=True, desc="silent voxels between areas")
    fwhm = traits.Range(
        low=0.0, value=0.0, usedefault=True, desc="smoothness of the signal over voxels, in voxels"
    )
    noise_fwhm = traits.Range(
        low=0.0, value=0.0, usedefault=True, desc="smoothness of the noise, in voxels"
    )
    seed = traits.Range(low=0, value=2016, usedefault=True, desc="seed of all that is random")


class _SimulateRepresentationsOutputSpec(TraitedSpec):
    pattern_files = traits.List(
        traits.List(File(exists=True)),
        desc="of each participant the maps of all runs and conditions, NIfTI, noise of variance 1",
    )
    conditions = traits.List(traits.Str, desc="condition of each file of a participant")
    runs = traits.List(traits.Str, desc="run of each file of a participant")
    subjects = traits.List(traits.Str, desc="labels of the participants")
    mask_file = File(exists=True, desc="the brain")
    area_map = File(
        exists=True, desc="NIfTI: number of the area, from 1, n_areas + 1 where silent, 0 outside"
    )
    roi_files = traits.List(File(exists=True), desc="masks of the areas")
    rois = traits.List(traits.Str, desc="their names: those of what is planted")
    planted_rdm_file = File(
        exists=True, desc="correlation distances (HDF5) that patterns of endless voxels would have"
    )
    truth_file = File(
        exists=True,
        desc="TSV, a row an area: area (number) model n_voxels agreement (Spearman's rho of the "
        "distances that were asked for and those that patterns can have)",
    )
    table_file = File(exists=True, desc="TSV, a row a map: subject run condition file")
    sidecar_file = File(exists=True, desc="JSON: says that the data are simulated, and how")


class SimulateRepresentations(Subfolders, PythonInterface):
    """Write maps of conditions whose distances are planted, an RDM an area.

    Participants have the same distances, but patterns and noise of their own. Between the areas,
    and in the upper third of the box, nothing is planted.

    Examples
    --------
    >>> SimulateRepresentations(n_subjects=12, snr=0.5).inputs.n_runs
    4
    """

    input_spec = _SimulateRepresentationsInputSpec
    output_spec = _SimulateRepresentationsOutputSpec
    _libraries = ("numpy", "scipy", "nibabel")

    def _process(self) -> None:
        given = self.inputs
        conditions, asked, features = self._planted()
        areas = lay_out_areas(len(features), shape=given.shape, gap=given.gap)
        zoom = np.diag([given.zoom] * 3 + [1.0])
        zoom[:3, 3] = -given.zoom * (np.array(given.shape) - 1) / 2
        self._grid = grid_image(given.shape, zoom)
        self._write_truth(areas, conditions, asked, features)
        numbered = {k + 1: x for k, x in enumerate(features.values())}
        subjects = [f"{s + 1:02d}" for s in range(given.n_subjects)]
        rows, files = [], []
        for number, subject in enumerate(subjects):
            maps = simulate_patterns(
                areas, numbered, n_runs=given.n_runs, snr=given.snr, fwhm=given.fwhm,
                noise_fwhm=given.noise_fwhm, seed=[given.seed, number],
            )  # fmt: skip
            files.append(self._write_maps(subject, conditions, maps, areas != 0, rows))
        self.result("pattern_files", files)
        self.result("subjects", subjects)
        self.result("conditions", conditions * given.n_runs)
        self.result("runs", [str(r + 1) for r in range(given.n_runs) for _ in conditions])
        self.save_table("table_file", "patterns.tsv", pd.DataFrame(rows))
        parameters = {
            name: value for name, value in given.get().items()
            if isdefined(value) and name not in ("num_threads", "algorithm_version")
        }  # fmt: skip
        about = {"Simulated": True, "Description": _NOTE, "Parameters": parameters}
        self.save_json("sidecar_file", "simulated.json", about)

    def _planted(self) -> tuple[list[str], dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Give conditions, and of each area the distances asked for and its features."""
        given = self.inputs
        if isdefined(given.rdm_file):
            rdms = read_rdms(given.rdm_file)
            names = rdms.names or [str(k + 1) for k in range(len(rdms.dissimilarities))]
            asked = dict(zip(names, np.asarray(rdms.dissimilarities, float), strict=True))
            asked = {name: asked[name] for name in self._chosen(names)}
            return (
                rdms.conditions,
                asked,
                {k: features_of_rdm(v, given.n_components) for k, v in asked.items()},
            )
        conditions = check_conditions(given.conditions)
        with open_layers(given.features_file) as layers:
            if layers.n_samples != len(conditions):
                raise InputError(
                    "conditions", expected=f"a name for each of {layers.n_samples} rows",
                    found=f"{len(conditions)}: {', '.join(conditions)}",
                    hint="average the rows of a condition, and name them in their order",
                )  # fmt: skip
            chosen = self._chosen(layers.names)
            whole = {name: layers[name] for name in chosen}
        asked = {k: planted_distances(standardized_features(x)) for k, x in whole.items()}
        features = {k: standardized_features(x, given.n_components) for k, x in whole.items()}
        return conditions, asked, features

    def _chosen(self, names: list[str]) -> list[str]:
        models = list(self.inputs.models) if isdefined(self.inputs.models) else names
        lacking = [name for name in models if name not in names]
        if lacking or not models:
            raise InputError(
                "models", expected=f"some of {', '.join(names)}", found=", ".join(models) or "none",
                hint=suggest(lacking[0], names) if lacking else "leave it out to plant all",
            )  # fmt: skip
        return models

    def _write_truth(
        self,
        areas: np.ndarray,
        conditions: list[str],
        asked: Mapping[str, np.ndarray],
        features: Mapping[str, np.ndarray],
    ) -> None:
        from scipy.stats import spearmanr

        names = list(features)
        self.save_image("mask_file", "mask.nii.gz", areas != 0, self._grid)
        self.save_image("area_map", "areas.nii.gz", areas, self._grid)
        with self.within("areas") as folder:
            for k in range(len(names)):
                file_name = f"area-{k + 1:02d}_mask.nii.gz"
                self.save_image("roi_files", file_name, areas == k + 1, self._grid)
        masks = [str(folder / f"area-{k + 1:02d}_mask.nii.gz") for k in range(len(names))]
        self.result("roi_files", masks)
        self.result("rois", names)
        can = np.array([planted_distances(x) for x in features.values()])
        with self.writing("planted_rdm_file", "planted_rdms.h5") as path:
            about = {"simulated": True}
            write_rdms(path, RDMs(can, conditions, "correlation", names, about=about))
        truth = {
            "area": np.arange(len(names)) + 1,
            "model": names,
            "n_voxels": [int((areas == k + 1).sum()) for k in range(len(names))],
            "agreement": [
                spearmanr(asked[name], row).statistic for name, row in zip(names, can, strict=True)
            ],
        }
        self.save_table("truth_file", "truth.tsv", pd.DataFrame(truth))

    def _write_maps(
        self, subject: str, conditions: list[str], maps: np.ndarray, brain: np.ndarray, rows: list
    ) -> list[str]:
        """Write a participant's maps; list them in ``rows`` too."""
        files = []
        with self.within(f"sub-{subject}") as folder:
            for run, of_run in enumerate(maps, start=1):
                for number, (name, values) in enumerate(zip(conditions, of_run, strict=True)):
                    label = "".join(c for c in name if c.isalnum()) or "condition"
                    file_name = f"sub-{subject}_run-{run}_condition-{number + 1:03d}{label}.nii.gz"
                    self.save_image(
                        "pattern_files", file_name, on_grid(values, brain, 0.0), self._grid
                    )
                    files.append(str(folder / file_name))
                    row = {"subject": subject, "run": run, "condition": name}
                    rows.append(row | {"file": f"sub-{subject}/{file_name}"})
        return files
