"""Groups of parcels on disk."""

import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.parcel_group import ParcelGroup
from fmriprod.interfaces.parcel_values import read_scaled_connectivity

NAMES = ["L_V1", "L_4", "L_FFC", "R_V1", "R_4", "R_FFC"]
TABLE = pd.DataFrame({
    "name": NAMES, "hemisphere": list("LLLRRR"), "network": ["Visual1", "Motor", "Visual2"] * 2
})  # fmt: skip


def write(name, table):
    table.to_csv(name, sep="\t", index=False, na_rep="n/a")
    return str(Path(name).absolute())


def contrast(name, values, names=NAMES):
    return write(
        f"{name}.tsv", pd.DataFrame({"contrast": "fear-neut", "parcel": names, "value": values})
    )


def matrix(name, values):
    np.save(f"{name}.npy", values.astype(np.float32))
    return str(Path(f"{name}.npy").absolute())


@pytest.fixture
def tasks(work, rng):
    values = rng.normal(size=(9, 6))
    values[:, 2] += 4
    values[4, 3] = np.nan
    files = [contrast(f"sub{i}", row) for i, row in enumerate(values)]
    return values, {"contrast_files": files, "parcels_file": write("parcels.tsv", TABLE)}


@pytest.fixture
def rest(work, rng):
    values = np.tanh(rng.normal(0, 0.2, size=(8, 6, 6)))
    values = (values + values.transpose(0, 2, 1)) / 2
    values[:, 0, 3] = values[:, 3, 0] = np.tanh(rng.normal(1, 0.1, 8))
    values[:, range(6), range(6)] = np.nan
    values[2, 5] = values[2, :, 5] = np.nan
    files = [matrix(f"sub{i}", each) for i, each in enumerate(values)]
    return values, {"connectivity_files": files, "parcels_file": write("parcels.tsv", TABLE)}


def run(options, **more):
    return ParcelGroup(**options, **{"n_permutations": 512} | more).run().outputs


def test_contrasts_are_tested_by_name(tasks):
    values, options = tasks
    order = np.random.default_rng(0).permutation(6)
    options["contrast_files"][1] = contrast("sub1", values[1, order], [NAMES[i] for i in order])
    out = run(options)
    table = pd.read_csv(out.group_file, sep="\t", na_values="n/a")
    expected = stats.ttest_1samp(values, 0, nan_policy="omit")
    np.testing.assert_allclose(table["t"], expected.statistic, rtol=1e-10)
    np.testing.assert_allclose(table["p"], expected.pvalue, rtol=1e-10)
    assert table["parcel"].tolist() == NAMES and table["network"][2] == "Visual2"
    assert table["n"].tolist() == [9, 9, 9, 8, 9, 9] and out.n_subjects == 9
    assert table["p_max"][2] <= 0.01 and table["mean"].idxmax() == 2
    assert (table["d_low"] < table["d"]).all() and (table["d"] < table["d_high"]).all()
    about = json.loads(Path(out.summary_file).read_text())
    assert about["all_flips"] and about["n_flips"] == 512 and about["n_smallest"] == 8
    assert about["n_lacking_in_some_participant"] == 1 and about["interval_of_d"] == "noncentral t"


def test_another_column_can_be_tested(tasks):
    options = tasks[1]
    for i, path in enumerate(options["contrast_files"]):
        write(path, pd.read_csv(path, sep="\t").assign(t=np.arange(6.0) + i))
    out = run(options, column="t")
    table = pd.read_csv(out.group_file, sep="\t")
    np.testing.assert_allclose(table["mean"], np.arange(6) + 4.0)


def test_connectivity_is_tested_edge_by_edge(rest):
    values, options = rest
    out = run(options)
    z = np.arctanh(values.astype(np.float32).astype(float))
    upper = np.triu_indices(6, 1)
    expected = stats.ttest_1samp(z[:, *upper], 0, nan_policy="omit")
    t = np.load(out.t_file)
    np.testing.assert_allclose(t[upper], expected.statistic, rtol=1e-5)
    np.testing.assert_array_equal(t, t.T)
    assert np.isneginf(np.diag(t)).all() and t.dtype == np.float32 and t.shape == (6, 6)
    mean = np.nanmean(z[:, *upper], axis=0)
    np.testing.assert_allclose(np.load(out.mean_file)[upper], mean, rtol=1e-5)
    np.testing.assert_allclose(np.load(out.r_file)[upper], np.tanh(mean), rtol=1e-5)
    np.testing.assert_allclose(
        np.load(out.q_file)[upper], stats.false_discovery_control(expected.pvalue), rtol=1e-4
    )
    assert np.load(out.n_file)[0, 5] == 7 and np.load(out.n_file)[0, 1] == 8
    edges = pd.read_csv(out.group_file, sep="\t")
    assert edges.loc[0, ["parcel_1", "parcel_2"]].tolist() == ["L_V1", "R_V1"]
    assert len(edges) == 15 and edges["t"].abs().is_monotonic_decreasing
    assert edges["r"][0] == pytest.approx(np.tanh(mean[2]), rel=1e-5) and edges["p_max"][0] < 0.01
    short = run(options, n_edges=4)
    assert len(pd.read_csv(short.group_file, sep="\t")) == 4


