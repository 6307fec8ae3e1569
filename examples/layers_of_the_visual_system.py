r"""Which layer of a network predicts which voxel: the study of Eickenberg et al. (2017).

Images go through a network, every layer predicts every voxel, and where each layer does best is a
map of the visual system. Without data a visual cortex is simulated whose areas answer to known
layers, this is said wherever something of it is shown, and what is found is compared with what was
planted and with the published table.

    python examples/layers_of_the_visual_system.py --out layers
    python examples/layers_of_the_visual_system.py --out layers --network torchvision:alexnet \
        --images images --responses responses.npy --samples samples.tsv --mask mask.nii.gz \
        --rois V1.nii.gz V2.nii.gz --groups session

It needs PyTorch: pip install 'fmriprod[cnn]' (but for --network gabor, with data of one's own).
"""

import argparse
import json
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel as nb
import numpy as np
import pandas as pd
from nipype import Node, Workflow

from fmriprod.algorithms.layer_reduction import MAX_FEATURES
from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.score_file import read_scores
from fmriprod.interfaces.simulate_encoding import SimulateEncoding
from fmriprod.workflows.describe import describe
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.fingerprint import init_fingerprint_wf

SCORES = ("r2", "r")  # the study's for images, and for films
# The study has 1750 images and up to 25,000 features a layer; this is a small one of that kind.
SIMULATED = {"n_images": 600, "n_faces": 45, "n_places": 48, "n_validation": 25, "zoom": 2,
             "n_voxels": 2400, "network": "small:deep", "max_features": 4096}  # fmt: skip
# Published: the layer, of nine, that predicts a region best; None where scores rise to the last.
PUBLISHED = {"V1": (1, 1), "V2": (2, 2), "V3": (2, 2), "V4": (4, 5), "V3A": None, "V3B": None,
             "LOC": None}  # fmt: skip
# Of its maximum, for every layer. V4 is planted as a sum: half of its signal comes from layer 4 or
# 5, the rest from the first and the last. By r that is enough; r2 is the square of it.
V4_LEAST = 0.7


@dataclass(frozen=True)
class Study:
    """Files of a study: rows of the responses are the images, or name them in ``stimulus``."""

    images: list[str]
    responses: str
    samples: str
    mask: str
    rois: dict[str, str]
    groups: str
    network: str
    max_features: int = MAX_FEATURES
    repeats: tuple[str, str] | None = None  # responses and samples of images shown repeatedly
    anatomy: dict[str, str] = field(default_factory=dict)  # background_file, to draw on
    space: str | None = None  # where fsaverage can be laid over it
    truth: pd.DataFrame = field(default_factory=pd.DataFrame)  # of simulated data

    @property
    def simulated(self) -> bool:
        """Whether nobody was scanned."""
        return len(self.truth) > 0


def find_study(given: argparse.Namespace, folder: Path) -> Study:
    """Take the files that are given, or simulate a study."""
    if given.images is None:
        return simulate(folder, given.snr)
    if None in (given.responses, given.samples, given.mask):
        raise SystemExit("--images needs --responses, --samples and --mask too.")
    images = [p for p in sorted(given.images.iterdir()) if p.is_file() and p.name[0] != "."]
    return Study(
        [str(path.absolute()) for path in images],
        *(str(path.absolute()) for path in (given.responses, given.samples, given.mask)),
        rois={path.name.split(".nii")[0]: str(path.absolute()) for path in given.rois},
        groups=given.groups,
        network=given.network,
    )


def simulate(folder: Path, snr: float) -> Study:
    """Simulate a cortex whose areas answer to known layers."""
    print("SIMULATED DATA: no person was scanned, and a program drew the images. What is found")
    print("shows whether the analysis finds what was planted; it says nothing about brains.")
    root = folder / "simulated"
    root.mkdir(exist_ok=True)
    made = SimulateEncoding(snr=snr, num_threads=2, **SIMULATED).run(cwd=str(root)).outputs
    return Study(
        made.image_files, made.responses_file, made.samples_file, made.mask_file,
        rois=dict(zip(made.rois, made.roi_files, strict=True)), groups="session",
        network=SIMULATED["network"], max_features=SIMULATED["max_features"],
        repeats=(made.validation_responses_file, made.validation_samples_file),
        anatomy={"background_file": cut_anatomy(made.mask_file, root)},
        space="MNI152NLin2009aSym",
        truth=pd.read_csv(made.truth_file, sep="\t"),
    )  # fmt: skip


def cut_anatomy(mask_file: str, folder: Path) -> str:
    """Bring the template that Nilearn ships to the grid of a mask."""
    from nilearn.datasets import load_mni152_template
    from nilearn.image import resample_to_img

    image = resample_to_img(
        load_mni152_template(resolution=SIMULATED["zoom"]), mask_file, force_resample=True,
        copy_header=True,
    )  # fmt: skip
    image.to_filename(folder / "anatomy.nii.gz")
    return str(folder / "anatomy.nii.gz")


