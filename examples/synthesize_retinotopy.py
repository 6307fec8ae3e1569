"""Classical experiments on a fitted model: responses to stimuli that nobody was shown.

A visual cortex is simulated (no data, no network) and an encoding model fitted to its responses
to natural images. Then, as in Eickenberg et al. (2017), the model sees wedges cut from images, and
the angle that each voxel prefers is compared with the planted one; and it sees faces and places,
which it was not fitted on, and the voxels that tell them apart are compared with those of the
measured responses. The mean over layers should find them, the first layer alone should not.

    python examples/synthesize_retinotopy.py --out synthesis

It needs PyTorch: pip install 'fmriprod[cnn]'.
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype import Node, Workflow
from nipype.interfaces.base import Bunch

from fmriprod.interfaces.contrast_recovery import ContrastRecovery
from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.simulate_encoding import SimulateEncoding
from fmriprod.workflows.describe import describe
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.synthesis import init_synthesis_wf

NETWORK = {"network": "small:deep", "max_features": 4096}
# As many faces, places and base images of wedges as in the study; fewer natural images. Voxels of
# 2 mm: smoothing by one of 3 mm would mix a third of such small areas' visual fields.
SIMULATED = {"n_images": 600, "n_faces": 45, "n_places": 48, "n_validation": 25, "zoom": 2,
             "n_voxels": 2400, **NETWORK}  # fmt: skip
FIRST_LAYER = "conv1"
LEAST_R = 0.9  # circular correlation with the planted angles that has to be reached


@dataclass(frozen=True)
class Study:
    """What a simulation gave, and the parts of it that the model is fitted on and shown."""

    made: Bunch
    natural: tuple[str, str]  # responses to natural images, and their samples
    others: tuple[list[str], str]  # faces and places, and their samples
    maps: dict[str, str]  # planted angles and preferences, anatomy


def simulate(folder: Path, snr: float) -> Study:
    """Simulate a cortex, and put faces and places aside."""
    print("SIMULATED DATA: no person was scanned, and a program drew the images. What is found")
    print("shows whether the analysis finds what was planted; it says nothing about brains.")
    folder.mkdir(exist_ok=True)
    made = SimulateEncoding(snr=snr, num_threads=2, **SIMULATED).run(cwd=str(folder)).outputs
    samples, truth = (pd.read_csv(p, sep="\t") for p in (made.samples_file, made.truth_file))
    natural = (samples["kind"] == "natural").to_numpy()
    responses, table = folder / "natural_responses.npy", folder / "natural_samples.tsv"
    np.save(responses, np.load(made.responses_file)[natural])
    samples[natural].to_csv(table, sep="\t", index=False)
    shown = folder / "faces_and_places.tsv"
    kinds = samples.loc[~natural, ["stimulus", "kind"]].rename(columns={"kind": "condition"})
    kinds.to_csv(shown, sep="\t", index=False)
    images = [path for path, own in zip(made.image_files, natural, strict=True) if not own]
    maps = planted_maps(made, truth, folder)
    return Study(made, (str(responses), str(table)), (images, str(shown)), maps)


def planted_maps(made: Bunch, truth: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Write maps of planted angles and preferences, and the anatomy under the figures."""
    from nilearn.datasets import load_mni152_template
    from nilearn.image import resample_to_img

    mask = nb.load(made.mask_file)
    inside = mask.get_fdata() > 0
    # Voxels without signal answer to nothing, so that no angle is planted in them.
    angle = truth["angle"].where(truth["signal_share"] > 0)
    prefers = truth["kind"].map({"face": 1.0, "place": -1.0}).fillna(0.0)
    paths = {}
    for name, values in {"angles": angle, "preferences": prefers}.items():
        volume = np.zeros(mask.shape, np.float32)
        volume[inside] = values
        paths[name] = str(folder / f"{name}.nii.gz")
        nb.save(nb.Nifti1Image(volume, mask.affine), paths[name])
    template = load_mni152_template(resolution=SIMULATED["zoom"])
    paths["anatomy"] = str(folder / "anatomy.nii.gz")
    resample_to_img(template, mask, force_resample=True, copy_header=True).to_filename(
        paths["anatomy"]
    )
    return paths


def build(study: Study, folder: Path) -> Workflow:
    """Fit the model, and do both experiments on it."""
    mine = Workflow(name="synthesis", base_dir=str(folder / "work"))
    options: dict[str, Any] = {**NETWORK, "simulated": True, "omp_nthreads": 2}
    made, maps = study.made, study.maps
    encoding = init_encoding_wf(groups="session", simulated=True, omp_nthreads=2)
    encoding.inputs.inputnode.trait_set(
        features_file=made.features_file, features_samples_file=made.features_samples_file,
        responses_file=study.natural[0], samples_file=study.natural[1], mask_file=made.mask_file,
        background_file=maps["anatomy"],
    )  # fmt: skip
    retinotopy = init_synthesis_wf(compare=True, name="retinotopy_wf", **options)
    retinotopy.inputs.inputnode.trait_set(
        images=made.validation_image_files, truth_file=maps["angles"], mask_file=made.mask_file,
        background_file=maps["anatomy"],
    )  # fmt: skip
    contrast = init_synthesis_wf(
        experiment="contrast", single_layer=FIRST_LAYER, name="contrast_wf", **options
    )
    contrast.inputs.inputnode.trait_set(
        images=study.others[0], samples_file=study.others[1], truth_file=made.t_file,
        mask_file=made.mask_file, background_file=maps["anatomy"],
    )  # fmt: skip
    # The measured contrast is the study's truth; here it is known which voxels were planted.
    planted = Node(
        ContrastRecovery(
            names=["mean of layers", FIRST_LAYER], truth_file=maps["preferences"],
            truth_threshold=1.0, mask_file=made.mask_file, background_file=maps["anatomy"],
            title="Planted voxels", simulated=True,
        ),
        name="planted",
    )  # fmt: skip
    mine.connect(contrast, "outputnode.t_files", planted, "in_files")
    for experiment in (retinotopy, contrast):
        mine.connect(encoding, "outputnode.model_file", experiment, "inputnode.model_file")
    return mine


