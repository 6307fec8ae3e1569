"""Simulate an encoding study: images, and a visual cortex that answers to a network's layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.layer_reduction import MAX_FEATURES
from fmriprod.algorithms.response_contrast import two_sample_t
from fmriprod.algorithms.simulate_cortex import AREAS, make_cortex
from fmriprod.algorithms.simulate_sessions import (
    measure_responses,
    plan_sessions,
    voxel_shares,
)
from fmriprod.algorithms.simulate_signal import planted_signal
from fmriprod.algorithms.simulate_stimuli import simulate_stimuli
from fmriprod.algorithms.simulate_visual_fields import crop_grid
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import LayerFile, open_layers
from fmriprod.interfaces.simulated_files import (
    Subfolders,
    cut_image,
    fill,
    grid_image,
    load_cortex,
)

_SETS = ("training", "validation")
_NOTE = (
    "Simulated: no person was scanned, and the images are drawn by a program. The design follows "
    "Kay et al. (2008, Nature 452:352) and what is planted Eickenberg et al. (2017, NeuroImage "
    "152:184); they show whether an analysis finds what is there, and nothing about brains."
)


class _SimulateEncodingInputSpec(PythonInputSpec):
    n_images = traits.Range(low=5, value=260, usedefault=True, desc="natural training images")
    n_faces = traits.Range(low=2, value=20, usedefault=True, desc="training images of faces")
    n_places = traits.Range(low=2, value=20, usedefault=True, desc="training images of places")
    n_validation = traits.Range(low=1, value=20, usedefault=True, desc="validation images")
    n_repeats = traits.Range(
        low=1, value=13, usedefault=True, desc="how often a validation image is shown"
    )
    size = traits.Range(
        low=16, value=128, usedefault=True, desc="width and height of the images in pixels"
    )
    network = traits.Str(
        "small:deep",
        usedefault=True,
        desc="network whose layers drive the voxels, as LayerFeatures takes it",
    )
    max_features = traits.Range(
        low=1, value=MAX_FEATURES, usedefault=True, desc="most features of a layer"
    )
    n_voxels = traits.Range(low=1, value=800, usedefault=True, desc="voxels of visual cortex")
    zoom = traits.Enum(3, 2, 4, usedefault=True, desc="voxel size in mm")
    n_sessions = traits.Range(low=1, value=5, usedefault=True, desc="sessions")
    snr = traits.Range(
        0.0, 1e6, 1.0, usedefault=True,
        desc="variance of the signal over that of the noise of one presentation, median over "
        "voxels",
    )  # fmt: skip
    silent = traits.Range(0.0, 1.0, 0.1, usedefault=True, desc="share of voxels without signal")
    drift = traits.Range(
        0.0, 100.0, 0.1, usedefault=True,
        desc="slow drift within runs, in standard deviations of signal and noise",
    )  # fmt: skip
    offset = traits.Range(
        0.0, 100.0, 0.1, usedefault=True, desc="differences between sessions, in the same unit"
    )
    seed = traits.Range(low=0, value=2017, usedefault=True, desc="seed of all that is random")


class _SimulateEncodingOutputSpec(TraitedSpec):
    image_files = traits.List(File(exists=True), desc="training images, PNG")
    features_file = File(exists=True, desc="HDF5, features of the training images, by layer")
    features_samples_file = File(exists=True, desc="TSV, its rows: stimulus (file name)")
    responses_file = File(
        exists=True, desc=".npy, float32 (n_images, n_voxels): training images, in their order"
    )
    samples_file = File(
        exists=True,
        desc="TSV, a row a response: stimulus (file name), kind (natural, face, place), session, "
        "run, repeat and trial (place in time), each from 1",
    )
    validation_image_files = traits.List(File(exists=True), desc="validation images, PNG")
    validation_features_file = File(exists=True, desc="HDF5, features of the validation images")
    validation_features_samples_file = File(exists=True, desc="TSV, its rows: stimulus")
    validation_responses_file = File(
        exists=True,
        desc=".npy, float32 (n_images * n_repeats, n_voxels), repeats next to each other",
    )
    validation_samples_file = File(exists=True, desc="TSV, a row a response of these")
    mask_file = File(exists=True, desc="voxels of visual cortex; C order gives the columns")
    roi_files = traits.List(File(exists=True), desc="masks of the areas, in the order of `rois`")
    rois = traits.List(traits.Str, desc="names of the areas")
    t_file = File(
        exists=True, desc="NIfTI, Student's t of faces against places in the training responses"
    )
    background_file = File(exists=True, desc="anatomy, the ICBM 152 template, on the same grid")
    angle_map = File(
        exists=True,
        desc="NIfTI, planted: preferred angle (rad); NaN without receptive field or signal, 0 "
        "outside the mask",
    )
    preference_map = File(
        exists=True, desc="NIfTI, planted: 1 where faces are preferred, -1 where places are, else 0"
    )
    truth_file = File(
        exists=True,
        desc="TSV, a row a voxel: i j k, x y z (mm), area, hemisphere, layer (drives it), kind "
        "(face, place: prefers them), angle (rad), eccentricity and sigma (half widths of the "
        "image; n/a without receptive field), signal_share (of the variance of signal and noise)",
    )
    sidecar_file = File(exists=True, desc="JSON: says that the data are simulated, and how")


class SimulateEncoding(Subfolders, PythonInterface):
    """Write images, and responses of a visual cortex whose areas answer to known layers.

    V1 answers to the first layer, V2 and V3 to the second, V4 to middle layers and weakly to
    the first and last, V3A, V3B and LOC to the last third. V1 to V4 have receptive fields; parts of
    LOC prefer faces or places. `features_file` and `responses_file` have the same rows, for
    RidgeEncode.

    Examples
    --------
    >>> SimulateEncoding(snr=2.0).inputs.network
    'small:deep'
    """

    input_spec = _SimulateEncodingInputSpec
    output_spec = _SimulateEncodingOutputSpec
    _libraries = ("numpy", "scipy", "nilearn", "nibabel", "pillow")

    def _process(self) -> None:
        given = self.inputs
        stimuli = self._write_images()
        features, shapes = self._features()
        cortex = self._cortex(list(features))
        signal = planted_signal(
            features, shapes, cortex, stimuli["kind"].to_numpy(), seed=given.seed
        )
        plan = plan_sessions(
            (stimuli["set"] == "training").sum(),
            given.n_validation,
            n_sessions=given.n_sessions,
            n_repeats=given.n_repeats,
            seed=given.seed,
        )
        responses = measure_responses(
            signal, plan, cortex["signal_share"].to_numpy(), drift=given.drift,
            offset=given.offset, seed=given.seed,
        )  # fmt: skip
        plan["trial"] = np.arange(1, len(plan) + 1)
        for name, column in stimuli[["stimulus", "kind"]].items():
            plan[name] = column.to_numpy()[plan["number"]]
        self._write_responses(plan, responses)
        self._write_cortex(cortex, plan, responses)

    def _write_images(self) -> pd.DataFrame:
        """Write the images; give a row for each, training first."""
        from PIL import Image

        given = self.inputs
        counts = {
            "natural": given.n_images + given.n_validation,
            "face": given.n_faces,
            "place": given.n_places,
        }
        images, kinds = simulate_stimuli(counts, size=given.size, seed=given.seed)
        # The last natural images are for validation, and stand behind faces and places.
        held = np.arange(given.n_images, given.n_images + given.n_validation)
        order = np.r_[np.delete(np.arange(len(images)), held), held]
        sets = np.repeat(_SETS, [len(images) - len(held), len(held)])
        files: dict[str, list[str]] = {name: [] for name in _SETS}
        names = []
        for which, image, kind in zip(sets, images[order], kinds[order], strict=True):
            names.append(f"{which}-{len(files[which]) + 1:04d}-{kind}.png")
            field = _field(which, "image_files")
            with self.within(which) as folder, self.writing(field, names[-1]) as path:
                Image.fromarray(image).save(path)
            files[which].append(str(folder / names[-1]))
        self._images = files
        for which in _SETS:
            self.result(_field(which, "image_files"), files[which])
        return pd.DataFrame({"stimulus": names, "kind": kinds[order], "set": sets})

    def _features(self) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
        """Run the network; give features of all images, and shapes of layers with places."""
        given = self.inputs
        parts: list[Mapping[str, np.ndarray]] = []
        for which in _SETS:
            with self.within(f"{which}_features") as folder:
                made = LayerFeatures(
                    images=self._images[which], network=given.network,
                    max_features=given.max_features, num_threads=given.num_threads,
                ).run(cwd=str(folder))  # fmt: skip
            self.result(_field(which, "features_file"), made.outputs.features_file)
            self.result(_field(which, "features_samples_file"), made.outputs.samples_file)
            with open_layers(made.outputs.features_file) as layers:
                parts.append({name: layers[name] for name in layers.names})
                shapes = _shapes(layers)
        return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}, shapes

    def _cortex(self, layers: list[str]) -> pd.DataFrame:
        given = self.inputs
        grey, template = load_cortex(given.zoom)
        cortex = make_cortex(
            grey, template.affine, layers, n_voxels=given.n_voxels, seed=given.seed
        )
        cortex, shape, affine = crop_grid(cortex, template.affine)
        self._grid = grid_image(shape, affine)
        self._anatomy = cut_image(template, shape, affine)
        cortex["signal_share"] = voxel_shares(
            len(cortex), given.snr, silent=given.silent, seed=given.seed
        )
        return cortex

    def _write_responses(self, plan: pd.DataFrame, responses: np.ndarray) -> None:
        columns = ["stimulus", "kind", "session", "run", "repeat", "trial"]
        for which in _SETS:
            rows = plan[plan["set"] == which].sort_values(["number", "repeat"])
            self.save_array(
                _field(which, "responses_file"), f"{which}_responses.npy", responses[rows.index]
            )
            self.save_table(_field(which, "samples_file"), f"{which}_samples.tsv", rows[columns])

    def _write_cortex(self, cortex: pd.DataFrame, plan: pd.DataFrame, responses: Any) -> None:
        """Write masks, the map of t, the truth, and what the data are."""
        voxels = cortex[list("ijk")].to_numpy()

        def save(field: str, name: str, values: np.ndarray) -> str:
            self.save_image(field, name, fill(voxels, values, self._grid.shape), self._grid)
            return str(self._folder / name)

        save("mask_file", "mask.nii.gz", np.ones(len(cortex), bool))
        rois = [
            save("roi_files", f"{area}_mask.nii.gz", (cortex["area"] == area).to_numpy())
            for area in AREAS
        ]
        self.result("roi_files", rois)
        self.result("rois", list(AREAS))
        kind = plan["kind"].where(plan["set"] == "training").to_numpy()
        t = two_sample_t(responses, kind == "face", kind == "place")
        save("t_file", "faces_places_t.nii.gz", t)
        angle = cortex["angle"].where(cortex["signal_share"] > 0)
        save("angle_map", "angles.nii.gz", angle.to_numpy(np.float32))
        prefers = cortex["kind"].map({"face": 1.0, "place": -1.0}).fillna(0.0)
        save("preference_map", "preferences.nii.gz", prefers.to_numpy(np.float32))
        self.save_image("background_file", "background.nii.gz", self._anatomy, self._grid)
        self.save_table("truth_file", "truth.tsv", cortex.replace({"kind": {"": None}}))
        given = self.inputs.get()
        shared = ("num_threads", "algorithm_version")
        self.save_json(
            "sidecar_file",
            "simulated.json",
            {
                "Simulated": True,
                "Description": _NOTE,
                "Parameters": {k: v for k, v in given.items() if k not in shared},
                "Areas": {
                    name: {"depths": area.depths, "window": area.window, "ends": area.ends}
                    for name, area in AREAS.items()
                },
            },
        )


def _field(which: str, name: str) -> str:
    return name if which == "training" else f"validation_{name}"


def _shapes(layers: LayerFile) -> dict[str, tuple[int, ...]]:
    """Give channels, height and width of the features of layers that have places."""
    shapes = {}
    for name in layers.names:
        about = layers.about_layer(name)
        if len(about["shape"]) == 3 and min(about["shape"][1:]) > 1:
            channels, *size = about["shape"]
            shapes[name] = (channels, *(-(-side // about["d"]) for side in size))
    return shapes
