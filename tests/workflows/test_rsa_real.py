"""Searchlights through the graph: from a raw run to codes around every voxel."""

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nipype import Node, Workflow

from fmriprod.interfaces.motion import MotionCorrect
from fmriprod.interfaces.reorient import Reorient
from fmriprod.interfaces.skullstrip import SkullStrip
from fmriprod.interfaces.volumes import SelectVolumes
from fmriprod.workflows.bold import init_bold_wf
from fmriprod.workflows.code_rsa import init_code_rsa_wf
from fmriprod.workflows.glm import init_first_level_wf

pytestmark = [pytest.mark.realdata, pytest.mark.slow]
CATEGORIES = ("face", "body", "scene", "house", "object", "scramble")


def halves(folder, work):
    """Name each block by its category and half of the run, and write codes of these."""
    events = pd.read_csv(folder / "events.tsv", sep="\t")
    half = np.where(events["onset"] < events["onset"].median(), 1, 2)
    events["trial_type"] = [
        f"{kind}{n}" for kind, n in zip(events["trial_type"], half, strict=True)
    ]
    events.to_csv(work / "events.tsv", sep="\t", index=False)
    conditions = [f"{kind}{n}" for kind in CATEGORIES for n in (1, 2)]
    kinds = [name[:-1] for name in conditions]
    codes = pd.DataFrame({
        "condition": conditions,
        "category": kinds,
        "place": ["place" if kind in ("scene", "house") else "other" for kind in kinds],
        "living": ["living" if kind in ("face", "body") else "other" for kind in kinds],
        "half": [name[-1] for name in conditions],
    })  # fmt: skip
    codes.to_csv(work / "codes.tsv", sep="\t", index=False)
    return conditions


def graph(folder, work, conditions):
    """Compose alignment, model and searchlight of one run as it came from the scanner."""
    bold = str(folder / "bold.nii.gz")
    some = Node(SelectVolumes(in_file=bold, n_volumes=20), name="some")
    turn = Node(Reorient(), name="turn")
    align = Node(MotionCorrect(), name="align")
    mask = Node(SkullStrip(modality="EPI"), name="mask")
    series = init_bold_wf(tr=2.0)
    series.inputs.inputnode.bold_file = bold
    model = init_first_level_wf(contrasts=conditions, tr=2.0, fwhm=0.0)
    model.inputs.inputnode.events_file = str(work / "events.tsv")
    codes = init_code_rsa_wf(codes=(), searchlight_options={"radius": 9.0, "seed": 1})
    codes.inputs.inputnode.features_file = str(work / "codes.tsv")
    workflow = Workflow("searchlight", base_dir=str(work))
    workflow.config["execution"] = {"remove_unnecessary_outputs": "false"}
    workflow.connect([
        (some, turn, [("out_file", "in_file")]),
        (turn, align, [("out_file", "in_file")]),
        (align, mask, [("mean_file", "in_file")]),
        (align, series, [("mean_file", "inputnode.reference_file")]),
        (mask, series, [("out_mask", "inputnode.mask_file")]),
        (series, model, [("outputnode.bold_file", "inputnode.bold_file"),
                         ("outputnode.motion_file", "inputnode.confounds_file")]),
        (mask, model, [("out_mask", "inputnode.mask_file")]),
        (model, codes, [("outputnode.effect_files", "inputnode.pattern_files"),
                        ("outputnode.contrast_names", "inputnode.conditions"),
                        ("outputnode.mask_file", "inputnode.mask_file")]),
    ])  # fmt: skip
    return workflow


def test_codes_of_categories_from_raw_images(real_data, work):
    folder = real_data("studyforrest_localizer")
    conditions = halves(folder, work)
    done = graph(folder, work, conditions).run()
    found = next(n.result.outputs for n in done.nodes() if n.fullname.endswith("rsa_wf.rsa"))
    image = nb.load(found.value_map)
    value, q = np.asarray(image.dataobj), np.asarray(nb.load(found.q_map).dataobj)
    n_significant = dict(zip(found.models, (q <= 0.05).sum(axis=(0, 1, 2)), strict=True))
    assert n_significant["category"] > 500 and n_significant["half"] == 0
    best = np.nan_to_num(value[..., found.models.index("category")], nan=-1)
    peak = np.argwhere(best >= np.sort(best, axis=None)[-100])
    world = peak @ image.affine[:3, :3].T + image.affine[:3, 3]
    assert 0.35 < best.max() < 0.7
    # Categories are told apart behind the middle of the brain, in occipital and temporal cortex.
    assert (world[:, 1] < -30).mean() > 0.9
    count = np.isfinite(value[..., 0]).sum()
    assert count > 15_000, "spheres all over the brain"
