import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from support.production import OBJECTS, planted, production_samples

from fmriprod.algorithms.evidence import object_evidence
from fmriprod.algorithms.scheme_evidence import scheme_evidence
from fmriprod.algorithms.schemes import scheme_splits
from fmriprod.algorithms.splits import group_splits

PAIR = ("bed", "chair")
SCHEMES = {
    "4way": {"train": "localizer", "test": "drawing"},
    "transfer": {"train": "localizer", "test": "post"},
    "3way": {"train": "localizer", "test": "drawing"},
    "2way": {"train": "localizer", "test": "drawing"},
    "4way_independent": {"train": "localizer", "test": "drawing"},
    "2way_within": {"test": "drawing"},
    "within_phase": {"test": "pre", "train": "localizer"},
}


def zscore(part):
    return (part - part.mean(axis=0)) / np.maximum(part.std(axis=0), 1e-5)


def liblinear(features, samples, train, test):
    """Probabilities of one classifier as the study made them: labels and (n_test, n_labels)."""
    x, z = (zscore(features[rows].astype(float)) for rows in (train, test))
    model = LogisticRegression(solver="liblinear", C=1, tol=1e-9, max_iter=10_000)
    label = samples["label"].to_numpy()[train]
    if len(set(label)) == 2:
        model = model.fit(x, label)
    else:
        model = OneVsRestClassifier(model).fit(x, label)
    return list(model.classes_), model.predict_proba(z)


def by_hand(features, samples, scheme):
    """Log-probabilities of a scheme, written down from what the study says, row by row."""
    phase, label, run = (samples[name].to_numpy() for name in ("phase", "label", "run"))
    here, draws = phase == "localizer", phase == "drawing"
    pre = [(phase == "pre") & (run == number) for number in ("03", "04")]
    runs = [draws & (run == number) for number in ("01", "02", "03", "04")]
    fits = {
        "4way": [(here, draws)],
        "transfer": [(here, phase == "post")],
        "3way": [(here & (label != dropped), draws) for dropped in ("bench", "table")],
        "2way": [(here & np.isin(label, PAIR), draws)],
        "4way_independent": [(here & (label != dropped), draws) for dropped in PAIR],
        "2way_within": [(draws & ~one, one) for one in runs],
        "within_phase": [(here | pre[1], pre[0]), (here | pre[0], pre[1])],
    }
    everything = {}  # row -> label -> list of log-probabilities
    for train, test in fits[scheme]:
        rows = np.flatnonzero(test)
        classes, probability = liblinear(features, samples, np.flatnonzero(train), rows)
        for row, values in zip(rows, np.log(probability), strict=True):
            for name, value in zip(classes, values, strict=True):
                everything.setdefault(row, {}).setdefault(name, []).append(value)
    return everything


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_gives_the_probabilities_of_liblinear(rng, scheme):
    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.4)
    splits = scheme_splits(samples, scheme, trained=PAIR, **SCHEMES[scheme])
    found = scheme_evidence(features, samples, splits)
    expected = by_hand(features, samples, scheme)
    assert found.rows.tolist() == sorted(expected)
    for row, values, raw in zip(found.rows, found.log_probability, found.probability, strict=True):
        for name, value, p in zip(found.labels, values, raw, strict=True):
            theirs = expected[row][name]
            assert np.exp(value) == pytest.approx(np.exp(np.mean(theirs)), abs=1e-5)
            assert p == pytest.approx(np.mean(np.exp(theirs)), abs=1e-5)
    assert set(found.labels) == set(expected[found.rows[0]])


def test_all_labels_with_one_classifier_is_the_existing_analysis(rng):
    """Bit by bit the same rows, and up to rounding the same numbers, null included."""
    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.2)
    found = scheme_evidence(
        features, samples, scheme_splits(samples, "within_phase", test="drawing"),
        n_permutations=9, seed=4, classifier="logistic",
    )  # fmt: skip
    here = (samples["phase"] == "drawing").to_numpy()
    alone = samples[here].reset_index(drop=True)
    other = object_evidence(
        features[here], alone, group_splits(alone, "run"), n_permutations=9, seed=4,
        classifier="logistic",
    )  # fmt: skip
    np.testing.assert_allclose(found.log_probability, other.log_probability, atol=1e-8)
    np.testing.assert_array_equal(found.correct, other.correct)
    np.testing.assert_allclose(found.null_accuracy, other.null_accuracy)


@pytest.mark.parametrize("standardize", ["split", "run", "train", "none"])
def test_scaling_is_that_of_the_existing_analysis(rng, standardize):
    from fmriprod.algorithms.splits import query_split

    samples = production_samples(rng)
    features = planted(rng, samples) / 100
    options = {"standardize": standardize}
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    found = scheme_evidence(features, samples, splits, **options)
    split = query_split(samples, "phase == 'localizer'", "phase == 'drawing'")
    other = object_evidence(features, samples, split, **options)
    np.testing.assert_allclose(found.log_probability, other.log_probability, atol=2e-6)