def check_angles(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Compare synthesised angles with the planted ones."""
    found = json.loads(Path(results["retinotopy_wf.retinotopy"].summary_file).read_text())
    r, error = found["circular_correlation_uniform"], np.degrees(found["mean_angular_error"])
    print(f"\nPreferred angles of {found['n_compared']} voxels with receptive fields, synthesised")
    print("and planted; those planted point everywhere alike, so that they have no mean direction:")
    print(f"  circular correlation over pairs of voxels (Fisher & Lee 1983): {r:.3f}")
    print(f"  mean difference: {error:.1f} degrees (of unrelated angles: 90)")
    return {
        "Angles go with the planted ones": {
            "expected": f"circular correlation (Fisher & Lee) of at least {LEAST_R}",
            "found": f"{r:.3f} in {found['n_compared']} voxels",
            "ok": r >= LEAST_R,
        },
        "Angles are those planted, not only related to them": {
            "expected": "mean difference below 15 degrees (unrelated: 90)",
            "found": f"{error:.1f} degrees",
            "ok": bool(error < 15),
        },
    }


def check_contrast(results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Say what the mean of layers and the first alone find of faces against places."""
    truth: dict[str, dict[str, Any]] = {}
    for node, what in (("contrast_wf.recovery", "measured"), ("planted", "planted")):
        table = pd.read_csv(results[node].summary_file, sep="\t")
        limit = "with measured |t| >= 3" if what == "measured" else "that were planted"
        print(f"\nFaces against places: voxels {limit}, found by the model\n")
        print(table.drop(columns="threshold").round(2).to_string(index=False))
        by = table.set_index(["contrast", "map"])
        for contrast in table["contrast"].unique():
            mean, first = by.loc[(contrast, "mean of layers")], by.loc[(contrast, FIRST_LAYER)]
            truth[f"{contrast}, {what} voxels: the mean of layers is precise where t is large"] = {
                "expected": "100 % precision for the largest t",
                "found": f"for {100 * mean['recall_at_full_precision']:.0f} % of the voxels",
                "ok": bool(mean["recall_at_full_precision"] > 0),
            }
            least = mean["average_precision"]
            truth[f"{contrast}, {what} voxels: layer 1 alone is worse"] = {
                "expected": f"average precision below three quarters of {least:.2f}",
                "found": f"{first['average_precision']:.2f} (chance {first['chance']:.2f})",
                "ok": bool(first["average_precision"] < 0.75 * least),
            }
    return truth


def write_report(results: dict[str, Any], truth: dict, methods: str, folder: Path) -> None:
    """Put figures and numbers on a page."""
    encode, drawn = results["encoding_wf.encode"], results["encoding_wf.figures"]
    angles, recovery = results["retinotopy_wf.retinotopy"], results["contrast_wf.recovery"]
    own = shutil.copy(results["planted"].curve_figure, folder / "precision_recall_planted.png")
    figures = [angles.out_figure, recovery.curve_figure, recovery.map_figure, *drawn.figures]
    (folder / "planted.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
    report = EncodingReport(
        title="Experiments on a fitted model", subtitle=NETWORK["network"], simulated=True,
        figures=[*figures, own],
        figure_names=["angle", "precision-recall", "contrast-maps", *drawn.figure_names,
                      "precision-recall, planted voxels"],
        encode_summary_file=encode.summary_file, scores_file=encode.scores_file,
        retinotopy_summary_file=angles.summary_file, recovery_summary_file=recovery.summary_file,
        truth_file=str(folder / "planted.json"), methods=methods,
    )  # fmt: skip
    page = report.run(cwd=str(folder)).outputs.out_report
    for path in [*figures, angles.angle_file, recovery.curves_file]:
        shutil.copy(path, folder)
    print(f"\nThe report is {page}")


def main() -> None:
    """Simulate, fit, synthesise, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("synthesis"), help="output folder")
    parser.add_argument("--snr", type=float, default=1.0, help="of simulated responses")
    given = parser.parse_args()
    if find_spec("torch") is None:
        raise SystemExit("This example needs PyTorch: pip install 'fmriprod[cnn]'")
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    study = simulate(folder / "simulated", given.snr)
    workflow = build(study, folder)
    results = {
        node.fullname.removeprefix("synthesis."): node.result.outputs
        for node in workflow.run().nodes
    }  # fmt: skip
    methods = describe(workflow)
    truth = check_angles(results) | check_contrast(results)
    write_report(results, truth, methods, folder)
    print("\nFor the methods section:\n\n" + methods)


if __name__ == "__main__":
    main()
