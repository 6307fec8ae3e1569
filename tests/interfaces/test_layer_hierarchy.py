"""The whole way from simulated maps to layers: what is planted is found where it is."""

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from fmriprod.algorithms.simulate_stimuli import simulate_stimuli
from fmriprod.algorithms.small_networks import layer_activations, small_network
from fmriprod.interfaces.group_rsa import GroupRSA
from fmriprod.interfaces.layer_assignment import LayerAssignment
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM
from fmriprod.interfaces.searchlight_rsa import SearchlightRSA
from fmriprod.interfaces.simulate_representations import SimulateRepresentations

CONDITIONS = [f"image{i:02d}" for i in range(16)]


@pytest.fixture
def planted(work):
    """Eight participants whose areas have the distances of the layers of a small network."""
    pytest.importorskip("torch")
    images, _ = simulate_stimuli({"natural": 8, "face": 4, "place": 4}, size=32, seed=1)
    images = images.reshape(16, 32, 32, -1).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    images = np.ascontiguousarray(np.broadcast_to(images, (16, 3, 32, 32)), dtype=np.float32)
    network = small_network(n_layers=4, size=32)
    layers = layer_activations(network, images, network.layer_names)
    write_layers("layers.h5", {name: x.reshape(16, -1) for name, x in layers.items()})
    return SimulateRepresentations(
        features_file=str(work / "layers.h5"), conditions=CONDITIONS, n_subjects=8, n_runs=2,
        n_components=4, shape=(14, 44, 13),
    ).run().outputs  # fmt: skip


def inside(areas, number, margin=2):
    """Voxels of an area whose sphere lies mostly in it."""
    from scipy.ndimage import binary_erosion

    return binary_erosion(areas == number, iterations=margin)


def test_the_hierarchy_of_layers_is_recovered(planted, work):
    searchlight = {"conditions": planted.conditions, "mask_file": planted.mask_file,
                   "radius": 6.0}  # fmt: skip
    maps = []
    for number, files in enumerate(planted.pattern_files):
        (work / str(number)).mkdir()
        compared = SearchlightRSA(
            pattern_files=files, model_files=[planted.planted_rdm_file], n_permutations=300,
            **searchlight,
        ).run(cwd=str(work / str(number))).outputs  # fmt: skip
        maps.append(compared.value_map)
        if number == 0:
            one = compared
    areas = nb.load(planted.area_map).get_fdata()
    n_layers = len(planted.rois)
    silent = areas == n_layers + 1
    far = silent & (np.indices(areas.shape)[2] >= 11)  # no sphere there reaches an area

    rdms = SearchlightRDM(pattern_files=planted.pattern_files[0], **searchlight).run().outputs
    out = LayerAssignment(
        rsa_file=one.rsa_file, test="q", rdm_file=rdms.rdm_file,
        model_file=planted.planted_rdm_file, n_bootstrap=100,
    ).run().outputs  # fmt: skip
    layer, sure = (nb.load(f).get_fdata() for f in (out.layer_map, out.agreement_map))
    for number in range(1, n_layers + 1):
        found = layer[inside(areas, number)]
        assert (found == number).mean() > 0.9, number
        assert np.nanmean(sure[inside(areas, number)]) > 0.7
    assert np.isfinite(layer[far]).mean() < 0.1

    out = GroupRSA(map_files=maps, maps=planted.rois, n_permutations=256, together=True,
                   roi_files=planted.roi_files, roi_names=planted.rois).run().outputs  # fmt: skip
    layer = nb.load(out.layer_map).get_fdata()
    for number in range(1, n_layers + 1):
        assert (layer[inside(areas, number)] == number).mean() > 0.95, number
    assert np.isfinite(layer[far]).mean() < 0.02
    bars = pd.read_csv(out.region_file, sep="\t").query("voxels == 'all'")
    best = bars.loc[bars.groupby("roi")["mean"].idxmax()]
    assert (best["roi"] == best["map"]).all() and best["significant"].all()


def test_layers_of_the_network_differ_enough_to_be_told_apart(planted):
    from fmriprod.interfaces.rdm_file import read_rdms

    rows = read_rdms(planted.planted_rdm_file).dissimilarities
    rho = stats.spearmanr(rows.T).statistic
    assert (rho[~np.eye(len(rho), dtype=bool)] < 0.9).all()
    files = planted.pattern_files[0][:16]
    areas = nb.load(planted.area_map).get_fdata()
    patterns = np.stack([nb.load(f).get_fdata()[areas == 1] for f in files])
    own = stats.spearmanr(pdist(patterns, "correlation"), rows[0]).statistic
    assert own > 0.5
