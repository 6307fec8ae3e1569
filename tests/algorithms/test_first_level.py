import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.algorithms.design import design_matrix
from fmriprod.algorithms.first_level import fit_run, plan_run

EVENTS = pd.DataFrame(
    {
        "onset": [4.0, 40.0, 80.0, 20.0, 60.0, 100.0],
        "duration": 8.0,
        "trial_type": ["house"] * 3 + ["face"] * 3,
    }
)
MATRIX = design_matrix(EVENTS, 70, 2.0)
PRESENT = {"face", "house"}


def message(*contrasts, matrix=MATRIX, present=PRESENT, **options):
    with pytest.raises(InputError) as caught:
        plan_run(matrix, present, contrasts, **options)
    return str(caught.value)


def test_a_missing_condition_is_refused_by_default_and_told_from_a_misspelling():
    study = ["face", "house", "body"]
    text = message("body-house", conditions=study)
    assert "'body-house': no event of body in this run" in text
    assert "(missing_conditions='skip'); in this run: face, house" in text
    assert "no condition 'body'" in message("body-house")
    assert "no condition 'bodi'" in message(
        "bodi", "face", conditions=study, missing_conditions="skip"
    )


def test_a_missing_condition_can_be_left_out_and_is_recorded():
    study = ["face", "house", "body"]
    plan = plan_run(
        MATRIX, PRESENT, ["body", "face-house", "face-body"],
        conditions=study, missing_conditions="skip",
    )  # fmt: skip
    assert [s.name for s in plan.contrasts] == ["faceMinusHouse"]
    assert [(s.name, why) for s, why in plan.left_out] == [
        ("body", "no event of body in this run"),
        ("faceMinusBody", "no event of body in this run"),
    ]
    assert plan.missing == ["body"]
    text = message("body", conditions=study, missing_conditions="skip")
    assert "at least one contrast that this run can answer" in text
    assert "'body': no event of body" in text and "known: face, house" in text


def test_a_contrast_of_columns_that_cannot_be_told_apart():
    again = EVENTS[EVENTS["trial_type"] == "face"].assign(trial_type="person")
    matrix = design_matrix(pd.concat([EVENTS, again]), 70, 2.0)
    present = {"face", "house", "person"}
    text = message("face-house", matrix=matrix, present=present)
    assert "combinations of each other: face, face_derivative, person" in text
    assert "(not_estimable='skip')" in text
    plan = plan_run(matrix, present, ["house", "face"], not_estimable="skip")
    assert [s.name for s in plan.contrasts] == ["house"]
    assert plan.left_out[0][1].startswith("columns that are combinations")


def test_voxels_are_excluded_counted_and_zero_in_every_map(rng):
    series = (800 + rng.normal(size=(6, 70))).astype(np.float32)
    series[1], series[2] = 0, 500
    series[3, 8], series[4, 8] = np.nan, np.inf
    fit = fit_run(series, MATRIX, parse_contrasts(["face-house", "face"], PRESENT))
    assert fit.analysed.tolist() == [True, False, False, False, False, True]
    assert fit.excluded == {"nonfinite": 2, "constant": 2, "without_residual": 0}
    for name in ("effect", "variance", "t", "z"):
        values = getattr(fit.result, name)
        assert values.shape == (2, 6)
        assert (values[:, ~fit.analysed] == 0).all() and (values[:, fit.analysed] != 0).all()


def test_effects_are_in_percent_of_the_mean_and_z_is_not_touched(rng):
    series = (400 + rng.normal(size=(200, 70))).astype(np.float32)
    series += 8 * MATRIX["face"].to_numpy(np.float32)  # two per cent
    specs = parse_contrasts(["face"], PRESENT)
    scaled = fit_run(series, MATRIX, specs)
    plain = fit_run(series, MATRIX, specs, grand_mean_scaling=False)
    assert scaled.result.effect.mean() == pytest.approx(2, abs=0.05)
    assert scaled.scaling == pytest.approx(100 / series.mean()) and plain.scaling == 1
    np.testing.assert_allclose(scaled.result.z, plain.result.z)
    np.testing.assert_allclose(
        scaled.result.variance, plain.result.variance * scaled.scaling**2, rtol=1e-5
    )


def test_a_series_without_its_mean_cannot_be_scaled(rng):
    series = rng.normal(size=(20, 70)).astype(np.float32)
    specs = parse_contrasts(["face"], PRESENT)
    with pytest.raises(InputError, match="switch grand_mean_scaling off"):
        fit_run(series, MATRIX, specs)
    assert fit_run(series, MATRIX, specs, grand_mean_scaling=False).analysed.all()


def test_a_mask_without_signal_is_refused():
    with pytest.raises(InputError, match="none of 5"):
        fit_run(np.zeros((5, 70), np.float32), MATRIX, parse_contrasts(["face"], PRESENT))
