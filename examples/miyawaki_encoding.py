"""Which pixels predict which voxel: the study of Miyawaki et al. (2008), in one Nipype graph.

Random images predict the responses of visual cortex, voxel by voxel; the receptive fields of
voxels are found; and figures are reconstructed from responses that no decoder has seen. These are
the two examples of Nilearn on that study, made of fmriprod's workflows. Without data a retinotopic
cortex is simulated, and this is said wherever something of it is shown.

    python examples/miyawaki_encoding.py --out miyawaki
    python examples/miyawaki_encoding.py --out miyawaki --fetch
    python examples/miyawaki_encoding.py --out miyawaki --data ~/nilearn_data/miyawaki2008
"""

import argparse
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nipype import Function, Merge, Node, Workflow

from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.image_reconstruction import ImageReconstruction
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.interfaces.score_file import read_scores
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.workflows.describe import describe
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.receptive_field import init_receptive_field_wf
from fmriprod.workflows.responses import init_responses_wf
from fmriprod.workflows.stimulus_features import init_stimulus_features_wf
from fmriprod.workflows.workers import set_log_level

SHIFT = 2  # volumes from an image to its response
NOTES = [
    "Volumes of rest stay in, as in Nilearn's example: a part of the explained variance is that "
    "something is seen at all, whatever it is.",
    "The noise ceiling is that of the figures, whose three volumes were averaged.",
]


@dataclass(frozen=True)
class Study:
    """Files in the layout of `nilearn.datasets.fetch_miyawaki2008`; the truth, if simulated."""

    folder: Path
    truth: Path | None = None

    def runs(self, kind: str) -> tuple[list[str], list[str]]:
        """Give series and labels of the runs of ``random`` images, or of a ``figure``."""
        names = f"func/data_{kind}_run*.nii.gz", f"label/data_{kind}_run*_label.csv"
        series, labels = ([str(p) for p in sorted(self.folder.glob(name))] for name in names)
        return series, labels

    @property
    def mask(self) -> str:
        """Voxels of visual cortex."""
        return str(self.folder / "mask" / "mask.nii.gz")


def find_study(given: argparse.Namespace, folder: Path) -> Study:
    """Take the study from a folder, fetch it, or simulate one."""
    if given.data:
        if not (given.data / "func").is_dir():
            raise SystemExit(f"There is no folder func in {given.data}: give what Nilearn fetched.")
        return Study(given.data.absolute())
    if given.fetch:
        from nilearn.datasets import fetch_miyawaki2008

        try:
            return Study(Path(fetch_miyawaki2008(verbose=0)["background"]).parent)
        except OSError as error:
            print(f"The data cannot be fetched ({type(error).__name__}).")
    sizes = zip(("n_figure_runs", "n_random_runs", "n_voxels"), given.simulate, strict=True)
    simulate = SimulateMiyawaki(num_threads=2, **dict(sizes))
    root = folder / "simulated"
    root.mkdir(exist_ok=True)
    truth = Path(simulate.run(cwd=str(root)).outputs.truth_file)
    print("SIMULATED DATA: no person was scanned; what follows says nothing about brains.")
    print("Give --fetch or --data for the study itself.\n")
    return Study(root, truth)


def mark(r2_map: str, mask_file: str, background_file: str, simulated: bool) -> tuple:
    """Mark the published voxels, or the best one and the best three near it in its slice."""
    from pathlib import Path

    import nibabel as nb
    import numpy as np

    from fmriprod.reports.slices import slices_figure

    image = nb.load(r2_map)
    mask = nb.load(mask_file).get_fdata() > 0
    r2 = np.nan_to_num(image.get_fdata()[..., 0])
    index = np.argwhere(mask)
    place = index @ image.affine[:3, :3].T + image.affine[:3, 3]
    best = r2[mask].argmax()
    far = np.linalg.norm(place - place[best], axis=1) > 7  # mm
    voxels = np.lexsort((-r2[mask], far | (index[:, 2] != index[best, 2])))[:4].tolist()
    if mask.sum() == 5438 and not simulated:
        voxels = [1780, 1951, 2131, 1935]
    outlines = []
    for voxel, hue in zip(voxels, ("#2979FF", "#00A651", "#F00028", "#D414B4"), strict=True):
        own = np.zeros(mask.shape)
        own[tuple(index[voxel])] = 1
        outlines.append((own, hue, f"voxel {voxel}"))
    with slices_figure(
        nb.load(background_file).get_fdata(), image.affine, overlay=np.maximum(r2, 0),
        overlay_label="r²", contours=outlines, planes="z", n_slices=1, mark=place[voxels[0]],
        title="Explained variance and marked voxels" + " – simulated data" * simulated,
    ) as figure:  # fmt: skip
        figure.savefig("marked_voxels.png")
    return voxels, str(Path("marked_voxels.png").absolute())


