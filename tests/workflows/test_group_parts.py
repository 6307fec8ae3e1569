"""Parts of a group's analysis."""

import pytest

from fmriprod.workflows.group_parts import production_phase
from fmriprod.workflows.study_file import read_study


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [("pre", "post", (0, 1, 2)), (None, None, (0, 1, 2)), (None, None, (2, 1, 0))],
)
def test_the_phase_of_drawing_is_the_one_that_another_task_is_tested_on(before, after, order):
    study, _ = read_study("fan2020")
    statistics = study.statistics.model_copy(update={"before": before, "after": after})
    evidence = tuple(study.evidence[place] for place in order)
    study = study.model_copy(update={"statistics": statistics, "evidence": evidence})
    assert production_phase(study) == "drawing"


def test_without_transfer_between_tasks_it_is_a_phase_that_is_not_compared():
    study, _ = read_study("fan2020")
    evidence = tuple(q.model_copy(update={"train": None}) for q in study.evidence)
    assert production_phase(study.model_copy(update={"evidence": evidence})) == "drawing"
    assert production_phase(study.model_copy(update={"evidence": ()})) == "drawing"
