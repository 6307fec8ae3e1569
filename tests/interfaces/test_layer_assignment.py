"""Maps of layers, from maps or a file of comparisons."""

import dataclasses
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.layer_assignment import assign_layers
from fmriprod.algorithms.layer_bootstrap import bootstrap_layers
from fmriprod.algorithms.rdm import reorder_pairs
from fmriprod.interfaces.layer_assignment import LayerAssignment
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa_file import Comparisons, write_rsa

AFFINE = np.diag([-3.0, 3, 3, 1])
SHAPE = (5, 4, 3)
LAYERS = ["conv1", "conv2", "fc3"]
CONDITIONS = [f"c{i}" for i in range(10)]


@pytest.fixture
def study(work, rng):
    """RDMs of voxels, each like one layer; their comparisons, and the same as maps."""
    models = rng.random((3, 45)).astype(np.float32)
    voxels = np.sort(rng.choice(60, 40, replace=False))[::-1]  # not in C order
    planted = rng.integers(0, 3, 40)
    rdms = (models[planted] + 0.3 * rng.random((40, 45))).astype(np.float32)
    rdms[:8] = rng.random((8, 45))
    tests = [[stats.spearmanr(m, r) for r in rdms] for m in models]
    value = np.array([[t.statistic for t in row] for row in tests], np.float32)
    p = np.array([[t.pvalue for t in row] for row in tests], np.float32)
    grid = {"voxels": voxels, "shape": SHAPE, "affine": AFFINE}
    n_voxels = np.full(40, 30)
    write_rdms("rdms.h5", RDMs(rdms, CONDITIONS, "correlation", n_voxels=n_voxels, **grid))
    order = rng.permutation(10)
    names = [CONDITIONS[i] for i in order]
    write_rdms("models.h5", RDMs(models[:, reorder_pairs(order, 10)], names, "code", names=LAYERS))
    found = Comparisons(value, LAYERS, "spearman", p=p, q=np.minimum(3 * p, 1), **grid)
    write_rsa("rsa.h5", found)
    for name, rows in (("value", value), ("p", p)):
        nb.Nifti1Image(found.volumes(rows), AFFINE).to_filename(f"{name}.nii.gz")
    layer = np.full(60, np.nan)
    layer[voxels] = assign_layers(value, p)
    return {"layer": layer.reshape(SHAPE), "rdms": rdms, "models": models, "rsa": found,
            "planted": planted}  # fmt: skip


def path(name):
    return str(Path(name).absolute())


def from_maps(**options):
    given = {"value_map": path("value.nii.gz"), "p_map": path("p.nii.gz")} | options
    return LayerAssignment(**given).run().outputs


def from_rsa(**options):
    return LayerAssignment(rsa_file=path("rsa.h5"), **options).run().outputs


def bootstrapped(**options):
    return from_rsa(rdm_file=path("rdms.h5"), model_file=path("models.h5"), **options)


def test_maps_and_file_of_comparisons_give_the_same_layers(study):
    for out in (from_maps(layers=LAYERS), from_rsa()):
        image = nb.load(out.layer_map)
        np.testing.assert_array_equal(image.get_fdata(), study["layer"])
        np.testing.assert_allclose(image.affine, AFFINE)
        table = pd.read_csv(out.table_file, sep="\t")
        assert list(table) == ["layer", "name", "n_voxels", "share", "mean_agreement"]
        assert list(table["name"]) == LAYERS and table["mean_agreement"].isna().all()
        counts = [(study["layer"] == k).sum() for k in (1, 2, 3)]
        assert table["n_voxels"].tolist() == counts and out.n_assigned == sum(counts)
        assert table["share"].sum() == pytest.approx(1)
    assert list(pd.read_csv(from_maps().table_file, sep="\t")["name"]) == [1, 2, 3]


def test_planted_layers_are_recovered_with_how_sure_they_are(study):
    out = bootstrapped(n_bootstrap=100)
    layer, sure = (nb.load(f).get_fdata().ravel() for f in (out.layer_map, out.agreement_map))
    low, high = (nb.load(f).get_fdata().ravel() for f in (out.low_map, out.high_map))
    voxels = study["rsa"].voxels
    np.testing.assert_array_equal(layer[voxels[8:]], study["planted"][8:] + 1)
    known = np.isfinite(layer)
    assert (np.isfinite(sure) == known).all()
    assert ((low <= high) & (low >= 1) & (high <= 3))[known].all()
    noise = sure[voxels[:8]]
    assert sure[voxels[8:]].mean() > 0.98
    assert not np.isfinite(noise).any() or np.nanmean(noise) < 0.95
    table = pd.read_csv(out.table_file, sep="\t")
    for number, mean in zip(table["layer"], table["mean_agreement"], strict=True):
        assert mean == pytest.approx(sure[layer == number].mean(), abs=1e-5)


def test_conditions_of_models_are_matched_by_name(study):
    one = nb.load(bootstrapped(n_bootstrap=50).agreement_map).get_fdata()
    write_rdms("models.h5", RDMs(study["models"], CONDITIONS, "code", names=LAYERS))
    np.testing.assert_array_equal(
        one, nb.load(bootstrapped(n_bootstrap=50).agreement_map).get_fdata()
    )


def test_only_the_conditions_that_were_compared_are_drawn(study):
    rsa = study["rsa"]
    within = CONDITIONS[:6][::-1]
    write_rsa("rsa.h5", dataclasses.replace(rsa, about={"within": within}))
    part = nb.load(bootstrapped(n_bootstrap=50).agreement_map).get_fdata().ravel()[rsa.voxels]
    pairs = reorder_pairs(np.arange(6)[::-1], 10)
    layer = assign_layers(rsa.value, rsa.p)
    known = np.isfinite(layer)
    expected = bootstrap_layers(
        study["rdms"][:, pairs][known], study["models"][:, pairs], layer[known], n_bootstrap=50
    )
    np.testing.assert_allclose(part[known], expected.share)
    write_rsa("rsa.h5", dataclasses.replace(rsa, about={"between": [within[:3], within[3:]]}))
    assert np.isfinite(nb.load(from_rsa().layer_map).get_fdata()).any()
    assert refused(bootstrapped).found == "pairs between two sets"


