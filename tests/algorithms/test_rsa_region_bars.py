"""Means over regions, for participants and the group."""

import numpy as np
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rsa_region_bars import COLUMNS, participant_means, region_bars
from fmriprod.algorithms.sign_flip import fdr

REGIONS = {"V1": np.arange(20) < 8, "LOC": np.arange(20) >= 12}
MAPS = ["conv1", "conv2", "fc3"]


def values_of(rng):
    values = rng.normal(0.02, 0.1, size=(9, 3, 20))
    values[2, 1, 4] = np.nan
    return values


@pytest.mark.parametrize("positive", [True, False])
def test_means_are_those_of_a_loop(rng, positive):
    values = values_of(rng)
    found = participant_means(values, REGIONS, positive_only=positive)
    for s in range(9):
        for r, region in enumerate(REGIONS.values()):
            for m in range(3):
                inside = values[s, m, region]
                inside = inside[inside > 0] if positive else inside[np.isfinite(inside)]
                assert found[s, r, m] == pytest.approx(inside.mean())


def test_bars_are_those_of_scipy(rng):
    values = values_of(rng)
    table = region_bars(values, REGIONS, MAPS)
    assert tuple(table) == COLUMNS and len(table) == 12
    means = participant_means(values, REGIONS)
    rows = table[table["voxels"] == "all"].set_index(["roi", "map"])
    for r, roi in enumerate(REGIONS):
        for m, name in enumerate(MAPS):
            row, column = rows.loc[(roi, name)], means[:, r, m]
            test = stats.ttest_1samp(column, 0)
            interval = test.confidence_interval(0.95)
            expected = [9, column.mean(), column.std(ddof=1), stats.sem(column), interval.low,
                        interval.high, test.statistic, test.pvalue]  # fmt: skip
            np.testing.assert_allclose(row[list(COLUMNS[3:11])].astype(float), expected)
    np.testing.assert_allclose(rows["p_fdr"], fdr(rows["p"].to_numpy()))
    np.testing.assert_array_equal(rows["significant"], rows["p_fdr"] <= 0.05)


def test_the_mean_of_what_is_positive_is_positive_in_noise_but_not_called_significant(rng):
    values = rng.normal(0, 0.1, size=(15, 3, 20))
    table = region_bars(values, REGIONS, MAPS)
    positive = table[table["voxels"] == "positive"]
    assert (positive["ci_low"] > 0).all() and (positive["mean"] > 0.05).all()
    every = table[table["voxels"] == "all"]
    np.testing.assert_array_equal(positive["p"].to_numpy(), every["p"].to_numpy())
    assert not positive["significant"].any()


def test_the_interval_covers_the_mean_as_often_as_it_says(rng):
    values = rng.normal(0.3, 0.2, size=(6, 2000, 1))
    table = region_bars(
        values, {"one": np.ones(1, bool)}, [str(i) for i in range(2000)], coverage=0.9
    )
    table = table[table["voxels"] == "all"]
    covered = int(((table["ci_low"] <= 0.3) & (0.3 <= table["ci_high"])).sum())
    low, high = stats.binomtest(covered, 2000).proportion_ci(0.999)
    assert low <= 0.9 <= high


def test_participants_without_a_positive_voxel_do_not_count(rng):
    values = np.abs(rng.normal(size=(5, 1, 4)))
    values[3] *= -1
    table = region_bars(values, {"one": np.ones(4, bool)}, ["a"]).set_index("voxels")
    assert table.loc["all", "n"] == 5 and table.loc["positive", "n"] == 4
    one = region_bars(values[:1], {"one": np.ones(4, bool)}, ["a"])
    assert one[["sd", "ci_low", "p"]].isna().all(axis=None) and not one["significant"].any()
    assert one["mean"].notna().all()


def test_names_and_regions_have_to_fit(rng):
    values = values_of(rng)
    with pytest.raises(InputError, match=r"a name for each of 3 maps(?s:.)*2: conv1, conv2"):
        region_bars(values, REGIONS, MAPS[:2])
    with pytest.raises(InputError, match="a region 'none' with voxels of the maps"):
        region_bars(values, {"none": np.zeros(20, bool)}, MAPS)
