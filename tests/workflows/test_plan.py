import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.workflows.plan import choose_sampling, longest_pause, plan_subject


@pytest.fixture
def dataset(work):
    """Return a function that writes a dataset and gives its first participant."""

    def write(runs, t1w=True):
        func, anat = work / "sub-01" / "func", work / "sub-01" / "anat"
        func.mkdir(parents=True)
        anat.mkdir()
        if t1w:
            write_image(anat / "sub-01_T1w.nii.gz", np.ones((3, 3, 3), np.float32))
        for stem, labels in runs.items():
            image = np.zeros((2, 2, 2, 8 + 4 * len(labels)), np.int16)  # its halves alike
            write_image(func / f"sub-01_{stem}_bold.nii.gz", image, tr=2.0)
            rows = [f"{10 + 8 * i}\t1\t{label}" for i, label in enumerate(labels)]
            table = "onset\tduration\ttrial_type\n" + "\n".join(rows) + "\n"
            (func / f"sub-01_{stem}_events.tsv").write_text(table)
        return index_dataset(work).participants[0]

    return write


def test_two_runs_leave_one_out_and_a_single_run_is_halved(dataset):
    ab = ["a", "b"] * 3
    plan = plan_subject(dataset({"task-x_run-1": ab, "task-x_run-2": ab, "task-y": ab}))
    assert [run.key for run in plan.runs] == ["task_x_run_1", "task_x_run_2", "task_y"]
    x, y = plan.evidence
    assert (x.name, x.folds, x.runs) == ("x", "run", ("task_x_run_1", "task_x_run_2"))
    assert (y.name, y.train, y.test, y.folds) == ("y", "half == 1", "half == 2", None)
    assert plan.region_runs == tuple(run.key for run in plan.runs)


def test_a_contrast_is_estimated_where_its_conditions_are_and_the_rest_is_said(dataset):
    participant = dataset({"task-x": ["a", "b"] * 2, "task-y": ["a", "c"] * 2})
    plan = plan_subject(participant, contrasts=["a-b", "only=c"])
    assert plan.runs[0].contrasts == ("task=(a + b)/2", "a-b")
    assert plan.runs[1].contrasts == ("task=(a + c)/2", "only=c")
    assert plan.decisions[:2] == (
        "only is not estimated in task x: no c",
        "aMinusB is not estimated in task y: no b",
    )


def test_a_contrast_that_no_single_run_has_is_refused(dataset):
    participant = dataset({"task-x": ["a", "b"], "task-y": ["c", "d"]})
    with pytest.raises(InputError, match="a run with all conditions of 'a-c'"):
        plan_subject(participant, contrasts=["a-c"])


def test_only_runs_that_may_train_choose_the_region(dataset):
    ab = ["a", "b"] * 3
    participant = dataset({"task-x_run-1": ab, "task-x_run-2": ab, "task-y": ab})
    plan = plan_subject(participant, train="task == 'x' and run == 1", test="task == 'y'")
    assert plan.region_runs == ("task_x_run_1",)
    assert plan.evidence[0].runs == ("task_x_run_1", "task_x_run_2", "task_y")
    plan = plan_subject(participant, train="tr < 12 and task == 'x'", test="task == 'y'")
    assert plan.region_runs == ("task_x_run_1", "task_x_run_2")
    plan = plan_subject(participant, train="onset > 40", test="onset < 20")
    assert len(plan.region_runs) == 3


def test_a_run_without_a_number_is_run_1_in_queries_as_in_sample_tables(dataset):
    participant = dataset({"task-x": ["a", "b"] * 3, "task-y": ["a", "b"] * 3})
    plan = plan_subject(participant, train="task == 'x' and run == 1", test="task == 'y'")
    assert plan.region_runs == ("task_x",)
    assert [run.run_label for run in plan.runs] == ["1", "1"]


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        ({"task-x_run-1": "abab", "task-x_run-2": "ababc"}, "run 2: no training sample of 'c'"),
        ({"task-x": "aaabbb"}, "all 3 training rows are 'a'"),
        ({"task-x": "ababcc"}, "no training sample of 'c'"),
    ],
)
def test_evidence_that_could_not_be_trained_is_not_planned_and_that_is_said(dataset, runs, why):
    plan = plan_subject(dataset({**runs, "task-y": "abab"}))
    assert [question.name for question in plan.evidence] == ["y"]
    assert [line for line in plan.decisions if "no evidence for task x" in line and why in line]


