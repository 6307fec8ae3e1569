"""Two of our workflows in somebody else's graph: the right numbers, and the right methods text."""

import re

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nipype import Function, Merge, Node, Workflow
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    traits,
)
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneGroupOut

from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki
from fmriprod.interfaces.simulate_representations import SimulateRepresentations
from fmriprod.workflows.describe import bibliography, citations, describe
from fmriprod.workflows.encoding import init_encoding_wf
from fmriprod.workflows.searchlight_rsa import init_searchlight_rsa_wf

RADIUS, PENALTY, SHIFT = 5.0, 100.0, 2


class _LeftHalfInputSpec(BaseInterfaceInputSpec):
    in_file = File(exists=True, mandatory=True, desc="mask")
    planes = traits.Int(mandatory=True, desc="planes that stay")


class _LeftHalfOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="what is left of the mask")


class LeftHalf(SimpleInterface):
    """The stranger's own interface, written as Nipype's documentation says."""

    input_spec = _LeftHalfInputSpec
    output_spec = _LeftHalfOutputSpec

    def _run_interface(self, runtime):
        image = nb.load(self.inputs.in_file)
        mask = np.asarray(image.dataobj).copy()
        mask[self.inputs.planes :] = 0
        self._results["out_file"] = f"{runtime.cwd}/left.nii.gz"
        nb.save(nb.Nifti1Image(mask, image.affine), self._results["out_file"])
        return runtime


def amplify(in_files, gain):
    """Multiply images; ridge regression must not care for the unit of responses."""
    import os

    import nibabel as nb

    out = []
    for number, path in enumerate(in_files):
        image = nb.load(path)
        out.append(os.path.abspath(f"run_{number}.nii.gz"))
        data = (gain * image.get_fdata()).astype("float32")
        nb.save(nb.Nifti1Image(data, image.affine, image.header), out[-1])
    return out


