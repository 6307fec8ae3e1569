import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.production import OBJECTS, planted, production_samples

from fmriprod.algorithms.scheme_evidence import scheme_evidence
from fmriprod.algorithms.scheme_tables import (
    COURSES,
    SCORES,
    course_table,
    evidence_columns,
    evidence_table,
    scores_row,
)
from fmriprod.algorithms.schemes import scheme_splits
from fmriprod.algorithms.target_foil import (
    courses,
    log_odds,
    repetitions,
    target_foil_control,
)

PAIR = ("bed", "chair")
VALUES = np.array([[1.0, 2, 4, 8], [10, 20, 40, 80], [100, 200, 400, 800]])


def test_target_foil_and_control_by_hand():
    found = target_foil_control(VALUES, ["bed", "chair", "bench"], OBJECTS, PAIR)
    expected = [[1, 4, 5], [40, 10, 50], [200, 800, np.nan]]
    np.testing.assert_array_equal(found, expected)


def test_what_a_scheme_does_not_know_is_missing():
    found = target_foil_control(VALUES[:, [0, 2]], ["bed", "chair", "bench"], PAIR, PAIR)
    np.testing.assert_array_equal(found[:2], [[1, 4, np.nan], [40, 10, np.nan]])
    assert np.isnan(found[2]).all()


@given(order=st.permutations(range(4)), pair=st.permutations(PAIR))
def test_order_of_columns_and_of_the_pair_does_not_matter(order, pair):
    rows = ["bed", "chair", "bench"]
    names = [OBJECTS[i] for i in order]
    found = target_foil_control(VALUES[:, order], rows, names, pair)
    np.testing.assert_array_equal(found, target_foil_control(VALUES, rows, OBJECTS, PAIR))


def test_repetitions_count_trials_of_a_label_over_runs():
    run = np.repeat(["b", "a"], 6)
    trial = np.tile([0, 0, 1, 1, 2, 2], 2)
    label = ["x", "x", "y", "y", "x", "x", "y", "y", "y", "y", "x", "x"]
    table = pd.DataFrame({"subject": "1", "task": "t", "run": run, "label": label, "trial": trial})
    assert repetitions(table).tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_twenty_repetitions_of_each_drawing(rng):
    samples = production_samples(rng, n_trials=10, n_points=2)
    drawing = samples[samples["phase"] == "drawing"].reset_index(drop=True)
    counted = repetitions(drawing)
    assert sorted(set(counted)) == list(range(1, 21))
    assert (np.bincount(counted)[1:] == 4).all()  # two objects, two volumes
    last = drawing[(counted == 20)]
    assert set(last["run"]) == {"04"} and set(last["trial"]) == {8, 9}
    shuffled = drawing.sample(frac=1, random_state=1).sort_values("run", kind="stable")
    again = pd.Series(repetitions(shuffled), index=shuffled.index).sort_index()
    assert (again.to_numpy() == counted).all()


def test_courses_average_over_rows_then_over_the_two_objects():
    """Three rows of one object and one of the other weigh the same."""
    values = np.array([[1.0, 0, 0], [2, 0, 0], [3, 3, 3], [8, 4, 0], [50, 50, 50], [7, 7, np.nan]])
    labels = ["bed", "bed", "bed", "chair", "chair", "table"]
    table = courses(values, labels, np.array([1, 1, 1, 1, 2, 1]), PAIR)
    assert table["index"].tolist() == [1, 2]
    assert table["target"].tolist() == [5.0, 50.0]
    assert table["foil"].tolist() == [2.5, 50.0]
    assert table["control"].tolist() == [0.5, 50.0]


