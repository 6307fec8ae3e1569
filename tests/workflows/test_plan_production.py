"""What is done for each participant of a study file."""

from dataclasses import replace

import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.plan_production import plan_production, read_participants
from fmriprod.workflows.production_parts import differentiation_phases
from fmriprod.workflows.study_file import read_study

OBJECTS = ["bed", "bench", "chair", "table"]
RECOGNITION, DRAWING = 8, 40  # volumes


@pytest.fixture
def dataset(work):
    """Return a function that writes the design of the study, tiny, and indexes it."""

    def write(
        recognition=range(1, 7), drawing=range(1, 5), pair=("table", "bed"), objects=OBJECTS,
        n_drawing=60, participants=True, t1w=True,
    ):  # fmt: skip
        func = work / "sub-01" / "func"
        func.mkdir(parents=True)
        if t1w:
            (work / "sub-01" / "anat").mkdir()
            write_image(work / "sub-01" / "anat" / "sub-01_T1w.nii.gz", np.ones((3, 3, 3), "f4"))
        for run in recognition:
            rows = [(1.5 * (1 + 2 * i), 1.0, name) for i, name in enumerate(objects)]
            _write_run(func / f"sub-01_task-recognition_run-{run}", rows, 14)
        for run in drawing:
            rows = [(1.5 + 37.5 * i, 34.5, name) for i, name in enumerate(pair)]
            _write_run(func / f"sub-01_task-drawing_run-{run}", rows, n_drawing)
        if participants:
            text = f"participant_id\ttrained_1\ttrained_2\nsub-01\t{pair[0]}\t{pair[1]}\n"
            (work / "participants.tsv").write_text(text)
        return index_dataset(work).participants[0], read_participants(work)

    return write


def _write_run(stem, rows, n_volumes):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 9, (2, 2, 2, n_volumes)).astype(np.int16)
    write_image(f"{stem}_bold.nii.gz", image, tr=1.5)
    table = "\n".join(f"{onset}\t{duration}\t{name}" for onset, duration, name in rows)
    with open(f"{stem}_events.tsv", "w") as file:
        file.write("onset\tduration\ttrial_type\n" + table + "\n")


def _study(tmp_path, *changes):
    text = (READY / "fan2020.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "study.toml"
    path.write_text(text)
    study, problems = read_study(path)
    assert not problems
    return study


def _problems(call) -> list[str]:
    with pytest.raises(ExceptionGroup) as caught:
        call()
    return [str(error) for error in caught.value.exceptions]


def test_whole_design_is_planned(dataset, tmp_path):
    participant, table = dataset()
    plan = plan_production(_study(tmp_path), participant, table=table)
    assert (plan.trained, plan.controls) == (("bed", "table"), ("bench", "chair"))
    assert len(plan.runs) == 10
    assert plan.phases["pre"] == ("task_recognition_run_3", "task_recognition_run_4")
    assert len(plan.phases["drawing"]) == 4
    run = plan.runs_of("drawing")[0]
    assert run.contrasts == ("trained1=bed", "trained2=table", "drawing=(bed + table)/2")
    assert run.contrast_names == ("trained1", "trained2", "drawing")
    assert plan.samples["drawing"].window == 23
    assert plan.decisions == ()


def test_without_drawing_the_rest_goes_on_and_it_is_said(dataset, tmp_path):
    participant, table = dataset(drawing=())
    plan = plan_production(_study(tmp_path), participant, table=table)
    assert set(plan.phases) == {"localizer", "pre", "post"}
    assert plan.decisions == ("there is no run of task drawing: what needs it is left out",)


def test_a_lost_run_is_an_error_or_a_decision(dataset, tmp_path):
    participant, table = dataset(recognition=[1, 2, 3, 5, 6])
    (message,) = _problems(lambda: plan_production(_study(tmp_path), participant, table=table))
    assert "run 4 of task recognition (phase pre)" in message
    assert 'missing = "drop-run" in [tasks.recognition]' in message
    study = _study(tmp_path, ('missing = "error"', 'missing = "drop-run"'))
    plan = plan_production(study, participant, table=table)
    assert plan.phases["pre"] == ("task_recognition_run_3",)
    assert plan.decisions == (
        "phase pre is without run 4 of task recognition",
        "differentiation is left out: phase pre has 1 of two runs",
    )
    assert differentiation_phases(study, plan) is None


def test_two_series_of_one_run_are_refused(dataset, tmp_path):
    participant, table = dataset()
    first = participant.runs[0]
    twice = replace(participant, runs=(*participant.runs, replace(first)))
    messages = _problems(lambda: plan_production(_study(tmp_path), twice, table=table))
    assert "one BOLD series for each session, task and run" in messages[0]
    other = replace(first, name=parse_name("sub-01_task-other_bold.nii.gz"))
    others = replace(participant, runs=(*participant.runs, other, replace(other)))
    plan_production(_study(tmp_path), others, table=table)


def test_a_condition_that_a_run_lacks_is_an_error_or_drops_the_run(dataset, tmp_path):
    participant, table = dataset(objects=["bed", "chair", "table"], drawing=())
    messages = _problems(lambda: plan_production(_study(tmp_path), participant, table=table))
    assert len(messages) == 6
    assert "the conditions bed, bench, chair, table in every run" in messages[0]
    assert "events.tsv" in messages[0]
    study = _study(tmp_path, ('missing = "error"', 'missing = "drop-run"'))
    messages = _problems(lambda: plan_production(study, participant, table=table))
    assert "a run of one of the tasks" in messages[0]


def test_a_trial_past_the_end_of_its_run_is_known_before(dataset, tmp_path):
    participant, table = dataset(n_drawing=45)
    messages = _problems(lambda: plan_production(_study(tmp_path), participant, table=table))
    assert len(messages) == 4
    assert "task-drawing_run-1_events.tsv" in messages[0]
    study = _study(tmp_path, ("window = 23", 'window = 23\npast_end = "drop"'))
    assert len(plan_production(study, participant, table=table).phases["drawing"]) == 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"participants": False}, "no participants.tsv"),
        ({"pair": ("bed", "chiar")}, "did you mean 'chair'?"),
        ({"pair": ("bed", "bed")}, "different trained objects"),
        ({"pair": ("n/a", "bed")}, "columns trained_1, trained_2"),
        ({"t1w": False}, "a T1-weighted image"),
    ],
)
def test_bad_participants_are_told_what_is_needed(dataset, tmp_path, options, expected):
    participant, table = dataset(**options)
    messages = _problems(lambda: plan_production(_study(tmp_path), participant, table=table))
    assert expected in messages[0]


def test_pairs_may_stand_in_the_study_file(dataset, tmp_path):
    participant, _ = dataset(participants=False)
    study = _study(
        tmp_path,
        ('trained = ["trained_1", "trained_2"]', 'pairs = { "01" = ["table", "bed"] }'),
    )
    assert plan_production(study, participant).trained == ("bed", "table")