def best(r2_map, value_map):
    """Largest values of both analyses."""
    import nibabel as nb
    import numpy as np

    return [float(np.nanmax(nb.load(path).get_fdata())) for path in (r2_map, value_map)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Simulated: films of random images with responses, and patterns of conditions."""
    folder = tmp_path_factory.mktemp("data")
    films = SimulateMiyawaki(
        n_figure_runs=0, n_random_runs=3, n_blocks=8, n_voxels=60, snr=2.0
    ).run(cwd=str(folder)).outputs  # fmt: skip
    points = np.random.default_rng(8).normal(size=(8, 3))
    names = [f"c{number}" for number in range(8)]
    table = pd.DataFrame(squareform(pdist(points)), index=names, columns=names)
    table.to_csv(folder / "own.tsv", sep="\t")
    model = ModelRDM(matrix_files=[str(folder / "own.tsv")]).run(cwd=str(folder)).outputs.rdm_file
    maps = SimulateRepresentations(
        rdm_file=model, n_subjects=1, n_runs=2, snr=3.0, shape=(8, 12, 9)
    ).run(cwd=str(folder)).outputs  # fmt: skip
    return films, model, maps


def build(data, folder):
    films, model, maps = data
    lab = Workflow("lab", base_dir=str(folder))
    lab.config["execution"] = {"crashdump_dir": str(folder), "crashfile_format": "txt",
                               "remove_unnecessary_outputs": "false"}  # fmt: skip
    runs = Node(Merge(2), "runs")
    runs.inputs.in1, runs.inputs.in2 = films.func_files[:1], films.func_files[1:]
    gain = Node(Function(["in_files", "gain"], ["out"], amplify), "gain")
    gain.inputs.gain = 10.0
    half = Node(LeftHalf(in_file=maps.mask_file, planes=4), "half")
    encoding = init_encoding_wf(
        stimuli="labels", responses="bold", stimulus_options={"shift": SHIFT},
        response_options={"shift": SHIFT}, penalties=[PENALTY], save_model=False, simulated=True,
    )  # fmt: skip
    encoding.inputs.inputnode.trait_set(
        label_files=films.label_files, mask_file=films.mask_file,
        background_file=films.background_file,
    )  # fmt: skip
    rsa = init_searchlight_rsa_wf(radius=9.0, min_voxels=5, p_method="none")
    rsa.get_node("rsa").inputs.radius = RADIUS  # changed after building, as users do
    rsa.inputs.inputnode.trait_set(
        pattern_files=maps.pattern_files[0], conditions=maps.conditions, runs=maps.runs,
        model_files=[model],
    )  # fmt: skip
    largest = Node(Function(["r2_map", "value_map"], ["out"], best), "largest")
    lab.connect([
        (runs, gain, [("out", "in_files")]),
        (gain, encoding, [("out", "inputnode.bold_files")]),
        (half, rsa, [("out_file", "inputnode.mask_file")]),
        (encoding, largest, [("outputnode.r2_map", "r2_map")]),
        (rsa, largest, [("outputnode.value_map", "value_map")]),
    ])  # fmt: skip
    return lab


@pytest.fixture(scope="module")
def ran(data, tmp_path_factory):
    lab = build(data, tmp_path_factory.mktemp("lab"))
    nodes = lab.run().nodes()
    return lab, {node.name: node.result.outputs for node in nodes}


def values(path):
    return np.asarray(nb.load(path).dataobj).squeeze()


def detrended(series):
    """Less a straight line in each column, by least squares."""
    line = np.stack([np.ones(len(series)), np.arange(len(series))], axis=1)
    return series - line @ np.linalg.lstsq(line, series, rcond=None)[0]


def test_encoding_in_the_strangers_graph_equals_scikit_learn(data, ran):
    films, _, _ = data
    mask = values(films.mask_file) > 0
    parts = []
    for number, (func, label) in enumerate(zip(films.func_files, films.label_files, strict=True)):
        series = detrended(10 * nb.load(func).get_fdata()[mask].T)[SHIFT:]
        pixels = np.loadtxt(label, delimiter=",").reshape(-1, 10, 10, order="F").reshape(-1, 100)
        parts.append((series, pixels[: len(series)], np.full(len(series), number)))
    y, x, groups = (np.concatenate(part) for part in zip(*parts, strict=True))
    folds = [
        r2_score(y[test], Ridge(PENALTY).fit(x[train], y[train]).predict(x[test]),
                 multioutput="raw_values")
        for train, test in LeaveOneGroupOut().split(x, groups=groups)
    ]  # fmt: skip
    found = values(ran[1]["encode"].r2_map)[mask]
    np.testing.assert_allclose(found, np.mean(folds, axis=0), atol=1e-3)
    assert np.ptp(found) > 0.3, "there is something to find"


def test_searchlight_in_the_strangers_graph_equals_a_slow_loop(data, ran):
    _, _, maps = data
    mask = values(ran[1]["half"].out_file) > 0
    names = list(dict.fromkeys(maps.conditions))
    images = np.stack([values(path) for path in maps.pattern_files[0]])
    labels = np.array(maps.conditions)
    patterns = np.stack([images[labels == name].mean(axis=0)[mask] for name in names])
    places = np.argwhere(mask) * nb.load(maps.mask_file).header.get_zooms()[:3]
    target = pdist(np.random.default_rng(8).normal(size=(8, 3)))  # what was planted
    expected = np.full(mask.shape, np.nan)
    for voxel, place in zip(np.argwhere(mask), places, strict=True):
        near = ((places - place) ** 2).sum(axis=1) <= RADIUS**2 + 1e-6
        if near.sum() >= 5:
            rho = spearmanr(pdist(patterns[:, near], "correlation"), target)[0]
            expected[tuple(voxel)] = rho
    found = values(ran[1]["rsa"].value_map)
    assert np.isfinite(expected).sum() > 50
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_allclose(found[mask], expected[mask], atol=2e-4)
    assert np.nanmax(found) > 0.5 and np.isnan(found[4:]).all()


def test_the_strangers_own_last_step_gets_both(ran):
    r2, rho = ran[1]["largest"].out
    assert r2 == pytest.approx(np.nanmax(values(ran[1]["encode"].r2_map)))
    assert rho == pytest.approx(np.nanmax(values(ran[1]["rsa"].value_map)))


def test_the_text_says_what_this_graph_did_and_nothing_else(ran):
    text = describe(ran[0])
    for fact in ("described by their pixels", "a straight line was removed",
                 "volumes were taken 2 later", "ridge regression with a penalty of 100",
                 "each run was left out in turn", "sphere of 5 mm", "1 - Pearson's r",
                 "at least 5 voxels", "models (spearman)", "fmriprod", "Nipype"):  # fmt: skip
        assert fact in text, fact
    for unused in ("network", "9 mm", "chosen", "permutation", "relabellings", "layer whose",
                   "confound", "standard deviation", "log-transformed", "later than 100 s",
                   "Mahalanobis", "significan", "FSL", "PyTorch"):  # fmt: skip
        assert unused not in text, unused
    places = [text.index(words) for words in ("pixels", "straight line", "ridge regression")]
    assert places[2] == max(places), "what is fed comes after what feeds it"
    keys = citations(text)
    assert {"eickenberg2017", "kriegeskorte_searchlight", "kriegeskorte_rsa", "nipype"} <= {*keys}
    assert {"whitened_rdms", "walther2016", "fdr", "kay2008", "simpleitk"}.isdisjoint(keys)
    assert set(re.findall(r"^@\w+\{([\w-]+),", bibliography(keys), re.MULTILINE)) == set(keys)
