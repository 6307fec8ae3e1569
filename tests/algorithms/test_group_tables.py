import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.bootstrap import bootstrap_means
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_models import connectivity_models, trained_models
from fmriprod.algorithms.group_tables import (
    Resampling,
    changes,
    long_form,
    mean_table,
    missing_participants,
    scheme_chance,
    selectivity_table,
)
from fmriprod.algorithms.mixed_model import fit_mixed, likelihood_ratio

FEW = Resampling(n_bootstrap=200, n_permutations=200)


@pytest.fixture
def scores(rng):
    """Simulated scores of 8 participants; region B of s3 lacks its post phase."""
    index = pd.MultiIndex.from_product(
        [[f"s{i}" for i in range(8)], ["A", "B"], ["pre", "post", "draw"], ["4way"]],
        names=["subject", "region", "phase", "scheme"],
    )
    columns = ["accuracy", "accuracy_trained", "accuracy_control", "log_odds_target_foil"]
    table = pd.DataFrame(rng.normal(0.3, 0.05, (48, 4)), index=index, columns=columns)
    table = table.reset_index()
    gone = (table["subject"] == "s3") & (table["region"] == "B") & (table["phase"] == "post")
    return table[~gone].sample(frac=1, random_state=1)


def test_means_of_each_cell(scores):
    rows = long_form(scores, ("accuracy",))
    found = mean_table(rows, ["region", "phase"], resampling=FEW,
                       criterion=lambda cells: np.full(len(cells), 0.25))  # fmt: skip
    assert len(found) == 6
    for row in found.itertuples():
        here = (scores["region"] == row.region) & (scores["phase"] == row.phase)
        part = scores[here].sort_values("subject")["accuracy"].to_numpy()
        alone = bootstrap_means(part, criterion=0.25, n_bootstrap=200)
        assert row.n == len(part) == (7 if (row.region, row.phase) == ("B", "post") else 8)
        assert [row.mean, row.ci_low, row.ci_high, row.p] == pytest.approx(
            [part.mean(), alone.low[0], alone.high[0], alone.p[0]]
        )


def test_p_is_corrected_over_regions_within_a_phase(scores):
    found = mean_table(long_form(scores, ("accuracy",)), ["region", "phase"], resampling=FEW,
                       criterion=lambda cells: np.full(len(cells), 0.29))  # fmt: skip
    for _, part in found.groupby("phase"):
        np.testing.assert_allclose(part["p_fdr"], stats.false_discovery_control(part["p"]))
        assert (part["p_flip_max"] >= part["p_flip"]).all()


def test_a_criterion_of_its_own_for_each_cell(scores):
    rows = scores.rename(columns={"accuracy": "value"})
    found = mean_table(rows, ["region", "phase"], resampling=FEW,
                       criterion=lambda c: np.where(c["region"] == "A", 0.9, 0.3))  # fmt: skip
    assert (found.loc[found["region"] == "A", "p"] == 2 / 201).all()
    assert (found.loc[found["region"] == "B", "p"] > 2 / 201).any()


def test_changes_are_of_those_who_have_both(scores):
    found = changes(long_form(scores, ("accuracy", "accuracy_trained")), "pre", "post")
    assert len(found) == 2 * 15
    assert not ((found["subject"] == "s3") & (found["region"] == "B")).any()
    wide = scores.set_index(["subject", "region", "phase"])["accuracy_trained"]
    (row,) = found.query("subject == 's5' and region == 'A' and measure == 'accuracy_trained'")[
        "value"
    ]
    assert row == pytest.approx(wide["s5", "A", "post"] - wide["s5", "A", "pre"])


def test_who_is_missing(scores):
    assert missing_participants(scores).to_numpy().tolist() == [["s3", "B", "post", "4way"]]
    scores.loc[(scores["subject"] == "s1") & (scores["phase"] == "draw"), "accuracy"] = np.nan
    assert len(missing_participants(scores)) == 3


def test_selectivity_is_a_correlation_over_participants(scores):
    rows = changes(long_form(scores, ("accuracy",)), "pre", "post")
    found = selectivity_table(scores, rows, "draw").set_index("region")
    drawn = scores[scores["phase"] == "draw"].set_index(["region", "subject"])
    for region, n in (("A", 8), ("B", 7)):
        change = rows[rows["region"] == region].set_index("subject")["value"]
        expected = stats.pearsonr(drawn.loc[region].loc[change.index, "log_odds_target_foil"],
                                  change)  # fmt: skip
        assert found.loc[region, "n"] == n
        assert found.loc[region, "r"] == pytest.approx(expected.statistic)
        assert found.loc[region, "p"] == pytest.approx(expected.pvalue)
        assert found.loc[region, "ci_low"] == pytest.approx(expected.confidence_interval().low)