def compare(truth_file: str, r2_map: str, mask_file: str, fields_file: str) -> str:
    """Say how much of what was planted came back."""
    import json
    from pathlib import Path

    import nibabel as nb
    import numpy as np
    import pandas as pd

    def centres(fields):
        weight = np.maximum(fields, 0) / np.maximum(fields, 0).sum(axis=(1, 2), keepdims=True)
        return np.einsum("vij,aij->va", weight, np.indices(fields.shape[1:]))

    seen = pd.read_csv(truth_file, sep="\t")["seen"].to_numpy()
    r2 = nb.load(r2_map).get_fdata()[nb.load(mask_file).get_fdata() > 0].ravel()
    planted = np.load(Path(truth_file).with_name("fields.npy"))
    found = np.load(fields_file).reshape(planted.shape)
    known = (seen > 0.9) & (r2 > 0.1)
    true, found = centres(planted[known]), centres(found[known])
    shuffled = np.random.default_rng(0).permutation(found)
    error, chance = (np.median(np.linalg.norm(f - true, axis=1)) for f in (found, shuffled))
    sees, blind = (float((r2[rows] > 0.05).mean()) for rows in (seen > 0.5, seen < 0.01))
    content = {
        "r² above 0.05 in voxels that see the images": ("90 % or more", f"{sees:.1%}", sees >= 0.9),
        "r² above 0.05 in voxels that do not": ("1 % or fewer", f"{blind:.1%}", blind <= 0.01),
        f"centre of the receptive field, median error in {known.sum():,} voxels": (
            f"below 0.5 pixels (another's: {chance:.1f})", f"{error:.2f} pixels", bool(error < 0.5)
        ),
    }  # fmt: skip
    names = ("expected", "found", "ok")
    path = Path("truth.json").absolute()
    path.write_text(json.dumps({k: dict(zip(names, v, strict=True)) for k, v in content.items()}))
    return str(path)


def first(files: list) -> str:
    """Take the first of a list."""
    return files[0]


