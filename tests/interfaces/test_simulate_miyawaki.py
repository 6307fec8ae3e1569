import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nilearn.datasets import func as nilearn_func
from support.simulated import checksums

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.simulate_miyawaki import SimulateMiyawaki

TINY = {"n_figure_runs": 2, "n_random_runs": 3, "n_blocks": 14, "n_voxels": 250}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("miyawaki")
    return pe.Node(SimulateMiyawaki(**TINY), name="s", base_dir=str(folder)).run().outputs


def test_files_are_those_that_nilearn_fetches(made, monkeypatch, tmp_path):
    """The fetcher itself says which; it is kept from the network."""
    asked = []

    def no_download(data_dir, files, **_):
        asked.extend(name.as_posix() if hasattr(name, "as_posix") else name for name, *_ in files)
        return [str(name) for name, *_ in files]

    monkeypatch.setattr(nilearn_func, "fetch_files", no_download)
    bunch = nilearn_func.fetch_miyawaki2008(data_dir=str(tmp_path), verbose=0)
    root = made.background_file.removesuffix("bg.nii.gz")

    def relative(paths):
        return [p.removeprefix(root) for p in paths]

    func = [str(p) for p in bunch["func"]]
    label = [str(p) for p in bunch["label"]]
    assert relative(made.func_files) == func[:2] + func[12:15]
    assert relative(made.label_files) == label[:2] + label[12:15]
    rois = [p if "/" in p else f"mask/{p}" for p in map(str, bunch["mask_roi"])]
    assert relative(made.mask_roi_files) == rois and len(rois) == 38
    assert {"bg.nii.gz"} <= set(asked)


def test_all_images_lie_on_one_grid_and_masks_say_what_truth_says(made):
    mask = nb.load(made.mask_file)
    inside = mask.get_fdata() > 0
    truth = pd.read_csv(made.truth_file, sep="\t")
    np.testing.assert_array_equal(np.argwhere(inside), truth[list("ijk")])
    place = nb.affines.apply_affine(mask.affine, np.argwhere(inside))
    np.testing.assert_allclose(place, truth[list("xyz")], atol=1e-4)
    assert int(mask.header["sform_code"]) == 4
    assert len(truth) == 250
    for path in made.func_files:
        series = nb.load(path)
        assert series.shape[:3] == mask.shape and series.header.get_zooms()[3] == 2
        np.testing.assert_allclose(series.affine, mask.affine)
        assert not series.get_fdata()[~inside].any()
        n = 7 + 6 * (10 if "figure" in path else 14) + 6
        assert series.shape[3] == n
        assert np.loadtxt(
            path.replace("func", "label").replace(".nii.gz", "_label.csv"), dtype=int, delimiter=","
        ).shape == (n, 100)
    total = np.zeros(mask.shape)
    for path in made.mask_roi_files:
        roi = nb.load(path).get_fdata() > 0
        name = path.rsplit("/", 1)[1].removesuffix(".nii.gz")
        own = truth["hemisphere"] == name[0]
        if "lag" in name:
            low, high = map(int, name[5:].split("to"))
            own &= truth["eccentricity"].between(low, high + 1e-6)
            total += roi
        else:
            own &= truth["area"] == name[2:]
        np.testing.assert_array_equal(roi[inside], own, err_msg=name)
    assert (total[inside] == 1).all() and not total[~inside].any()
    anatomy = nb.load(made.background_file)
    assert (anatomy.get_fdata()[inside] > 0.2).mean() > 0.95


def test_series_are_what_the_truth_predicts(made):
    """Each voxel correlates with its own field's prediction, and not with another's."""
    inside = nb.load(made.mask_file).get_fdata() > 0
    fields = np.load(made.fields_file)
    seen = pd.read_csv(made.truth_file, sep="\t")["seen"].to_numpy()
    np.testing.assert_allclose((fields**2).sum(axis=(1, 2)), seen, rtol=1e-4)
    shown, y = [], []
    random = zip(made.func_files[2:], made.label_files[2:], strict=True)  # figures are symmetric
    for func, label in random:
        labels = np.loadtxt(label, dtype=int, delimiter=",")[:-2]
        seeing = labels[:, 0] >= 0  # rest apart: it differs from any image in every voxel
        shown.append(np.reshape(labels, (-1, 10, 10), order="F")[seeing])
        series = nb.load(func).get_fdata()[inside].T[2:]
        y.append(series[seeing] - series[seeing].mean(axis=0))
    shown, y = np.concatenate(shown).astype(float), np.concatenate(y)

    def correlation(maps):
        x = np.einsum("nij,vij->nv", shown, maps)
        x -= x.mean(axis=0)
        return (x * y).mean(axis=0) / np.maximum(x.std(axis=0), 1e-9) / y.std(axis=0)

    assert np.median(correlation(fields)[seen > 0.9]) > 0.35
    assert abs(np.mean(correlation(fields)[seen < 1e-3])) < 0.1
    for wrong in (fields[:, ::-1], fields[:, :, ::-1], fields.transpose(0, 2, 1)):
        far = np.abs(wrong - fields).max(axis=(1, 2)) > 0.7 * fields.max(axis=(1, 2))
        assert np.median(correlation(wrong)[(seen > 0.9) & far]) < 0.2


def test_everything_says_that_it_is_simulated(made):
    sidecar = json.loads(Path(made.sidecar_file).read_text())
    assert sidecar["Simulated"] is True and "no person was scanned" in sidecar["Description"]
    assert sidecar["Parameters"]["n_voxels"] == 250


def test_same_bytes_whatever_the_threads_and_other_seeds_differ(made, work):
    first = checksums(Path(made.background_file).parent)
    SimulateMiyawaki(num_threads=2, **TINY).run(cwd=str(work))
    again = checksums(work)
    assert len(again) > 50
    assert again == {name: first[name] for name in again}
    SimulateMiyawaki(seed=1, **TINY).run(cwd=str(work))
    other = checksums(work)
    func = [name for name in other if name.startswith("func/")]
    assert all(other[name] != again[name] for name in func)


def test_too_few_voxels_are_refused(work):
    with pytest.raises(InputError, match="at least two voxels") as err:
        SimulateMiyawaki(n_voxels=5).run(cwd=str(work))
    assert "SimulateMiyawaki" in str(err.value)


@pytest.mark.slow
def test_the_published_size(work):
    made = SimulateMiyawaki(n_figure_runs=12, n_random_runs=20, n_voxels=5438).run(cwd=str(work))
    assert len(made.outputs.func_files) == 32
    lengths = [nb.load(path).shape[3] - 2 for path in made.outputs.func_files[12:]]
    assert sum(lengths) == 2860
    assert (nb.load(made.outputs.mask_file).get_fdata() > 0).sum() == 5438
