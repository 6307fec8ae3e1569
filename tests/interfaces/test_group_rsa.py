"""Maps of a group on disk, tested against 0."""

import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.group_rsa import GroupRule, group_rsa
from fmriprod.interfaces.group_rsa import GroupRSA

AFFINE = np.array([[-3.0, 0, 0, 9], [0, 3, 0, -20], [0, 0, 2, 4], [0, 0, 0, 1]])
SHAPE = (7, 6, 5)
LAYERS = ["conv1", "conv2", "fc3"]
FAST = {"maps": LAYERS, "n_permutations": 256}


def save(name, data, affine=AFFINE):
    data = data.astype(np.uint8) if data.dtype == bool else data.astype(np.float32)
    nb.Nifti1Image(data, affine).to_filename(f"{name}.nii.gz")
    return str(Path(f"{name}.nii.gz").absolute())


@pytest.fixture
def study(work, rng):
    """Ten participants; conv1 planted in 24 voxels, fc3 in 18; participants lack some voxels."""
    maps = np.tanh(rng.normal(0, 0.05, size=(10, *SHAPE, 3)))
    maps[:, 1:3, :4, 1:4, 0] += 0.3
    maps[:, 5:, 1:4, 1:4, 2] += 0.3
    maps[:, 0] = 0  # outside everybody's brain
    maps[3, 6, 5] = np.nan
    maps[4, 6, 4, 0] = 0
    maps[5, 3, 3, 0, 1] = 1
    regions = {"early": np.zeros(SHAPE, bool), "late": np.zeros(SHAPE, bool)}
    regions["early"][1:3, :4, 1:4] = regions["late"][5:, 1:4, 1:4] = True
    return {
        "maps": maps,
        "map_files": [save(f"sub{s}", m) for s, m in enumerate(maps)],
        "roi_files": [save(name, region) for name, region in regions.items()],
        "regions": regions,
    }


def run(study, **options):
    return GroupRSA(map_files=study["map_files"], **FAST | options).run().outputs


def data(path):
    return nb.load(path).get_fdata()


def test_planted_layers_are_found_where_they_are(study):
    for correction in ("max", "cluster"):
        out = run(study, correction=correction)
        layer = data(out.layer_map)
        assert (layer[study["regions"]["early"]] == 1).all()
        assert (layer[study["regions"]["late"]] == 3).all()
        assert np.isfinite(layer).sum() == 24 + 18
        table = pd.read_csv(out.table_file, sep="\t")
        assert table["n_best"].tolist() == [24, 0, 18] and table["map"].tolist() == LAYERS
        clusters = pd.read_csv(out.cluster_file, sep="\t")
        assert clusters[["map", "n_voxels"]].to_numpy().tolist() == [["conv1", 24], ["fc3", 18]]
        np.testing.assert_allclose(clusters["volume_mm3"], [24 * 18, 18 * 18])
        for name, row in zip((0, 2), clusters.itertuples(), strict=True):
            peak = row.i, row.j, row.k
            assert data(out.cluster_map)[*peak, name] == 1
            assert data(out.t_map)[*peak, name] == pytest.approx(row.peak_t, rel=1e-5)
            np.testing.assert_allclose((row.x, row.y, row.z), AFFINE[:3] @ [*peak, 1], atol=1e-4)


