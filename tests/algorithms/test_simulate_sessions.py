import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.simulate_sessions import (
    measure_responses,
    plan_sessions,
    voxel_shares,
)


@given(
    st.integers(5, 60), st.integers(0, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3)
)
def test_every_stimulus_is_shown_as_often_as_planned(training, validation, sessions, repeats, runs):
    plan = plan_sessions(
        training, validation, n_sessions=sessions, n_repeats=repeats, training_runs=runs
    )
    shown = plan.groupby("number").size()
    assert shown.index.tolist() == list(range(training + validation))
    assert (shown[:training] == 1).all() and (shown[training:] == repeats).all()
    assert (plan["set"] == np.where(plan["number"] < training, "training", "validation")).all()
    # All repeats of a stimulus lie in one run, in order, and a run in one session.
    assert (plan.groupby("number")["run"].nunique() == 1).all()
    assert (plan.groupby("run")["session"].nunique() == 1).all()
    assert (plan.groupby("number")["repeat"].agg(list).map(lambda r: r == sorted(set(r)))).all()
    assert plan["run"].diff().dropna().isin([0, 1]).all() and plan["run"].iloc[0] == 1
    sizes = plan[plan["set"] == "training"].groupby("session").size()
    assert len(sizes) == sessions and np.ptp(sizes) <= 1


def test_a_study_of_the_published_size_has_its_runs():
    plan = plan_sessions(1750, 120)
    assert len(plan) == 1750 + 120 * 13
    runs = plan.groupby(["set", "session"])["run"].nunique()
    assert (runs["training"] == 5).all() and (runs["validation"] == 2).all()
    assert (plan.groupby(["set", "run"]).size()["validation"] == 12 * 13).all()


@pytest.mark.parametrize("snr", [0.2, 1.0, 5.0])
def test_signal_has_its_share_of_the_variance(snr, rng):
    shares = voxel_shares(4000, snr, silent=0.25, seed=1)
    assert (shares == 0).mean() == 0.25
    assert np.median(shares[shares > 0]) == pytest.approx(snr / (1 + snr), rel=0.05)
    signal = rng.standard_normal((400, 4000)).astype(np.float32)
    plan = plan_sessions(400, 0)
    y = measure_responses(signal, plan, shares, drift=0, offset=0, seed=1)
    x = signal[plan["number"]]
    r = ((x - x.mean(0)) * (y - y.mean(0))).mean(0) / x.std(0) / y.std(0)
    assert np.abs(r - np.sqrt(shares)).mean() < 0.05
    assert y.var() == pytest.approx(1, rel=0.02)


def test_noise_alone_and_signal_alone():
    assert not voxel_shares(10, 0).any()
    assert (voxel_shares(10, np.inf) == 1).all()


def test_offsets_are_those_of_sessions_and_drift_is_slow(rng):
    plan = plan_sessions(1000, 0, training_runs=2)
    nothing = np.zeros((1000, 300), np.float32)
    signal = {"signal": nothing, "plan": plan, "shares": np.ones(300), "seed": 2}
    steps = measure_responses(**signal, drift=0, offset=0.5)
    for _, rows in plan.groupby("session"):
        assert not np.ptp(steps[rows.index], axis=0).any()
    levels = steps[plan.groupby("session").head(1).index]
    assert levels.std() == pytest.approx(0.5, rel=0.1)
    slow = measure_responses(**signal, drift=0.5, offset=0)
    assert slow.std() == pytest.approx(0.5, rel=0.1)
    run = slow[plan.index[plan["run"] == 3]]
    assert np.abs(run.mean(axis=0)).max() < 1e-4  # what is slow in a run is no offset
    assert np.abs(np.diff(run, axis=0)).max() < 0.1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: plan_sessions(3, 0, n_sessions=4), "4 sessions"),
        (lambda: plan_sessions(9, 2, n_repeats=0), "0 repeats"),
        (lambda: voxel_shares(9, -1.0), "-1.0"),
        (lambda: voxel_shares(9, np.nan), "nan"),
        (lambda: voxel_shares(9, 1.0, silent=1.5), "1.5"),
    ],
)
def test_what_cannot_be_planned_is_refused(call, text):
    with pytest.raises(InputError, match=text):
        call()