def test_layers_can_be_chosen_and_put_in_order(study):
    out = from_rsa(layers=["fc3", "conv1"], test="q")
    rsa = study["rsa"]
    expected = assign_layers(rsa.value[[2, 0]], rsa.q[[2, 0]])
    np.testing.assert_array_equal(nb.load(out.layer_map).get_fdata().ravel()[rsa.voxels], expected)


def test_regions_get_a_table(study):
    names = [f"r{i}" for i in range(40)]
    rsa = study["rsa"]
    write_rsa("rsa.h5", Comparisons(rsa.value, LAYERS, "spearman", p=rsa.p, names=names))
    order = np.arange(40)[::-1]
    write_rdms("rdms.h5", RDMs(study["rdms"][order], CONDITIONS, "correlation",
                               names=[names[i] for i in order]))  # fmt: skip
    out = bootstrapped(n_bootstrap=50)
    table = pd.read_csv(out.rdm_table_file, sep="\t")
    assert list(table) == ["rdm", "layer", "name", "agreement", "low", "high"]
    assert table["rdm"].tolist() == names
    np.testing.assert_array_equal(table["layer"], assign_layers(rsa.value, rsa.p))
    assert table["agreement"][8:].mean() > 0.98
    known = table.dropna()
    assert [LAYERS[int(k) - 1] for k in known["layer"]] == known["name"].tolist()
    assert pd.read_csv(from_rsa().rdm_table_file, sep="\t")["agreement"].isna().all()


def test_in_a_node_the_same_inputs_give_the_same_bytes(study, work):
    contents = []
    for number in (1, 2):
        step = LayerAssignment(rsa_file=path("rsa.h5"), rdm_file=path("rdms.h5"),
                               model_file=path("models.h5"), n_bootstrap=20)  # fmt: skip
        node = pe.Node(step, f"step{number}", base_dir=str(work))
        node.inputs.num_threads = number
        out = node.run().outputs
        contents.append(
            [Path(f).read_bytes() for f in (out.layer_map, out.agreement_map, out.table_file)]
        )
    assert contents[0] == contents[1]


def refused(run, **options):
    with pytest.raises(InputError) as info:
        run(**options)
    assert info.value.interface == "LayerAssignment"
    return info.value


def test_names_that_do_not_fit_the_volumes_are_refused(study):
    for names in (LAYERS[:2], ["a", "b", "b"]):
        error = refused(from_maps, layers=names)
        assert error.subject == "layers" and error.found == f"{len(names)}: {', '.join(names)}"
        assert error.expected.startswith("a name of its own for each of 3 volumes")
    nb.Nifti1Image(np.zeros((*SHAPE, 2), np.float32), AFFINE).to_filename("p.nii.gz")
    assert "each of 2 volumes" in refused(from_maps).expected
    error = refused(from_rsa, layers=["conv1", "conv9"])
    assert error.found.endswith("lacking: conv9") and error.hint.startswith("did you mean")


def test_maps_on_other_grids_and_what_is_no_p_are_refused(study):
    moved = AFFINE.copy()
    moved[0, 3] = 3
    nb.Nifti1Image(np.zeros((*SHAPE, 3), np.float32), moved).to_filename("p.nii.gz")
    assert refused(from_maps).found.startswith("an affine that differs by up to 3 mm")
    nb.Nifti1Image(np.full((*SHAPE, 3), 4, np.float32), AFFINE).to_filename("p.nii.gz")
    assert refused(from_maps).expected == "probabilities, 0 to 1"
    nb.Nifti1Image(np.zeros((*SHAPE, 3, 2), np.float32), AFFINE).to_filename("value.nii.gz")
    assert refused(from_maps).expected == "a map, or a volume a map"


def test_comparisons_without_p_are_refused(study):
    rsa = study["rsa"]
    write_rsa("rsa.h5", Comparisons(rsa.value, LAYERS, "spearman", voxels=rsa.voxels,
                                    shape=SHAPE, affine=AFFINE))  # fmt: skip
    error = refused(from_rsa, test="q")
    assert error.expected == "comparisons with q" and error.file.endswith("rsa.h5")


def test_rdms_that_are_not_those_of_the_maps_are_refused(study):
    rdms, grid = study["rdms"], {"shape": SHAPE, "affine": AFFINE}
    few = RDMs(rdms[:5], CONDITIONS, "correlation", voxels=study["rsa"].voxels[:5], **grid)
    write_rdms("rdms.h5", few)
    error = refused(bootstrapped)
    assert error.expected == "an RDM of every voxel with a value"
    write_rdms("rdms.h5", RDMs(rdms, CONDITIONS, "correlation"))
    assert refused(bootstrapped).found == "RDMs without places"
    elsewhere = {"shape": SHAPE, "affine": AFFINE + np.eye(4) * [1, 0, 0, 0]}
    write_rdms(
        "rdms.h5", RDMs(rdms, CONDITIONS, "correlation", voxels=study["rsa"].voxels, **elsewhere)
    )
    assert "an affine that differs" in refused(bootstrapped).found
    write_rdms("models.h5", RDMs(study["models"], CONDITIONS, "code", names=["a", "b", "c"]))
    error = refused(bootstrapped)
    assert error.subject == "model_file" and error.found == "a, b, c; lacking: conv1, conv2, fc3"
