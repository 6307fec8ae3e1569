import pytest
from support.production import PHASES, production_samples

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.phases import parse_phases, phase_column


def test_phases_of_the_study_are_those_of_its_runs(rng):
    samples = production_samples(rng)
    names = ["localizer", "pre", "post", "drawing"]
    column, absent = phase_column(samples, parse_phases(PHASES), names)
    assert (column == samples["phase"]).all() and not absent
    column, absent = phase_column(samples, parse_phases(PHASES), ["pre"])
    assert set(column.dropna()) == {"pre"} and (column.notna() == (samples["phase"] == "pre")).all()


def test_a_task_without_runs_means_all_of_them(rng):
    samples = production_samples(rng)
    column, _ = phase_column(samples, parse_phases([" d = drawing "]), ["d"])
    assert (column.notna() == (samples["task"] == "drawing")).all()


def test_what_is_absent_is_listed(rng):
    samples = production_samples(rng)
    samples = samples[samples["run"] != "04"].reset_index(drop=True)
    phases = parse_phases([*PHASES, "late=recognition:7", "rest=rest"])
    names = ["pre", "late", "rest", "drawing", "localizer"]
    _, absent = phase_column(samples, phases, names)
    assert absent == [
        "of phase pre, run 4 (task recognition)", "of phase late (task recognition, run 7)",
        "of phase rest (task rest)", "of phase drawing, run 4 (task drawing)",
    ]  # fmt: skip


def test_what_cannot_be_read_is_refused_all_at_once():
    with pytest.raises(InputError) as error:
        parse_phases(["a=b:1", "localizer", "c=", "=d", "a=e", "f=g:1,,2"])
    text = str(error.value)
    assert "'localizer', 'c=', '=d', 'a=e', 'f=g:1,,2'" in text and "'a=b:1'" not in text
    with pytest.raises(InputError, match="none"):
        parse_phases([])


def test_unknown_phases_and_shared_runs_are_refused(rng):
    samples = production_samples(rng)
    with pytest.raises(InputError, match="did you mean 'drawing'"):
        phase_column(samples, parse_phases(PHASES), ["drawig"])
    phases = parse_phases(["a=recognition:1,2", "b=recognition:02,3"])
    with pytest.raises(InputError, match="b and a share task recognition, run 02"):
        phase_column(samples, phases, ["a", "b"])
