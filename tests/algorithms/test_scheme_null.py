"""Noise with the design of the study: evidence is at chance, tests reject as often as they say."""

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter
from support.production import OBJECTS, drawing_rows, recognition_rows, sample_table

from fmriprod.algorithms.featurize import onset_volumes
from fmriprod.algorithms.resampling_statistics import permutation_p
from fmriprod.algorithms.scheme_evidence import scheme_evidence
from fmriprod.algorithms.scheme_tables import evidence_table, scores_row
from fmriprod.algorithms.schemes import scheme_splits
from fmriprod.interfaces.production_design import design_labels, read_production_design

TR, N_VOXELS, N_SHARED = 1.5, 40, 8
QUESTIONS = {
    "drawing": {"scheme": "4way", "train": "localizer", "test": "drawing"},
    "pre": {"scheme": "within_phase", "test": "pre"},
    "post": {"scheme": "within_phase", "test": "post"},
}


@pytest.fixture(scope="module")
def people(real_data):
    """Sample table and trained pair of each participant, with the true onsets."""
    folder = real_data("neurosketch")
    labels = design_labels(folder)
    found = []
    for label, person in read_production_design(folder, labels, 6).items():
        rows = []
        for number, events in enumerate(person.runs, start=1):
            events = events.sort_values("onset")
            slots = onset_volumes(events["onset"].to_numpy(), TR, shift=0)
            shown = zip(slots, events["trial_type"], strict=True)
            rows += recognition_rows(shown, number, subject=label)
        for number in range(1, 5):
            rows += drawing_rows(number, person.trained, subject=label)
        found.append((sample_table(rows), person.trained))
    return found


def noise(rng, samples):
    """Autocorrelated noise of all volumes of each run, in part shared by voxels, at the rows."""
    features = np.empty((len(samples), N_VOXELS), dtype=np.float32)
    mixing = rng.normal(size=(N_SHARED, N_VOXELS)) / np.sqrt(N_SHARED)
    for (task, _), rows in samples.groupby(["task", "run"]).indices.items():
        n_volumes = 308 if task == "drawing" else 240
        white = rng.normal(size=(n_volumes + 50, N_VOXELS + N_SHARED))
        series = lfilter([1.0], [1.0, -0.5], white, axis=0)[50:]
        series = series[:, :N_VOXELS] + series[:, N_VOXELS:] @ mixing
        features[rows] = 1000 + 8 * series[samples["tr"].to_numpy()[rows]]
    return features


def measure(features, samples, pair, question, **options):
    """Scores of one question: a dict of numbers, and the evidence itself."""
    splits = scheme_splits(samples, trained=pair, **question)
    found = scheme_evidence(features, samples, splits, **options)
    place = {"subject": "x", "region": "noise", "phase": question["test"], "scheme": "x"}
    table = evidence_table(samples, found, place, OBJECTS, pair)
    return scores_row(table, found, pair).iloc[0], found


def limits(count):
    """Rejections at the 5 % level that are to be expected, with 99.8 % probability."""
    return stats.binom.ppf([0.001, 0.999], count, 0.05)


@pytest.mark.realdata
def test_the_design_of_everybody_is_there(people):
    assert len(people) == 31
    for samples, pair in people:
        counts = samples.groupby("phase").size()
        assert counts.to_dict() == {"localizer": 160, "pre": 160, "post": 160, "drawing": 920}
        drawn = samples[samples["phase"] == "drawing"]
        assert set(drawn["label"]) == set(pair) and len(set(pair)) == 2
        assert drawn["tr"].max() < 308 and samples["tr"].min() >= 3
        recognition = samples[samples["task"] == "recognition"]
        assert (recognition.groupby(["run", "label"]).size() == 20).all()
        assert not recognition.duplicated(["run", "tr"]).any()


@pytest.mark.slow
@pytest.mark.realdata
def test_groups_of_noise_are_at_chance_and_rejected_as_often_as_the_level_says(people):
    """40 studies of 31 people: t tests of 3 accuracies and of 5 log odds against chance."""
    rng = np.random.default_rng(11)
    measured = {}
    for _ in range(40):
        study = {}
        for samples, pair in people:
            features = noise(rng, samples)
            for name, question in QUESTIONS.items():
                row, _ = measure(features, samples, pair, question)
                study.setdefault(f"{name} accuracy", []).append(row["accuracy"] - 0.25)
                for one in ("target_foil", "target_control", "foil_control"):
                    if name == "drawing" or one == "target_foil":
                        value = row[f"log_odds_{one}"]
                        study.setdefault(f"{name} {one}", []).append(value)
        for name, values in study.items():
            measured.setdefault(name, []).append(values)
    rejected, tests = 0, 0
    for name, studies in measured.items():
        values = np.array(studies)
        overall = stats.ttest_1samp(values.ravel(), 0)
        assert overall.pvalue > 1e-3, (name, values.mean(), overall)
        p = stats.ttest_1samp(values, 0, axis=1).pvalue
        low, high = limits(len(p))
        print(name, f"mean {values.mean():+.5f}, rejected {np.sum(p < 0.05)} of {len(p)}")
        assert low <= np.sum(p < 0.05) <= high, name
        rejected, tests = rejected + np.sum(p < 0.05), tests + len(p)
    assert 0.02 < rejected / tests < 0.09, (rejected, tests)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("name", ["drawing", "pre", "3way"])
def test_permutation_tests_of_noise_reject_five_percent(people, name):
    """One participant after the other, 19 permutations: p is at most .05 in one of 20."""
    rng = np.random.default_rng(12)
    question = QUESTIONS.get(name) or QUESTIONS["drawing"] | {"scheme": "3way"}
    p = []
    for number in range(400):
        samples, pair = people[number % len(people)]
        features = noise(rng, samples)[:, :20]
        row, found = measure(features, samples, pair, question, n_permutations=19, seed=number)
        assert row["p_permutation"] == permutation_p(row["accuracy"], found.null_accuracy)
        p.append(row["p_permutation"])
    low, high = limits(len(p))
    print(name, f"rejected {np.sum(np.array(p) <= 0.05)} of {len(p)}; allowed {low} to {high}")
    assert low <= np.sum(np.array(p) <= 0.05) <= high
    assert np.mean(p) == pytest.approx(0.525, abs=0.05)
