"""RSA of named RDMs and of searchlights, with and without keeping RDMs."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.model_codes import DIGITS_AND_OBJECTS, human_code
from fmriprod.algorithms.rdm import pair_indices, reorder_pairs
from fmriprod.algorithms.rdm_ceiling import rdm_ceiling
from fmriprod.algorithms.sign_flip import fdr
from fmriprod.interfaces import rsa as rsa_module
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa import RSA
from fmriprod.interfaces.rsa_file import read_rsa
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM
from fmriprod.interfaces.searchlight_rsa import SearchlightRSA

NAMES = ["a", "b", "c", "d", "e", "f", "g"]
AFFINE = np.diag([3.0, 3, 3, 1])


@pytest.fixture
def regions(work, rng):
    """RDMs of three regions, and two models in another order of conditions."""
    values = rng.random((3, 21)).astype(np.float32)
    models = rng.random((2, 21)).astype(np.float32)
    values[1] += 2 * models[0]
    order = rng.permutation(7)
    moved = models[:, reorder_pairs(order, 7)]
    write_rdms("regions.h5", RDMs(values, NAMES, "correlation", ["V1", "VT", "AIP"]))
    write_rdms("models.h5", RDMs(moved, [NAMES[i] for i in order], "code", ["m1", "m2"]))
    return values, models


def test_a_table_of_named_rdms(regions, work):
    values, models = regions
    node = pe.Node(
        RSA(rdm_file=str(work / "regions.h5"), model_files=[str(work / "models.h5")]),
        name="rsa", base_dir=str(work),
    )  # fmt: skip
    outputs = node.run().outputs
    table = pd.read_csv(outputs.table_file, sep="\t")
    assert table.columns.tolist() == [
        "rdm", "model", "value", "p", "q", "p_familywise", "p_method"
    ]  # fmt: skip
    assert set(table.p_method) == {"permutation"}
    assert table.rdm.tolist() == ["V1", "V1", "VT", "VT", "AIP", "AIP"]
    assert table.model.tolist() == ["m1", "m2"] * 3
    expected = [stats.spearmanr(rdm, model).statistic for rdm in values for model in models]
    np.testing.assert_allclose(table.value, expected, atol=1e-6)
    assert table.p[2] < 0.01 and table.value.idxmax() == 2
    found = read_rsa(outputs.rsa_file)
    assert found.models == outputs.models == ["m1", "m2"] and found.method == "spearman"
    assert found.n_permutations == 1000 and found.names == ["V1", "VT", "AIP"]
    np.testing.assert_allclose(found.q, [fdr(p) for p in found.p], rtol=1e-5)
    assert (found.p_familywise >= found.p).all()
    assert found.among[0, 1] == pytest.approx(stats.spearmanr(*models).statistic, abs=1e-6)
    summary = json.loads(Path(outputs.summary_file).read_text())
    assert summary["settings"]["p"] == "relabelling of conditions" and summary["n_pairs"] == 21
    assert summary["models"]["m1"]["n_significant"] == (found.q[0] <= 0.05).sum()


def test_published_p_and_no_p(regions):
    values, models = regions
    inputs = {"rdm_file": "regions.h5", "model_files": ["models.h5"], "models": ["m2"]}
    outputs = RSA(**inputs, p_method="spearmanr").run().outputs
    found = read_rsa(outputs.rsa_file)
    expected = [stats.spearmanr(rdm, models[1]).pvalue for rdm in values]
    np.testing.assert_allclose(found.p, [expected], rtol=1e-4)
    assert found.n_permutations == 0 and found.p_familywise is None
    assert "as if pairs of conditions were independent" in Path(outputs.summary_file).read_text()
    outputs = RSA(**inputs, p_method="none").run().outputs
    assert read_rsa(outputs.rsa_file).p is None
    assert "p" not in pd.read_csv(outputs.table_file, sep="\t")


@pytest.mark.parametrize(
    ("choice", "marked", "n_relabellings"),
    [
        ({"within": ["f", "b", "c", "a"]}, lambda i, j: {i, j} <= {0, 1, 2, 5}, 24),
        ({"between": [["g", "a"], ["c", "d", "b"]]},
         lambda i, j: len({i, j} & {0, 6}) == 1 == len({i, j} & {1, 2, 3}), 12),
    ],
)  # fmt: skip
def test_pairs_can_be_restricted(regions, choice, marked, n_relabellings):
    values, models = regions
    where = [marked(i, j) for i, j in zip(*pair_indices(7), strict=True)]
    outputs = RSA(rdm_file="regions.h5", model_files=["models.h5"], **choice).run().outputs
    found = read_rsa(outputs.rsa_file)
    expected = [[stats.spearmanr(x[where], m[where]).statistic for x in values] for m in models]
    np.testing.assert_allclose(found.value, expected, atol=1e-6)
    assert json.loads(Path(outputs.summary_file).read_text())["all_relabellings"]
    assert (
        found.n_permutations
        == {6: 23, 7: 11}[sum(where) + (sum(where) == 6 and "between" in choice)]
    )


def test_a_model_needs_the_conditions_that_are_compared_only(regions):
    write_rdms("part.h5", RDMs(np.arange(6, dtype="f4")[None], ["d", "b", "a", "c"], "code", ["m"]))
    outputs = RSA(rdm_file="regions.h5", model_files=["part.h5"], within=list("abcd")).run().outputs
    assert np.isfinite(read_rsa(outputs.rsa_file).value).all()
    with pytest.raises(InputError, match=r"(?s)part\.h5.*lacking: 'e', 'f', 'g'"):
        RSA(rdm_file="regions.h5", model_files=["part.h5"]).run()


def test_ceilings_over_participants(regions, rng):
    people = rng.random((4, 3, 21)).astype(np.float32) + regions[0]
    order = [2, 0, 1]
    for number, values in enumerate(people):
        names = ["V1", "VT", "AIP"] if number else ["AIP", "V1", "VT"]
        rdms = RDMs(values if number else values[order], NAMES, "correlation", names)
        write_rdms(f"p{number}.h5", rdms)
    write_rdms("one.h5", RDMs(people[:, 1], NAMES, "correlation", list("wxyz")))
    inputs = {"rdm_file": "regions.h5", "model_files": ["models.h5"]}
    files = [f"p{number}.h5" for number in range(4)]
    outputs = RSA(**inputs, participant_files=files).run().outputs
    table = pd.read_csv(outputs.table_file, sep="\t").groupby("rdm").first()
    for region, name in enumerate(["V1", "VT", "AIP"]):
        expected = rdm_ceiling(people[:, region])
        assert table.ceiling_lower[name] == pytest.approx(expected.lower)
        assert table.ceiling_upper[name] == pytest.approx(expected.upper)
    outputs = RSA(**inputs, participant_files=["one.h5"]).run().outputs
    table = pd.read_csv(outputs.table_file, sep="\t")
    assert (table.ceiling_lower.round(5) == round(rdm_ceiling(people[:, 1]).lower, 5)).all()
    write_rdms("other.h5", RDMs(people[0, :2], NAMES, "correlation", ["V1", "PMC"]))
    with pytest.raises(InputError, match=r"(?s)other\.h5.*lacking: VT, AIP"):
        RSA(**inputs, participant_files=["p1.h5", "other.h5"]).run()


def test_rdms_without_value_are_counted(work, rng):
    values = rng.random((4, 21), dtype=np.float32)
    values[1], values[3, 5] = 1, np.nan
    write_rdms("rdms.h5", RDMs(values, NAMES, "correlation"))
    write_rdms("models.h5", RDMs(values[:1], NAMES, "code", ["m"]))
    outputs = RSA(rdm_file="rdms.h5", model_files=["models.h5"]).run().outputs
    found = read_rsa(outputs.rsa_file)
    assert outputs.n_without_value == 2
    for values in (found.value, found.p, found.q, found.p_familywise):
        assert np.isnan(values[0]).tolist() == [False, True, False, True]
    table = pd.read_csv(outputs.table_file, sep="\t", dtype={"rdm": str})
    assert table.rdm.tolist() == ["1", "2", "3", "4"]


@pytest.fixture
def maps(work, rng):
    """Maps of the sixteen conditions: digits and objects differ in one half of the grid."""
    names = sorted(DIGITS_AND_OBJECTS)
    is_digit = np.array([name in DIGITS_AND_OBJECTS[:10] for name in names])
    data = rng.normal(size=(16, 12, 8, 6)).astype(np.float32)
    data[is_digit, :6] += 2 * rng.normal(size=(6, 8, 6))
    data[:, 0] = 0
    for name, volume in zip(names, data, strict=True):
        nb.Nifti1Image(volume, AFFINE).to_filename(f"{name}.nii")
    codes = np.array([human_code(n, DIGITS_AND_OBJECTS) for n in ("versus", "animacy")])
    write_rdms("codes.h5", RDMs(codes, list(DIGITS_AND_OBJECTS), "code", ["versus", "animacy"]))
    return {"pattern_files": [f"{n}.nii" for n in names], "conditions": names}


def test_searchlights_in_one_step_are_those_in_two(maps, work, monkeypatch):
    monkeypatch.setattr(rsa_module, "_AT_ONCE", 120 * 100)
    settings = {"model_files": ["codes.h5"], "n_permutations": 50, "seed": 3}
    files = {name: [str(work / f) for f in maps[name]] for name in ("pattern_files",)}
    settings["model_files"] = [str(work / "codes.h5")]
    node = pe.Node(
        SearchlightRSA(radius_voxels=2.0, conditions=maps["conditions"], **files, **settings),
        name="rsa", base_dir=str(work),
    )  # fmt: skip
    one = node.run().outputs
    rdms = SearchlightRDM(radius_voxels=2.0, **maps).run().outputs.rdm_file
    two = RSA(rdm_file=rdms, **settings).run().outputs
    first, second = read_rsa(one.rsa_file), read_rsa(two.rsa_file)
    for name in ("value", "p", "q", "p_familywise"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=1e-5)
    np.testing.assert_array_equal(first.voxels, second.voxels)
    assert one.n_spheres == len(first.voxels) and one.n_without_value == 0
    image, value = nb.load(one.value_map), nb.load(one.value_map).get_fdata()
    assert image.shape == (12, 8, 6, 2) and np.allclose(image.affine, AFFINE)
    assert np.isfinite(value[..., 0]).sum() == len(first.voxels) and np.isnan(value[0]).all()
    np.testing.assert_allclose(value.reshape(-1, 2)[first.voxels].T, first.value)
    q = nb.load(one.q_map).get_fdata()
    found = q[..., 0] <= 0.05
    assert found[1:4].mean() > 0.95 and found[8:].mean() < 0.05
    assert (q[..., 1] <= 0.05).mean() < 0.05
    # by hand: one sphere's patterns
    centre = np.argwhere(np.isfinite(value[..., 0]))[100]
    grid = np.indices((12, 8, 6)).reshape(3, -1).T
    near = np.linalg.norm(grid - centre, axis=1) <= 2
    near &= grid[:, 0] > 0
    data = np.array([nb.load(f).get_fdata().ravel()[near] for f in maps["pattern_files"]])
    expected = stats.spearmanr(
        pdist(data, "correlation"), human_code("versus", maps["conditions"])
    ).statistic
    assert value[(*centre, 0)] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("distance", ["correlation", "euclidean"])
def test_searchlights_in_noise_find_what_chance_gives(work, rng, distance):
    """Conditions of unequal strength: distances depend on each other, relabelling knows it."""
    names = list(DIGITS_AND_OBJECTS)
    strength = np.exp(rng.normal(0, 0.3, (16, 24, 24, 12)))
    data = (strength * rng.normal(size=strength.shape)).astype(np.float32)
    for name, volume in zip(names, data, strict=True):
        nb.Nifti1Image(volume, AFFINE).to_filename(f"{name}.nii")
    codes = np.array([human_code(n, names) for n in ("digit", "versus", "magnitude")])
    write_rdms("codes.h5", RDMs(codes, names, "code", ["digit", "versus", "magnitude"]))
    outputs = SearchlightRSA(
        pattern_files=[f"{n}.nii" for n in names], conditions=names, model_files=["codes.h5"],
        radius_voxels=1.0, min_voxels=7, distance=distance, n_permutations=200,
    ).run().outputs  # fmt: skip
    p = nb.load(outputs.p_map).get_fdata()[1::3, 1::3, 1::3]  # spheres without common voxels
    p = p[np.isfinite(p).all(axis=-1)]
    assert len(p) > 200
    for of_model in p.T:
        low, high = stats.binomtest(int((of_model <= 0.05).sum()), len(p)).proportion_ci(0.999)
        assert low < 0.05 < high, f"{(of_model <= 0.05).mean():.3f}"
    found = read_rsa(outputs.rsa_file)
    assert (found.q <= 0.05).mean() < 0.01 and (found.p_familywise <= 0.05).sum() <= 3


def test_threads_do_not_change_searchlights(maps):
    settings = {"radius_voxels": 2.0, "model_files": ["codes.h5"], "n_permutations": 30, **maps}
    one = read_rsa(SearchlightRSA(**settings).run().outputs.rsa_file)
    two = read_rsa(SearchlightRSA(**settings, num_threads=2).run().outputs.rsa_file)
    np.testing.assert_array_equal(one.value, two.value)
    np.testing.assert_array_equal(one.p, two.p)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"models": ["m3"]}, "(?s)names of models.*m3.*m1, m2"),
        ({"models": ["m1", "m1"]}, "each once"),
        ({"model_files": ["models.h5", "models.h5"]}, "(?s)different name.*'m1', 'm2' more than"),
        ({"model_files": ["regions.h5", "lights.h5"]}, r"(?s)lights\.h5.*RDMs with names"),
        ({"model_files": ["fewer.h5"]}, r"(?s)fewer\.h5.*all of 'a', 'b'.*lacking: 'g'"),
        ({"model_files": ["flat.h5"]}, "(?s)models.*different dissimil.*'flat' 1 for all pairs"),
        ({"model_files": ["nan.h5"]}, "(?s)models.*'nan' with NaN"),
        ({"within": ["a", "b"]}, "at least 3 conditions"),
        ({"within": ["a", "b", "x"]}, "(?s)within.*lacking: 'x'"),
        ({"between": [["a", "b"], ["b", "c"]]}, "two sets without common conditions"),
        ({"between": [["a", "b"], ["d", "c"]], "method": "whitened cosine"}, "not whitened"),
        ({"p_method": "spearmanr", "method": "pearson"}, "(?s)permutation, for another.*pearson"),
        ({"rdm_file": "text.h5"}, r"(?s)text\.h5.*HDF5 file of dissimilarities"),
    ],
)  # fmt: skip
def test_bad_input(regions, inputs, message):
    values, _ = regions
    voxels = {"voxels": np.arange(3), "shape": (2, 2, 2), "affine": AFFINE}
    write_rdms("lights.h5", RDMs(values, NAMES, "correlation", **voxels))
    write_rdms("fewer.h5", RDMs(values[:, :15], NAMES[:6], "code", list("xyz")))
    write_rdms("flat.h5", RDMs(np.ones((1, 21), "f4"), NAMES, "code", ["flat"]))
    write_rdms("nan.h5", RDMs(np.full((1, 21), np.nan, "f4"), NAMES, "code", ["nan"]))
    Path("text.h5").write_text("no")
    with pytest.raises(InputError, match=message):
        RSA(**({"rdm_file": "regions.h5", "model_files": ["models.h5"]} | inputs)).run()
