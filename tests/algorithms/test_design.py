import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from nilearn.glm.first_level import make_first_level_design_matrix
from statsmodels.stats.outliers_influence import variance_inflation_factor

from fmriprod.algorithms.audit import audit
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import (
    design_matrix,
    drifts,
    estimable,
    row_space,
    why_not_estimable,
)

EVENTS = pd.DataFrame(
    {
        "onset": [4.0, 40.0, 80.0, 20.0, 60.0, 100.0],
        "duration": 8.0,
        "trial_type": ["house"] * 3 + ["face"] * 3,
    }
)


def test_columns_and_their_order():
    confounds = pd.DataFrame({"trans_x": np.arange(70.0)})
    matrix = design_matrix(EVENTS, 70, 2.0, high_pass=100, confounds=confounds)
    assert list(matrix.columns) == [
        "face", "face_derivative", "house", "house_derivative",
        "trans_x", "drift_1", "drift_2", "constant",
    ]  # fmt: skip
    assert (matrix["constant"] == 1).all()


def test_nilearn_spans_the_same_space():
    """Its derivative is orthogonal to its response, which leaves the space the same."""
    ours = design_matrix(EVENTS, 70, 2.0, high_pass=100, start_time=1.0)
    theirs = make_first_level_design_matrix(
        np.arange(70) * 2.0 + 1, EVENTS, hrf_model="spm + derivative", high_pass=0.01,
        oversampling=400,
    )  # fmt: skip
    assert ours.shape == theirs.shape
    a, b = (row_space(m.to_numpy())[0] for m in (ours, theirs))
    cosines = np.linalg.svd(a.T @ b, compute_uv=False)
    assert cosines.min() > 0.999


def test_the_start_time_moves_the_response():
    """Half a volume later in each volume is the same as events half a volume earlier."""
    early = EVENTS.assign(onset=EVENTS["onset"] - 1)
    moved = design_matrix(early, 70, 2.0, start_time=0.0)
    np.testing.assert_allclose(moved, design_matrix(EVENTS, 70, 2.0, start_time=1.0), atol=1e-12)
    np.testing.assert_array_equal(
        design_matrix(EVENTS, 70, 2.0), design_matrix(EVENTS, 70, 2.0, start_time=1.0)
    )


@given(n_volumes=st.integers(5, 200), order=st.integers(1, 4))
def test_polynomials_have_zero_mean_and_span_the_powers(n_volumes, order):
    found = drifts(n_volumes, 2.0, "polynomial", order=order)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    full = np.column_stack([np.ones(n_volumes), found])
    power = np.linspace(-1, 1, n_volumes) ** order
    fit = full @ np.linalg.lstsq(full, power, rcond=None)[0]
    np.testing.assert_allclose(fit, power, atol=1e-8)
    assert drifts(n_volumes, 2.0, "none").shape == (n_volumes, 0)


def test_inflation_is_that_of_statsmodels_and_correlation_that_of_numpy(rng):
    x = rng.normal(size=(80, 4))
    x[:, 2] = x[:, 0] + 0.3 * x[:, 1] + 0.2 * rng.normal(size=80)
    matrix = pd.DataFrame(np.c_[x, np.ones(80)], columns=[*"abcd", "constant"])
    found = audit(matrix, list("abcd"))
    for i, name in enumerate("abcd"):
        expected = variance_inflation_factor(matrix.to_numpy(), i)
        assert found.vif[name] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(found.correlation, np.corrcoef(x.T))
    assert found.rank == 5 and found.aliased == []
    scaled = matrix / np.linalg.norm(matrix, axis=0)
    assert found.condition_number == pytest.approx(np.linalg.cond(scaled))


def test_the_audit_does_not_depend_on_units(rng):
    matrix = pd.DataFrame(np.c_[rng.normal(size=(50, 3)), np.ones(50)], columns=list("abcd"))
    far = matrix * np.array([1e-6, 1, 1e6, 1e3])
    one, two = (audit(m, ["a", "b"]) for m in (matrix, far))
    assert one.condition_number == pytest.approx(two.condition_number)
    assert one.vif == pytest.approx(two.vif)


@given(seed=st.integers(0, 1000), rank=st.integers(1, 5))
def test_estimable_contrasts_are_those_of_the_row_space(seed, rank):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(30, rank)) @ rng.normal(size=(rank, 6)) * 10.0 ** rng.integers(-3, 4)
    inside = rng.normal(size=30) @ matrix
    assert estimable(matrix, inside)
    null = np.linalg.svd(matrix)[2][rank:]
    assert not estimable(matrix, inside + null[0] * np.linalg.norm(inside))


def test_a_condition_that_is_there_twice_under_two_names_cannot_be_estimated():
    again = EVENTS[EVENTS["trial_type"] == "face"].assign(trial_type="person")
    matrix = design_matrix(pd.concat([EVENTS, again]), 70, 2.0)
    found = audit(matrix, ["face", "house", "person"])
    assert found.rank == matrix.shape[1] - 2 and found.condition_number == float("inf")
    assert found.vif["face"] == float("inf") > found.vif["house"]
    assert found.aliased == ["face", "face_derivative", "person", "person_derivative"]
    reason = why_not_estimable(matrix, {"face": 1, "house": -1})
    assert reason.startswith("columns that are combinations of each other: face, ")
    assert why_not_estimable(matrix, {"face": 0.5, "person": 0.5}) is None
    assert why_not_estimable(matrix, {"house": 1}) is None


def test_a_condition_without_a_response_in_the_run_is_named():
    late = pd.concat([EVENTS, EVENTS[:1].assign(onset=1000.0, trial_type="late")])
    matrix = design_matrix(late, 70, 2.0)
    reason = why_not_estimable(matrix, {"late": 1, "face": -1})
    assert reason == "the regressor of late is zero throughout the run"


def test_names_that_clash_and_too_many_columns_are_refused():
    for label in ("constant", "drift_1", "trans_x"):
        events = EVENTS.replace("face", label)
        with pytest.raises(InputError, match=f"twice: {label}"):
            design_matrix(events, 70, 2.0, confounds=pd.DataFrame({"trans_x": np.arange(70)}))
    with pytest.raises(InputError, match="fewer regressors than volumes \\(6\\)"):
        design_matrix(EVENTS, 6, 2.0, high_pass=8)