def test_without_fisher_the_mean_is_the_plain_one(rest):
    values, options = rest
    out = run(options, fisher=False)
    upper = np.triu_indices(6, 1)
    expected = np.nanmean(values[:, *upper], axis=0)
    np.testing.assert_allclose(np.load(out.mean_file)[upper], expected, rtol=1e-5)
    assert json.loads(Path(out.summary_file).read_text())["values"] == "as given"


def as_z(values):
    """What ParcelConnectivity(fisher=True) writes."""
    z = np.arctanh(values)
    z[range(6), range(6)] = np.inf
    return z


def test_z_is_not_transformed_twice(rest):
    """Whatever its size: these are all far below 1."""
    values, options = rest
    expected = run(options)
    small = values * 0.1
    parcels = {"parcels_file": options["parcels_file"]}
    for number, scale in enumerate((1, 0.1)):
        files = [matrix(f"z{number}{i}", as_z(scale * each)) for i, each in enumerate(values)]
        error = refused({"connectivity_files": files} | parcels)
        assert error.found == "Fisher's z, by the diagonal" and "one transform" in error.hint
        assert error.file.endswith(f"z{number}0.npy")
    assert np.nanmax(np.abs(small)) < 0.1
    files = [matrix(f"z{i}", as_z(each)) for i, each in enumerate(values)]
    out = run({"connectivity_files": files} | parcels, fisher=False)
    for name in ("t_file", "r_file", "mean_file", "p_max_file"):
        np.testing.assert_allclose(
            np.load(getattr(out, name)), np.load(getattr(expected, name)), rtol=1e-5
        )
    assert np.isposinf(np.diag(np.load(out.mean_file))).all(), "a mean of z says so, too"
    assert np.isnan(np.diag(np.load(out.r_file))).all()
    assert "z" in json.loads(Path(out.summary_file).read_text())["values"]


def test_z_and_correlations_are_not_mixed(rest):
    values, options = rest
    options["connectivity_files"][3] = matrix("z", as_z(values[3]))
    error = refused(options, fisher=False)
    assert error.expected.startswith("correlations, as") and error.found.startswith("Fisher's z")
    assert error.file.endswith("/z.npy")


MATRICES = ["mean", "r", "t", "p_max", "q", "d", "n"]


@pytest.mark.parametrize(
    ("kind", "holds"),
    [(np.array, "correlations"), (as_z, "Fisher's z"), (abs, "other values"), (None, "Fisher's z")],
)
def test_readers_can_tell_what_matrices_of_a_group_hold(rest, kind, holds):
    values, options = rest
    own = np.array([kind(each) for each in values]) if kind else values
    if kind is abs:
        own[:, range(6), range(6)] = 0.3 + np.arange(8)[:, None]  # variances
        own[2, 5, 5] = np.nan
    files = [matrix(f"own{i}", each) for i, each in enumerate(own)]
    out = run(options | {"connectivity_files": files}, fisher=kind is None)
    scales = {"mean": holds, "r": "correlations"}
    for name in MATRICES:
        if name != "r" or holds == "Fisher's z":
            path = getattr(out, f"{name}_file")
            assert read_scaled_connectivity(path)[1] == scales.get(name, "a statistic"), name
    if kind is abs:
        expected = np.nanmean(own[:, range(6), range(6)], axis=0)
        np.testing.assert_allclose(np.diag(np.load(out.mean_file)), expected, rtol=1e-6)
    with pytest.raises(InputError, match="correlations, which fisher transforms"):
        read_scaled_connectivity(out.q_file, fisher=True)
    files = [matrix(f"again{i}", np.load(path)) for i, path in enumerate((out.t_file, out.d_file))]
    again = run(options | {"connectivity_files": files}, fisher=False)
    assert read_scaled_connectivity(again.mean_file)[1] == "a statistic"


@pytest.mark.parametrize("diagonal", [np.nan, 1.0, 0.0])
def test_diagonals_that_correlations_may_have(rest, diagonal):
    values, options = rest
    before = run(options)
    for path, each in zip(options["connectivity_files"], values.copy(), strict=True):
        each[range(6), range(6)] = diagonal
        matrix(path[:-4], each)
    np.testing.assert_array_equal(np.load(run(options).t_file), np.load(before.t_file))


