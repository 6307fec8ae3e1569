"""The moment that a volume represents: taken, derived, or asked for; and what it costs if wrong."""

import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.design import design_matrix
from fmriprod.algorithms.hrf import regressors
from fmriprod.algorithms.volume_time import timing_loss, volume_time

EVENTS = pd.DataFrame({"onset": np.arange(10, 290, 17.3), "duration": 1.0, "trial_type": "a"})


@pytest.mark.parametrize(
    ("metadata", "reference", "seconds", "reason"),
    [
        ({"StartTime": 0.7, "SliceTimingCorrected": True}, None, 0.7, "StartTime"),
        ({"StartTime": 0}, None, 0.0, "StartTime"),
        ({"StartTime": 0.95, "SliceTiming": [0, 1.9, 0.95]}, 0.5, 0.95, "StartTime"),
        ({"SliceTimingCorrected": True}, 0.5, 1.0, "slice_time_ref 0.5"),
        ({"SliceTimingCorrected": True, "SliceTiming": [0.1, 1.9, 1]}, 0.5, 1.0, "slice_time_ref"),
        ({"SliceTiming": [0, 1.8]}, 1.0, 1.8, "slice_time_ref 1"),
        ({}, 0.0, 0.0, "slice_time_ref 0"),
        ({"SliceTimingCorrected": False}, None, 1.0, "the mean over slices"),
        ({"SliceTimingCorrected": False, "SliceTiming": [0, 1]}, 0.0, 1.0, "the mean over slices"),
        ({"SliceTiming": [0, 2.001]}, 1.0, 2.0, "slice_time_ref 1"),
        ({"SliceTiming": []}, 0.5, 1.0, "slice_time_ref 0.5"),
    ],
)
def test_where_the_moment_comes_from(metadata, reference, seconds, reason):
    found = volume_time(metadata, 2.0, reference=reference)
    assert found.seconds == pytest.approx(seconds) and reason in found.reason


@pytest.mark.parametrize(
    ("metadata", "options", "part"),
    [
        ({"SliceTimingCorrected": True}, {"possible_loss": 0.0}, "without StartTime"),
        ({}, {}, "--slice-time-ref"),
        ({}, {"possible_loss": 0.021}, "up to half of the TR of 2 s"),
        ({"StartTime": 2.5}, {}, "a StartTime from 0 to the TR, 2 s"),
        ({"StartTime": "1"}, {}, "'1'"),
        ({"StartTime": 0.5}, {"reference": 0.5}, "slice_time_ref 0.5, 1 s"),
        ({}, {"reference": 1.5}, "a fraction from 0"),
        ({"SliceTimingCorrected": False}, {"reference": 1.5}, "a fraction from 0"),
        *(
            ({"SliceTiming": times}, {"reference": 0.5}, "times from 0 to the TR, 2 s")
            for times in (
                [0, 950, 1950],
                ["0", 0.5],
                [None, 1],
                [[0], [1]],
                [0, 10**400],
                "0 1",
                [0, -0.5],
                [False, True],
                [float("nan"), 1],
                {"a": 1},
            )
        ),
    ],
)
def test_refusals(metadata, options, part):
    with pytest.raises(InputError) as caught:
        volume_time(metadata, 2.0, **options)
    assert part in str(caught.value) and caught.value.subject == "slice_time_ref"


def test_what_is_not_known_may_be_what_does_not_matter():
    found = volume_time({}, 0.5, possible_loss=0.004)
    assert found.seconds == 0.25 and "0.4 % of a response" in found.reason


def test_the_loss_is_that_of_a_fit_to_a_shifted_response():
    blocks = pd.DataFrame({"onset": [10.0, 90, 170], "duration": 30.0, "trial_type": "b"})
    losses = [timing_loss(EVENTS, int(300 / tr), tr) for tr in (0.5, 1.0, 2.0, 3.0)]
    assert losses == sorted(losses) and losses[0] < 0.02 < losses[2]
    assert timing_loss(blocks, 150, 2.0) < timing_loss(EVENTS, 150, 2.0)


@pytest.mark.parametrize("onsets", [EVENTS["onset"].to_numpy(), np.array([296.0])])
def test_the_loss_by_least_squares(onsets):
    """Of regular events most is lost at the start, of one that ends the run at the end."""
    events = pd.DataFrame({"onset": onsets, "duration": 1.0, "trial_type": "a"})
    tr, n = 2.0, 150
    shifted = []
    for moment in (0.0, 1.0, 2.0):
        frames = np.arange(n) * tr + moment
        shifted.append(regressors(onsets, np.ones(len(onsets)), frames, "spm"))
    start, middle, end = (next(iter(parts.values())) for parts in shifted)
    fit = np.column_stack([middle, np.ones(n)])
    weights = [np.linalg.lstsq(fit, y, rcond=None)[0][0] for y in (start, end)]
    assert timing_loss(events, n, tr) == pytest.approx(max(abs(1 - w) for w in weights), rel=1e-9)


@pytest.mark.parametrize("start_time", [0.0, 1.0, 1.9])
def test_a_planted_reference_gives_the_planted_effect_and_another_does_not(start_time):
    """Data whose volumes represent ``start_time``: right with it, low and late without."""
    tr, n = 2.0, 150
    frames = np.arange(n) * tr + start_time
    timing = (EVENTS["onset"].to_numpy(), EVENTS["duration"].to_numpy())
    truth = 2.5 * next(iter(regressors(*timing, frames, "spm").values()))

    def fit(moment):
        matrix = design_matrix(EVENTS, n, tr, hrf="spm + derivative", start_time=moment)
        beta = np.linalg.lstsq(matrix.to_numpy(), truth + 100, rcond=None)[0]
        return beta[0], -beta[1] / beta[0]  # a derivative's weight is the shift of the onset

    told = volume_time({"StartTime": start_time, "SliceTimingCorrected": True}, tr).seconds
    effect, shift = fit(told)
    assert effect == pytest.approx(2.5, rel=1e-6) and shift == pytest.approx(0, abs=1e-6)
    wrong = 2.0 if start_time < 1 else 0.0
    effect, shift = fit(wrong)
    assert abs(effect - 2.5) > 0.02 * 2.5
    assert shift == pytest.approx(wrong - start_time, rel=0.25)
