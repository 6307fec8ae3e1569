import importlib.util
import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.group_evidence import GroupEvidence

EXAMPLE = Path(__file__).parents[2] / "benchmarks" / "published_tables.py"
COLUMNS = ["n", "mean", "ci_low", "ci_high", "p", "p_fdr", "p_flip", "p_flip_max"]
FEW = {"n_bootstrap": 300, "n_bootstrap_log_odds": 300, "n_permutations": 300}


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("published_tables", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published(real_data, tmp_path_factory, example):
    """Published scores, the folder of our tables, and the comparison."""
    folder = tmp_path_factory.mktemp("published")
    scores = example.read_scores(real_data("neurosketch") / "results" / "csv")
    return scores, folder, example.compare(scores, folder)


@pytest.fixture
def files(work, example):
    """Simulated scores of 9 participants, a file each; ``sim03`` did not draw."""
    scores = example.simulate_scores(9)
    gone = (scores["subject"] == "sim03") & (scores["phase"] == "drawing")
    paths = []
    for subject, part in scores[~gone].groupby("subject"):
        paths.append(str(work / f"{subject}.tsv"))
        part.to_csv(paths[-1], sep="\t", index=False, na_rep="n/a")
    return paths


def read(out, *names):
    return [pd.read_csv(getattr(out, f"{name}_file"), sep="\t") for name in names]


def test_tables_in_a_node(files, work):
    node = pe.Node(GroupEvidence(scores_files=files, **FEW), name="group", base_dir=str(work))
    out = node.run().outputs
    accuracy, change, odds, model, missing = read(
        out, "accuracy", "change", "log_odds", "model", "missing"
    )
    assert list(accuracy.columns) == ["region", "phase", "scheme", *COLUMNS, "chance"]
    assert len(accuracy) == 27 and set(accuracy["chance"]) == {0.25}
    drawn = accuracy["phase"] == "drawing"
    assert set(accuracy.loc[drawn, "n"]) == {8} and set(accuracy.loc[~drawn, "n"]) == {9}
    assert set(change["measure"]) >= {"accuracy", "accuracy_trained", "log_odds_foil_control"}
    assert set(odds["contrast"]) == {"target_foil", "target_control", "foil_control"}
    assert ((odds["exp_low"] < odds["mean_exp"]) & (odds["mean_exp"] < odds["exp_high"])).all()
    assert len(model) == 36 and len(missing) == out.n_missing == 9
    assert set(missing["subject"]) == {"sim03"} and set(missing["phase"]) == {"drawing"}
    assert out.n_subjects == 9


def test_what_was_planted_is_found_and_what_was_not_is_not(work, example):
    path = work / "scores.tsv"
    example.simulate_scores(31, seed=2).to_csv(path, sep="\t", index=False, na_rep="n/a")
    out = GroupEvidence(scores_files=[str(path)], **FEW).run().outputs
    (accuracy,) = read(out, "accuracy")
    table = accuracy[accuracy["phase"] == "pre"].set_index("region")
    for region in ("V1", "V2", "LOC"):
        assert table.loc[region, "ci_low"] > 0.25 and table.loc[region, "p_fdr"] < 0.05
    assert table.loc["hipp", "ci_low"] < 0.25 < table.loc["hipp", "ci_high"]


def test_chance_goes_by_the_scheme(work, example):
    scores = example.simulate_scores(5)
    scores["scheme"] = scores["phase"].map({"pre": "2way", "post": "own", "drawing": "3way"})
    path = work / "scores.tsv"
    scores.to_csv(path, sep="\t", index=False, na_rep="n/a")
    out = GroupEvidence(scores_files=[str(path)], scheme_chance=["own=0.3"], **FEW).run().outputs
    accuracy, split = read(out, "accuracy", "split")
    for table in (accuracy, split):
        found = table.groupby("scheme")["chance"].unique().map(list).to_dict()
        expected = {"2way": [0.5], "own": [0.3], "3way": [pytest.approx(1 / 3)]}
        assert {k: found[k] for k in found} == {k: expected[k] for k in found}
    assert (accuracy.loc[accuracy["scheme"] == "2way", "p"] < 0.05).all()  # far below 0.5


def test_the_same_input_gives_the_same_bytes(files, work):
    contents = []
    for name in ("one", "two"):
        (work / name).mkdir()
        out = GroupEvidence(scores_files=files, **FEW).run(cwd=str(work / name)).outputs.get()
        contents.append([Path(path).read_bytes() for path in out.values() if isinstance(path, str)])
    assert contents[0] == contents[1] and len(contents[0]) == 7


@pytest.mark.parametrize("text", ["4way", "within=0.3", "4way=2", "=0.1"])
def test_chance_that_cannot_be_read_is_refused(files, text):
    with pytest.raises(InputError) as caught:
        GroupEvidence(scores_files=files, scheme_chance=[text], **FEW).run()
    assert str(caught.value).startswith(
        "GroupEvidence: scheme_chance\n"
        "  expected: scheme=chance, with a scheme of the scores and a share from 0 to 1\n"
        f"  found:    {text!r}\n"
    )
    assert "known: 4way" in caught.value.hint


def test_a_participant_given_twice_is_refused(files):
    with pytest.raises(InputError, match="27 rows that were there before") as caught:
        GroupEvidence(scores_files=[*files, files[0]], **FEW).run()
    assert caught.value.interface == "GroupEvidence"


def test_the_example_runs_without_data(work, example, capsys):
    example.main(["--out", str(work / "out")])
    assert "Simulated scores" in capsys.readouterr().out
    assert len(pd.read_csv(work / "out" / "published_and_ours.tsv", sep="\t")) == 111


@pytest.mark.realdata
def test_all_published_numbers_are_reproduced(published):
    """Accuracies and intervals to 1e-4, log odds to 1e-3 (as they are printed), model to 1e-4."""
    table = published[2]
    printed = {"accuracy": 5e-5, "change": 5e-5, "log_odds": 5e-4, "model": 5e-4}
    rounding = 1e-6 + table["table"].map(printed)
    assert (table["difference"] <= rounding).all(), table[table["difference"] > rounding]
    model = table[(table["table"] == "model") & (table["column"] != "p")]
    assert len(model) == 9 and model["difference"].max() < 5e-6
    assert table["table"].value_counts().to_dict() == {
        "accuracy": 59, "change": 6, "log_odds": 34, "model": 12,
    }  # fmt: skip


@pytest.mark.realdata
def test_no_published_change_is_significant(published, real_data, example):
    change = pd.read_csv(published[1] / "change.tsv", sep="\t").query("measure == 'accuracy'")
    assert len(change) == 9
    assert ((change["ci_low"] < 0) & (change["ci_high"] > 0) & (change["p"] > 0.05)).all()
    change = change.set_index("region")
    folder = real_data("neurosketch") / "results" / "csv"
    difference = np.load(folder / "object_classifier_accuracy_diff.npy")
    np.testing.assert_allclose(change.loc[list(example.REGIONS), "mean"], difference.mean(axis=1))


@pytest.mark.realdata
def test_published_tables_name_five_regions_wrongly(published, real_data, example):
    """By the place of a name, all tables agree; by the name, they do not."""
    folder, scores = real_data("neurosketch") / "results" / "csv", published[0]
    split = scores[scores["phase"] != "drawing"]
    halves = (split["accuracy_trained"] + split["accuracy_control"]) / 2
    np.testing.assert_allclose(halves, split["accuracy"])
    written = pd.read_csv(folder / "object_classifier_accuracy_allphases.csv")
    for phase, name in (("pre", "pre"), ("post", "post"), ("drawing", "draw")):
        for true, label in zip(example.REGIONS, example.WRITTEN, strict=True):
            theirs = written[(written["phase"] == name) & (written["roi"] == label)]["acc"]
            ours = scores[(scores["phase"] == phase) & (scores["region"] == true)]
            np.testing.assert_allclose(ours["accuracy"], theirs)
    confused = {"IT": "fusiform", "fusiform": "parahippo", "parahippo": "IT", "PRC": "ento",
                "ento": "PRC"}  # fmt: skip
    wide = split.pivot(index=["subject", "phase"], columns="region",
                       values=["accuracy", "log_odds_target_foil"])  # fmt: skip
    accuracy, odds = wide["accuracy"], wide["log_odds_target_foil"]
    true = [accuracy[name].corr(odds[name]) for name in confused]
    false = [accuracy[name].corr(odds[other]) for name, other in confused.items()]
    assert min(true) > 0.2 > np.mean(false)  # log odds carry the true names


@pytest.mark.realdata
def test_participants_are_those_of_the_metadata(published, real_data):
    root, scores = real_data("neurosketch"), published[0]
    regressors = sorted((root / "metadata" / "regressors").iterdir())
    assert sorted(set(scores["subject"])) == [p.name.split("_")[0] for p in regressors]
    assert len(regressors) == 31 and len(scores) == 31 * 27
    versions = json.loads((root / "results" / "versionNums.json").read_text())
    assert {f"{s}_neurosketch" for s in scores["subject"]} <= set(versions)
