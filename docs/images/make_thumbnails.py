"""Make the thumbnails of the pages of figures and examples; every picture is of simulated data.

Takes pictures that the examples leave, and draws those of the group of the production study from
simulated tables. From the root of the sources::

    python docs/images/make_thumbnails.py --examples FOLDER

``FOLDER`` holds the output of each example in a folder of its name; what is not there is run.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(__file__).resolve().parent
LAYERS = "layers_of_the_visual_system/work/layers"
SYNTHESIS = "synthesize_retinotopy/work/synthesis"
MIYAWAKI = "miyawaki_encoding/work/miyawaki"
PARCELS = "hcp_motor_emotion/work/hcp/parcel_report_wf/report"
TAKEN = {  # thumbnail: picture of an example
    "layer_maps": f"{LAYERS}/encoding_wf/figures/sharemaps.png",
    "fingerprints": f"{LAYERS}/fingerprint_wf/fingerprint/fingerprints.png",
    "best_layer": f"{LAYERS}/fingerprint_wf/fingerprint/winner.png",
    "trend": f"{LAYERS}/fingerprint_wf/fingerprint/slope.png",
    "angle": f"{SYNTHESIS}/retinotopy_wf/retinotopy/angle.png",
    "contrasts": f"{SYNTHESIS}/contrast_wf/recovery/contrast_maps.png",
    "precision_recall": f"{SYNTHESIS}/contrast_wf/recovery/precision_recall.png",
    "score_map": f"{MIYAWAKI}/marked/marked_voxels.png",
    "receptive_fields": f"{MIYAWAKI}/receptive_field_wf/receptive_field/receptive_fields.png",
    "reconstruction": f"{MIYAWAKI}/reconstruction_wf/decode/reconstruction.png",
    "parcel_matrix": f"{PARCELS}/matrix.png",
    "parcel_seed": f"{PARCELS}/seed.png",
    "parcel_brain": f"{PARCELS}/brain.png",
    "parcel_surface": f"{PARCELS}/surface.png",
    "parcel_networks": f"{PARCELS}/networks.png",
    "parcel_ranking": f"{PARCELS}/ranking-1.png",
    "parcel_group": f"{PARCELS}/group.png",
    "training": "digits_and_objects/training.png",
    "confusion": "digits_and_objects/confusion.png",
    "maximisation": "digits_and_objects/images_01.png",
    "embedding": "digits_and_objects/work/network/embedding/embedding.png",
    "layer_rdms": "digits_and_objects/work/brains/report/rdms-1.png",
    "code_rdms": "searchlight_rsa/work/searchlight/report/rdms-1.png",
    "layer_assignment": "digits_and_objects/work/brains/report/layers.png",
    "code_maps": "searchlight_rsa/work/searchlight/report/codemaps.png",
    "similarity": "ninety_two_objects/work/objects/report/similarity-1.png",
    "mds": "ninety_two_objects/work/objects/report/mds-1.png",
}
GALLERY = {
    "own_graph": "own_graph/simulated_bed_minus_chair.png",
    "spliced_graph": "spliced_graph/simulated_scores.png",
    "simulate_study": "simulate_study/simulated_study.png",
    "simulate_production": "simulate_production/courses.png",
    "layers": f"{LAYERS}/fingerprint_wf/fingerprint/fingerprints.png",
    "retinotopy": f"{SYNTHESIS}/retinotopy_wf/retinotopy/angle.png",
    "miyawaki": f"{MIYAWAKI}/marked/marked_voxels.png",
    "digits": "digits_and_objects/work/brains/report/layers.png",
    "objects": "ninety_two_objects/work/objects/report/rdms-1.png",
    "parcels": f"{PARCELS}/surface.png",
    "main_job": "main_job/derivatives/sub-01/figures/sub-01_desc-region_statmap.png",
    "searchlight": "searchlight_rsa/work/searchlight/report/codemaps.png",
}
REGIONS = ("V1", "V2", "LOC", "parietal")
N_SUBJECTS, N_TIMES, N_TRIALS = 31, 23, 40


def simulate_courses(rng: np.random.Generator) -> pd.DataFrame:
    """Simulate time courses in which the target stands out, less so in later regions."""
    rows = [
        (f"sim{s:02}", region, "drawing", "4way", "time_point", time,
         *(0.25 + rng.normal(0, 0.02, 3) + size * rise(time) * np.array([1.0, -0.5, -0.25])))
        for s in range(N_SUBJECTS)
        for region, size in zip(REGIONS, (0.08, 0.09, 0.05, 0.01), strict=True)
        for time in range(1, N_TIMES + 1)
    ]  # fmt: skip
    names = ["subject", "region", "phase", "scheme", "by", "index", "target", "foil", "control"]
    return pd.DataFrame(rows, columns=names)


def rise(time: int) -> float:
    """Say how far the response to the cue has risen."""
    return 1 - np.exp(-time / 3)


def simulate_trials(rng: np.random.Generator) -> pd.DataFrame:
    """Simulate connectivity evidence that grows from the first half to the second."""
    rows = [
        (f"sim{s:02}", *pair, "correlation", "phase", 1 + k // 10, 1 + k // 20, "ab"[k % 2], k,
         k // 2, rng.normal(0.3 + 0.4 * (k >= N_TRIALS // 2), 1.0))
        for s in range(N_SUBJECTS)
        for pair in combinations(REGIONS, 2)
        for k in range(N_TRIALS)
    ]  # fmt: skip
    names = ["subject", "region_1", "region_2", "features", "scheme", "run", "half", "label",
             "trial", "repetition", "log_odds"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def drawn(examples: Path) -> Iterator[tuple[str, AbstractContextManager]]:
    """Give the figures of groups, by their thumbnail."""
    from fmriprod.reports.production_connectivity import connectivity_figure
    from fmriprod.reports.production_courses import course_figure
    from fmriprod.reports.production_phases import phase_figure, split_figure
    from fmriprod.reports.production_swarm import drawing_figure

    rng = np.random.default_rng(1710)
    tables = examples / "published_tables"
    accuracy, scores, split = (
        pd.read_csv(tables / f"{name}.tsv", sep="\t")
        for name in ("accuracy", "scores", "trained_and_control")
    )
    courses, trials = simulate_courses(rng), simulate_trials(rng)
    say = {"simulated": True}
    yield "phases", phase_figure(accuracy, **say)
    yield "split", split_figure(split, **say)
    yield "drawing", drawing_figure(accuracy, scores, **say)
    yield "courses", course_figure(courses, n_bootstrap=1000, **say)
    yield "course_differences", course_figure(courses, difference=True, n_bootstrap=1000, **say)
    yield "connectivity", connectivity_figure(trials, n_bootstrap=1000, **say)
    yield (
        "connectivity_trials",
        connectivity_figure(trials, by="repetition", kind="line", n_bootstrap=500, **say),
    )
    yield "stimuli", stimuli_figure(examples / "miyawaki_encoding" / "simulated" / "label")
    yield "regions", regions_figure(rng)


def regions_figure(rng: np.random.Generator) -> AbstractContextManager:
    """Draw similarity in regions of one voxel over simulated participants."""
    from fmriprod.algorithms.rsa_region_bars import region_bars
    from fmriprod.reports.region_bars import region_figure

    names, layers = ["early", "middle", "late"], [f"layer {k}" for k in range(1, 6)]
    peak = np.arange(5)[:, None] - np.array([0, 2, 4])
    mean = 0.25 * np.exp(-(peak**2) / 3)
    values = mean + rng.normal(0, 0.08, (15, *mean.shape))
    bars = region_bars(values, dict(zip(names, np.eye(3, dtype=bool), strict=True)), layers)
    return region_figure(bars, simulated=True)


def stimuli_figure(folder: Path) -> AbstractContextManager:
    """Draw two stimuli of the simulated study."""
    from fmriprod.reports.image_mosaic import mosaic_figure

    shown, names = [], []
    for run, row in ((1, 125), (3, 102)):
        file = sorted(folder.glob("data_random_run*_label.csv"))[run - 1]
        table = np.loadtxt(file, delimiter=",", ndmin=2)
        row += int(np.argmax((table[row:] > 0).any(axis=1)))  # the next that is no rest
        pixels = table[row].reshape(10, 10, order="F")
        grey = np.uint8(255 * (pixels > 0))
        shown.append(np.repeat(np.kron(grey, np.ones((8, 8), np.uint8))[..., None], 3, axis=2))
        names.append(f"run {run}, volume {row}")
    return mosaic_figure(np.stack(shown), names, title="Stimuli", simulated=True)


def shrink(picture: Path, out: Path, width: int) -> None:
    """Save a picture as WebP, no wider than asked for."""
    with Image.open(picture) as image:
        small = image.convert("RGB")
        small.thumbnail((width, 2 * width), Image.Resampling.LANCZOS)
        out.parent.mkdir(exist_ok=True)
        small.save(out, quality=82, method=6)


def main() -> None:
    """Run what is missing, and make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=Path, default=Path("examples_out"))
    examples = parser.parse_args().examples.absolute()
    wanted = {*(Path(p).parts[0] for p in (*TAKEN.values(), *GALLERY.values())), "published_tables"}
    for name in sorted(wanted):
        if not (examples / name).is_dir():
            room = "benchmarks" if name == "published_tables" else "examples"
            command = [sys.executable, f"{room}/{name}.py", "--out", str(examples / name)]
            subprocess.run(command, cwd=ROOT, check=True)
    for name, picture in TAKEN.items():
        shrink(examples / picture, OUT / "figures" / f"{name}.webp", 520)
    for name, picture in GALLERY.items():
        shrink(examples / picture, OUT / "gallery" / f"{name}.webp", 1000)
    with tempfile.TemporaryDirectory() as folder:
        for name, context in drawn(examples):
            with context as figure:
                figure.savefig(Path(folder) / f"{name}.png")
            shrink(Path(folder) / f"{name}.png", OUT / "figures" / f"{name}.webp", 520)
        graph = Path(folder) / "graph.png"
        from fmriprod.workflows.draw import draw_workflow
        from fmriprod.workflows.encoding import init_encoding_wf

        draw_workflow(init_encoding_wf(), graph)
        shrink(graph, OUT / "figures" / "encoding_graph.webp", 520)


if __name__ == "__main__":
    main()
