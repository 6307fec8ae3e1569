"""The report on an encoding analysis, from the files that its steps write."""

import json
import re
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.layer_scores import save, simulated_scores

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.banded_encode import BandedRidgeEncode
from fmriprod.interfaces.contrast_recovery import ContrastRecovery
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.encoding_report import EncodingReport
from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.interfaces.image_reconstruction import ImageReconstruction
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.noise_ceiling import NoiseCeiling
from fmriprod.interfaces.receptive_field import ReceptiveField
from fmriprod.interfaces.retinotopy import Retinotopy
from fmriprod.interfaces.score_figures import ScoreFigures
from fmriprod.interfaces.score_file import read_scores, write_scores
from fmriprod.interfaces.significance import ScoreSignificance
from fmriprod.reports.encoding_verdicts import percent

LAYERS = ["conv1", "conv2", "fc3"]
N_SESSIONS, N_EACH = 4, 20
SECTIONS = [
    "Scores", "Against chance", "Fingerprints of regions", "Best layer and trend", "Penalties",
    "Feature spaces together", "Preferred angle", "Contrast of two kinds of stimuli",
    "Receptive fields", "Reconstructed images", "Planted truth", "Methods",
    "Settings and software",
]  # fmt: skip


def write_study(folder, rng):
    """Responses that each follow one of three layers, from behind to front; two are constant."""
    mask, _, best = simulated_scores(rng)
    best = 1 + (best - 1) * 3 // 5
    n = N_SESSIONS * N_EACH
    features = {name: rng.normal(size=(n, 16)).astype("f4") for name in LAYERS}
    write_layers(folder / "features.h5", features)
    responses = rng.normal(size=(n, mask.sum()))
    for number, values in enumerate(features.values(), 1):
        there = (best == number) & (np.arange(len(best)) % 7 != 0)  # a seventh is noise
        responses[:, there] += 0.5 * values @ rng.normal(size=(16, there.sum()))
    responses[:, [3, 50]] = 1.0
    np.save(folder / "responses.npy", responses.astype("f4"))
    samples = pd.DataFrame({
        "session": np.repeat(range(1, N_SESSIONS + 1), N_EACH),
        "stimulus": [f"{i % 10}.png" for i in range(n)],
        "angle": np.linspace(0, 2 * np.pi, n, endpoint=False),
    })  # fmt: skip
    samples.to_csv(folder / "samples.tsv", sep="\t", index=False)
    regions = [save(folder, name, _where(mask, best == number))
               for number, name in enumerate(("V1", "V4", "LOC"), 1)]  # fmt: skip
    return mask, best, regions


def _where(mask, chosen):
    volume = np.zeros(mask.shape, bool)
    volume[mask] = chosen
    return volume


