"""Pages of each kind from simulated data, to be opened in a browser."""

import numpy as np
import pandas as pd

from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.brain_panel import BrainPanel
from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.interfaces.group_figures import GroupFigures
from fmriprod.interfaces.group_report import GroupReport
from fmriprod.interfaces.parcel_report import ParcelReport
from fmriprod.interfaces.quality import RunQuality
from fmriprod.interfaces.report import SubjectReport
from fmriprod.interfaces.run_panel import RunPanel
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.slices import SlicesFigure
from fmriprod.reports.parcel_connectome import connectome_markup, connectome_page
from support import group_tables
from support.images import write_image
from support.layer_scores import save, write_simulated
from support.rsa_study import whole_page, write_study

SHAPE, N, JUMP = (20, 24, 16), 60, 37
AFFINE = np.array([[-4.0, 0, 0, 38], [0, 4, 0, -50], [0, 0, 4, -30], [0, 0, 0, 1]])


def participant(folder):
    """Make the page of a participant with two runs, one of which jumps; give its z map too."""
    rng = np.random.default_rng(1)
    grid = np.indices(SHAPE) - (np.array(SHAPE).reshape(3, 1, 1, 1) - 1) / 2
    head = (grid**2 / np.array(SHAPE).reshape(3, 1, 1, 1) ** 2).sum(axis=0) < 0.2
    z = np.where(head, rng.normal(size=SHAPE), 0).astype(np.float32)
    z[13:16, 5:8, 6:9] = [[[5, 6, 5]] * 3, [[6, 9, 6]] * 3, [[5, 6, 5]] * 3]
    files = {"head": head.astype(np.uint8), "z": z, "region": (z > 4).astype(np.uint8),
             "mean": np.where(head, 900, 10).astype(np.float32)}  # fmt: skip
    paths = {name: str(write_image(folder / f"{name}.nii.gz", data, AFFINE))
             for name, data in files.items()}  # fmt: skip
    runs = [_run(folder, number, files["mean"], paths["head"], rng) for number in (1, 2)]
    where = {"in_file": paths["mean"], "mask_file": paths["region"], "threshold": 3.1}
    figure = SlicesFigure(overlay_file=paths["z"], **where).run(cwd=folder).outputs.out_figure
    brain = BrainPanel(map_files=[paths["z"]], mask_label="the region", **where)
    page = SubjectReport(
        subject="01", dataset="Simulated run", simulated=True, run_labels=["run 1", "run 2"],
        quality_files=[run.out_file for run, _ in runs],
        carpet_figures=[run.carpet_figure for run, _ in runs],
        motion_figures=[run.motion_figure for run, _ in runs],
        run_panels=[panel for _, panel in runs], roi_figures=[figure],
        brain_panels=[brain.run(cwd=folder).outputs.out_file],
        description="Runs were aligned [@mcflirt].", settings=["smoothing: 5 mm"],
    )  # fmt: skip
    return page.run(cwd=folder).outputs.out_file, z


def _run(folder, number, mean, mask, rng):
    motion = pd.DataFrame(np.zeros((N, 6)), columns=list(MOTION_COLUMNS))
    motion.loc[JUMP:, "trans_z"] = 0.9 if number == 1 else 0.1
    motion.to_csv(folder / f"motion{number}.tsv", sep="\t", index=False)
    data = mean[..., None] + rng.normal(0, 15, (*SHAPE, N))
    path = str(write_image(folder / f"run{number}.nii.gz", data.astype(np.float32), AFFINE, tr=2.0))
    inputs = {
        "in_file": path,
        "mask_file": mask,
        "motion_file": str(folder / f"motion{number}.tsv"),
    }
    quality = RunQuality(**inputs).run(cwd=folder).outputs
    panel = RunPanel(**inputs, table_file=quality.out_table, label=f"Volumes of run {number}")
    return quality, panel.run(cwd=folder).outputs.out_file