def test_log_odds_of_drawing_average_time_points_first():
    """Time point 1 has three rows, time point 2 two: 3 and 9, not 27 / 5."""
    target = np.array([1.0, 3, 4, 9, 9])
    values = np.column_stack([target, np.zeros(5), np.full(5, 1.0)])
    points = np.array([1, 1, 1, 2, 2])
    labels = ["bed", "bed", "chair", "bed", "chair"]
    found = log_odds(values, labels, points, PAIR)
    assert found["log_odds_target_foil"] == pytest.approx(((2 + 4) / 2 + 9) / 2)
    assert found["log_odds_target_control"] == pytest.approx(5.0)
    assert found["log_odds_foil_control"] == pytest.approx(-1.0)


def test_log_odds_of_recognition_average_trials_of_trained_objects():
    values = np.array([[1.0, 0, 0.5], [2, 0, 0.5], [6, 0, 0.5], [99, 99, np.nan]])
    found = log_odds(values, ["bed", "bed", "chair", "table"], np.ones(4), PAIR)
    assert found["log_odds_target_foil"] == pytest.approx(3.0)
    assert found["log_odds_target_control"] == pytest.approx(2.5)
    assert found["log_odds_foil_control"] == pytest.approx(-0.5)


@given(st.integers(0, 1000))
def test_log_odds_agree_where_everything_is_balanced(seed):
    """With as many rows of each object at each time point the two rules are one."""
    rng = np.random.default_rng(seed)
    labels, points = np.repeat(PAIR, 12), np.tile(np.repeat([1, 2, 3], 4), 2)
    values = rng.normal(size=(24, 3))
    one, two = log_odds(values, labels, points, PAIR), log_odds(values, labels, 0 * points, PAIR)
    for name, value in one.items():
        assert value == pytest.approx(two[name])
    assert one["log_odds_target_control"] == pytest.approx(
        one["log_odds_target_foil"] + one["log_odds_foil_control"]
    )


PLACE = {"subject": "01", "region": "V1", "scheme": "4way"}


def run_scheme(
    rng, scheme="4way", test="drawing", train="localizer", pair=PAIR, scale="split", **plant
):
    samples = production_samples(rng, n_each=8)
    features = planted(rng, samples, **plant)
    splits = scheme_splits(samples, scheme, train=train, test=test, trained=pair)
    found = scheme_evidence(features, samples, splits, standardize=scale)
    place = PLACE | {"phase": test, "scheme": scheme}
    return samples, found, evidence_table(samples, found, place, OBJECTS, pair)


def test_tables_of_drawing_are_those_of_slow_loops(rng):
    _, found, table = run_scheme(rng, signal=0.3)
    assert list(table.columns) == evidence_columns(OBJECTS)
    other = dict(zip(PAIR, PAIR[::-1], strict=True))
    for row in table.to_dict("records"):
        assert row["target"] == row[f"logp_{row['label']}"]
        assert row["foil"] == row[f"logp_{other[row['label']]}"]
        assert row["control"] == pytest.approx((row["logp_bench"] + row["logp_table"]) / 2)
        best = max(OBJECTS, key=lambda name, row=row: row[f"logp_{name}"])
        assert row["correct"] == (best == row["label"]) and row["trained"] == 1
    assert (table["task"] == "drawing").all() and len(table) == 120
    result = course_table(table, found, PAIR)
    assert list(result.columns) == COURSES
    p = np.exp(table[[f"logp_{name}" for name in OBJECTS]].to_numpy())
    p = pd.DataFrame(p, columns=OBJECTS)
    for by, n in (("time_point", 5), ("repetition", 12), ("run", 4)):
        part = result[result["by"] == by].set_index("index")
        assert part.index.tolist() == list(range(1, n + 1))
        for index in part.index:
            means = {"target": [], "foil": [], "control": []}
            for label in PAIR:
                here = (table[by].astype(int) == index) & (table["label"] == label)
                means["target"].append(p[label][here].mean())
                means["foil"].append(p[other[label]][here].mean())
                means["control"].append((p["bench"] + p["table"])[here].mean() / 2)
            for kind, values in means.items():
                assert part.loc[index, kind] == pytest.approx(np.mean(values)), (by, index, kind)