def run(folder, name, step):
    return pe.Node(step, name=name, base_dir=str(folder)).run().outputs


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Run all steps once on simulated data; give the inputs of the report."""
    folder, rng = tmp_path_factory.mktemp("study"), np.random.default_rng(7)
    mask, _, regions = write_study(folder, rng)
    given = {f"{n}_file": str(folder / f) for n, f in (("features", "features.h5"),
             ("responses", "responses.npy"), ("samples", "samples.tsv"))}  # fmt: skip
    given["mask_file"] = save(folder, "mask", mask)
    ridge = given | {"groups": "session", "penalties": [0.01, 1.0, 10.0, 100.0, 1e4]}
    shown = {k: given[k] for k in ("responses_file", "samples_file", "mask_file")}
    encoded = run(folder, "encode", RidgeEncode(**ridge))
    scored = {"scores_file": encoded.scores_file, "mask_file": given["mask_file"]}
    tested = run(folder, "test", ScoreSignificance(
        **ridge, scores_file=encoded.scores_file, n_permutations=100, simulated=True))  # fmt: skip
    picked = {"selection_file": tested.significant_mask, "simulated": True}
    drawn = run(folder, "draw", ScoreFigures(**scored, **picked))
    prints = run(folder, "prints", ScoreFingerprint(
        **scored, **picked, roi_files=regions, n_bootstrap=50))  # fmt: skip
    unscaled = {k: v for k, v in ridge.items() if k != "penalties"}
    banded = run(folder, "banded", BandedRidgeEncode(**unscaled, n_candidates=3, simulated=True))
    angle = run(folder, "angle", Retinotopy(**shown, simulated=True))
    t = nb.load(encoded.r2_map).get_fdata()[..., 0] * 20
    t_file = save(folder, "t", np.where(mask, t, 0).astype("f4"))
    found = run(folder, "found", ContrastRecovery(
        in_files=[t_file], names=["conv1"], truth_file=t_file, mask_file=given["mask_file"],
        simulated=True))  # fmt: skip
    fields = run(folder, "fields", ReceptiveField(
        **given, layer="conv1", stimulus_shape=[4, 4], n_drawn=4, simulated=True))  # fmt: skip
    ceiling = run(folder, "ceiling", NoiseCeiling(**shown, n_bootstrap=20))
    images = run(folder, "images", _reconstruction(folder, rng))
    figures = [*prints.figures, *drawn.figures, tested.figure, banded.figure_file,
               angle.out_figure, found.curve_figure, found.map_figure,
               fields.figure, images.figure]  # fmt: skip
    names = [*prints.figure_names, *drawn.figure_names, "null", "spaces", "angle",
             "precision-recall", "contrast-maps", "receptive-fields", "reconstruction"]  # fmt: skip
    return {
        "figures": figures, "figure_names": names, "simulated": True,
        "encode_summary_file": encoded.summary_file, "scores_file": encoded.scores_file,
        "significance_summary_file": tested.summary_file, "profile_file": prints.profile_file,
        "fingerprint_summary_file": prints.summary_file,
        "ceiling_summary_file": ceiling.summary_file,
        "banded_summary_file": banded.summary_file,
        "retinotopy_summary_file": angle.summary_file,
        "recovery_summary_file": found.summary_file, "fields_summary_file": fields.summary_file,
        "reconstruction_summary_file": images.summary_file,
    }  # fmt: skip


def _reconstruction(folder, rng):
    images = rng.integers(0, 2, (60, 9)).astype("f4")
    responses = (images @ rng.normal(size=(9, 40)) + rng.normal(size=(60, 40))).astype("f4")
    inputs = {}
    for part, rows in (("train", slice(0, 45)), ("test", slice(45, 60))):
        np.save(folder / f"{part}.npy", responses[rows])
        write_layers(folder / f"{part}.h5", {"pixels": images[rows]})
        inputs[f"{part}_responses_file"] = str(folder / f"{part}.npy")
        inputs[f"{part}_stimuli_file"] = str(folder / f"{part}.h5")
    return ImageReconstruction(**inputs, shape=(3, 3), n_voxels=30, n_nonzero=5)


def report(folder, name="report", **inputs):
    return Path(run(folder, name, EncodingReport(**inputs)).out_report)


def plain(html):
    """What a reader sees."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", html, flags=re.DOTALL)
    body = re.sub(r"data:image/[^\"]*", "", body)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def refused(**inputs):
    with pytest.raises(InputError) as info:
        EncodingReport(**inputs).run()
    assert info.value.interface == "EncodingReport"
    return info.value