def test_nothing_gives_tables_without_rows(scores):
    none = scores[scores["phase"] == "draw"]
    rows = changes(long_form(none, ("accuracy",)), "pre", "post")
    assert len(mean_table(rows, ["region", "scheme"], resampling=FEW)) == 0
    assert len(selectivity_table(none, rows, "draw")) == 0
    assert len(trained_models(none, "pre", "post")) == 0


@pytest.mark.parametrize(
    ("scheme", "chance"),
    [("4way", 0.2), ("3way", 1 / 3), ("2way", 0.5), ("2way_within", 0.5), ("within_phase", 0.2),
     ("transfer", 0.2), ("4way_independent", 0.25), ("own", 0.2)],
)  # fmt: skip
def test_chance_by_the_name_of_the_scheme(scheme, chance):
    assert scheme_chance(scheme, {}, 0.2) == pytest.approx(chance)
    assert scheme_chance(scheme, {scheme: 0.1}, 0.2) == 0.1


def test_model_of_training(scores):
    found = trained_models(scores, "pre", "post")
    assert found["term"].tolist() == ["intercept", "phase", "trained", "phase:trained"] * 2
    assert found["n_subjects"].eq(8).all() and set(found["n_rows"]) == {32, 30}
    part = scores[(scores["region"] == "A") & (scores["phase"] != "draw")]
    values = np.r_[part["accuracy_control"], part["accuracy_trained"]]
    before = np.tile(part["phase"] == "pre", 2).astype(float)
    trained = np.repeat([0.0, 1], len(part))
    design = np.column_stack([np.ones(len(values)), before, trained, before * trained])
    model = fit_mixed(values, design, np.tile(part["subject"], 2))
    ours = found[found["region"] == "A"]
    for name, column in (("coefficient", "estimate"), ("p", "p"), ("dof", "dof")):
        np.testing.assert_allclose(ours[column], getattr(model, name), rtol=1e-5)


@pytest.fixture
def trials(rng):
    """Simulated evidence: grows by 0.6 a phase between A and B, does not between A and C."""
    index = pd.MultiIndex.from_product(
        [[f"s{i}" for i in range(10)], [1, 2], range(20), [("A", "B"), ("A", "C")]],
        names=["subject", "half", "trial", "pair"],
    )
    table = pd.DataFrame(index=index).reset_index()
    table["region_1"], table["region_2"] = zip(*table.pop("pair"), strict=True)
    subject = rng.normal(0, 0.4, 10)[table["subject"].str[1:].astype(int)]
    grows = 0.6 * table["half"] * (table["region_2"] == "B")
    table["log_odds"] = grows + subject + rng.normal(0, 1, len(table))
    return table.assign(features="connectivity", scheme="allruns")


def test_connectivity_that_grows_is_found(trials):
    found = connectivity_models(trials, n_bootstrap=300).set_index("region_2")
    grown = found.loc["B"]
    assert abs(grown["slope"] - 0.6) < 3.5 * grown["standard_error"]
    assert 0 < grown["ci_low"] < grown["slope"] < grown["ci_high"]
    assert found.loc["B", "p_fdr"] < 1e-4 and found.loc["B", "weight"] > 0.99
    assert found.loc["C", "p"] > 0.01 and found.loc["C", "ci_low"] < 0 < found.loc["C", "ci_high"]
    part = trials[trials["region_2"] == "C"]
    design = np.column_stack([np.ones(len(part)), part["half"]])
    ratio = likelihood_ratio(part["log_odds"], design, part["subject"], [1])
    assert found.loc["C", "chi2"] == pytest.approx(ratio.chi2)
    assert found.loc["C", "aic_null"] == pytest.approx(ratio.aic_null)
    assert found["n_trials"].tolist() == [400, 400]


def test_a_pair_has_the_same_interval_alone_as_among_others(trials):
    among = connectivity_models(trials, n_bootstrap=50).iloc[[1]].drop(columns="p_fdr")
    alone = connectivity_models(trials[trials["region_2"] == "C"], n_bootstrap=50)
    pd.testing.assert_frame_equal(
        among.reset_index(drop=True), alone.drop(columns="p_fdr"), check_exact=True
    )


def test_an_error_says_in_which_regions(trials):
    trials["log_odds"] = np.where(trials["region_2"] == "C", 0.5, trials["log_odds"])
    with pytest.raises(InputError, match=r"to the last digit \(in A and C\)"):
        connectivity_models(trials, n_bootstrap=10)