def test_queries_that_cannot_be_trained_are_refused_before_anything_is_computed(dataset):
    participant = dataset({"task-x": "abab", "task-y": "abcabc"})
    with pytest.raises(InputError, match="no training sample of 'c'"):
        plan_subject(participant, train="task == 'x'", test="task == 'y'")
    with pytest.raises(InputError, match="share trials with training"):
        plan_subject(participant, train="time_point < 2", test="time_point >= 2", window=2)


def test_an_event_whose_response_is_past_the_end_is_refused_or_said(dataset):
    participant = dataset({"task-x": ["a", "b"] * 3})
    with pytest.raises(InputError, match=r"task-x_events.tsv\n.*\n.*onset 50 s.* needs volumes"):
        plan_subject(participant, shift=14.0)
    plan = plan_subject(participant, shift=14.0, past_end="drop")
    assert plan.decisions[0].startswith("1 trials of task x are not decoded")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contrasts": ["a-hosue"]}, "no condition 'hosue'"),
        ({"train": "half == 1"}, "train and test together"),
        ({"train": "task == 'z'", "test": "half == 1"}, "selects none"),
    ],
)
def test_what_cannot_be_planned_is_refused(dataset, options, message):
    with pytest.raises(InputError, match=message):
        plan_subject(dataset({"task-x": ["a", "b"] * 2}), **options)


def test_a_participant_without_t1w_or_events_is_refused(dataset, work):
    participant = dataset({"task-x": ["a", "b"]}, t1w=False)
    with pytest.raises(InputError, match="T1-weighted"):
        plan_subject(participant)


@pytest.mark.parametrize(
    "stems", [("task-x_dir-AP", "task-x_dir-PA"), ("task-x_run-1", "task-x_run-01")]
)
def test_series_that_only_other_entities_tell_apart_are_refused(dataset, stems):
    with pytest.raises(
        InputError, match="one BOLD series for each session, task and run"
    ) as caught:
        plan_subject(dataset(dict.fromkeys(stems, ["a", "b"] * 3)))
    assert all(f"sub-01_{stem}_bold.nii.gz" in caught.value.found for stem in stems)


def test_one_condition_gives_no_evidence_and_that_is_said(dataset):
    plan = plan_subject(dataset({"task-x": ["a", "a"]}))
    assert plan.evidence == ()
    assert "fewer than two conditions" in plan.decisions[0]


def test_names_that_are_not_words_are_quoted(dataset):
    plan = plan_subject(dataset({"task-x": ["left face", "house"]}))
    assert plan.runs[0].contrasts == ("task=(house + `left face`)/2",)


@pytest.mark.parametrize(
    ("onsets", "durations", "sampling"),
    [
        ([0, 6, 12], 1.0, "events"),
        ([0, 1, 2], 0.9, "volumes"),  # several images in one volume
        ([0, 30], 20.0, "volumes"),  # blocks
    ],
)
def test_sampling_follows_the_design(onsets, durations, sampling):
    events = pd.DataFrame({"onset": onsets, "duration": durations})
    assert choose_sampling(events, tr=2.0) == sampling


def test_a_filter_that_would_take_the_conditions_away_is_not_used(dataset):
    often = dataset({"task-x": ["a", "b"] * 6, "task-y": "abaabaab"})
    plan = plan_subject(often, high_pass=60.0)
    assert [run.drift for run in plan.runs] == ["cosine", "cosine"]
    plan = plan_subject(often, high_pass=40.0)
    assert [run.drift for run in plan.runs] == ["cosine", "linear"]
    assert plan.decisions[0] == (
        "before decoding task y, a straight line is removed instead of periods above 40 s: "
        "a condition comes back only after 23 s"
    )


def test_longest_pause_is_within_a_condition():
    events = pd.DataFrame(
        {"onset": [0.0, 10, 50, 55], "duration": [2.0, 1, 1, 1], "trial_type": list("abab")}
    )
    assert longest_pause(events) == 48
    assert longest_pause(events.iloc[:2]) == 0


def test_that_tested_samples_choose_the_region_is_said_where_they_do(dataset):
    ab = ["a", "b"] * 3
    participant = dataset({"task-x_run-1": ab, "task-x_run-2": ab})
    assert "samples that are tested included" in plan_subject(participant).decisions[-1]
    apart = plan_subject(participant, train="run == 1", test="run == 2")
    assert apart.region_runs == ("task_x_run_1",)
    assert not any("samples that are tested" in decision for decision in apart.decisions)
