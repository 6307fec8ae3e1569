import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from support.samples import simulated_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.evidence import label_arrangements, object_evidence
from fmriprod.algorithms.resampling_statistics import permutation_p, permuted_codes
from fmriprod.algorithms.splits import group_splits, query_split


def zscore(part, like):
    return (part - like.mean(axis=0)) / like.std(axis=0)


def published(features, samples, train, test, n_voxels=None):
    """Standardize both sides apart, then fit one liblinear model per label, one by one."""
    x, z = (features[rows].astype(float) for rows in (train, test))
    x, z = zscore(x, x), zscore(z, z)
    y = samples["label"].iloc[train].to_numpy()
    if n_voxels:
        best = SelectKBest(f_classif, k=n_voxels).fit(x, y).get_support()
        x, z = x[:, best], z[:, best]
    each = []
    for label in sorted(set(y)):
        model = LogisticRegression(solver="liblinear", tol=1e-10, max_iter=10_000)
        each.append(expit(model.fit(x, y == label).decision_function(z)))
    return np.log(np.transpose(each) / np.sum(each, axis=0)[:, None])


@pytest.mark.parametrize("n_voxels", [None, 15])
def test_leave_one_run_out_is_the_published_classifier_fold_by_fold(rng, n_voxels):
    features, samples = simulated_samples(rng, signal=0.5, n_voxels=80)
    splits = group_splits(samples, "run")
    found = object_evidence(features, samples, splits, n_voxels=n_voxels)
    for number, split in enumerate(splits):
        expected = published(features, samples, split.train, split.test, n_voxels)
        np.testing.assert_allclose(
            found.log_probability[found.split == number], expected, atol=2e-5
        )
        np.testing.assert_array_equal(found.rows[found.split == number], split.test)
    names = np.array(found.labels)[found.predicted]
    np.testing.assert_array_equal(found.correct, names == samples["label"].iloc[found.rows])


def test_standardizing_with_the_training_rows_or_over_runs(rng):
    features, samples = simulated_samples(rng, signal=0.5)
    features = 100 + 7 * features + 30 * (samples["run"] == "02").to_numpy()[:, None]
    features = features.astype(np.float32)
    splits = query_split(samples, "run <= 2", "run > 2")
    train, test = splits[0].train, splits[0].test
    x = features.astype(float)
    by_train = zscore(x, x[train])
    by_run = np.concatenate([zscore(x[rows], x[rows]) for rows in np.arange(len(x)).reshape(4, -1)])
    for standardize, scaled in (("train", by_train), ("run", by_run), ("none", x / 50)):
        given = (x / 50).astype(np.float32) if standardize == "none" else features
        one = object_evidence(given, samples, splits, standardize=standardize)
        two = object_evidence(scaled.astype(np.float32), samples, splits, standardize="none")
        np.testing.assert_allclose(one.log_probability, two.log_probability, atol=2e-3)
    assert train.tolist() == list(range(16)) and test[0] == 16


@pytest.mark.parametrize("classifier", ["logistic_ovr", "logistic"])
@pytest.mark.parametrize("n_voxels", [None, 12])
def test_permuted_accuracies_are_those_of_whole_analyses(rng, n_voxels, classifier):
    """Each permutation, redone from the start by itself, gives the same accuracy."""
    features, samples = simulated_samples(rng, n_runs=3, n_points=2, signal=0.4)
    splits = group_splits(samples, "run")
    options = {"n_voxels": n_voxels, "classifier": classifier}
    found = object_evidence(features, samples, splits, n_permutations=5, seed=8, **options)
    codes = samples["label"].map(found.labels.index).to_numpy()
    trial = samples.groupby(["run", "trial"]).ngroup().to_numpy()
    run = samples["run"].astype(int).to_numpy()
    drawn = permuted_codes(codes, trial, run, 5, 8)
    for number, shuffled in enumerate(drawn):
        relabelled = samples.assign(label=np.array(found.labels)[shuffled])
        alone = object_evidence(features, relabelled, splits, **options)
        assert found.null_accuracy[number] == pytest.approx(alone.correct.mean())


def test_permuted_labels_stay_on_their_side_of_a_split_within_runs(rng):
    """Halves of one run: what was a training label never becomes a test label."""
    features, samples = simulated_samples(rng, n_runs=2, n_trials=4, labels=("bed", "table"))
    samples["label"] = np.where(samples["half"] == 1, samples["label"], "bed")
    splits = query_split(samples, "half == 1", "half == 2")
    found = object_evidence(features, samples, splits, n_permutations=30)
    drawn = label_arrangements(
        samples["label"].map(found.labels.index).to_numpy(), samples, splits,
        np.arange(len(samples)), 30, 0,
    )  # fmt: skip
    assert (drawn[:, splits[0].test] == found.labels.index("bed")).all()
    assert (drawn[1:, splits[0].train] != drawn[0, splits[0].train]).any()