def build(study: Study, folder: Path, n_permutations: int) -> Workflow:
    """Connect encoding, its test, fingerprints and the noise ceiling."""
    mine = Workflow(name="layers", base_dir=str(folder / "work"))
    encoding = init_encoding_wf(
        stimuli="images",
        stimulus_options={"network": study.network, "max_features": study.max_features},
        groups=study.groups, n_permutations=n_permutations, save_model=False,
        surface=study.space is not None, space=study.space, simulated=study.simulated,
        omp_nthreads=2,
    )  # fmt: skip
    encoding.inputs.inputnode.trait_set(
        images=study.images, responses_file=study.responses, samples_file=study.samples
    )
    place = {"mask_file": study.mask} | study.anatomy
    encoding.inputs.inputnode.trait_set(**place)
    for score in SCORES:
        prints = init_fingerprint_wf(
            score=score, simulated=study.simulated, name=f"fingerprint_{score}_wf"
        )
        prints.inputs.inputnode.trait_set(**place)
        if study.rois:
            prints.inputs.inputnode.trait_set(
                roi_files=list(study.rois.values()), roi_names=list(study.rois)
            )
        wanted = [("outputnode.scores_file", "inputnode.scores_file")]
        if n_permutations:
            wanted.append(("outputnode.significant_mask", "inputnode.selection_file"))
        mine.connect([(encoding, prints, wanted)])
    if study.repeats:
        ceiling = Node(NoiseCeiling(mask_file=study.mask), name="ceiling")
        ceiling.inputs.responses_file, ceiling.inputs.samples_file = study.repeats
        mine.add_nodes([ceiling])
    return mine


def published_table(profiles: pd.DataFrame) -> dict[str, tuple[str, bool]]:
    """Compare profiles over nine layers with what was published: statement to found, and if so."""
    lines: dict[str, tuple[str, bool]] = {}
    for roi, part in profiles.groupby("roi", sort=False):
        if roi not in PUBLISHED or len(part) != 9:
            continue
        value, peak = part["value"].to_numpy(), int(part["value"].argmax()) + 1
        expected = PUBLISHED[roi]
        if expected is None:
            r = np.corrcoef(np.arange(9), value)[0, 1]
            told = f"peak at layer {peak}, r with layer's number {r:.2f}"
            lines[f"{roi} rises to last layers"] = (told, peak >= 7 and r >= 0.5)
            continue
        at = " or ".join(str(number) for number in dict.fromkeys(expected))
        lines[f"{roi} peaks at layer {at}"] = (f"peak at layer {peak}", peak in expected)
        if roi == "V4":
            told = f"at least {100 * value.min():.0f} %"
            lines["V4 always above 70 % of its maximum"] = (told, value.min() > V4_LEAST)
    return lines


def winners(study: Study, scores_file: str, winner_map: str) -> dict[str, pd.Series]:
    """Share of voxels with signal whose best layer is the planted one: by region, and of all.

    Also of all if best layers changed places between voxels: what chance gives.
    """
    scores = read_scores(scores_file)
    planted = pd.Index(scores.layers).get_indexer(study.truth["layer"]) + 1
    inside = nb.load(study.mask).get_fdata() > 0
    best = {
        "smoothed": nb.load(winner_map).get_fdata()[inside],
        "not smoothed": np.nan_to_num(scores.r2, nan=-np.inf).argmax(axis=0) + 1,
    }
    heard = (study.truth["signal_share"] > 0).to_numpy()
    found = {}
    for name, layer in best.items():
        right = pd.Series(layer[heard] == planted[heard])
        by_roi = right.groupby(study.truth.loc[heard, "area"].to_numpy()).mean()
        numbers = range(1, len(scores.layers) + 1)
        chance = sum((layer[heard] == n).mean() * (planted[heard] == n).mean() for n in numbers)
        found[name] = pd.concat(
            [by_roi[list(study.rois)], pd.Series({"all": right.mean(), "chance": chance})]
        )
    return found


def print_profiles(study: Study, profiles: pd.DataFrame) -> None:
    """Print the profile of each region beside the layers that were planted."""
    table = profiles.pivot(index="roi", columns="layer", values="value")
    table = table.loc[profiles["roi"].unique(), profiles["layer"].unique()].round(2)
    if study.simulated:
        planted = study.truth.groupby("area")["layer"].unique()
        table.insert(0, "planted", [" ".join(sorted(planted[roi])) for roi in table.index])
    print("\nProfiles of regions over layers: r2, divided by its maximum\n")
    print(table.to_string())


