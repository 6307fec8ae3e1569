import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from support.drawing import drawing_samples, drawing_series

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.connectivity_evidence import pair_evidence, summarize_pairs
from fmriprod.algorithms.connectivity_trials import connectivity_splits, connectivity_trials
from fmriprod.algorithms.trial_connectivity import trial_rows

PARTNER = {1: [2], 2: [1], 3: [4], 4: [3]}
OTHERS = {run: [other for other in (1, 2, 3, 4) if other != run] for run in (1, 2, 3, 4)}
PAIR = [("one", "two")]


def drawing_trials(**options):
    return connectivity_trials(trial_rows(drawing_samples(**options))[0])


def by_matrices(one, two, trials, scheme, kind, standardize):
    """Make every feature, standardise it and fit scikit-learn's liblinear: a slow way."""
    n, run = one.shape[2], trials["run"].astype(int).to_numpy()
    code = (trials["label"] == "chair").to_numpy().astype(int)
    both = np.concatenate([one, two], axis=2).astype(float)
    features = both.reshape(len(both), -1)
    if kind == "connectivity":
        features = np.array([np.corrcoef(trial.T)[n:, :n].ravel() for trial in both])
    log_odds = np.empty(len(trials))
    for test_run in (1, 2, 3, 4):
        train_runs = (PARTNER if scheme == "phase" else OTHERS)[test_run]
        train, test = np.isin(run, train_runs), run == test_run
        x, z = features[train], features[test]
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        if standardize == "split":
            x, z = (x - mean) / deviation, (z - z.mean(axis=0)) / z.std(axis=0)
        elif standardize == "train":
            x, z = (x - mean) / deviation, (z - mean) / deviation
        elif standardize == "center":
            x, z = x - mean, z - mean
        model = LogisticRegression(solver="liblinear", tol=1e-11, max_iter=1_000_000)
        decision = model.fit(x, code[train]).decision_function(z)
        log_odds[test] = np.where(code[test] == 1, decision, -decision)
    return log_odds


@pytest.mark.parametrize("standardize", ["split", "train", "center", "none"])
@pytest.mark.parametrize("kind", ["connectivity", "stack"])
def test_without_matrices_as_with_matrices_and_liblinear(rng, kind, standardize):
    trials = drawing_trials(n_points=9)
    one, two = drawing_series(rng, drawing_samples(n_points=9), (14, 11), coupling=0.5, pattern=0.1)
    if standardize == "none" and kind == "stack":
        one, two = one - 1000, two - 1000  # liblinear does not converge on such a baseline
    table = pair_evidence(
        {"one": one, "two": two}, trials, PAIR, features=(kind,), standardize=standardize
    )
    for scheme in ("phase", "allruns"):
        found = table[table["scheme"] == scheme].sort_values("trial")["log_odds"]
        expected = by_matrices(one, two, trials, scheme, kind, standardize)
        assert np.abs(found.to_numpy() - expected).max() < 1e-5
        assert np.abs(expected).max() > 0.05


def test_multinomial_evidence_is_that_of_softmax(rng):
    trials = drawing_trials(n_points=5)
    one, two = drawing_series(rng, drawing_samples(n_points=5), (6, 5), coupling=1.0)
    options = {"features": ("connectivity",), "schemes": ("allruns",), "C": 0.3}
    table = pair_evidence(
        {"one": one, "two": two}, trials, PAIR, classifier="logistic", standardize="center",
        **options,
    )  # fmt: skip
    features = np.concatenate([one, two], axis=2).astype(float)
    features = np.array([np.corrcoef(t.T)[6:, :6].ravel() for t in features])
    code = (trials["label"] == "chair").to_numpy().astype(int)
    test = (trials["run"] == "2").to_numpy()
    x = features - features[~test].mean(axis=0)
    x = np.hstack([x, np.ones((40, 1))])  # the intercept is penalised
    # two weight vectors w, -w: softmax with penalty C is one sigmoid of 2w with penalty C / 2
    model = LogisticRegression(C=0.3 * 2, fit_intercept=False, tol=1e-12, max_iter=10_000)
    decision = model.fit(x[~test], code[~test]).decision_function(x[test])
    found = table.sort_values("trial")["log_odds"].to_numpy()[test]
    assert np.abs(found - np.where(code[test] == 1, decision, -decision)).max() < 1e-5


