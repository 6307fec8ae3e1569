"""What the texts say is computed, computed otherwise: formulas, SciPy, all flips one by one."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.images import write_image

from fmriprod.algorithms.group_tables import Resampling, mean_table
from fmriprod.algorithms.layer_assignment import assign_layers
from fmriprod.interfaces.rdm_file import read_rdms
from fmriprod.workflows.describe import describe
from fmriprod.workflows.group_statistics import init_group_statistics_wf
from fmriprod.workflows.parcel_group import init_parcel_group_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf


def largest_of_all_flips(values):
    """Largest absolute t over columns of each of the 2 ** n flips, shape (2 ** n,)."""
    signs = np.array(list(product([1, -1], repeat=len(values))))
    t = [stats.ttest_1samp(sign[:, None] * values, 0).statistic for sign in signs]
    return np.abs(t).max(axis=1)


def test_crossnobis_without_noise_is_the_squared_euclidean_distance_between_runs(work, rng):
    workflow = init_searchlight_rsa_wf(distance="crossnobis", keep_rdms=True, radius=9.0)
    assert "cross-validated squared Euclidean distances" in describe(workflow)
    maps = rng.normal(size=(2, 4, 3, 3, 3)).astype(np.float32)  # runs, conditions, voxels
    files = [str(write_image(work / f"{run}{c}.nii.gz", maps[run, c]))
             for run, c in product(range(2), range(4))]  # fmt: skip
    step = workflow.get_node("rdm").interface
    step.inputs.trait_set(pattern_files=files, conditions=list("abcd") * 2,
                          runs=["1"] * 4 + ["2"] * 4, radius=100.0)  # fmt: skip
    found = read_rdms(step.run().outputs.rdm_file).dissimilarities
    flat = maps.reshape(2, 4, -1).astype(float)
    expected = [(flat[0, a] - flat[0, b]) @ (flat[1, a] - flat[1, b]) / flat.shape[2]
                for a, b in combinations(range(4), 2)]  # fmt: skip
    np.testing.assert_allclose(found, np.tile(expected, (len(found), 1)), rtol=1e-5, atol=1e-6)


def test_parcels_have_the_rate_of_students_p_and_the_largest_t_of_all_flips(work, rng):
    workflow = init_parcel_group_wf()
    values, files = rng.normal(0.8, 1, size=(6, 5)), []
    names = [f"P{k}" for k in range(5)]
    pd.DataFrame({"name": names, "hemisphere": "L", "network": "N"}).to_csv(
        "parcels.tsv", sep="\t", index=False
    )
    for number, row in enumerate(values):
        files.append(str(work / f"{number}.tsv"))
        pd.DataFrame({"parcel": names, "value": row}).to_csv(files[-1], sep="\t", index=False)
    step = workflow.get_node("group").interface
    step.inputs.trait_set(contrast_files=files, parcels_file=str(work / "parcels.tsv"))
    table = pd.read_csv(step.run().outputs.group_file, sep="\t")
    t, p = stats.ttest_1samp(values, 0)  # two-sided
    largest = largest_of_all_flips(values)  # 64, where 10,000 were asked for
    p_max = (largest >= np.abs(t)[:, None] * (1 - 1e-9)).mean(axis=1)
    assert table["q"].to_numpy() == pytest.approx(stats.false_discovery_control(p), rel=1e-5)
    assert table["p_max"].to_numpy() == pytest.approx(p_max)
    said = describe(workflow)
    assert "false discovery rate of its p" in said and "from at most 10,000 flips" in said
    assert "family-wise p by the largest absolute t over parcels" in said


def test_regions_have_the_rate_of_the_bootstraps_p_and_the_largest_statistic_of_flips(rng):
    values = rng.normal(0.6, 1, size=(6, 4))
    rows = pd.DataFrame(values, columns=list("ABCD")).rename_axis("subject").reset_index()
    rows = rows.melt("subject", var_name="region")
    table = mean_table(rows, ["region"], resampling=Resampling(n_bootstrap=500))
    largest = largest_of_all_flips(values)
    t = np.abs(stats.ttest_1samp(values, 0).statistic)
    p_max = (largest >= t[:, None] * (1 - 1e-9)).mean(axis=1)
    assert table["p_fdr"].to_numpy() == pytest.approx(stats.false_discovery_control(table["p"]))
    assert table["p_flip_max"].to_numpy() == pytest.approx(p_max)
    said = describe(init_group_statistics_wf())
    assert "bootstrap, corrected over regions by the false discovery rate" in said
    assert "flips of participants, corrected over regions by the largest statistic" in said


def test_voxels_have_a_layer_only_of_those_above_0_and_up_to_the_level():
    said = describe(init_searchlight_rsa_wf(assign_layers=True))
    assert "of those with a similarity above 0 and p of at most 0.05" in said
    value = np.array([[0.2, -0.5, 0.9, 0.4], [0.1, -0.1, 0.3, 0.6]])
    p = np.array([[0.01, 0.01, 0.2, 0.05], [0.01, 0.01, 0.04, 0.06]])
    np.testing.assert_equal(assign_layers(value, p), [1, np.nan, 2, 1])
