"""Simulate a study in the design and the files of Miyawaki et al. (2008)."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.simulate_miyawaki import (
    make_visual_cortex,
    miyawaki_responses,
    plan_labels,
    receptive_fields,
)
from fmriprod.algorithms.simulate_visual_fields import crop_grid
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.simulated_files import (
    Subfolders,
    cut_image,
    fill,
    grid_image,
    load_cortex,
)

_AREAS = ("V1d", "V1v", "V2d", "V2v", "V3A", "V3", "V4v", "VP")
_TR = 2.0
_NOTE = (
    "Simulated: no person was scanned. Design and file layout are those of Miyawaki et al. (2008, "
    "Neuron 60:915) as Nilearn fetches them; responses, areas and receptive fields are made up."
)


class _SimulateMiyawakiInputSpec(PythonInputSpec):
    n_figure_runs = traits.Range(0, 99, 6, usedefault=True, desc="runs of figures; 12 published")
    n_random_runs = traits.Range(
        1, 99, 8, usedefault=True, desc="runs of random images; 20 published"
    )
    n_blocks = traits.Range(
        low=1, value=22, usedefault=True, desc="images of a random run; 22 make 145 volumes"
    )
    n_voxels = traits.Range(
        low=1, value=400, usedefault=True, desc="voxels of visual cortex; 5438 published"
    )
    zoom = traits.Enum(3, 2, 4, usedefault=True, desc="voxel size in mm")
    snr = traits.Range(
        0.0, 1e6, 0.5, usedefault=True,
        desc="variance of what random images evoke over that of the noise, in a voxel that sees "
        "a part of the image",
    )  # fmt: skip
    lag = traits.Range(1, 10, 2, usedefault=True, desc="volumes from image to response")
    drift = traits.Range(
        0.0, 100.0, 1.0, usedefault=True, desc="standard deviation of slow drift in percent"
    )
    seed = traits.Range(low=0, value=2008, usedefault=True, desc="seed of all that is random")


class _SimulateMiyawakiOutputSpec(TraitedSpec):
    func_files = traits.List(
        File(exists=True),
        desc="series, percent of the mean signal, TR 2 s: runs of figures, then random runs",
    )
    label_files = traits.List(
        File(exists=True),
        desc="CSV of each run: a row a volume, 100 pixels (0 or 1) down the columns, -1 at rest",
    )
    mask_file = File(exists=True, desc="voxels of visual cortex")
    mask_roi_files = traits.List(
        File(exists=True),
        desc="masks of hemispheres' areas (V1d ...) and rings (lag0to1 ...: 0 to 1 degree of "
        "eccentricity)",
    )
    background_file = File(exists=True, desc="anatomy, the ICBM 152 template, on the same grid")
    truth_file = File(
        exists=True,
        desc="TSV, a row a voxel of the mask in C order: area, hemisphere, angle (rad), "
        "eccentricity and sigma (degrees), seen (share of the receptive field's energy within "
        "the images)",
    )
    fields_file = File(
        exists=True, desc=".npy, float32 (n_voxels, 10, 10): receptive fields, row 0 at the top"
    )
    sidecar_file = File(exists=True, desc="JSON: says that the data are simulated, and how")


class SimulateMiyawaki(Subfolders, PythonInterface):
    """Write a simulated study in the file layout of `nilearn.datasets.fetch_miyawaki2008`.

    ``func/data_<figure|random>_run<nn>.nii.gz``, ``label/data_<...>_run<nn>_label.csv``,
    ``mask/mask.nii.gz``, ``mask/<LH|RH><area>.nii.gz`` and ``bg.nii.gz``, in the order of the
    fetcher's ``func``, ``label``, ``mask``, ``mask_roi`` and ``background``. Each voxel answers,
    two volumes later, to the pixels within a receptive field that is known.

    Examples
    --------
    >>> SimulateMiyawaki(n_random_runs=20, n_figure_runs=12, n_voxels=5438).inputs.lag
    2
    """

    input_spec = _SimulateMiyawakiInputSpec
    output_spec = _SimulateMiyawakiOutputSpec
    _libraries = ("numpy", "nilearn", "nibabel")

    def _process(self) -> None:
        given = self.inputs
        grey, template = load_cortex(given.zoom)
        cortex, shape, affine = crop_grid(
            make_visual_cortex(grey, template.affine, given.n_voxels), template.affine
        )
        self._grid, self._voxels = grid_image(shape, affine), cortex[list("ijk")].to_numpy()
        fields = receptive_fields(cortex)
        self._write_runs(fields)
        self._write_masks(cortex)
        anatomy = cut_image(template, shape, affine)
        self.save_image("background_file", "bg.nii.gz", anatomy, self._grid)
        cortex["seen"] = (fields**2).sum(axis=1)
        self.save_table("truth_file", "truth.tsv", cortex)
        self.save_array(
            "fields_file", "fields.npy", fields.reshape(-1, 10, 10).transpose(0, 2, 1).copy()
        )
        shared = ("num_threads", "algorithm_version")
        parameters = {k: v for k, v in given.get().items() if k not in shared}
        self.save_json(
            "sidecar_file",
            "simulated.json",
            {
                "Simulated": True,
                "Description": _NOTE,
                "RepetitionTime": _TR,
                "Parameters": parameters,
            },
        )

    def _write_runs(self, fields: np.ndarray) -> None:
        """Write series and labels, figures first."""
        given = self.inputs
        runs = [("figure", n + 1) for n in range(given.n_figure_runs)]
        runs += [("random", n + 1) for n in range(given.n_random_runs)]
        funcs, tables = [], []
        for kind, run in runs:
            blocks = given.n_blocks if kind == "random" else None
            labels = plan_labels(kind, run, seed=given.seed, n_blocks=blocks)
            rng = np.random.default_rng([given.seed, 2 + (kind == "figure"), run])
            series = miyawaki_responses(
                labels, fields, snr=given.snr, lag=given.lag, drift=given.drift, rng=rng
            )
            name = f"data_{kind}_run{run:02d}"
            with self.within("func") as folder:
                data = fill(self._voxels, series.T, self._grid.shape)
                self.save_image("func_files", f"{name}.nii.gz", data, self._grid, tr=_TR)
                funcs.append(str(folder / f"{name}.nii.gz"))
            with self.within("label") as folder:
                with self.writing("label_files", f"{name}_label.csv") as path:
                    np.savetxt(path, labels, fmt="%d", delimiter=",")
                tables.append(str(folder / f"{name}_label.csv"))
        self.result("func_files", funcs)
        self.result("label_files", tables)

    def _write_masks(self, cortex: pd.DataFrame) -> None:
        """Write the mask and those of areas and rings, in the fetcher's order."""
        rings = [f"lag{k}to{k + 1}" for k in (0, 10, *range(1, 10))]
        files = []
        for side in "LR":
            half = cortex["hemisphere"] == side
            ring = np.minimum(cortex["eccentricity"].to_numpy(), 10.99).astype(int)
            for name in (*rings, *_AREAS):
                own = (
                    ring == int(name[3 : name.index("to")])
                    if name in rings
                    else cortex["area"] == name
                )
                files.append(self._save_mask(f"{side}H{name}.nii.gz", (half & own).to_numpy()))
        self.result("mask_roi_files", files)
        self.result("mask_file", self._save_mask("mask.nii.gz", np.ones(len(cortex), bool)))

    def _save_mask(self, name: str, own: np.ndarray) -> str:
        with self.within("mask") as folder:
            data = fill(self._voxels, own, self._grid.shape)
            self.save_image("mask_file", name, data, self._grid)
            return str(folder / name)