def test_maps_have_the_numbers_of_the_group_and_say_what_is_left_out(study):
    out = run(study)
    z = np.arctanh(np.clip(study["maps"], -0.999999, 0.999999))
    t = data(out.t_map)
    used = np.isfinite(z).all(axis=(0, 4)) & (z != 0).all(axis=(0, 4))
    expected = stats.ttest_1samp(z[:, used], 0).statistic
    np.testing.assert_allclose(t[used], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(data(out.mean_map)[used], z[:, used].mean(axis=0), atol=1e-6)
    for name in ("mean", "t", "p", "p_corrected"):
        image = nb.load(getattr(out, f"{name}_map"))
        assert np.isnan(image.get_fdata()[~used]).all() and image.shape == (*SHAPE, 3)
        np.testing.assert_allclose(image.affine, AFFINE)
    p, surviving = data(out.p_corrected_map), data(out.surviving_map)
    np.testing.assert_array_equal(surviving != 0, np.nan_to_num(p, nan=1) <= 0.05)
    np.testing.assert_array_equal(surviving[surviving != 0], t[surviving != 0])
    about = json.loads(Path(out.summary_file).read_text())
    assert about["n_voxels"] == 6 * 6 * 5 and about["n_used"] == used.sum()
    assert (about["n_not_finite"], about["n_zero"]) == (5, 1)
    assert about["n_correlations_of_1_clipped"] == 1 and about["n_permutations"] == 256
    assert "sign flips" in about["p"] and about["settings"]["correction"] == "max"


def test_the_published_rule_can_be_asked_for(study):
    out = run(study, method="voxel_shuffling", correction="none", min_voxels=20, n_draws=20_000)
    table = pd.read_csv(out.table_file, sep="\t")
    assert table["n_surviving"].tolist()[0] >= 24 and table["n_best"][2] == 0  # 18 are too few
    assert "compares a place with others" in json.loads(Path(out.summary_file).read_text())["p"]
    np.testing.assert_array_equal(data(out.p_map), data(out.p_corrected_map))


def test_bars_are_of_all_voxels_and_of_positive_ones(study):
    out = run(study, roi_files=study["roi_files"], roi_names=["V1", "LOC"])
    bars = pd.read_csv(out.region_file, sep="\t").set_index(["roi", "map", "voxels"])
    z = np.arctanh(study["maps"][:, study["regions"]["early"], 0])
    means = z.mean(axis=1)
    row = bars.loc[("V1", "conv1", "all")]
    assert row["mean"] == pytest.approx(means.mean(), rel=1e-4)
    assert row["sem"] == pytest.approx(stats.sem(means), rel=1e-4)
    interval = stats.ttest_1samp(means, 0).confidence_interval()
    np.testing.assert_allclose(row[["ci_low", "ci_high"]], interval, rtol=1e-4)
    assert row["significant"] == 1 and bars.loc[("LOC", "conv2", "all"), "n"] == 10
    each = pd.read_csv(out.region_participant_file, sep="\t")
    chosen = each.query("roi == 'V1' and map == 'conv1' and voxels == 'all'")
    np.testing.assert_allclose(chosen["mean"], means, rtol=1e-4)
    assert (each.query("voxels == 'positive'")["mean"].dropna() > 0).all()


def test_how_sure_the_best_map_is(study):
    out = run(study, n_bootstrap=100)
    layer, sure = data(out.layer_map), data(out.agreement_map)
    assert (np.isfinite(sure) == np.isfinite(layer)).all() and np.nanmin(sure) > 0.9
    np.testing.assert_array_equal(data(out.high_map)[np.isfinite(layer)], layer[np.isfinite(layer)])


def test_codes_can_be_maps_of_their_own_and_a_mask_can_be_given(study):
    files = [save(f"code{s}", m[..., 0]) for s, m in enumerate(study["maps"])]
    mask = np.zeros(SHAPE, bool)
    mask[1:4] = True
    out = GroupRSA(map_files=files, n_permutations=256, mask_file=save("mask", mask)).run().outputs
    assert nb.load(out.t_map).shape == (*SHAPE, 1)
    assert (np.isfinite(data(out.t_map)[..., 0]) == mask).all()
    rule = GroupRule(n_permutations=256)
    expected = group_rsa(study["maps"][:, mask, 0][:, None], mask=mask, rule=rule)
    np.testing.assert_allclose(data(out.p_map)[mask, 0], expected.p[0])


def test_in_a_node_the_same_inputs_give_the_same_bytes(study, work):
    contents = []
    for number in (1, 2):
        step = GroupRSA(map_files=study["map_files"], roi_files=study["roi_files"], **FAST)
        node = pe.Node(step, f"step{number}", base_dir=str(work))
        node.inputs.num_threads, node.inputs.memory_mb = number, 50.0 * number
        out = node.run().outputs
        names = ("t_map", "p_map", "layer_map", "cluster_file", "region_file", "summary_file")
        contents.append([Path(getattr(out, name)).read_bytes() for name in names])
    assert contents[0] == contents[1]


def refused(study, **options):
    with pytest.raises(InputError) as info:
        run(study, **options)
    assert info.value.interface == "GroupRSA"
    return info.value


def test_maps_on_other_grids_or_of_other_layers_are_refused(study):
    maps = study["maps"]
    moved = AFFINE.copy()
    moved[2, 3] += 2
    study["map_files"][4] = save("moved", maps[4], moved)
    error = refused(study)
    assert error.found.startswith("an affine that differs by up to 2 mm")
    assert error.file.endswith("moved.nii.gz")
    study["map_files"][4] = save("smaller", maps[4][:5])
    assert refused(study).found.startswith("shape (5, 6, 5)")
    study["map_files"][4] = save("fewer", maps[4][..., :2])
    error = refused(study)
    assert error.subject == "maps" and error.found == "3: conv1, conv2, fc3"
    assert "each of 2 volumes" in error.expected and "fewer" in error.expected


def test_names_that_do_not_fit_are_refused(study):
    for names in (LAYERS[:2], ["a", "a", "b"]):
        error = refused(study, maps=names)
        assert error.expected.startswith("a name of its own for each of 3 volumes")


def test_one_or_two_participants_are_refused(study):
    for n in (1, 2):
        error = refused(study | {"map_files": study["map_files"][:n]})
        assert error.expected == "at least 3 participants" and error.found == str(n)
    error = refused(study | {"map_files": study["map_files"][:5]})
    assert error.subject == "level" and "none below 0.0625" in error.found


def test_nothing_to_test_is_refused(study):
    outside = np.zeros(SHAPE, bool)
    outside[0] = True
    error = refused(study, mask_file=save("outside", outside))
    assert error.found == "none of 30: 0 not finite and 30 0 in some"
    study["map_files"][0] = save("empty", np.full((*SHAPE, 3), np.nan))
    assert "180 not finite" in refused(study).found
    study["map_files"][0] = save("t_values", study["maps"][0] * 9)
    assert refused(study).expected == "correlations, -1 to 1"