def test_a_whole_analysis_is_one_page(study, work):
    Path("truth.json").write_text(
        json.dumps({"best layers": {"expected": 0.9, "found": 1.0, "ok": True}})
    )
    said = {
        "title": "Layers & voxels <1>", "subtitle": "sub-01",
        "truth_file": str(work / "truth.json"), "methods": "Ridge [@sklearn]. a < b.",
        "decisions": ["run 2 is left out"], "settings": ["penalty: per voxel"],
    }  # fmt: skip
    path = report(work, **study, **said)
    html = path.read_text(encoding="utf-8")
    text = plain(html)
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings == SECTIONS
    index = re.findall(r'<li><a href="#([\w-]+)">(.*?)</a>', html)[1:]
    assert [title for _, title in index] == SECTIONS
    assert all(f'<section id="{anchor}">' in html for anchor, _ in index)
    assert len(html) < 10e6
    alts = re.findall(r'<img src="data:[^"]*"[^>]* alt="([^"]*)"', html)
    assert len(alts) == len(study["figures"]) and all(len(alt) > 40 for alt in alts)
    links = re.findall(r'(?:src|href)="([^"#][^"]*)"', html)
    assert all(link.startswith(("data:image/", "https://doi.org/")) for link in links)
    assert not re.search(r"url\(|<link|@import|<iframe", html)
    test = json.loads(Path(study["significance_summary_file"]).read_text())
    n = test["n_usable"]
    assert 0.5 * n < test["n_significant"] < n
    for wanted in (
        "Layers &amp; voxels &lt;1&gt;", "Simulated data: no person", "a &lt; b",
        "sub-01 · 80 samples · 4 folds · 3 layers", f"{test['n_significant']:,} of {n:,}",
        f"2 of {n + 2:,}", "V1 conv1", "V4 conv2", "LOC fc3", "1 of 1", "run 2 is left out",
        "per voxel",
    ):  # fmt: skip
        assert wanted in text, wanted
    same = report(work, "again", **study, **said)
    assert same.read_bytes() == path.read_bytes()


def test_numbers_of_the_page_are_those_of_the_scores(study, work):
    scores = read_scores(study["scores_file"])
    test = json.loads(Path(study["significance_summary_file"]).read_text())
    text = plain(report(work, **study).read_text(encoding="utf-8"))
    usable = scores.r2[:, scores.usable]
    for name, values, chosen in zip(LAYERS, usable, scores.penalty[:, :, scores.usable],
                                    strict=True):  # fmt: skip
        above = values >= np.float32(test["threshold"])
        row = f"{name} {above.sum()} {np.median(values):.3f}".replace("-", "−")
        assert row in text, row
        low, high = (percent((chosen[:, above] == end).mean()) for end in (0.01, 1e4))
        row = f"{name} {low} {high} 5 0.01 to 1e+04".replace("\xa0", " ")
        assert row in text, row
    assert "The grid of penalties may be too narrow" not in text


def test_a_grid_that_is_too_narrow_is_said_on_the_first_screen(study, work):
    scores = read_scores(study["scores_file"])
    scores.penalty[1, :, scores.usable] = 1e4
    write_scores("narrow.h5", scores)
    changed = study | {"scores_file": str(work / "narrow.h5")}
    text = plain(report(work, **changed).read_text(encoding="utf-8"))
    assert "predicted voxels often choose the largest penalty in conv2 (100 %)" in text


def test_one_part_alone_is_enough_and_leaves_no_empty_heading(study, work):
    pages = {"fields_summary_file": ["Receptive fields"], "profile_file": [SECTIONS[2]],
             "encode_summary_file": ["Scores", "Penalties"]}  # fmt: skip
    for field, sections in pages.items():
        html = report(work, field, **{field: study[field]}).read_text(encoding="utf-8")
        assert re.findall(r"<h2>(.*?)</h2>", html) == [*sections, SECTIONS[-1]]
        assert "Simulated" not in html and "None" not in plain(html) and "nan" not in plain(html)
    html = report(work, figures=study["figures"][:1], figure_names=["<my> own"]).read_text()
    assert re.findall(r"<h2>(.*?)</h2>", html) == ["Further figures", SECTIONS[-1]]
    assert "&lt;my&gt; own" in html and "<my>" not in html


def test_names_that_look_like_numbers_or_gaps_stay_as_they_are(study, work):
    table = pd.read_csv(study["profile_file"], sep="\t")
    table["roi"] = table["roi"].map({"V1": "01", "V4": "n/a", "LOC": "3.0"})
    table.to_csv("profiles.tsv", sep="\t", index=False, na_rep="n/a")
    html = report(work, profile_file=str(work / "profiles.tsv")).read_text(encoding="utf-8")
    assert all(f'<th scope="col">{name}</th>' in html for name in ("01", "n/a", "3.0"))


def test_nothing_to_report_is_refused():
    error = refused(title="x")
    assert error.expected == "a summary, a table or a figure to report on"


