"""Numbers that every numeric interface gives for a fixed small input, and their record.

``python tests/support/golden.py`` writes the record anew; do that after raising
``_algorithm_version`` of the interfaces whose numbers changed on purpose.
"""

import json
import sys
import tempfile
from pathlib import Path

import h5py
import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.golden_parcels import run_parcels
from support.golden_rdms import run_rdms

RECORD = Path(__file__).with_name("golden.json")
EVENTS = "onset\tduration\ttrial_type\n" + "\n".join(
    f"{6 + 8 * i}\t2\t{'ab'[(i * i) % 2 if i % 3 else 0]}" for i in range(12)
)


def prepare(folder):
    """Write the inputs: a moving, drifting series of blobs with events, and its mask."""
    from scipy.ndimage import gaussian_filter, shift

    rng = np.random.default_rng(7)
    shape, n = (18, 20, 14), 60
    grid = np.indices(shape) - np.array([[9.0], [10], [7]])[..., None, None]
    ball = (grid**2).sum(axis=0) < 36
    texture = gaussian_filter(rng.normal(size=shape), 1.2)
    head = 1000 * gaussian_filter(ball * (1 + 2 * texture), 0.8)
    on = np.zeros(n)
    on[[5 + 4 * i for i in range(12)]] = 1
    series = np.stack(
        [
            shift(head, 0.3 * np.sin(t / 9), order=1) * (1 + 0.02 * on[t])
            + rng.normal(0, 8, shape) + t
            for t in range(n)
        ],
        axis=-1,
    ).astype(np.float32)  # fmt: skip
    affine = np.diag([-3.0, 3, 3.5, 1])
    files = {name: str(folder / f"{name}.nii.gz") for name in ("bold", "mask", "mean", "map")}
    image = nb.Nifti1Image(series, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((3, 3, 3.5, 2.0))
    image.to_filename(files["bold"])
    for name, data in (("mask", ball.astype(np.uint8)), ("mean", head), ("map", texture)):
        nb.Nifti1Image(data.astype(np.uint8 if name == "mask" else np.float32), affine).to_filename(
            files[name]
        )
    files["events"] = str(folder / "events.tsv")
    Path(files["events"]).write_text(EVENTS + "\n")
    return files


def results(folder):
    """Run every numeric interface; give its version and what its outputs amount to."""
    from fmriprod.interfaces.coregister import Coregister
    from fmriprod.interfaces.evidence import ObjectEvidence
    from fmriprod.interfaces.featurize import Featurize
    from fmriprod.interfaces.fixed_effects import FixedEffects
    from fmriprod.interfaces.glm import FirstLevelModel
    from fmriprod.interfaces.motion import MotionCorrect
    from fmriprod.interfaces.quality import RunQuality
    from fmriprod.interfaces.reorient import Reorient
    from fmriprod.interfaces.roi import RoiMask
    from fmriprod.interfaces.smooth import Smooth
    from fmriprod.interfaces.temporal_filter import TemporalFilter

    f = prepare(folder)
    found = {}

    def run(interface, *fields, of="", **inputs):
        name = interface.__name__
        place = folder / f"{name}{len(list(folder.glob(f'{name}[0-9]*')))}"
        out = pe.Node(interface(**inputs), name=name, base_dir=str(place)).run().outputs
        numbers = {field: [digest(p) for p in as_list(getattr(out, field))] for field in fields}
        found[f"{name} {of}".strip()] = {
            "version": interface._algorithm_version,
            "numbers": numbers,
        }
        return out

    bold, mask, events = f["bold"], f["mask"], f["events"]
    run(Reorient, "out_file", in_file=bold)
    moved = run(MotionCorrect, "out_file", "motion_file", in_file=bold)
    run(Coregister, "out_file", in_file=moved.mean_file, reference_file=f["mean"], in_mask=mask)
    run(TemporalFilter, "out_file", in_file=bold, mask_file=mask)
    run(Smooth, "out_file", in_file=bold, mask_file=mask, fwhm=6.0)
    run(RunQuality, "out_table", "tsnr_file", in_file=bold, mask_file=mask)
    model = run(
        FirstLevelModel, "effect_files", "variance_files", "z_files", "design_file",
        in_file=bold, mask_file=mask, events_file=events, contrasts=["a-b", "both=a+b"],
    )  # fmt: skip
    run(
        FixedEffects, "effect_file", "z_file", effect_files=model.effect_files,
        variance_files=model.variance_files, dof=[50.0, 50.0], mask_file=mask,
    )  # fmt: skip
    run(RoiMask, "out_mask", in_file=f["map"], n_voxels=50)
    features = run(
        Featurize, "features_file", "samples_file", in_file=bold, mask_file=mask,
        events_file=events,
    )  # fmt: skip
    run(
        ObjectEvidence, "evidence_file", features_files=[features.features_file],
        samples_files=[features.samples_file], train="half == 1", test="half == 2",
        n_permutations=20,
    )  # fmt: skip
    _encode(run, folder)
    _compare(run, folder)
    run_parcels(run, folder)
    return found


def _encode(run, folder):
    """Predict 12 voxels from layers of features by ridge and by sparse fields."""
    from fmriprod.interfaces.encode import RidgeEncode
    from fmriprod.interfaces.layer_file import write_layers
    from fmriprod.interfaces.receptive_field import ReceptiveField

    rng = np.random.default_rng(3)
    pixels = rng.normal(size=(60, 9)).astype(np.float32)
    layers = {"pixels": pixels, "wide": np.tanh(pixels @ rng.normal(size=(9, 90)))}
    responses = layers["wide"] @ rng.normal(size=(90, 12)) / 4 + rng.normal(size=(60, 12))
    paths = {name: str(folder / name) for name in ("layers.h5", "y.npy", "y.tsv", "box.nii.gz")}
    write_layers(paths["layers.h5"], layers)
    np.save(paths["y.npy"], responses.astype(np.float32))
    table = pd.DataFrame({"run": np.repeat(["1", "2", "3", "4"], 15)})
    table.to_csv(paths["y.tsv"], sep="\t", index=False)
    nb.Nifti1Image(np.ones((3, 2, 2), np.uint8), np.eye(4)).to_filename(paths["box.nii.gz"])
    given = {
        "features_file": paths["layers.h5"], "responses_file": paths["y.npy"],
        "samples_file": paths["y.tsv"], "mask_file": paths["box.nii.gz"],
    }  # fmt: skip
    run(RidgeEncode, "r2_map", "r_map", **given)
    run(ReceptiveField, "r2_map", **given, layer="pixels")


def _compare(run, folder):
    """Find planted dissimilarities around voxels, and test them over participants."""
    from fmriprod.interfaces.group_rsa import GroupRSA
    from fmriprod.interfaces.layer_assignment import LayerAssignment
    from fmriprod.interfaces.rdm_file import RDMs, write_rdms
    from fmriprod.interfaces.searchlight_rsa import SearchlightRSA
    from fmriprod.interfaces.simulate_representations import SimulateRepresentations

    rng = np.random.default_rng(4)
    rows = rng.uniform(0.5, 1.5, (2, 15)).astype(np.float32)
    models = str(folder / "models.h5")
    write_rdms(models, RDMs(rows, list("abcdef"), "correlation", ["first", "second"]))
    made = SimulateRepresentations(
        rdm_file=models, n_subjects=6, n_runs=2, shape=(8, 10, 7), gap=1
    ).run(cwd=str(folder)).outputs  # fmt: skip
    maps = []
    for files in made.pattern_files:
        found = run(
            SearchlightRSA, "value_map", "p_map", pattern_files=files, conditions=made.conditions,
            mask_file=made.mask_file, model_files=[models], radius=6.0, n_permutations=100,
        )  # fmt: skip
        maps.append(found.value_map)
    run(LayerAssignment, "layer_map", rsa_file=found.rsa_file, level=0.2)
    run(GroupRSA, "t_map", "p_corrected_map", map_files=maps, mask_file=made.mask_file)
    patterns = {"pattern_files": made.pattern_files[0], "conditions": made.conditions}
    run_rdms(run, folder, patterns, made.mask_file)


def as_list(value):
    return [value] if isinstance(value, str) else list(value)


def digest(path):
    """Reduce a file to a few numbers that change when any of its values does."""
    if path.endswith((".nii", ".nii.gz")):
        values = np.nan_to_num(nb.load(path).get_fdata())
    elif path.endswith(".npy"):
        values = np.nan_to_num(np.load(path).astype(float), posinf=0.0, neginf=0.0)
    elif path.endswith(".h5"):
        values = np.nan_to_num(_rdms(path))
    else:
        values = np.nan_to_num(pd.read_csv(path, sep="\t").select_dtypes("number").to_numpy(float))
    weights = np.random.default_rng(1).normal(size=values.size)
    spread = float(np.linalg.norm(values))
    return [float(values.sum()), spread, float(values.ravel() @ weights)]


def _rdms(path):
    with h5py.File(path) as file:
        return file["dissimilarities"][:].astype(float)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        RECORD.write_text(json.dumps(results(Path(scratch)), indent=1) + "\n")
    sys.stdout.write(f"wrote {RECORD}\n")
