import json

import numpy as np
import pandas as pd
import pytest
from support.samples import simulated_samples

from fmriprod.algorithms.evidence import object_evidence
from fmriprod.algorithms.evidence_summary import (
    confusion_matrix,
    evidence_table,
    summarize,
    time_courses,
)
from fmriprod.algorithms.splits import group_splits, query_split


@pytest.fixture
def decoded(rng):
    features, samples = simulated_samples(rng, n_points=3, signal=0.3)
    splits = group_splits(samples, "run")
    return samples, splits, object_evidence(features, samples, splits, n_permutations=19)


def test_table_carries_each_sample_s_own_metadata_and_probabilities(decoded):
    samples, splits, evidence = decoded
    table = evidence_table(samples, evidence, splits)
    names = [f"logprob_{label}" for label in evidence.labels]
    pd.testing.assert_frame_equal(table[samples.columns], samples)  # folds are in run order here
    np.testing.assert_allclose(np.exp(table[names]).sum(axis=1), 1)
    best = table[names].idxmax(axis=1).str.removeprefix("logprob_")
    assert (best == table["predicted"]).all()
    assert (table["fold"] == "run " + table["run"]).all()


def test_numbers_agree_with_the_table(decoded):
    samples, splits, evidence = decoded
    table = evidence_table(samples, evidence, splits)
    content = summarize(samples, evidence, splits)
    assert content == json.loads(json.dumps(content))
    correct = table["predicted"] == table["label"]
    assert content["accuracy"] == pytest.approx(correct.mean())
    assert content["balanced_accuracy"] == pytest.approx(
        correct.groupby(table["label"]).mean().mean()
    )
    assert content["chance"] == 0.25
    assert content["n_test_samples"] == 96 and content["n_test_trials"] == 32
    expected = pd.crosstab(table["label"], table["predicted"]).reindex(
        index=evidence.labels, columns=evidence.labels, fill_value=0
    )
    np.testing.assert_array_equal(content["confusion_matrix"]["counts"], expected)
    np.testing.assert_array_equal(confusion_matrix(samples, evidence), expected)
    by_fold = correct.groupby(table["fold"]).mean()
    assert {fold["name"]: fold["accuracy"] for fold in content["folds"]} == pytest.approx(
        by_fold.to_dict()
    )
    assert content["folds"][0]["n_train_by_label"] == dict.fromkeys(evidence.labels, 18)
    interval = content["accuracy_interval"]
    assert interval["low"] < content["accuracy"] < interval["high"]
    null = evidence.null_accuracy
    assert content["permutation"]["p"] == (1 + np.sum(null >= content["accuracy"])) / 20
    assert content["permutation"]["null_quantiles"]["0.5"] == pytest.approx(np.median(null))


def test_what_is_not_asked_for_is_left_out(rng):
    features, samples = simulated_samples(rng)
    splits = query_split(samples, "run < 3", "run >= 3")
    content = summarize(samples, object_evidence(features, samples, splits), splits, n_bootstrap=0)
    assert "permutation" not in content and "accuracy_interval" not in content


def test_time_courses_are_means_over_trials(decoded):
    samples, splits, evidence = decoded
    table = evidence_table(samples, evidence, splits)
    courses = time_courses(samples, evidence)
    for kind in ("target", "others"):
        part = courses[courses["kind"] == kind]
        assert part["time_point"].tolist() == [1, 2, 3]
        for row in part.itertuples():
            there = table[table["time_point"] == row.time_point]
            target = np.exp([t[f"logprob_{t['label']}"] for _, t in there.iterrows()])
            value = target if kind == "target" else (1 - target) / 3
            assert row.probability == pytest.approx(value.mean())
            assert row.low < row.probability < row.high
            assert row.n_trials == 32


def test_time_points_that_only_some_trials_reach_are_means_over_those(rng):
    features, samples = simulated_samples(rng, n_points=3, signal=0.3)
    keep = ((samples["time_point"] < 3) | (samples["trial"] < 2)).to_numpy()
    features, samples = features[keep], samples[keep].reset_index(drop=True)
    splits = group_splits(samples, "run")
    evidence = object_evidence(features, samples, splits)
    courses = time_courses(samples, evidence)
    last = courses[(courses["kind"] == "target") & (courses["time_point"] == 3)].iloc[0]
    table = evidence_table(samples, evidence, splits)
    rows = table[table["time_point"] == 3]
    target = [np.exp(row[f"logprob_{row['label']}"]) for _, row in rows.iterrows()]
    assert last["n_trials"] == 8 and last["probability"] == pytest.approx(np.mean(target))


def test_labels_that_are_never_tested_do_not_count_in_the_balance(rng):
    features, samples = simulated_samples(rng, signal=1.0)
    splits = query_split(samples, "run < 3", "run >= 3 and label in ['bed', 'table']")
    evidence = object_evidence(features, samples, splits)
    content = summarize(samples, evidence, splits)
    counts = np.array(content["confusion_matrix"]["counts"])
    assert counts.sum(axis=1).tolist() == [4, 0, 0, 4]
    assert content["balanced_accuracy"] == pytest.approx(content["accuracy"])


def test_chance_is_that_of_the_labels_a_classifier_may_choose_from(rng):
    """Four labels are trained and two of them tested: guessing is right once in four."""
    features, samples = simulated_samples(rng)
    splits = query_split(samples, "run < 4", "run == 4 and label in ['bed', 'bench']")
    content = summarize(samples, object_evidence(features, samples, splits), splits)
    assert content["chance"] == 0.25 and len(content["labels"]) == 4
