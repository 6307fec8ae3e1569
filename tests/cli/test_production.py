"""A simulated study of two people from images to the group's tables, as a person runs it."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.production_study import simulate_small

from fmriprod.algorithms.score_production import score

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PHASES = {"localizer": "pre", "post": "post", "drawing": "drawing"}  # as the truth names them
COUPLED = {("V1", "V2"), ("V1", "LOC"), ("V1", "Parietal"), ("V2", "LOC"), ("V2", "Parietal")}
N_TRAINED, CHANCE = 2, 0.25


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Simulate, and run both levels; the group also before there is anything to put together."""
    home = tmp_path_factory.mktemp("production")
    raw, _ = simulate_small(home)

    def run(level, *options):
        command = [sys.executable, "-m", "fmriprod.cli.main", "run", "bids", "out", level,
                   "--study", "study.toml", "--subjects-dir", "bids/derivatives/freesurfer",
                   "--n-procs", "2", *options]  # fmt: skip
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stdout + done.stderr
        return SimpleNamespace(code=done.returncode, text=done.stdout, progress=done.stderr)

    early, first, group = run("group"), run("participant"), run("group")
    return SimpleNamespace(
        home=home, raw=raw, out=home / "out", run=run, early=early, first=first, group=group
    )


def table(study, name):
    """Table of the group."""
    return pd.read_csv(study.out / "group" / f"{name}.tsv", sep="\t")


def func(study, label, name):
    return study.out / f"sub-{label}" / "func" / f"sub-{label}_{name}"


def test_the_group_before_its_participants_is_told_what_to_do_first(study):
    assert study.early.code == 1
    assert study.early.text.count("run the participant level first") == 1
    assert re.search(r"ERROR   sub-01\n +sub-02\n", study.early.text)
    assert "expected:  results of `fmriprod run ... participant`" in study.early.text


def test_both_levels_end_well_and_name_their_reports(study):
    for done, reports in ((study.first, ["sub-01", "sub-02"]), (study.group, ["group"])):
        assert done.code == 0, done.text + done.progress
        assert "answered from the cache" in done.text and "FAILED" not in done.text
        assert all(f"{name}_report.html" in done.text for name in reports)
    text = (study.out / "logs" / "methods.md").read_text()
    assert "framewise displacement" in text and "bootstrap resamples of participants" in text
    for name in ("sub-01", "sub-02", "group"):
        page = (study.out / f"{name}_report.html").read_text()
        assert "simulated" in page.lower()


def test_every_line_of_progress_has_a_name(study):
    lines = [line for done in (study.first, study.group) for line in done.progress.splitlines()]
    lines = [line for line in lines if line.startswith("[")]
    assert len(lines) > 100
    named = re.compile(r"\[ *\d+/\d+\] (01|02|group)  \S.*\S  (done|cached)( \(.*\))?")
    assert [line for line in lines if not named.fullmatch(line)] == []


def test_what_is_planted_is_found_and_nothing_else(study):
    expected = json.loads((study.raw / "derivatives/truth/truth.json").read_text())["expected"]
    tables = {name: table(study, name) for name in ("accuracy", "log_odds")}
    for rows in tables.values():
        rows["phase"] = rows["phase"].map(PHASES)
    findings = score(tables, expected)
    assert len(findings) == 4 * 3 + 4 * 3  # regions x phases, and of drawing x contrasts
    assert [f for f in findings if not f.ok] == []


@pytest.mark.parametrize("label", ["01", "02"])
@pytest.mark.parametrize("phase", PHASES)
def test_evidence_of_each_person(study, label, phase):
    rows = pd.read_csv(func(study, label, "space-T1w_label-regions_scores.tsv"), sep="\t")
    rows = rows[rows["phase"] == phase].set_index("region")
    n = int(rows["n_samples"].iloc[0])
    n_own = n if phase != "drawing" else n // 23  # volumes of a trial are no samples of their own
    low, high = stats.binom.interval(0.999, n_own, CHANCE)
    assert n == (160 if phase != "drawing" else 2 * 10 * 23)
    assert low / n_own <= rows.loc["hipp", "accuracy"] <= high / n_own
    assert (rows.loc[["V1", "V2"], "accuracy"] > 0.35).all()
    if phase == "drawing":
        assert rows.loc["V1", "log_odds_target_foil"] > 1
        assert rows.loc["V1", "log_odds_foil_control"] < -1
        assert abs(rows.loc["hipp", "log_odds_target_foil"]) < 0.5


def test_connectivity_grows_where_it_is_planted(study):
    rows = table(study, "connectivity").query("features == 'connectivity'")
    pairs = rows[["region_1", "region_2"]].apply(
        lambda row: tuple(name.removesuffix("Draw") for name in row), axis=1
    )
    planted = pairs.isin(COUPLED).to_numpy()
    assert len(rows) == 10 and planted.sum() == 5
    slopes = rows["slope"].to_numpy()
    assert (slopes[planted] > 0).all()
    assert np.median(slopes[planted]) > np.abs(slopes[~planted]).max()