def test_table_interleaves_the_objects_and_numbers_trials_over_the_runs(rng):
    trials = drawing_trials(n_points=4)
    series = dict(
        zip("abc", drawing_series(rng, drawing_samples(n_points=4), (4, 3, 5)), strict=True)
    )
    table = pair_evidence(series, trials, [("a", "b"), ("c", "a")])
    assert list(table.columns) == [
        "subject", "region_1", "region_2", "features", "scheme", "run", "half", "label", "trial",
        "repetition", "log_odds",
    ]  # fmt: skip
    assert len(table) == 2 * 2 * 2 * 40
    first = table[:40]
    assert first["label"].tolist() == ["bed", "chair"] * 20
    assert first["repetition"].tolist() == np.repeat(np.arange(20), 2).tolist()
    assert sorted(first["trial"]) == list(range(40))
    assert (first["trial"] // 10 + 1 == first["run"].astype(int)).all()
    assert (first["half"] == np.where(first["run"].astype(int) <= 2, 1, 2)).all()
    alone = pair_evidence(series, trials, [("c", "a")])
    assert alone["log_odds"].tolist() == table["log_odds"][160:].tolist()
    summary = summarize_pairs(table)
    assert len(summary) == 8 and summary[0]["n_trials"] == 40
    assert summary[0]["log_odds"] == pytest.approx(first["log_odds"].mean())
    halves = [summary[0][f"log_odds_half_{h}"] for h in (1, 2)]
    assert np.mean(halves) == pytest.approx(summary[0]["log_odds"])
    assert summary[0]["accuracy"] == (first["log_odds"] > 0).mean()


def test_runs_train_their_partners_or_all_others():
    trials = drawing_trials()
    run = trials["run"].astype(int).to_numpy()
    for scheme, sources in (("phase", PARTNER), ("allruns", OTHERS)):
        for number, split in enumerate(connectivity_splits(trials, scheme), 1):
            assert set(run[split.test]) == {number} and len(split.test) == 10
            assert sorted(set(run[split.train])) == sources[number]


def test_runs_are_ordered_by_number_whatever_the_order_of_files():
    samples = drawing_samples(n_points=3)
    samples["run"] = samples["run"].map({"1": "9", "2": "10", "3": "11", "4": "12"})
    shuffled = pd.concat([samples[samples["run"] == run] for run in ("11", "10", "12", "9")])
    trials = connectivity_trials(trial_rows(shuffled.reset_index(drop=True))[0])
    first = trials.groupby("run")["number"].min()
    assert first.to_dict() == {"9": 0, "10": 10, "11": 20, "12": 30}
    for _, part in trials.sort_values("number").groupby("label"):
        assert part["repetition"].tolist() == list(range(20))
    assert trials.groupby("run")["half"].first().to_dict() == {"9": 1, "10": 1, "11": 2, "12": 2}


def refusal(**options):
    samples = drawing_samples(n_points=3, **options)
    return trial_rows(samples)[0]


def test_halves_that_cannot_be_told_are_refused():
    three = refusal(n_runs=3)
    with pytest.raises(InputError, match="3 runs have no middle"):
        connectivity_trials(three)
    with pytest.raises(InputError, match="'7'"):
        connectivity_trials(three, ["1", "7"])
    trials = connectivity_trials(three, ["1", "2"])
    assert len(connectivity_splits(trials, "allruns")) == 3
    with pytest.raises(InputError, match="nothing to train on for run 3") as error:
        connectivity_splits(trials, "phase")
    assert "scheme 'allruns'" in str(error.value)


def test_more_subjects_tasks_or_labels_are_refused():
    trials = refusal()
    with pytest.raises(InputError, match="2: '01', '02'"):
        connectivity_trials(trials.assign(subject=np.where(trials["trial"] > 3, "01", "02")))
    with pytest.raises(InputError, match="one task"):
        connectivity_trials(trials.assign(task=np.where(trials["trial"] > 3, "a", "b")))
    with pytest.raises(InputError, match="two labels") as error:
        connectivity_trials(refusal(labels=("bed", "chair", "table")))
    assert "3: 'bed', 'chair', 'table'" in str(error.value)
    with pytest.raises(InputError, match="all 30 training rows are 'b'"):
        connectivity_splits(
            connectivity_trials(trials.assign(label=np.where(trials["run"] == "1", "a", "b"))),
            "allruns",
        )


def mean_log_odds(rng, n, n_points=12, sizes=(12, 10), **planted):
    samples = drawing_samples(n_points=n_points)
    trials = connectivity_trials(trial_rows(samples)[0])
    found = []
    for _ in range(n):
        one, two = drawing_series(rng, samples, sizes, **planted)
        table = pair_evidence({"one": one, "two": two}, trials, PAIR, schemes=("phase",))
        found.append(table.groupby("features")["log_odds"].mean())
    return pd.DataFrame(found)


def test_coupling_that_differs_by_object_is_found_and_the_control_finds_nothing(rng):
    found = mean_log_odds(rng, 24, coupling=0.7)
    t = stats.ttest_1samp(found, 0)
    assert t.statistic[0] > 8  # connectivity
    assert t.pvalue[1] > 0.05 and abs(found["stack"].mean()) < 0.05


def test_activity_that_differs_by_object_is_found_by_the_control_only(rng):
    found = mean_log_odds(rng, 24, pattern=0.3)
    t = stats.ttest_1samp(found, 0)
    assert t.statistic[1] > 8  # stacked
    assert t.pvalue[0] > 0.05 and abs(found["connectivity"].mean()) < 0.05


@pytest.mark.slow
def test_on_noise_one_test_in_twenty_rejects(rng):
    found = mean_log_odds(rng, 31 * 60, n_points=8, sizes=(9, 8))
    for name in ("connectivity", "stack"):
        studies = found[name].to_numpy().reshape(60, 31)
        rejected = int((stats.ttest_1samp(studies, 0, axis=1).pvalue < 0.05).sum())
        low, high = stats.binom.interval(0.99, 60, 0.05)
        assert low <= rejected <= high, f"{name}: {rejected} of 60"
        assert abs(stats.ttest_1samp(studies.ravel(), 0).statistic) < 3.5