def build(study: Study, folder: Path, penalties: list[float]) -> Workflow:
    """Connect fmriprod's workflows with nodes of one's own."""
    (series, labels), simulated = study.runs("random"), study.truth is not None
    mine = Workflow(name="miyawaki", base_dir=str(folder / "work"))
    mine.__postdesc__ = (
        "Figures were reconstructed by sparse decoders of image patches at four scales, fitted to "
        "responses to random images [@miyawaki2008]. "
    )
    # Pairs of runs are left out together: of 20 runs these are the folds of KFold(10).
    pairs = [str(run // 2 + 1) for run in range(len(series))]
    encoding = init_encoding_wf(
        stimuli="labels", responses="bold", stimulus_options={"shift": SHIFT},
        response_options={"shift": SHIFT, "sessions": pairs}, groups="session",
        penalties=penalties, save_model=False, simulated=simulated, omp_nthreads=2,
    )  # fmt: skip
    encoding.__desc__ = encoding.__desc__.replace("session", "pair of runs")
    encoding.inputs.inputnode.trait_set(bold_files=series, label_files=labels, mask_file=study.mask)
    fields = init_receptive_field_wf(stimulus_shape=(10, 10), simulated=simulated, omp_nthreads=2)
    fields.inputs.inputnode.mask_file = study.mask
    fields.inputs.receptive_field.relative_limits = simulated
    if not simulated:
        fields.inputs.receptive_field.marked_pixel = [4, 2]  # as published
    anatomy = Node(ResampleToGrid(interpolation="linear", reference_file=study.mask), "anatomy")
    anatomy.inputs.in_files = [str(study.folder / "bg.nii.gz")]
    marked = Node(Function(function=mark, output_names=["voxels", "figure"]), "marked")
    marked.inputs.trait_set(mask_file=study.mask, simulated=simulated)
    mine.connect([
        (encoding, fields, [(f"outputnode.{field}", f"inputnode.{field}")
                            for field in ("features_file", "responses_file", "samples_file")]),
        (anatomy, encoding, [(("out_files", first), "inputnode.background_file")]),
        (anatomy, marked, [(("out_files", first), "background_file")]),
        (encoding, marked, [("outputnode.r2_map", "r2_map")]),
        (marked, fields, [("voxels", "receptive_field.voxels")]),
    ])  # fmt: skip
    reconstruct(mine, study)
    report(mine, study)
    return mine


def reconstruct(mine: Workflow, study: Study) -> None:
    """Decode figures from responses to them, by what random images have taught."""
    (series, labels), encoding = study.runs("figure"), mine.get_node("encoding_wf")
    shown = init_stimulus_features_wf(stimuli="labels", shift=SHIFT, name="figures_shown_wf")
    seen = init_responses_wf(shift=SHIFT, name="figures_seen_wf")
    shown.inputs.inputnode.label_files = labels
    seen.inputs.inputnode.trait_set(bold_files=series, mask_file=study.mask)
    decode = Node(ImageReconstruction(), "reconstruction")
    decode.inputs.title = "Figures from responses" + " – simulated data" * bool(study.truth)
    ceiling = Node(NoiseCeiling(mask_file=study.mask), "ceiling")
    mine.connect([
        (encoding, decode, [("outputnode.responses_file", "train_responses_file"),
                            ("outputnode.features_file", "train_stimuli_file")]),
        (seen, decode, [("outputnode.responses_file", "test_responses_file")]),
        (shown, decode, [("outputnode.features_file", "test_stimuli_file")]),
        (seen, ceiling, [("outputnode.responses_file", "responses_file")]),
        (shown, ceiling, [("outputnode.samples_file", "samples_file")]),
    ])  # fmt: skip


def report(mine: Workflow, study: Study) -> None:
    """Gather figures and numbers on a page; of simulated data, what was planted too."""
    encoding, fields = mine.get_node("encoding_wf"), mine.get_node("receptive_field_wf")
    marked, decode, ceiling = map(mine.get_node, ("marked", "reconstruction", "ceiling"))
    figures, names = Node(Merge(4), "all_figures"), Node(Merge(2), "all_names")
    names.inputs.in2 = ["Marked voxels", "receptive-fields", "reconstruction"]
    page = Node(EncodingReport(simulated=study.truth is not None), "report")
    page.inputs.trait_set(title="Which pixels predict which voxel", methods=describe(mine))
    page.inputs.decisions = NOTES
    mine.connect([
        (encoding, figures, [("outputnode.figures", "in1")]),
        (encoding, names, [("outputnode.figure_names", "in1")]),
        (marked, figures, [("figure", "in2")]),
        (fields, figures, [("outputnode.figure", "in3")]),
        (decode, figures, [("figure", "in4")]),
        (figures, page, [("out", "figures")]),
        (names, page, [("out", "figure_names")]),
        (encoding, page, [("outputnode.summary_file", "encode_summary_file"),
                          ("outputnode.scores_file", "scores_file")]),
        (fields, page, [("outputnode.summary_file", "fields_summary_file")]),
        (decode, page, [("summary_file", "reconstruction_summary_file")]),
        (ceiling, page, [("summary_file", "ceiling_summary_file")]),
    ])  # fmt: skip
    if study.truth is not None:
        truth = Node(Function(function=compare, output_names=["file"]), "truth")
        truth.inputs.trait_set(truth_file=str(study.truth), mask_file=study.mask)
        mine.connect([
            (encoding, truth, [("outputnode.r2_map", "r2_map")]),
            (fields, truth, [("outputnode.fields_file", "fields_file")]),
            (truth, page, [("file", "truth_file")]),
        ])  # fmt: skip


def tell(results: dict[str, Any]) -> None:
    """Print what was found, and what is known of Nilearn's example on the published data."""
    encode, decoded, ceiling = (
        json.loads(Path(results[name].summary_file).read_text())
        for name in ("encode", "reconstruction", "ceiling")
    )
    r2 = read_scores(results["encode"].scores_file).r2[0]
    guess = decoded["accuracy_of_each_pixel_s_more_frequent_value"]
    rows = [
        ("volumes x voxels", f"{encode['n_samples']} x {encode['n_voxels']}", "2860 x 5438"),
        ("best r2", f"{np.nanmax(r2):.2f}", "not stated"),
        ("voxels with r2 above 0.1", f"{np.sum(r2 > 0.1):,}", "not stated"),
        ("median explainable share", f"{ceiling['share_quantiles_5_50_95'][1]:.2f}", "not stated"),
        ("pixels of figures that are right", f"{decoded['accuracy']:.1%}", "not stated"),
        ("  the more frequent value always", f"{guess:.1%}", "not stated"),
    ]
    for row in [("", "here", "Nilearn, real data"), *rows]:
        print("{:36}{:>16}{:>22}".format(*row))


def main() -> None:
    """Find or simulate the study, run the graph, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("miyawaki"), help="output folder")
    parser.add_argument("--data", type=Path, help="folder with func, label, mask and bg.nii.gz")
    parser.add_argument("--fetch", action="store_true", help="let Nilearn download it (153 MB)")
    parser.add_argument("--penalty", type=float, default=100.0, help="0: chosen for each voxel")
    parser.add_argument(
        "--simulate", type=int, nargs=3, default=(12, 20, 5438), metavar=("FIGURE", "RANDOM", "N"),
        help="runs of figures, runs of random images, voxels of a simulated study",
    )  # fmt: skip
    given = parser.parse_args()
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    study = find_study(given, folder)
    set_log_level(logging.WARNING)
    workflow = build(study, folder, [given.penalty] if given.penalty else [])
    results = {node.name: node.result.outputs for node in workflow.run().nodes}
    tell(results)
    if study.truth is not None:
        print("\nOf what was planted:")
        for what, entry in json.loads(Path(results["truth"].file).read_text()).items():
            print(f"  {what}: {entry['found']}; expected {entry['expected']}")
    files = [results["encode"].r2_map, results["report"].out_report]
    for path in [*results["all_figures"].out, *files]:
        shutil.copy(path, folder)
    print(f"\nFigures, the map of r2 and the report, encoding.html, are in {folder}")
    print("For the methods section:\n\n" + describe(workflow))


if __name__ == "__main__":
    main()