def compare(study: Study, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Print what was published and planted beside what was found; give it for the report."""
    made = {score: results[f"fingerprint_{score}_wf.fingerprint"] for score in SCORES}
    tables = {score: pd.read_csv(made[score].profile_file, sep="\t") for score in SCORES}
    print_profiles(study, tables["r2"])
    if not study.simulated:
        return {}
    lines = {score: published_table(table) for score, table in tables.items()}
    truth: dict[str, dict[str, Any]] = {}
    print("\nPublished, and found by r2 (the study's score for images) and by r\n")
    for statement in lines["r2"]:
        found = {score: lines[score][statement] for score in SCORES}
        told = [f"{'' if ok else 'not '}reproduced: {t}" for t, ok in found.values()]
        print(f"  {statement}\n      r2 {told[0]}\n      r  {told[1]}")
        # Correlations add up in V4's voxels, shares of variance cannot: see `V4_LEAST`.
        score = "r" if "70 %" in statement else "r2"
        truth[f"{statement}, by {score}"] = {
            "expected": "as published", "found": f"r2: {found['r2'][0]}; r: {found['r'][0]}",
            "ok": bool(found[score][1]),
        }  # fmt: skip
    shares = winners(study, results["encoding_wf.encode"].scores_file, made["r2"].winner_map)
    print("\nShare of voxels with signal whose best layer is the planted one\n")
    print(pd.DataFrame(shares).T.round(2).to_string())
    for name, found in shares.items():
        truth[f"Best layer is the planted one, maps {name}"] = {
            "expected": f"more than twice chance ({100 * found['chance']:.0f} %)",
            "found": f"{100 * found['all']:.0f} % of voxels with signal",
            "ok": bool(found["all"] > 2 * found["chance"]),
        }
    return truth


def write_report(
    study: Study, results: dict[str, Any], truth: dict, methods: str, folder: Path
) -> None:
    """Put figures and numbers on a page."""
    encode, drawn = results["encoding_wf.encode"], results["encoding_wf.figures"]
    prints = results["fingerprint_r2_wf.fingerprint"]
    report = EncodingReport(
        title="Layers of the visual system", subtitle=study.network, simulated=study.simulated,
        figures=[*drawn.figures, *prints.figures],
        figure_names=[*drawn.figure_names, *prints.figure_names],
        encode_summary_file=encode.summary_file, scores_file=encode.scores_file,
        fingerprint_summary_file=prints.summary_file, profile_file=prints.profile_file,
        methods=methods,
    )  # fmt: skip
    if "encoding_wf.significance" in results:
        report.inputs.significance_summary_file = results["encoding_wf.significance"].summary_file
    if "ceiling" in results:
        report.inputs.ceiling_summary_file = results["ceiling"].summary_file
    if truth:
        (folder / "planted.json").write_text(json.dumps(truth, indent=1), encoding="utf-8")
        report.inputs.truth_file = str(folder / "planted.json")
    maps = [prints.winner_map, prints.slope_map, prints.profile_file, encode.r2_map]
    for path in [*drawn.figures, *prints.figures, *maps]:
        shutil.copy(path, folder)
    print(f"\nThe report is {report.run(cwd=str(folder)).outputs.out_report}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("layers"), help="output folder")
    parser.add_argument("--images", type=Path, help="folder of your own images")
    parser.add_argument("--responses", type=Path, help=".npy, images x voxels")
    parser.add_argument("--samples", type=Path, help="TSV, a row a response, with --groups")
    parser.add_argument("--mask", type=Path, help="mask whose voxels are the columns")
    parser.add_argument("--rois", type=Path, nargs="*", default=[], help="masks of regions")
    parser.add_argument("--groups", default="session", help="column: what is left out together")
    parser.add_argument("--network", default="small:deep", help="as LayerFeatures takes it")
    parser.add_argument("--snr", type=float, default=1.0, help="of simulated responses")
    parser.add_argument(
        "--permutations", type=int, default=100, help="for each of 14 voxels; published: 100000"
    )
    return parser.parse_args()


def main() -> None:
    """Find or simulate the study, run the graph, and say what was found."""
    given = arguments()
    no_network = given.images is not None and given.network in ("gabor", "pixels")
    if not no_network and find_spec("torch") is None:
        raise SystemExit("This example needs PyTorch: pip install 'fmriprod[cnn]'")
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    study = find_study(given, folder)
    workflow = build(study, folder, given.permutations)
    results = {
        node.fullname.removeprefix("layers."): node.result.outputs
        for node in workflow.run().nodes
    }  # fmt: skip
    methods = describe(workflow)
    write_report(study, results, compare(study, results), methods, folder)
    print("\nFor the methods section:\n\n" + methods)


if __name__ == "__main__":
    main()