def test_variances_on_the_diagonal_are_no_correlations(rest):
    values, options = rest
    each = values[0].copy()
    each[range(6), range(6)] = 0.4
    options["connectivity_files"][0] = matrix("covariance", each)
    error = refused(options)
    assert error.found == "other values, by the diagonal" and "correlations only" in error.hint


def test_matrices_of_other_orders_are_matched_by_name(rest):
    values, options = rest
    before = run(options)
    orders = []
    for i, path in enumerate(options["connectivity_files"]):
        order = np.random.default_rng(i).permutation(6)
        matrix(path[:-4], values[i][np.ix_(order, order)])
        orders.append(write(f"order{i}.tsv", TABLE.iloc[order]))
    after = run(options, parcels_files=orders)
    np.testing.assert_array_equal(np.load(after.t_file), np.load(before.t_file))


def test_in_a_node_the_same_inputs_give_the_same_bytes(rest, work):
    contents = []
    for number in (1, 2):
        node = pe.Node(ParcelGroup(**rest[1], n_permutations=99), f"s{number}", base_dir=str(work))
        node.inputs.num_threads, node.inputs.memory_mb = number, 1.0 * number
        out = node.run().outputs
        names = ("group_file", "t_file", "p_max_file", "summary_file")
        contents.append([Path(getattr(out, name)).read_bytes() for name in names])
    assert contents[0] == contents[1]


def refused(options, **more):
    with pytest.raises(InputError) as info:
        run(options, **more)
    assert info.value.interface == "ParcelGroup"
    return info.value


def test_parcels_that_disagree_are_named(tasks):
    values, options = tasks
    names = [*NAMES[:5], "R_XYZ"]
    options["contrast_files"][3] = contrast("sub3", values[3], names)
    error = refused(options)
    assert "R_FFC" in error.found and "R_XYZ" in error.found
    assert error.file.endswith("sub3.tsv")
    options["contrast_files"][3] = contrast("sub3", values[3, :5], NAMES[:5])
    assert "R_FFC" in refused(options).found
    options["contrast_files"][3] = contrast("sub3", values[3], [*NAMES[:5], "L_V1"])
    assert refused(options).found == "L_V1 twice"
    options["contrast_files"][3] = contrast("sub3", [*values[3], 9.0], [*NAMES, "L_V1_ROI"])
    assert refused(options).found == "L_V1 twice"


def test_what_is_no_contrast_is_refused(tasks):
    values, options = tasks
    assert "columns parcel z" in refused(options, column="z").expected
    options["contrast_files"][0] = contrast("sub0", ["x", *values[0, 1:]])
    error = refused(options)
    assert error.found == "1 others, such as x of L_V1" and error.file.endswith("sub0.tsv")


def test_matrices_that_disagree_are_refused(rest):
    values, options = rest
    files = options["connectivity_files"]
    files[2] = matrix("small", values[2][:5, :5])
    error = refused(options)
    assert error.found == "float32 of shape (5, 5)" and "(6, 6)" in error.expected
    crooked = values[2].copy()
    crooked[0, 1] += 0.5
    files[2] = matrix("crooked", crooked)
    assert refused(options).found == "a matrix that is not symmetric"
    files[2] = matrix("large", values[2] * 9)
    error = refused(options)
    assert error.expected == "correlations, -1 to 1" and error.file.endswith("large.npy")
    Path("broken.npy").write_text("no array")
    files[2] = str(Path("broken.npy").absolute())
    assert refused(options).subject == "connectivity"


def test_orders_that_do_not_fit_are_refused(rest):
    _, options = rest
    own = options["parcels_file"]
    assert refused(options, parcels_files=[own]).expected == "a table for each of 8 matrices"
    other = write("other.tsv", TABLE.replace("L_4", "L_9"))
    error = refused(options, parcels_files=[own] * 7 + [other])
    assert "L_4" in error.found and "L_9" in error.found
    assert error.file.endswith("other.tsv")


def test_one_participant_or_one_twice_or_constant_ones_are_refused(tasks):
    values, options = tasks
    files = options["contrast_files"]
    assert refused(options | {"contrast_files": files[:1]}).expected == "two participants or more"
    assert refused(options | {"contrast_files": [files[0], *files]}).found.endswith(
        "sub0.tsv twice"
    )
    same = [contrast(f"same{i}", values[0]) for i in range(3)]
    assert "none of 6: 6 with one value" in refused(options | {"contrast_files": same}).found


def test_the_group_keeps_the_name_of_its_contrast_and_refuses_another(tasks):
    _, options = tasks
    assert set(pd.read_csv(run(options).group_file, sep="\t")["contrast"]) == {"fear-neut"}
    other = pd.read_csv(options["contrast_files"][3], sep="\t").assign(contrast="lh-rh")
    options["contrast_files"][3] = write("other.tsv", other)
    with pytest.raises(InputError, match=r"fear-neut in .*, lh-rh in .*other"):
        run(options)
