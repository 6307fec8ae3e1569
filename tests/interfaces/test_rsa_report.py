"""The report on representational similarity: one page of all parts, on simulated data."""

import re
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.rsa_study import (
    LAYERS,
    SHAPE,
    headings,
    plain,
    refused,
    run,
    save_image,
    save_rdms,
    save_table,
    similarities,
    whole_page,
    write_study,
)

SECTIONS = [
    "Similarity with models", "Where spheres are similar to models", "Most similar layer",
    "Regions over participants", "Dissimilarities of conditions",
    "Conditions in two dimensions", "Planted truth", "Methods", "Settings and software",
]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write all inputs of the report once, and say what was planted."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    """Make the page of all parts once."""
    return whole_page(tmp_path_factory.mktemp("whole"), study[0])


def test_a_whole_analysis_is_one_page(study, whole):
    (inputs, left, layer), found = study, whole
    html, text = Path(found.out_report).read_text(encoding="utf-8"), plain(found.out_report)
    assert headings(found.out_report) == SECTIONS
    assert found.figure_names == [
        "similarity-1", "similarity-2", "codemaps", "spherecounts", "layers", "regions",
        "rdms-1", "rdms-2", "mds-1", "mds-2",
    ]  # fmt: skip
    alts = re.findall(r'<img src="data:[^"]*"[^>]* alt="([^"]*)"', html)
    assert len(alts) == 10 and all(len(alt) > 40 for alt in alts)
    assert alts[0].startswith("Most similar layer on slices")  # on the first screen
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert all(link.startswith(("data:image/", "https://doi.org/")) for link in links)
    counts = [int((layer == number).sum()) for number in (1, 2, 3)]
    n_spheres = int(np.isfinite(nb.load(inputs["value_map"]).get_fdata()[..., 0]).sum())
    top = int(np.argmax(counts))
    bars = pd.read_csv(inputs["region_file"], sep="\t").query("voxels == 'all'")
    n_regions = int((bars["p_fdr"] <= 0.05).sum())
    assert 2 <= n_regions < 4
    for wanted in (
        "Digits &amp; &lt;objects&gt;", "Simulated data: no person", "a &lt; b",
        "sub-01 · 6 conditions",
        "Regions and layers 0.60 Spearman ρ of LOC and fc3, the largest; q = 0.010; 3 of 6 pairs "
        "are above 0 with q ≤ 0.05; noise ceiling 0.50 to 0.70",
        f"Spheres {left.sum():,} of {n_spheres:,}", "similar to digit (q ≤ 0.05); object 0",
        f"Most similar layer {LAYERS[top]} wins in {counts[top]:,} of {left.sum():,}",
        f"Regions {n_regions} of 4", "1 of 1", "run 2 is left out", "9 mm",
        "No sphere is similar to object",
        "often give another layer where conv2 won: median agreement below 0.5",
        "Layers and codes: no test against chance was made.", "Cosines of RDMs are above 0",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "None" not in text and "nan" not in text


def test_the_same_inputs_give_the_same_bytes(study, work):
    names = ("rdm_files", "table_files", "layer_map", "layer_names", "agreement_map")
    some = {name: study[0][name] for name in names}
    one, other = (Path(run(work, name, **some).out_report) for name in ("one", "other"))
    assert one != other and one.read_bytes() == other.read_bytes()


def test_tables_hold_what_was_given_and_what_was_averaged(study, whole):
    _, _, layer = study
    text = plain(whole.out_report)
    assert "LOC fc3 0.600 0.50 to 0.70 0.005 0.010" in text
    assert text.index("LOC fc3 0.600") < text.index("V1 fc3 0.300")  # the most similar first
    assert "fc3 digit 0.520" in text  # the mean of five participants
    for number, name in enumerate(LAYERS, 1):
        n, share = (layer == number).sum(), 100 * (layer == number).sum() / (layer > 0).sum()
        assert f"{name} {n:,} {share:.1f} % {0.2 if number == 2 else 0.9:.2f}" in text
    assert "RDMs of layers 3 6 correlation 0" in text


@pytest.mark.parametrize(("parts", "sections"), [
    (["rdm_files"], SECTIONS[4:6]),
    (["table_files"], SECTIONS[:1]),
    (["value_map", "map_names"], SECTIONS[1:2]),
    (["layer_map", "layer_names"], SECTIONS[2:3]),
    (["region_file"], SECTIONS[3:4]),
])  # fmt: skip
def test_one_part_alone_is_enough_and_leaves_no_empty_heading(study, work, parts, sections):
    inputs, _, _ = study
    found = run(work, **{name: inputs[name] for name in parts})
    assert headings(found.out_report) == [*sections, SECTIONS[-1]]
    text = plain(found.out_report)
    assert "Simulated" not in text and "None" not in text and "nan" not in text


def test_maps_on_the_surface_where_a_space_is_given(study, work):
    inputs, _, _ = study
    shown = {name: inputs[name] for name in ("layer_map", "layer_names", "value_map", "map_names")}
    found = run(work, **shown, space="MNI152NLin2009cAsym")
    assert found.figure_names == ["codemaps", "codesurface", "spherecounts", "layers",
                                  "layersurface"]  # fmt: skip
    assert refused(**shown, space="T1w").subject == "space"


def test_of_many_rdms_the_first_are_drawn_and_others_are_scaled_by_name(work, rng):
    path = save_rdms(work, "many", rng, [f"region {i}" for i in range(25)])
    found = run(work, rdm_files=[path], scaled=["region 3", "region 4"], scaling="classical")
    assert "the first 20 of 25 RDMs are shown" in plain(found.out_report)
    assert found.figure_names == ["rdms-1", "mds-1", "mds-2"]
    assert "many, region 4 classical" in plain(found.out_report)
    error = refused(rdm_files=[path], scaled=["regoin 3"])
    assert error.subject == "scaled" and "did you mean 'region 3'" in error.hint


def test_nothing_found_is_said_on_the_first_screen(study, work):
    inputs, _, _ = study
    table = similarities().assign(q=0.5)
    path = save_table(work, "none", table)
    empty = save_image(work, "empty", np.zeros(SHAPE))
    q = save_image(work, "q", np.ones((*SHAPE, 2)))
    maps = {name: inputs[name] for name in ("value_map", "map_names")}
    text = plain(run(work, table_files=[path], **maps, q_map=q, layer_map=empty,
                     layer_names=LAYERS).out_report)  # fmt: skip
    assert "none: no RDM is more similar to a model than by chance (q ≤ 0.05)" in text
    assert "No sphere is similar to a model (q ≤ 0.05)" in text and "No voxel has a layer." in text


def test_a_range_of_colours_and_the_lower_triangle_reach_the_picture(study, work):
    inputs, _, _ = study
    pictures = []
    for options in ({}, {"rdm_range": [0.0, 2.0]}, {"lower_only": True}):
        found = run(work, f"n{len(pictures)}", rdm_files=inputs["rdm_files"][:1], **options)
        with Image.open(found.figures[0]) as image:
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
    white = [(picture == 255).all(axis=-1).mean() for picture in pictures]
    assert white[2] > white[0] + 0.1
    assert pictures[1].shape != pictures[0].shape or (pictures[1] != pictures[0]).any()


def test_every_figure_of_simulated_data_says_so(study, whole, work):
    inputs, _, _ = study
    real = run(work, **inputs | {"simulated": False})
    assert real.figure_names == whole.figure_names
    for name, one, other in zip(whole.figure_names, whole.figures, real.figures, strict=True):
        with Image.open(one) as said, Image.open(other) as silent:
            top = [np.asarray(image.convert("RGB"))[:60].astype(int) for image in (said, silent)]
            assert (top[0] != top[1]).any(), name
