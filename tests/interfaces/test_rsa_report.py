"""The report on representational similarity, from files, on simulated data."""

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
from fmriprod.algorithms.rdm_mds import classical_scaling
from fmriprod.algorithms.rsa_region_bars import region_bars
from fmriprod.interfaces.group_rsa import GroupRSA
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_report import RSAReport
from fmriprod.interfaces.rsa_report_inputs import read_groups, read_pictures, read_shown

CONDITIONS = ["one", "two", "three", "bed", "cat", "tree"]
LAYERS = ["conv1", "conv2", "fc3"]
CODES = ["digit", "object"]
SHAPE = (14, 15, 8)
AFFINE = np.array([[-3.0, 0, 0, 21], [0, 3, 0, -90], [0, 0, 3.5, -10], [0, 0, 0, 1]])
SECTIONS = [
    "Similarity with models", "Where spheres are similar to models", "Most similar layer",
    "Regions over participants", "Dissimilarities of conditions",
    "Conditions in two dimensions", "Planted truth", "Methods", "Settings and software",
]  # fmt: skip


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


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write all inputs of the report once, and say what was planted."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(7)
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


@pytest.fixture(scope="module")
def whole(study, tmp_path_factory):
    """Make the page of all parts once."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "truth.json").write_text(
        json.dumps({"layers rise": {"expected": 0.9, "found": 1.0, "ok": True}})
    )
    said = {
        "title": "Digits & <objects>", "subtitle": "sub-01", "methods": "Maps [@nilearn]. a < b.",
        "truth_file": str(folder / "truth.json"), "decisions": ["run 2 is left out"],
        "settings": ["radius: 9 mm"],
    }  # fmt: skip
    return run(folder, **study[0], **said)


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


def test_spheres_are_shown_by_their_mean_and_gaps_are_counted(work, rng):
    values = np.full((300, 15), 0.8, np.float32) + rng.normal(0, 0.1, (300, 15)).astype("f4")
    values[7, 3], values[9] = np.nan, 0.5
    write_rdms("spheres.h5", RDMs(values, CONDITIONS, "crossnobis", voxels=np.arange(300),
               n_voxels=np.full(300, 20), shape=(10, 10, 3), affine=np.eye(4)))  # fmt: skip
    found = run(work, rdm_files=[str(work / "spheres.h5")])
    text = plain(found.out_report)
    assert "1 of 300 RDMs have unknown pairs" in text
    assert "in 1 of 300 RDMs all distances are the same" in text

    shown = read_shown("spheres.h5", "spheres", 20)
    np.testing.assert_allclose(shown.values[0], np.delete(values, 7, axis=0).mean(axis=0), 1e-6)
    assert shown.names == ["mean of 299 spheres"]


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


def test_nothing_to_report_is_refused():
    error = refused(title="x")
    assert error.expected == (
        "one of rdm_files, table_files, value_map, layer_map, region_file at least"
    )


def test_names_of_conditions_that_do_not_fit_are_refused(study, work):
    inputs, _, _ = study
    rdms = {"rdm_files": inputs["rdm_files"]}
    table = pd.DataFrame({"condition": [*CONDITIONS[:-1], "treee"], "group": "g"})
    error = refused(**rdms, groups_file=save_table(work, "g", table))
    assert "lacking: 'tree'" in error.found and "did you mean 'treee'" in error.hint
    error = refused(**rdms, groups_file=save_table(work, "g", table.drop(columns="group")))
    assert error.found == "no column group"
    error = refused(**rdms, stimulus_files=inputs["stimulus_files"][1:])
    assert error.subject == "stimulus_files" and "lacking: 'tree'" in error.found
    error = refused(**rdms, stimulus_files=inputs["stimulus_files"], stimulus_names=["one"])
    assert error.expected == "the condition of each of 6 pictures"
    Path("one.png").write_text("no picture")
    files = [*(f for f in inputs["stimulus_files"] if "one" not in f), str(work / "one.png")]
    error = refused(**rdms, stimulus_files=files)
    assert error.file.endswith("one.png") and error.found == "UnidentifiedImageError"


def test_titles_that_do_not_fit_files_and_other_files_are_refused(study, work):
    inputs, _, _ = study
    error = refused(rdm_files=inputs["rdm_files"], rdm_titles=["one"])
    assert (error.subject, error.expected) == ("rdm_titles", "one for each of 2 files")
    error = refused(table_files=inputs["table_files"], table_labels=["ρ"])
    assert error.subject == "table_labels"
    error = refused(rdm_files=[inputs["table_files"][0]])
    assert error.expected.startswith("an HDF5 file of dissimilarities")


def test_maps_and_names_that_do_not_fit_are_refused(study, work):
    inputs, _, _ = study
    maps = {name: inputs[name] for name in ("value_map", "q_map", "map_names")}
    error = refused(**maps | {"map_names": LAYERS})
    assert error.expected == "a volume for each of 3 names: conv1, conv2, fc3"
    assert error.found == f"shape {(*SHAPE, 2)}" and error.file == maps["value_map"]
    error = refused(value_map=maps["value_map"])
    assert "map_names are not given" in error.expected
    error = refused(**maps | {"q_map": save_image(work, "q3", np.ones((*SHAPE, 3)))})
    assert error.subject == "q_map" and error.file.endswith("q3.nii.gz")
    other = AFFINE + np.eye(4)
    error = refused(**maps | {"q_map": save_image(work, "q2", np.ones((*SHAPE, 2)), other)})
    assert "differs by up to" in error.found
    error = refused(value_map=save_image(work, "v", np.full((*SHAPE, 2), np.nan)), map_names=CODES)
    assert error.found == "none that is finite and not 0"
    error = refused(layer_map=inputs["layer_map"], layer_names=LAYERS[:2])
    assert error.subject == "layer_map" and error.file == inputs["layer_map"]
    error = refused(layer_map=inputs["layer_map"])
    assert error.expected.startswith("a name for each layer")


def test_tables_that_do_not_fit_are_refused(study, work):
    table = similarities()
    error = refused(table_files=[save_table(work, "t", table.drop(columns="rdm"))])
    assert error.found == "no column rdm" and error.file.endswith("t.tsv")
    error = refused(table_files=[save_table(work, "t", table.iloc[:0])])
    assert error.found == "no row"
    twice = pd.concat([table, table]).assign(participant="01")
    error = refused(table_files=[save_table(work, "t", twice)])
    assert error.found == "'01', 'V1' and 'conv1' more than once"
    error = refused(table_files=[save_table(work, "t", pd.concat([table, table]))])
    assert error.found == "'V1' and 'conv1' more than once"
    error = refused(region_file=save_table(work, "r", table))
    assert error.found == "no column roi, map, mean"


def test_names_that_look_like_numbers_or_gaps_stay_as_they_are(work):
    table = similarities().assign(rdm=["01", "01", "01", "n/a", "n/a", "n/a"])
    text = plain(run(work, table_files=[save_table(work, "t", table)]).out_report)
    assert "n/a fc3 0.600" in text and "01 fc3 0.300" in text


@pytest.mark.realdata
def test_pictures_of_the_ninety_two_objects_stand_where_human_it_places_them(real_data, work):
    folder = real_data("kriegeskorte92")
    stimuli = pd.read_csv(folder / "stimuli.csv")
    names = [Path(file).stem for file in stimuli["file"]]
    with np.load(folder / "hIT_RDMs.npz") as stored:
        mean = np.mean([stored[name] for name in stored], axis=0)
    pairs = mean[np.triu_indices(92, 1)][None]
    write_rdms("hit.h5", RDMs(pairs, names, "correlation", names=["human IT"]))
    groups = pd.DataFrame({"condition": names, "group": stimuli["category"]})
    found = run(
        work, rdm_files=[str(work / "hit.h5")], rdm_titles=["Human IT"],
        groups_file=save_table(work, "groups", groups),
        stimulus_files=[str(folder / "stimuli" / file) for file in stimuli["file"]],
    )  # fmt: skip
    text = plain(found.out_report)
    assert "92 conditions" in text and "Human IT metric 0.34" in text


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


def test_what_a_group_analysis_writes_is_shown(work, rng):
    mask = np.zeros((8, 9, 7), bool)
    mask[1:7, 1:8, 1:6] = True
    front = mask & (np.arange(9)[None, :, None] > 4)
    files = []
    for number in range(8):
        value = rng.normal(0, 0.05, (*mask.shape, 2))
        value[front, 1] += 0.4
        value[~mask] = np.nan
        files.append(save_image(work, f"sub{number}", value))
    found = GroupRSA(
        map_files=files, maps=CODES, roi_files=[save_image(work, "front", front)],
    ).run().outputs  # fmt: skip
    page = run(
        work, value_map=found.t_map, q_map=found.p_corrected_map, map_level="corrected p",
        map_names=CODES, map_label="t", layer_map=found.layer_map, layer_names=CODES,
        region_file=found.region_file, region_participant_file=found.region_participant_file,
    )  # fmt: skip
    text = plain(page.out_report)
    n = int((nb.load(found.layer_map).get_fdata() == 2).sum())
    assert 0.9 * front.sum() < n <= 1.05 * front.sum()
    assert f"Spheres {n} of {mask.sum()} similar to object (corrected p ≤ 0.05); digit 0" in text
    assert f"Most similar layer object wins in {n} of {n} voxels" in text
    bars = pd.read_csv(found.region_file, sep="\t").query("voxels == 'all'")
    assert bars["significant"].tolist()[1] == 1
    assert (
        f"Regions {bars['significant'].sum()} of 2" in text and "largest: front with object" in text
    )


def test_what_a_comparison_writes_is_shown(study, work, rng):
    inputs, _, _ = study
    layers = inputs["rdm_files"][1]
    found = RSA(rdm_file=layers, model_files=[layers], n_permutations=50).run().outputs
    text = plain(run(work, table_files=[found.table_file], table_labels=["ρ"]).out_report)
    assert "rsa 1.00 ρ of conv1 and conv1, the largest" in text and "conv1 conv1 1.000" in text


def test_pictures_and_groups_are_matched_by_name(study):
    inputs, _, _ = study
    pictures = read_pictures(inputs["stimulus_files"], [], CONDITIONS)
    assert [int(p.mean()) for p in pictures] == [200, 160, 120, 80, 40, 0]  # written backwards
    renamed = read_pictures(inputs["stimulus_files"], CONDITIONS, CONDITIONS[:2])
    assert [int(p.mean()) for p in renamed] == [0, 40]
    groups = read_groups(inputs["groups_file"], ["cat", "one", "tree"])  # written backwards too
    assert groups == ["object", "digit", "object"]


def test_every_figure_of_simulated_data_says_so(study, whole, work):
    inputs, _, _ = study
    real = run(work, **inputs | {"simulated": False})
    assert real.figure_names == whole.figure_names
    for name, one, other in zip(whole.figure_names, whole.figures, real.figures, strict=True):
        with Image.open(one) as said, Image.open(other) as silent:
            top = [np.asarray(image.convert("RGB"))[:60].astype(int) for image in (said, silent)]
            assert (top[0] != top[1]).any(), name


def test_cross_validated_distances_are_scaled_as_squared_ones(work, rng):
    points = rng.normal(size=(6, 2))
    squared = pdist(points, "sqeuclidean").astype("f4")
    squared[np.argmin(squared)] = -0.01  # noise can make it so
    write_rdms("cross.h5", RDMs(squared[None], CONDITIONS, "crossnobis", names=["V1"]))
    text = plain(run(work, rdm_files=[str(work / "cross.h5")], scaling="classical").out_report)
    stress = classical_scaling(squared, squared=True).stress
    assert stress < 0.1 and f"cross, V1 classical {stress:.2f}" in text


def test_maps_on_other_grids_are_refused(study, work):
    inputs, _, _ = study
    moved = save_image(work, "moved", np.ones(SHAPE), AFFINE + np.eye(4))
    layers = {name: inputs[name] for name in ("layer_map", "layer_names")}
    for field in ("agreement_map", "background_file"):
        assert "differs by up to" in refused(**layers, **{field: moved}).found
