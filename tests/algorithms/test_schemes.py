import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.production import OBJECTS, production_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.schemes import scheme_splits

PAIR = ("chair", "bed")


@pytest.fixture
def samples(rng):
    return production_samples(rng)


def labels_of(samples, rows):
    return set(samples["label"].iloc[rows])


@pytest.mark.parametrize("scheme", ["4way", "transfer"])
def test_one_phase_trains_all_objects_and_another_is_tested(samples, scheme):
    (split,) = scheme_splits(samples, scheme, train="localizer", test="drawing", trained=PAIR)
    assert split.labels == OBJECTS
    assert (samples["phase"].iloc[split.train] == "localizer").all() and len(split.train) == 48
    assert (samples["phase"].iloc[split.test] == "drawing").all() and len(split.test) == 120


def test_three_way_drops_one_control_at_a_time(samples):
    splits = scheme_splits(samples, "3way", train="localizer", test="drawing", trained=PAIR)
    assert [s.labels for s in splits] == [("bed", "bench", "chair"), ("bed", "chair", "table")]
    for split in splits:
        assert labels_of(samples, split.train) == set(split.labels) and len(split.train) == 36
        np.testing.assert_array_equal(split.test, splits[0].test)


def test_two_way_trains_and_tests_the_pair_only(samples):
    (split,) = scheme_splits(samples, "2way", train="localizer", test="post", trained=PAIR)
    assert split.labels == ("bed", "chair")
    assert labels_of(samples, split.train) == labels_of(samples, split.test) == {"bed", "chair"}
    assert len(split.train) == len(split.test) == 24


def test_independent_classifiers_never_met_the_foil(samples):
    splits = scheme_splits(
        samples, "4way_independent", train="localizer", test="drawing", trained=PAIR
    )
    assert [s.labels for s in splits] == [("bed", "bench", "table"), ("bench", "chair", "table")]
    for split in splits:
        assert labels_of(samples, split.train) == set(split.labels)
        assert labels_of(samples, split.test) == set(PAIR)


def test_within_a_phase_each_run_is_tested_by_the_others(samples):
    splits = scheme_splits(samples, "within_phase", test="pre")
    runs = [(set(samples["run"].iloc[s.train]), set(samples["run"].iloc[s.test])) for s in splits]
    assert runs == [({"04"}, {"03"}), ({"03"}, {"04"})]
    with_more = scheme_splits(samples, "within_phase", test="pre", train="localizer")
    assert [len(s.train) for s in with_more] == [24 + 48] * 2
    assert set(samples["run"].iloc[with_more[0].train]) == {"01", "02", "04"}
    within = scheme_splits(samples, "2way_within", test="drawing", trained=PAIR)
    assert [len(s.test) for s in within] == [30] * 4
    assert [len(s.train) for s in within] == [90] * 4
    assert np.unique(np.concatenate([s.test for s in within])).size == 120


@given(seed=st.integers(0, 50), scheme=st.sampled_from(["4way", "3way", "2way", "2way_within",
       "4way_independent", "within_phase"]), test=st.sampled_from(["drawing", "post"]),
       order=st.permutations(PAIR))  # fmt: skip
def test_whatever_the_scheme_no_trial_is_on_both_sides(seed, scheme, test, order):
    samples = production_samples(np.random.default_rng(seed), n_each=2, n_trials=4, n_points=2)
    samples = samples.sample(frac=1, random_state=seed).reset_index(drop=True)
    train = None if scheme in ("2way_within", "within_phase") else "localizer"
    if scheme == "within_phase" and test == "drawing":
        order = ()
    one = scheme_splits(samples, scheme, train=train, test=test, trained=order)
    other = scheme_splits(samples, scheme, train=train, test=test, trained=order[::-1])
    trial = samples.groupby(["task", "run", "trial"]).ngroup().to_numpy()
    for first, second in zip(one, other, strict=True):
        assert not np.isin(trial[first.test], trial[first.train]).any()
        assert (samples["label"].iloc[first.train].isin(first.labels)).all()
        assert first.labels == second.labels == tuple(sorted(first.labels))
        np.testing.assert_array_equal(first.train, second.train)
        np.testing.assert_array_equal(first.test, second.test)


def refused(samples, scheme="4way", **options):
    options = {"train": "localizer", "test": "drawing", "trained": PAIR} | options
    with pytest.raises(InputError) as error:
        scheme_splits(samples, scheme, **options)
    return str(error.value)


def test_what_cannot_be_done_is_said(samples):
    assert "did you mean '4way'" in refused(samples, "4wey")
    assert "none" in refused(samples, train=None) and "within_phase" in refused(samples, train=None)
    assert "'drawing' for both" in refused(samples, train="drawing")
    assert "did you mean 'drawing'" in refused(samples, test="drawign")
    assert "did you mean 'chair'" in refused(samples, trained=("bed", "chiar"))
    assert "found:    'bed'" in refused(samples, "2way", trained=("bed",))
    assert "found:    'bed', 'bed'" in refused(samples, trained=("bed", "bed"))
    assert "found:    none" in refused(samples, "3way", trained=())
    text = refused(samples, labels=("bed", "chair", "sofa"))
    assert "no training sample of 'sofa' (there are bed, chair)" in text
    text = refused(samples, "3way", labels=("bed", "chair"))
    assert "control objects" in text and "2way" in text
    alone = samples[(samples["phase"] != "pre") | (samples["run"] == "03")].reset_index(drop=True)
    assert "found:    1" in refused(alone, "within_phase", test="pre", train=None)
    undrawn = samples.assign(
        label=samples["label"].where(samples["phase"] != "drawing", "bench")
    )  # fmt: skip
    text = refused(undrawn, "2way")
    assert "120 samples are bench" in text


def test_labels_that_a_scheme_does_not_need_may_be_absent(samples):
    drawing = samples[samples["phase"] == "drawing"].reset_index(drop=True)
    splits = scheme_splits(drawing, "2way_within", test="drawing", trained=PAIR, labels=OBJECTS)
    assert [s.labels for s in splits] == [("bed", "chair")] * 4
    with pytest.raises(InputError, match="no training sample of 'bench', 'table'"):
        scheme_splits(drawing, "within_phase", test="drawing", labels=OBJECTS)


def test_labels_without_training_samples_are_named_for_every_fold(samples):
    lacking = samples[(samples["run"] != "03") | ~samples["label"].isin(["bed", "table"])]
    lacking = lacking.reset_index(drop=True)
    text = refused(lacking, "within_phase", test="pre", train=None)
    assert "pre, run 04: no training sample of 'bed', 'table'" in text
    assert "run 03" not in text
    new = samples.assign(label=samples["label"].where(samples["phase"] != "drawing", "sofa"))
    assert "localizer to drawing: no training sample of 'sofa'" in refused(new, trained=())


def test_a_volume_on_both_sides_is_refused(samples):
    shared = samples.copy()
    shared.loc[shared.index[-1], ["task", "run", "trial", "tr"]] = ["recognition", "01", 99, 11]
    assert "share volumes" in refused(shared)
    shared.loc[shared.index[-1], "trial"] = 0
    assert "share trials" in refused(shared)


def test_rows_outside_all_phases_take_no_part(samples):
    some = samples.assign(phase=samples["phase"].mask(samples["phase"] == "pre"))
    assert pd.isna(some["phase"]).any()
    (split,) = scheme_splits(some, "4way", train="localizer", test="drawing")
    used = np.concatenate([split.train, split.test])
    assert some["phase"].iloc[used].notna().all()