def test_scores_of_recognition_tell_trained_and_control_objects_apart(rng):
    _, found, table = run_scheme(rng, "within_phase", "pre", None, signal=0.4)
    scores = scores_row(table, found, PAIR)
    assert list(scores.columns) == SCORES and len(scores) == 1
    row = scores.iloc[0]
    trained = table["label"].isin(PAIR)
    own = np.exp([r[f"logp_{r['label']}"] for r in table.to_dict("records")])
    assert row["n_samples"] == 64 and row["accuracy"] == table["correct"].mean()
    assert row["accuracy_trained"] == table["correct"][trained].mean()
    assert row["accuracy_control"] == table["correct"][~trained].mean()
    assert row["p_target_trained"] == pytest.approx(own[trained].mean())
    assert row["p_target_control"] == pytest.approx(own[~trained].mean())
    assert (table["control"].isna() == ~trained).all()
    swapped = dict(zip(("bench", "table"), ("table", "bench"), strict=True))
    for r in table[~trained].to_dict("records"):
        assert r["foil"] == r[f"logp_{swapped[r['label']]}"]
    logs = table[trained]
    assert row["log_odds_target_foil"] == pytest.approx((logs["target"] - logs["foil"]).mean())


@pytest.mark.parametrize("scale", ["split", "train"])
@pytest.mark.parametrize("scheme", ["4way", "3way", "4way_independent"])
def test_a_suppressed_foil_falls_below_control_and_a_target_rises(rng, scheme, scale):
    """Drawing carries its object's pattern and minus the foil's."""
    _, found, table = run_scheme(rng, scheme, signal=0.5, foil=-0.6, scale=scale)
    scores = scores_row(table, found, PAIR).iloc[0]
    assert scores["log_odds_target_foil"] > scores["log_odds_target_control"] > 0.3
    assert scores["log_odds_foil_control"] < -0.3
    result = course_table(table, found, PAIR)
    assert (result["target"] > result["foil"]).all()


def test_published_scaling_suppresses_a_foil_that_is_not_suppressed(rng):
    """Centred over two objects, a target's pattern becomes half of it minus the foil's.

    Scaled by the training rows, what was planted comes out: nothing, or a foil that is evoked.
    """
    for foil, scale, low, high in (
        (0.0, "split", -9, -0.3),
        (0.8, "split", -9, 0.0),
        (0.0, "train", -0.2, 0.2),
        (0.8, "train", 0.3, 9),
    ):
        values = []
        for _ in range(6):  # chance likeness of patterns to each other evens out
            _, found, table = run_scheme(rng, signal=0.4, n_voxels=200, foil=foil, scale=scale)
            values.append(scores_row(table, found, PAIR)["log_odds_foil_control"].iloc[0])
        assert low < np.mean(values) < high, (foil, scale, values)


def test_two_objects_have_no_control(rng):
    _, found, table = run_scheme(rng, "2way", signal=0.5)
    assert list(table.columns) == evidence_columns(OBJECTS)
    assert table[["logp_bench", "logp_table", "control"]].isna().all(axis=None)
    row = scores_row(table, found, PAIR).iloc[0]
    assert np.isnan(row["log_odds_target_control"]) and row["log_odds_target_foil"] > 0.5
    assert np.isnan(row["accuracy_control"]) and np.isnan(row["p_target_control"])


def test_without_a_pair_there_is_accuracy_only(rng):
    _, found, table = run_scheme(rng, pair=())
    row = scores_row(table, found, ()).iloc[0]
    assert row["accuracy"] > 0.5 and np.isnan(row["accuracy_trained"])
    assert np.isnan(row["log_odds_target_foil"]) and table["trained"].isna().all()
    assert course_table(table, found, ()).empty


def test_runs_without_numbers_are_counted(rng):
    _, found, table = run_scheme(rng)
    named = table.assign(run=table["run"].map({"01": "q", "02": "b", "03": "c", "04": "d"}))
    one, two = (course_table(t, found, PAIR) for t in (table, named))
    pd.testing.assert_frame_equal(one, two)
