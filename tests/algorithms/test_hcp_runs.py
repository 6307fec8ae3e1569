"""Runs of the HCP by name."""

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.hcp_runs import CONDITIONS, MEANINGS, N_VOLUMES, RUN_NAMES, run_numbers
from fmriprod.algorithms.hcp_runs import task_of as task


def test_runs_are_found_by_name_from_one():
    assert len(RUN_NAMES) == 18 and RUN_NAMES[0] == "rfMRI_REST1_LR"
    assert RUN_NAMES[4:6] == ("tfMRI_MOTOR_RL", "tfMRI_MOTOR_LR")
    firsts = {"rest": 1, "MOTOR": 5, "wm": 7, "emotion": 9, "gambling": 11, "language": 13,
              "relational": 15, "social": 17}  # fmt: skip
    for name, first in firsts.items():
        assert run_numbers(name) == list(range(first, first + (4 if name == "rest" else 2)))
    assert run_numbers("REST2") == [3, 4]
    assert [task(n) for n in (4, 5, 9)] == ["REST", "MOTOR", "EMOTION"]
    assert set(N_VOLUMES) == {"REST", *CONDITIONS}


def test_feet_are_feet():
    assert MEANINGS["lf"] == "left foot" and MEANINGS["rf"] == "right foot"
    assert MEANINGS["rh"] == "right hand" and MEANINGS["t"] == "tongue"


@pytest.mark.parametrize("name", ["moto r", "", "tennis"])
def test_an_unknown_experiment_lists_the_known(name):
    with pytest.raises(InputError, match="known: REST, MOTOR, WM, EMOTION"):
        run_numbers(name)


def test_an_unknown_run_is_refused():
    with pytest.raises(InputError, match="1 to 18, counted over all experiments"):
        task(19)