def group(folder, n_subjects=31):
    """Make the page of a group as large as the published one."""
    scores = group_tables.scores(n_subjects)
    tables = {"accuracy": group_tables.accuracy(scores), "split": group_tables.split(scores)}
    given = {f"{name}_file": group_tables.write(folder, name, table)
             for name, table in tables.items()}  # fmt: skip
    given["scores_files"] = [group_tables.write(folder, f"sub-{label}", part)
                             for label, part in scores.groupby("subject")]  # fmt: skip
    drawn = GroupFigures(n_bootstrap=50, simulated=True, formats=["png"], **given)
    drawn = drawn.run(cwd=folder).outputs
    page = GroupReport(
        study="Objects and drawings", simulated=True, figures=drawn.previews,
        figure_names=drawn.preview_names, **given,
    )  # fmt: skip
    return page.run(cwd=folder).outputs.out_file


def encoding(folder):
    """Make the page of an encoding model of five layers, whose best layers are known."""
    inputs, mask, _, _, best = write_simulated(folder, np.random.default_rng(3))
    regions = []
    for number in (1, 3, 5):
        volume = np.zeros(mask.shape, np.uint8)
        volume[mask] = best == number
        regions.append(save(folder, f"region{number}", volume))
    background = save(folder, "background", mask * np.float32(100))
    common = {**inputs, "background_file": background, "simulated": True}
    drawn = ScoreFigures(**common).run(cwd=folder).outputs
    prints = ScoreFingerprint(**common, roi_files=regions, n_bootstrap=50).run(cwd=folder).outputs
    page = EncodingReport(
        simulated=True, figures=[*drawn.figures, *prints.figures],
        figure_names=[*drawn.figure_names, *prints.figure_names],
        brain_panels=[drawn.panel_file], fingerprint_summary_file=prints.summary_file,
        profile_file=prints.profile_file, methods="Models of layers [@eickenberg2017].",
    )  # fmt: skip
    return page.run(cwd=folder).outputs.out_report


def _parcels(rng, n):
    """Put parcels of two networks into both hemispheres."""
    right = np.arange(n) % 2 == 0
    return pd.DataFrame({
        "name": [f"{'R' if side else 'L'}_P{i}" for i, side in enumerate(right)],
        "hemisphere": np.where(right, "R", "L"), "network": np.where(np.arange(n) < 40, "A", "B"),
        "x": np.where(right, 35, -35) + rng.normal(0, 15, n), "y": rng.uniform(-90, 60, n),
        "z": rng.uniform(-30, 70, n),
    })  # fmt: skip


def parcels(folder, n=80):
    """Make the page on parcels of two networks, with a matrix and a contrast."""
    rng = np.random.default_rng(4)
    table = _parcels(rng, n)
    matrix = np.clip(rng.normal(0.1, 0.2, (n, n)), -1, 1)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, np.nan)
    np.save(folder / "matrix.npy", matrix.astype(np.float32))
    contrast = pd.DataFrame({"parcel": table["name"], "contrast": "lh-rh",
                             "value": np.where(table["hemisphere"] == "R", 5, -5)
                             + rng.normal(size=n)})  # fmt: skip
    files = {name: group_tables.write(folder, name, content)
             for name, content in (("parcels", table), ("contrast", contrast))}  # fmt: skip
    page = ParcelReport(
        simulated=True, parcels_file=files["parcels"], contrast_file=files["contrast"],
        connectivity_file=str(folder / "matrix.npy"), seed="R_P0", methods="Parcels.",
    )  # fmt: skip
    return page.run(cwd=folder).outputs.out_report


def connectome(folder, n=80):
    """Make a page of a connectome with two networks."""
    rng = np.random.default_rng(2)
    table = _parcels(rng, n)
    values = rng.normal(0, 0.2, (n, n))
    markup = connectome_markup((values + values.T) / 2, table, simulated=True)
    path = folder / "connectome.html"
    path.write_text(connectome_page(markup, simulated=True), encoding="utf-8")
    return str(path)


def similarity(folder):
    """Make the page on representational similarity with all its parts."""
    return whole_page(folder, write_study(folder)[0]).out_report