def test_figures_without_a_name_or_picture_are_refused(study, work):
    error = refused(figures=study["figures"], figure_names=["scores"])
    assert error.expected == f"a name for each of {len(study['figures'])} figures"
    Path("no.png").write_text("no picture")
    error = refused(figures=[str(work / "no.png")], figure_names=["scores"])
    assert error.subject == "figure" and error.file.endswith("no.png")


def test_files_of_other_steps_are_refused(study, work):
    for field, step in (
        ("encode_summary", "RidgeEncode"), ("fingerprint_summary", "ScoreFingerprint"),
        ("significance_summary", "ScoreSignificance"), ("ceiling_summary", "NoiseCeiling"),
        ("banded_summary", "BandedRidgeEncode"),
        ("retinotopy_summary", "Retinotopy"), ("fields_summary", "ReceptiveField"),
        ("reconstruction_summary", "ImageReconstruction"),
    ):  # fmt: skip
        other = "fields_summary_file" if field != "fields_summary" else "ceiling_summary_file"
        error = refused(**{f"{field}_file": study[other]})
        assert error.expected == f"what {step} writes" and error.found.startswith("no ")
        assert error.file == study[other] and step in error.hint
    for field, step in (("profile", "ScoreFingerprint"), ("recovery_summary", "ContrastRecovery")):
        other = {"profile": "recovery_summary_file", "recovery_summary": "profile_file"}[field]
        error = refused(**{f"{field}_file": study[other]})
        assert error.expected == f"what {step} writes" and error.found.startswith("no column ")


def test_damaged_files_are_refused(study, work):
    Path("bad.json").write_text("{")
    assert refused(encode_summary_file=str(work / "bad.json")).found.startswith("JSONDecodeError")
    Path("list.json").write_text("[1]")
    assert refused(truth_file=str(work / "list.json"), **_some(study)).found == "[1]"
    Path("truth.json").write_text('{"angles": {"found": 1}}')
    error = refused(truth_file=str(work / "truth.json"), **_some(study))
    assert error.found.startswith("angles: ") and error.file.endswith("truth.json")
    for field, change in (
        ("encode_summary", {"layers": [{"form": "dual"}]}),
        ("encode_summary", {"layers": []}),
        ("banded_summary", {"spaces": [{"mean_weight": 0.1}]}),
        ("fingerprint_summary", {"n_voxels_by_best_layer": {"conv1": 3}}),
        ("fingerprint_summary", {"regions": {"V1": {"n_voxels": 3}}}),
    ):
        content = json.loads(Path(study[f"{field}_file"]).read_text()) | change
        Path("part.json").write_text(json.dumps(content))
        error = refused(**{f"{field}_file": str(work / "part.json")})
        assert error.found == "no complete entries for layers and regions"


def _some(study):
    return {"encode_summary_file": study["encode_summary_file"]}


def test_parts_of_different_analyses_are_refused(study, work):
    summary = json.loads(Path(study["encode_summary_file"]).read_text())
    summary["layers"] = summary["layers"][:2]
    Path("two.json").write_text(json.dumps(summary))
    two = {"encode_summary_file": str(work / "two.json")}
    for field in ("significance_summary", "fingerprint_summary", "profile", "scores"):
        error = refused(**two, **{f"{field}_file": study[f"{field}_file"]})
        assert error.subject == field
        assert error.expected == "layers as encode_summary_file has: conv1, conv2"
        assert error.found == "conv1, conv2, fc3" and error.file == study[f"{field}_file"]
    summary = json.loads(Path(study["encode_summary_file"]).read_text())
    Path("fewer.json").write_text(json.dumps(summary | {"n_usable": 1234}))
    fewer = {"encode_summary_file": str(work / "fewer.json")}
    for field in ("significance_summary", "scores"):
        error = refused(**fewer, **{f"{field}_file": study[f"{field}_file"]})
        assert error.expected == "usable voxels as encode_summary_file has: 1,234"


def test_settings_and_citations_are_checked(study):
    assert refused(**_some(study), settings=["no colon"]).subject == "settings"
    error = refused(**_some(study), methods="As [@sklaern].")
    assert error.found == "@sklaern" and "sklearn" in error.hint
