import numpy as np
import pytest
from support.samples import simulated_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.splits import Split, check_splits, group_splits, query_split


@pytest.fixture
def samples(rng):
    return simulated_samples(rng, n_points=2)[1]


def test_each_group_is_tested_once_and_trained_on_by_the_others(samples):
    splits = group_splits(samples, "run")
    assert [split.name for split in splits] == ["run 01", "run 02", "run 03", "run 04"]
    tested = np.concatenate([split.test for split in splits])
    assert sorted(tested) == list(range(len(samples)))
    for split in splits:
        assert not set(samples["run"].iloc[split.train]) & set(samples["run"].iloc[split.test])
        assert len(split.train) + len(split.test) == len(samples)
    assert check_splits(samples, splits) == ["bed", "bench", "chair", "table"]


def test_one_group_cannot_be_left_out(samples):
    with pytest.raises(InputError) as caught:
        group_splits(samples, "task")
    assert caught.value.found == "column 'task' has 1 group(s) (recognition) and 0 missing values"


def test_an_unknown_column_for_folds_is_named(samples):
    with pytest.raises(InputError, match="did you mean 'run'"):
        group_splits(samples, "runs")


def test_rows_in_both_queries_are_refused(samples):
    with pytest.raises(InputError) as caught:
        query_split(samples, "run <= 2", "run >= 2")
    assert caught.value.found.startswith(
        "16 rows in both, such as subject 01, task recognition, run 02, trial 0, tr 3"
    )
    assert "train 'run <= 2', test 'run >= 2'" in caught.value.hint


def test_volumes_of_one_trial_on_both_sides_are_refused(samples):
    splits = query_split(samples, "time_point == 1", "time_point == 2")
    with pytest.raises(InputError, match="32 test rows share trials") as caught:
        check_splits(samples, splits)
    assert caught.value.subject == "test"


def test_averages_that_share_a_volume_are_refused(samples):
    averaged = samples[samples["time_point"] == 1].reset_index(drop=True)
    averaged["n_volumes"] = 2
    splits = query_split(averaged, "half == 1", "half == 2")
    check_splits(averaged, splits)  # trials follow each other without overlap
    averaged["n_volumes"] = 3
    with pytest.raises(InputError, match="4 test rows share volumes with training rows"):
        check_splits(averaged, splits)


def test_the_same_volume_of_another_run_or_subject_is_no_leak(samples):
    other = samples.assign(subject="02")
    both = type(samples)(np.vstack([samples, other]), columns=samples.columns).infer_objects()
    check_splits(both, query_split(both, "subject == 1", "subject == 2"))


def test_training_rows_of_one_label_are_refused(samples):
    splits = query_split(samples, "run < 3 and label == 'bed'", "run == 3")
    with pytest.raises(InputError, match="test: all 8 training rows are 'bed'"):
        check_splits(samples, splits)


def test_a_test_label_without_training_samples_is_named(samples):
    splits = query_split(samples, "run < 3 and label != 'chair'", "run == 3")
    with pytest.raises(InputError) as caught:
        check_splits(samples, splits)
    assert caught.value.found == "test: no training sample of 'chair'; trained: bed, bench, table"


def test_folds_that_train_different_labels_are_refused(samples):
    rows = np.arange(len(samples))
    run, label = samples["run"].to_numpy(), samples["label"].to_numpy()
    splits = [
        Split("one", rows[run < "03"], rows[run == "03"]),
        Split("two", rows[(run < "03") & (label != "bed")], rows[(run == "04") & (label != "bed")]),
    ]
    with pytest.raises(InputError, match="two: no training sample of 'bed'"):
        check_splits(samples, splits)
