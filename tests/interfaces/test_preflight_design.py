import nibabel as nb
import numpy as np
import pytest

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.events import read_events
from fmriprod.interfaces.preflight_design import check_design
from fmriprod.interfaces.preflight_images import RunImage

MODEL = {"hrf": "spm + derivative", "high_pass": 100.0}


@pytest.fixture
def check(work):
    """Return a function that checks the design of events in a run of 60 volumes of 2 s."""

    def checked(rows, contrasts=(), n_volumes=60, tr=2.0, **model):
        path = work / "sub-01_task-a_events.tsv"
        lines = [f"{onset}\t{duration}\t{label}" for onset, duration, label in rows]
        path.write_text("\n".join(["onset\tduration\ttrial_type", *lines]) + "\n")
        run = Run(parse_name("sub-01_task-a_bold.nii.gz"), "bold.nii.gz", str(path))
        image = nb.Nifti1Image(np.zeros((2, 2, 2, n_volumes), np.int16), np.eye(4))
        found = RunImage(image, n_volumes, tr)
        return check_design(run, found, read_events(path), contrasts, **{**MODEL, **model})

    return checked


GOOD = [(8 + 8 * i, 1, "ab"[i % 2]) for i in range(12)]


def test_nothing_is_wrong_with_two_conditions(check):
    assert check(GOOD, ["a-b", "unknown-b", "a-"]) == []


def test_an_event_after_which_nothing_was_measured_is_found(check):
    (problem,) = check([*GOOD, (119.5, 0.2, "late")])
    assert problem.severity == "error" and problem.file.endswith("_events.tsv")
    assert problem.expected == "events that let the mean of all conditions be estimated"
    assert problem.found == "the regressor of late is zero throughout the run"


def test_conditions_that_always_go_on_together_are_found_by_their_contrast(check):
    (problem,) = check([*GOOD, *[(on, d, "c") for on, d, label in GOOD if label == "a"]], ["a-c"])
    assert "aMinusC" in problem.expected
    assert problem.found.startswith("columns that are combinations of each other: a, ")


@pytest.mark.parametrize(
    ("label", "options", "text"),
    [
        ("constant", {}, "twice: constant"),
        ("trans_x", {}, "twice: trans_x"),
        ("a", {"n_volumes": 11}, "11 regressors"),
    ],
)
def test_names_of_other_regressors_and_too_many_regressors_are_refused(check, label, options, text):
    rows = [(on / 6 if options else on, d, label if name == "a" else name) for on, d, name in GOOD]
    (problem,) = check(rows, **options)
    assert text in problem.found


def test_nothing_is_judged_where_the_repetition_time_is_in_doubt(check):
    assert check([(1, 1, "constant")], tr=None) == []