def test_correct_counts_the_classifiers_that_know_the_label(rng):
    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.25)
    chances = {"4way": 1, "3way": 2, "4way_independent": 1, "2way_within": 1}
    for scheme, n_knowing in chances.items():
        splits = scheme_splits(samples, scheme, trained=PAIR, **SCHEMES[scheme])
        found = scheme_evidence(features, samples, splits)
        hits, knowing = {}, {}
        for split in splits:
            classes, probability = liblinear(features, samples, split.train, split.test)
            for row, best in zip(split.test, probability.argmax(axis=1), strict=True):
                label = samples["label"].iloc[row]
                if label in classes:
                    hits[row] = hits.get(row, 0) + (classes[best] == label)
                    knowing[row] = knowing.get(row, 0) + 1
        assert set(knowing.values()) == {n_knowing}
        expected = [hits[row] / knowing[row] for row in found.rows]
        np.testing.assert_allclose(found.correct, expected)


def test_the_floor_stops_log_probabilities(rng):
    samples = production_samples(rng)
    features = planted(rng, samples, signal=3.0, n_voxels=400)
    splits = scheme_splits(samples, "2way_within", test="drawing", trained=PAIR)
    free = scheme_evidence(features, samples, splits)
    held = scheme_evidence(features, samples, splits, probability_floor=1e-3)
    assert free.log_probability.min() < np.log(1e-3) - 1
    np.testing.assert_allclose(held.log_probability, np.maximum(free.log_probability, np.log(1e-3)))
    assert np.isfinite(free.log_probability).all()


def test_labels_may_be_renamed(rng):
    """Other names in another order: the same numbers in other columns."""
    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.4)
    names = dict(zip(OBJECTS, ("z", "b", "y", "a"), strict=True))
    renamed = samples.assign(label=samples["label"].map(names))
    for scheme, phases in SCHEMES.items():
        splits = scheme_splits(samples, scheme, trained=PAIR, **phases)
        one = scheme_evidence(features, samples, splits)
        pair = [names[label] for label in PAIR]
        splits = scheme_splits(renamed, scheme, trained=pair, **phases)
        two = scheme_evidence(features, renamed, splits)
        columns = [two.labels.index(names[label]) for label in one.labels]
        np.testing.assert_allclose(one.log_probability, two.log_probability[:, columns], atol=2e-6)
        np.testing.assert_array_equal(one.correct, two.correct)


@pytest.mark.parametrize("scheme", ["4way", "3way", "4way_independent", "2way_within"])
def test_a_planted_pattern_is_found_and_vanishes_with_permuted_labels(rng, scheme):
    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.8)
    splits = scheme_splits(samples, scheme, trained=PAIR, **SCHEMES[scheme])
    found = scheme_evidence(features, samples, splits, n_permutations=60)
    assert found.correct.mean() > 0.9 > found.null_accuracy.max()
    chance = 0.25 if scheme == "4way" else 0.5  # else test labels move between two objects
    assert found.null_accuracy.mean() == pytest.approx(chance, abs=0.1)
    again = scheme_evidence(features, samples, splits, n_permutations=60)
    np.testing.assert_array_equal(found.null_accuracy, again.null_accuracy)
    other = scheme_evidence(features, samples, splits, n_permutations=60, seed=1)
    assert (found.null_accuracy != other.null_accuracy).any()


def test_permuted_test_labels_are_scored_by_the_same_rule(rng):
    """Three-way: redo the score with each permuted label vector, in a loop."""
    from fmriprod.algorithms.scheme_evidence import _permuted

    samples = production_samples(rng)
    features = planted(rng, samples, signal=0.2)
    splits = scheme_splits(samples, "3way", trained=PAIR, train="localizer", test="post")
    found = scheme_evidence(features, samples, splits, n_permutations=4)
    codes = samples["label"].map(OBJECTS.index).to_numpy()
    drawn = _permuted(codes, samples, splits, found.rows, False, 4, 0)
    assert (drawn[:, splits[0].train] == codes[splits[0].train]).all()
    assert (np.sort(drawn[:, found.rows]) == np.sort(codes[found.rows])).all()
    for number, shuffled in enumerate(drawn):
        relabelled = samples.assign(label=np.array(OBJECTS)[shuffled])
        alone = scheme_evidence(features, relabelled, splits)
        assert found.null_accuracy[number] == pytest.approx(alone.correct.mean())


def test_a_test_phase_does_not_reach_into_training(rng):
    samples = production_samples(rng)
    features = planted(rng, samples)
    splits = scheme_splits(samples, "4way", train="localizer", test="drawing")
    changed = features.copy()
    changed[splits[0].test] = 64 * changed[splits[0].test] + 1024
    before, after = (scheme_evidence(x, samples, splits) for x in (features, changed))
    np.testing.assert_allclose(before.log_probability, after.log_probability, atol=2e-3)
    changed = features.copy()
    changed[(samples["phase"] == "pre").to_numpy()] = 0
    same = scheme_evidence(changed, samples, splits)
    np.testing.assert_array_equal(before.log_probability, same.log_probability)
