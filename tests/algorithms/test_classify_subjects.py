"""A classifier of subjects that it has not seen: scikit-learn's, and without leaks."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.classify_subjects import _exchanged, classify_subjects


def paired(rng, n_subjects=16, n_features=30, effect=1.0):
    """Two samples a subject, one of each label, on top of what the subject is like."""
    subject = np.repeat(np.arange(n_subjects), 2)
    labels = np.tile(["fear", "neut"], n_subjects)
    features = rng.normal(size=(2 * n_subjects, n_features))
    features += 2 * rng.normal(size=(n_subjects, n_features))[subject]
    features[labels == "fear", :3] += effect
    return features * rng.uniform(0.1, 30, n_features), labels, subject.astype(str)


@pytest.mark.parametrize("n_features", [10, 200])
def test_predictions_are_those_of_the_pipeline(rng, n_features):
    features, labels, subjects = paired(rng, n_features=n_features)
    labels[[3, 8, 20]] = "happy"
    found = classify_subjects(
        features, labels, subjects, n_folds=4, penalty=0.5, n_permutations=0, seed=3
    )
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=2.0, max_iter=5000, tol=1e-8))
    folds = GroupKFold(4, shuffle=True, random_state=3)
    number = np.unique(subjects, return_inverse=True)[1]
    expected = cross_val_predict(pipeline, features, labels, groups=number, cv=folds)
    assert (found.predicted == expected).all()
    assert found.accuracy == pytest.approx((expected == labels).mean()) and np.isnan(found.p)
    by_label = [(expected == labels)[labels == name].mean() for name in np.unique(labels)]
    assert found.balanced_accuracy == pytest.approx(np.mean(by_label))


def test_no_subject_is_in_training_and_test(rng):
    found = classify_subjects(*paired(rng), n_folds=5, n_permutations=0)
    for subject in range(16):
        assert len(set(found.fold[2 * subject : 2 * subject + 2])) == 1
    assert set(found.fold) == set(range(5))


def test_who_a_subject_is_says_nothing_of_the_label(rng):
    """Features tell subjects apart, and labels are of subjects: samples split at random leak."""
    n_subjects, n_each = 40, 4
    subject = np.repeat(np.arange(n_subjects), n_each)
    labels = np.array(["a", "b"])[rng.permutation(n_subjects) % 2][subject]
    features = np.eye(n_subjects)[subject] * 5 + 0.1 * rng.normal(size=(160, n_subjects))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    leaking = cross_val_predict(
        pipeline, features, labels, cv=KFold(5, shuffle=True, random_state=0)
    )
    assert (leaking == labels).mean() > 0.95
    found = classify_subjects(features, labels, subject, n_permutations=60)
    assert found.exchange == "across" and found.accuracy < 0.65 and found.p > 0.05


def test_scales_are_those_of_training_subjects(rng):
    """Were test subjects in the scaler, a value far off would change what others are told."""
    features, labels, subjects = paired(rng, n_features=5)
    before = classify_subjects(features, labels, subjects, n_permutations=0, seed=1)
    first = before.fold == before.fold[0]
    wild = features.copy()
    wild[0] *= 1e4
    after = classify_subjects(wild, labels, subjects, n_permutations=0, seed=1)
    same = first & (np.arange(32) > 0)
    assert (before.predicted[same] == after.predicted[same]).all()


def test_planted_conditions_are_told_apart(rng):
    found = classify_subjects(*paired(rng, effect=4.0), n_permutations=199)
    assert found.exchange == "within" and found.accuracy > 0.8 and found.p == 0.005
    assert found.null.mean() == pytest.approx(0.5, abs=0.05) and found.p_balanced == 0.005


@pytest.mark.slow
@pytest.mark.parametrize("exchange", ["within", "across"])
def test_noise_is_classified_as_often_as_the_level_says(exchange):
    rng, hits, n_studies = np.random.default_rng(5), 0, 100
    for number in range(n_studies):
        features, labels, subjects = paired(rng, 10, 4, effect=0.0)
        if exchange == "across":
            labels = np.repeat(rng.permutation(["a", "b"] * 5), 2)
        found = classify_subjects(features, labels, subjects, n_permutations=19, seed=number)
        assert found.exchange == exchange
        hits += found.p <= 0.05
    low, high = stats.binom.ppf([0.0005, 0.9995], n_studies, 0.05)
    assert hits <= high and hits >= low - 6  # accuracies tie: p is at most the level


def test_labels_are_exchanged_within_or_across_subjects(rng):
    subject = np.array([2, 0, 1, 0, 2, 1, 1])
    code = np.array([0, 1, 0, 0, 2, 1, 1])
    seen = set()
    for _ in range(200):
        other = _exchanged(code, subject, "within", rng)
        seen.add(tuple(other))
        for s in range(3):
            assert sorted(other[subject == s]) == sorted(code[subject == s])
    assert len(seen) == 2 * 3 * 2
    whole = np.array([0, 1, 1])[subject]
    seen = {tuple(_exchanged(whole, subject, "across", rng)) for _ in range(200)}
    assert seen == {tuple(np.array(p)[subject]) for p in ((0, 1, 1), (1, 0, 1), (1, 1, 0))}


def test_one_label_in_some_subjects_and_two_in_others_are_refused(rng):
    """Were they exchanged within subjects, 19 of these 20 would never be."""
    subjects = [*(f"s{i}" for i in range(20)), "s0"]
    labels, features = np.array(["a", "b"] * 10 + ["b"]), rng.normal(size=(21, 5))
    error = refused(features, labels, subjects)
    assert error.found == "one in 19 of 20 subjects, several in 1" and "leave out" in error.hint
    assert len(classify_subjects(features, labels, subjects, n_permutations=0).null) == 0
    whole = classify_subjects(features[:20], labels[:20], subjects[:20], n_permutations=1)
    assert whole.exchange == "across"


def refused(features, labels, subjects, **options):
    with pytest.raises(InputError) as info:
        classify_subjects(features, labels, subjects, **options)
    return info.value


def test_what_cannot_be_classified_is_refused(rng):
    features, labels, subjects = paired(rng)
    error = refused(features, ["fear"] * 32, subjects)
    assert error.found == "one: fear" and error.expected == "two labels or more"
    error = refused(features, labels, ["one"] * 32)
    assert error.subject == "subjects" and error.found == "1"
    assert refused(features, labels, subjects, n_folds=17).expected.startswith("2 to 16")
    assert refused(features, labels[:-1], subjects).found == "31 labels, 32 subjects"
    assert refused(features, labels, subjects, penalty=0).subject == "penalty"
    labels[4] = "rare"
    assert refused(features, labels, subjects).found.startswith("rare in subjects of fold")
    features[3, 3] = np.nan
    assert refused(features, labels, subjects).subject == "features"