@pytest.mark.parametrize("standardize", ["train", "none", "run"])
def test_a_test_row_does_not_influence_what_is_learned(rng, standardize):
    """Evidence of other test rows stays the same to the bit when one run's rows change."""
    features, samples = simulated_samples(rng, signal=0.5)
    splits = query_split(samples, "run <= 2", "run > 2")
    changed = features.copy()
    changed[samples["run"] == "04"] = 40 * rng.normal(size=(8, features.shape[1]))
    options = {"standardize": standardize, "n_voxels": 20}
    before = object_evidence(features, samples, splits, **options)
    after = object_evidence(changed, samples, splits, **options)
    same = (samples["run"].iloc[before.rows] == "03").to_numpy()
    np.testing.assert_array_equal(before.log_probability[same], after.log_probability[same])
    assert not np.allclose(before.log_probability[~same], after.log_probability[~same])


def test_published_standardization_never_carries_test_rows_into_training(rng):
    """Shifting and scaling all test rows is undone; training would have felt it."""
    features, samples = simulated_samples(rng, signal=0.5)
    splits = query_split(samples, "run <= 2", "run > 2")
    changed = features.copy()
    changed[splits[0].test] = 64 * changed[splits[0].test] + 1024
    before = object_evidence(features, samples, splits)
    after = object_evidence(changed, samples, splits)
    np.testing.assert_allclose(before.log_probability, after.log_probability, atol=2e-2)


def test_noise_stays_at_chance_though_voxels_are_selected(rng):
    """Selecting with the test rows too would give far more than 25 % here."""
    hits = []
    for _ in range(40):
        features, samples = simulated_samples(rng, n_voxels=1000)
        splits = group_splits(samples, "run")
        hits.append(object_evidence(features, samples, splits, n_voxels=30).correct.mean())
    assert abs(np.mean(hits) - 0.25) < 4 * np.std(hits) / np.sqrt(40)
    assert np.std(hits) > 0


@pytest.mark.parametrize("split", ["folds", "halves"])
def test_noise_is_called_significant_as_often_as_the_level_says(rng, split):
    """Noise that all volumes of a trial share, so that single volumes are no units."""
    p = []
    for _ in range(160):
        features, samples = simulated_samples(
            rng, n_runs=2, n_trials=4, n_points=3, n_voxels=20, trial_noise=1.5,
            labels=("bed", "table"),
        )  # fmt: skip
        splits = group_splits(samples, "run")
        if split == "halves":
            splits = query_split(samples, "run == 1", "run == 2")
        found = object_evidence(features, samples, splits, n_permutations=39, seed=len(p))
        p.append(permutation_p(found.correct.mean(), found.null_accuracy))
    low, high = stats.binom.ppf([0.001, 0.999], 160, 0.05)
    assert np.sum(np.array(p) <= 0.05) <= high  # ties make the test a little conservative
    assert np.mean(p) == pytest.approx(0.55, abs=0.12)
    assert low <= high


def test_a_planted_pattern_is_found_and_vanishes_with_permuted_labels(rng):
    features, samples = simulated_samples(rng, signal=0.7, n_voxels=60)
    splits = group_splits(samples, "run")
    found = object_evidence(features, samples, splits, n_permutations=99)
    assert found.correct.mean() > 0.9
    assert found.null_accuracy.mean() == pytest.approx(0.25, abs=0.06)
    assert permutation_p(found.correct.mean(), found.null_accuracy) == 0.01


def test_voxels_without_signal_in_one_run_are_left_out_and_counted(rng):
    features, samples = simulated_samples(rng, signal=0.5)
    splits = group_splits(samples, "run")
    expected = object_evidence(np.delete(features, [3, 9, 20], axis=1), samples, splits)
    features[5, 3] = np.nan
    features[7, 20] = np.inf
    features[samples["run"] == "02", 9] = 0.1
    found = object_evidence(features, samples, splits)
    assert np.flatnonzero(~found.voxels).tolist() == [3, 9, 20]
    np.testing.assert_allclose(found.log_probability, expected.log_probability, atol=1e-6)


def test_too_few_voxels_or_rows_are_refused(rng):
    features, samples = simulated_samples(rng)
    splits = group_splits(samples, "run")
    with pytest.raises(InputError, match="from 1 to the 50 usable voxels"):
        object_evidence(features, samples, splits, n_voxels=51)
    with pytest.raises(InputError, match="none of 50"):
        object_evidence(np.zeros_like(features), samples, splits)
    one = query_split(samples, "run < 4", "run == 4 and trial == 0")
    with pytest.raises(InputError, match="test: a single row"):
        object_evidence(features, samples, one)
    object_evidence(features, samples, one, standardize="train")


def test_large_numbers_of_permutations_are_fitted_in_batches(rng, monkeypatch):
    from fmriprod.algorithms import evidence

    features, samples = simulated_samples(rng, signal=0.3)
    splits = group_splits(samples, "run")
    whole = object_evidence(features, samples, splits, n_permutations=25)
    monkeypatch.setattr(evidence, "_PROBLEM_VALUES", 700)
    parts = object_evidence(features, samples, splits, n_permutations=25)
    np.testing.assert_array_equal(whole.null_accuracy, parts.null_accuracy)
    np.testing.assert_allclose(whole.log_probability, parts.log_probability, atol=1e-6)
