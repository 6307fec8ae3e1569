"""Simulated inputs of the report on representational similarity, and its page."""

import json
import re
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rsa_region_bars import region_bars
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa_report import RSAReport

CONDITIONS = ["one", "two", "three", "bed", "cat", "tree"]
LAYERS = ["conv1", "conv2", "fc3"]
CODES = ["digit", "object"]
SHAPE = (14, 15, 8)
AFFINE = np.array([[-3.0, 0, 0, 21], [0, 3, 0, -90], [0, 0, 3.5, -10], [0, 0, 0, 1]])


def save_image(folder, name, data, affine=AFFINE):
    path = folder / f"{name}.nii.gz"
    nb.Nifti1Image(np.asarray(data, np.float32), affine).to_filename(path)
    return str(path)


def save_table(folder, name, table):
    table.to_csv(folder / f"{name}.tsv", sep="\t", index=False, na_rep="n/a")
    return str(folder / f"{name}.tsv")


def save_rdms(folder, name, rng, names, conditions=CONDITIONS, **about):
    values = np.stack([pdist(rng.normal(size=(len(conditions), 20)), "correlation")
                       for _ in range(about.pop("n", len(names or ())))])  # fmt: skip
    path = folder / f"{name}.h5"
    write_rdms(path, RDMs(values.astype("f4"), conditions, "correlation", names=names, **about))
    return str(path)


def similarities():
    rows = [(rdm, layer, 0.1 + 0.3 * i + 0.1 * k) for i, rdm in enumerate(["V1", "LOC"])
            for k, layer in enumerate(LAYERS)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["rdm", "model", "value"])
    q = np.where(table["value"] > 0.35, 0.01, 0.3)
    return table.assign(p=q / 2, q=q, ceiling_lower=0.5, ceiling_upper=0.7)


def write_maps(folder, rng):
    """Spheres in the left half follow digits, and layers rise from behind to front."""
    index = np.indices(SHAPE)
    inside = ((index.T - (np.array(SHAPE) - 1) / 2) ** 2 / (np.array(SHAPE) / 2) ** 2).sum(-1).T < 1
    left = inside & (index[0] > 7)
    value = np.stack([np.where(left, 0.5, -0.1), np.where(inside, 0.05, 0)], axis=-1)
    value += rng.normal(0, 0.01, value.shape)
    value[~inside] = np.nan
    q = np.where(value > 0.3, 0.01, 0.5)
    layer = np.where(left, 1 + index[1] * 3 // SHAPE[1], np.nan)
    paths = {"value_map": value, "q_map": q, "layer_map": layer, "background": 100.0 * inside}
    paths["agreement_map"] = np.where(layer == 2, 0.2, 0.9)
    return {name: save_image(folder, name, data) for name, data in paths.items()}, left, layer


def write_study(folder):
    """Write all inputs of the report, and say what was planted: where, and which layer."""
    rng = np.random.default_rng(7)
    maps, left, layer = write_maps(folder, rng)
    values = rng.normal(0, 0.05, (8, 2, 60)) + np.array([0.3, 0.0])[None, :, None]
    regions = {"V1": np.arange(60) < 30, "LOC": np.arange(60) >= 30}
    points = [(f"{s:02d}", roi, code, values[s, k, where].mean()) for s in range(8)
              for roi, where in regions.items() for k, code in enumerate(CODES)]  # fmt: skip
    people = [(f"{s:02d}", layer, code, 0.3 + 0.1 * i + 0.01 * s)
              for s in range(5) for i, layer in enumerate(LAYERS) for code in CODES]  # fmt: skip
    pictures = []
    for number, name in enumerate(CONDITIONS[::-1]):  # in another order than the RDMs
        pictures.append(str(folder / f"{name}.png"))
        Image.fromarray(np.full((30, 30, 3), 40 * number, np.uint8)).save(pictures[-1])
    groups = pd.DataFrame({"condition": CONDITIONS, "group": ["digit"] * 3 + ["object"] * 3})
    inputs = {
        "simulated": True,
        "rdm_files": [save_rdms(folder, "regions", rng, ["V1", "LOC"]),
                      save_rdms(folder, "layers", rng, LAYERS)],
        "rdm_titles": ["RDMs of regions", "RDMs of layers"],
        "groups_file": save_table(folder, "groups", groups.iloc[::-1]),
        "stimulus_files": pictures,
        "table_files": [save_table(folder, "rsa", similarities()), save_table(
            folder, "codes",
            pd.DataFrame(people, columns=["participant", "rdm", "model", "value"]))],
        "table_titles": ["Regions and layers", "Layers and codes"],
        "table_labels": ["Spearman ρ", "cosine"],
        "value_map": maps["value_map"], "q_map": maps["q_map"], "map_names": CODES,
        "map_label": "Spearman ρ", "layer_map": maps["layer_map"],
        "agreement_map": maps["agreement_map"], "layer_names": LAYERS,
        "background_file": maps["background"],
        "region_file": save_table(folder, "bars", region_bars(values, regions, CODES)),
        "region_participant_file": save_table(
            folder, "points", pd.DataFrame(points, columns=["participant", "roi", "map", "mean"])),
    }  # fmt: skip
    return inputs, left, layer


def run(folder, name="report", **inputs):
    return pe.Node(RSAReport(**inputs), name=name, base_dir=str(folder)).run().outputs


def whole_page(folder, inputs):
    """Make the page of all parts."""
    (folder / "truth.json").write_text(
        json.dumps({"layers rise": {"expected": 0.9, "found": 1.0, "ok": True}})
    )
    said = {
        "title": "Digits & <objects>", "subtitle": "sub-01", "methods": "Maps [@nilearn]. a < b.",
        "truth_file": str(folder / "truth.json"), "decisions": ["run 2 is left out"],
        "settings": ["radius: 9 mm"],
    }  # fmt: skip
    return run(folder, **inputs, **said)


def plain(path):
    """What a reader sees."""
    html = Path(path).read_text(encoding="utf-8")
    body = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.DOTALL)
    body = re.sub(r"data:image/[^\"]*", "", body)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def headings(path):
    return re.findall(r"<h2>(.*?)</h2>", Path(path).read_text(encoding="utf-8"))


def refused(**inputs):
    with pytest.raises(InputError) as info:
        RSAReport(**inputs).run()
    assert info.value.interface == "RSAReport"
    return info.value