def test_task_masks_come_from_the_other_one(study):
    rows = table(study, "task_masks").set_index("subject")
    assert rows.loc[["01", "02"], "n_others"].tolist() == [1, 1]
    assert rows.loc["all", "n_others"] == 2
    maps = {label: [func(study, label, f"space-MNI152NLin2009aAsym_contrast-drawing_stat-{kind}"
                         "_desc-fixed_statmap.nii.gz") for kind in ("effect", "variance")]
            for label in ("01", "02")}  # fmt: skip
    for label, other in (("01", "02"), ("02", "01")):
        effect, variance = (nb.load(path).get_fdata() for path in maps[other])
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(variance > 0, effect / np.sqrt(variance), 0)
        assert rows.loc[label, "peak_z"] == pytest.approx(z.max(), rel=1e-4)
        mine = nb.load(maps[label][0]).get_fdata()
        assert abs(mine - effect).max() > 0
        counts = pd.read_csv(
            func(study, label, "space-T1w_label-taskregions_desc-counts_timeseries.tsv"), sep="\t"
        ).set_index("region")["n_voxels"]
        for region in ("V1", "V2", "LOC"):
            assert 10 < counts[f"{region}Draw"] <= counts[region]
        draw = nb.load(func(study, label, "space-T1w_label-V1Draw_mask.nii.gz")).get_fdata()
        whole = nb.load(func(study, label, "space-T1w_label-V1_mask.nii.gz")).get_fdata()
        assert draw.sum() == counts["V1Draw"] and not (draw > whole).any()


def test_results_are_named_as_documented(study):
    names = {path.name for path in (study.out / "sub-01").rglob("*") if path.is_file()}
    for task, run in [("recognition", n) for n in (1, 2, 3, 4)] + [("drawing", 1), ("drawing", 4)]:
        stem = f"sub-01_task-{task}_run-{run}"
        for suffix in ("features.npy", "samples.tsv", "voxels.tsv"):
            assert f"{stem}_space-T1w_label-regions_{suffix}" in names
    for suffix in ("evidence", "scores", "timecourses"):
        assert f"sub-01_space-T1w_label-regions_{suffix}.tsv" in names
    assert {"sub-01_space-T1w_label-hipp_mask.nii.gz", "sub-01_space-T1w_differentiation.tsv",
            "sub-01_from-T1w_to-MNI152NLin2009aAsym_mode-image_xfm.txt",
            "sub-01_space-T1w_label-taskregions_connectivity.tsv"} <= names  # fmt: skip
    group = {path.stem for path in (study.out / "group").glob("*.tsv")}
    assert {"accuracy", "log_odds", "trained", "change", "models", "selectivity", "connectivity",
            "differentiation", "task_masks", "missing"} <= group  # fmt: skip
    assert table(study, "missing").empty


def test_features_are_samples_by_voxels_of_all_regions(study):
    stem = "task-drawing_run-1_space-T1w_label-regions"
    features = np.load(func(study, "02", f"{stem}_features.npy"))
    samples = pd.read_csv(func(study, "02", f"{stem}_samples.tsv"), sep="\t")
    voxels = pd.read_csv(func(study, "02", f"{stem}_voxels.tsv"), sep="\t")
    assert features.shape == (len(samples), len(voxels)) == (230, len(voxels))
    union = nb.load(func(study, "02", "space-T1w_label-regions_mask.nii.gz")).get_fdata()
    assert len(voxels) == union.sum() and np.isfinite(features).all()
    assert samples["time_point"].tolist() == list(range(1, 24)) * 10


def test_the_same_commands_again_are_answered_from_the_cache(study):
    for level in ("participant", "group"):
        done = study.run(level)
        assert done.code == 0
        n_run, n_cached = map(
            int, re.search(r"(\d+) steps run, (\d+) answered", done.text).groups()
        )
        steps = [line for line in done.progress.splitlines() if re.search(r"  done( \(|$)", line)]
        assert n_cached > 20, done.text
        assert steps == [], f"{n_run} run"


def test_without_the_drawing_task_a_participant_goes_on_and_the_group_says_so(study):
    """Last of all: it changes the results of the second participant."""
    for path in (study.raw / "sub-02/func").glob("*_task-drawing_*"):
        path.rename(study.home / path.name)
    done = study.run("participant", "--participant-label", "02")
    said = "02  note: there is no run of task drawing: what needs it is left out"
    assert done.code == 0 and said in done.text, done.text + done.progress
    group = study.run("group")
    assert group.code == 0 and said in group.text, group.text + group.progress
    missing = table(study, "missing")
    assert set(missing["subject"].astype(int)) == {2}
    assert set(missing["phase"]) == {"drawing"}
    assert set(missing["region"]) == {"V1", "V2", "LOC", "hipp"}
    accuracy = table(study, "accuracy").set_index(["region", "phase"])["n"]
    assert (accuracy["V1", "drawing"], accuracy["V1", "post"]) == (1, 2)
    note = "needs maps of drawing of 2 participants, and there are those of sub-01\n"
    assert note in group.text
