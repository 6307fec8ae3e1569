"""Models fitted together: tables of regions, maps of searchlights."""

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.rdm_compare import compare_rdms
from fmriprod.algorithms.rdm_regression import partition_variance, regression_of
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.rdm_regression import RDMRegression
from fmriprod.interfaces.rsa import RSA

NAMES = list("abcdefgh")


@pytest.fixture
def arrays(work, rng):
    models = rng.random((3, 28)).astype(np.float32)
    rdms = (rng.random((4, 3)) @ models + 0.2 * rng.random((4, 28))).astype(np.float32)
    write_rdms("models.h5", RDMs(models, NAMES, "code", ["m1", "m2", "m3"]))
    write_rdms("regions.h5", RDMs(rdms, NAMES, "correlation", list("wxyz")))
    grid = {"voxels": np.array([1, 5, 6, 7]), "shape": (2, 2, 2), "affine": np.diag([3.0, 3, 3, 1])}
    rdms = rdms.copy()
    rdms[2, 3] = np.nan
    write_rdms("lights.h5", RDMs(rdms, NAMES, "correlation", **grid))
    return rdms, models


def compared(name, **inputs):
    return RSA(rdm_file=name, model_files=["models.h5"], p_method="none", **inputs).run().outputs


def test_a_table_of_regions(arrays, work):
    _, models = arrays
    rsa_file = compared("regions.h5", method="pearson").rsa_file
    node = pe.Node(
        RDMRegression(rsa_file=rsa_file, models=["m3", "m1"], partition=True), name="fit",
        base_dir=str(work),
    )  # fmt: skip
    outputs = node.run().outputs
    table = pd.read_csv(outputs.table_file, sep="\t")
    assert table.columns.tolist() == [
        "rdm", "r2", "weight_m3", "weight_m1", "part_m3", "part_m1", "part_m3&m1"
    ]  # fmt: skip
    assert outputs.parts == ["m3", "m1", "m3&m1"] and outputs.n_fitted == 4

    rdms = read_rdms("regions.h5").dissimilarities
    fit = regression_of(rdms, models[[2, 0]], "pearson")
    np.testing.assert_allclose(table[["weight_m3", "weight_m1"]].T, fit.weights, atol=1e-5)
    np.testing.assert_allclose(table.r2, fit.r2, atol=1e-5)
    np.testing.assert_allclose(table.iloc[:, 4:].sum(axis=1), table.r2, atol=1e-5)


def test_maps_of_searchlights(arrays):
    rdms, models = arrays
    outputs = RDMRegression(
        rsa_file=compared("lights.h5").rsa_file, nonnegative=False, partition=True
    ).run().outputs  # fmt: skip
    fit = regression_of(rdms, models, nonnegative=False)
    weights = nb.load(outputs.weight_map).get_fdata().reshape(8, 3)
    assert np.isnan(weights[[0, 2, 3, 4, 6]]).all() and outputs.n_fitted == 3
    np.testing.assert_allclose(weights[[1, 5, 7]].T, fit.weights[:, [0, 1, 3]], atol=1e-5)
    np.testing.assert_allclose(nb.load(outputs.r2_map).get_fdata().ravel()[5], fit.r2[1], atol=1e-5)

    parts = partition_variance(compare_rdms(rdms, models), compare_rdms(models, models))
    found = nb.load(outputs.part_map).get_fdata().reshape(8, 7)
    np.testing.assert_allclose(found[7], [part[3] for part in parts.values()], atol=1e-5)
    assert outputs.parts[-1] == "m1&m2&m3"


def test_bad_input(arrays):
    _, models = arrays
    by_tau = compared("regions.h5", method="kendall").rsa_file
    with pytest.raises(InputError, match=r"(?s)rsa\.h5.*by one of spearman.*kendall"):
        RDMRegression(rsa_file=by_tau).run()
    good = compared("regions.h5").rsa_file
    with pytest.raises(InputError, match=r"(?s)names of models, each once.*m4.*m1, m2, m3"):
        RDMRegression(rsa_file=good, models=["m1", "m4"]).run()
    with pytest.raises(InputError, match="2 to 4 models"):
        RDMRegression(rsa_file=good, models=["m1"], partition=True).run()
    models[2] = models[0] + models[1]
    write_rdms("models.h5", RDMs(models, NAMES, "code", ["m1", "m2", "m3"]))
    depend = compared("regions.h5", method="pearson").rsa_file
    with pytest.raises(InputError, match=r"(?s)none is a sum.*m1, m2, m3, which depend"):
        RDMRegression(rsa_file=depend).run()
