import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.score_production import score
from fmriprod.algorithms.simulate_expected import expected_findings

EXPECTED = expected_findings()


def row(mean, low, high, **cell):
    return {"n": 8, "mean": mean, "ci_low": low, "ci_high": high, "p": 0.5, **cell}


def accuracy(region, phase, mean, low, high, scheme="4way"):
    return row(mean, low, high, region=region, phase=phase, scheme=scheme)


def verdicts(expected=EXPECTED, **tables):
    found = score({k: pd.DataFrame(v) for k, v in tables.items()}, expected)
    return {f.name: f.ok for f in found}


def test_what_is_planted_must_lie_above_chance_and_nothing_else():
    found = verdicts(
        accuracy=[
            accuracy("V1", "pre", 0.35, 0.33, 0.37),
            accuracy("V1Draw", "drawing", 0.27, 0.249, 0.30),
            accuracy("hipp", "pre", 0.25, 0.24, 0.26),
            accuracy("hipp", "drawing", 0.35, 0.33, 0.37),
            accuracy("ento", "drawing", 0.15, 0.13, 0.17),
            accuracy("fusiform", "drawing", 0.27, 0.24, 0.30),
            accuracy("parietal", "drawing", 0.27, 0.24, 0.30),
            accuracy("V1", "localizer", 0.27, 0.24, 0.30),
        ]
    )
    assert found == {
        "accuracy V1 pre": True,
        "accuracy V1 drawing": False,
        "accuracy hipp pre": True,
        "accuracy hipp drawing": False,
        "accuracy ento drawing": False,
    }


def test_chance_of_two_classes_is_a_half():
    rows = [accuracy("V1", "drawing", 0.45, 0.4, 0.48, "2wayDraw")]
    assert verdicts(accuracy=rows) == {"accuracy V1 drawing": False}


def test_the_three_contrasts_have_signs():
    def contrast(name, mean, region="V1", phase="drawing"):
        cell = {"region": region, "phase": phase, "scheme": "4way", "contrast": name}
        return row(mean, mean - 0.1, mean + 0.1, **cell)

    found = verdicts(
        log_odds=[
            contrast("target_foil", 0.7),
            contrast("target_control", -0.25),
            contrast("foil_control", -0.05),
            contrast("target_foil", 0.05, "V2"),
            contrast("target_foil", 0.05, "hipp"),
            contrast("target_foil", -0.7, phase="pre"),
        ]
    )
    assert found == {
        "log_odds V1 target_foil": True,
        "log_odds V1 target_control": False,
        "log_odds V1 foil_control": True,
        "log_odds V2 target_foil": False,
        "log_odds hipp target_foil": True,
    }


def test_connectivity_grows_where_it_is_planted():
    def slope(one, two, value, features="connectivity"):
        cell = {"region_1": one, "region_2": two, "features": features, "scheme": "phase"}
        ends = {"ci_low": value - 0.1, "ci_high": value + 0.1}
        return {**cell, "n_subjects": 8, "slope": value, **ends}

    found = verdicts(
        connectivity=[
            slope("V1Draw", "V2Draw", 0.4),
            slope("parietalDraw", "V1Draw", 0.05),
            slope("LOCDraw", "parietalDraw", 0.05),
            slope("V1Draw", "precentralDraw", 0.9),
            slope("V2Draw", "LOCDraw", 0.0, "stack"),
        ]
    )
    assert found == {
        "connectivity V1-V2": True,
        "connectivity parietal-V1": False,
        "connectivity LOC-parietal": True,
        "connectivity V1-precentral": False,
    }


def test_a_study_in_which_nothing_is_planted_expects_nothing():
    nothing = expected_findings(pattern=0.0, connectivity=0.0)
    signs = [
        s for table in ("accuracy", "log_odds") for r in nothing[table].values() for s in r.values()
    ]
    assert set(signs) == {0} == set(nothing["connectivity"].values())
    assert not verdicts(nothing, accuracy=[accuracy("V1", "pre", 0.35, 0.33, 0.37)])[
        "accuracy V1 pre"
    ]
    assert "fusiform" in nothing["accuracy"]
    no_drawing = expected_findings(drawing=0.0)
    assert no_drawing["accuracy"]["V1"] == {"pre": 1, "post": 1, "drawing": 0}


def test_pure_noise_is_called_absent_as_often_as_it_says(rng):
    """All checks of a study together: 5 % of the studies have a false finding, at most."""
    cells = [
        (r, p)
        for r in ("hipp", "ento", "PRC", "parahippo", "IT")
        for p in ("pre", "post", "drawing")
    ]
    wrong, n, n_studies = 0, 8, 400
    for _ in range(n_studies):
        values = rng.normal(0.25, 0.04, (len(cells), n))
        mean, spread = values.mean(axis=1), values.std(axis=1) / np.sqrt(n)
        ends = stats.norm.isf(0.025) * spread  # what the bootstrap of means tends to
        rows = [
            accuracy(r, p, m, m - e, m + e) for (r, p), m, e in zip(cells, mean, ends, strict=True)
        ]
        wrong += not all(verdicts(accuracy=rows).values())
    low, high = stats.binomtest(wrong, n_studies).proportion_ci(0.999)
    assert low <= 0.05 <= high


def test_one_participant_shows_no_absence_of_anything():
    one = accuracy("hipp", "pre", 0.30, 0.30, 0.31) | {"n": 1}
    assert verdicts(accuracy=[one]) == {"accuracy hipp pre": True}


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"accuracy": [{"region": "V1", "phase": "pre"}]}, "no scheme, n, mean, ci_low, ci_high"),
        ({"acuracy": []}, "'acuracy'"),
        ({}, "no table"),
        ({"accuracy": [accuracy("A1", "pre", 0.3, 0.2, 0.4)]}, "none of them in accuracy"),
    ],
)
def test_tables_of_something_else_are_refused(tables, text):
    with pytest.raises(InputError, match=text):
        verdicts(**tables)


def test_pairs_are_known_whatever_the_case_and_order_of_their_names():
    row = {"region_1": "ParietalDraw", "region_2": "V1Draw", "features": "connectivity",
           "n_subjects": 31, "slope": 0.4, "ci_low": 0.2, "ci_high": 0.6}  # fmt: skip
    table = pd.DataFrame([row, {**row, "region_2": "HeschlDraw"}])
    (found,) = score({"connectivity": table}, {"connectivity": {"V1-parietal": 1}})
    assert found.ok
