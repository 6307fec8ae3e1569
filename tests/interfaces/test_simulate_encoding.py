import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import ttest_ind
from support.simulated import checksums

from fmriprod.algorithms.checks import InputError

torch = pytest.importorskip("torch")

from fmriprod.interfaces.layer_features import LayerFeatures  # noqa: E402
from fmriprod.interfaces.layer_file import open_layers  # noqa: E402
from fmriprod.interfaces.simulate_encoding import SimulateEncoding  # noqa: E402

TINY = {
    "n_images": 12, "n_faces": 3, "n_places": 3, "n_validation": 4, "n_repeats": 3, "size": 40,
    "network": "small:tiny", "n_voxels": 150, "n_sessions": 3,
}  # fmt: skip
COLUMNS = ["stimulus", "kind", "session", "run", "repeat", "trial"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoding")
    return pe.Node(SimulateEncoding(**TINY), name="s", base_dir=str(folder)).run().outputs


def table(path):
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values="n/a")


def read_layers(path):
    with open_layers(path) as layers:
        return {name: layers[name] for name in layers.names}


def test_rows_of_images_features_and_responses_are_the_same_samples(made):
    samples = table(made.samples_file)
    assert list(samples) == COLUMNS
    assert samples["stimulus"].tolist() == [Path(p).name for p in made.image_files]
    shown = table(made.features_samples_file)
    assert samples["stimulus"].tolist() == shown["stimulus"].tolist()
    assert samples["kind"].tolist() == ["natural"] * 12 + ["face"] * 3 + ["place"] * 3
    responses = np.load(made.responses_file)
    assert responses.shape == (18, 150) and responses.dtype == np.float32
    assert set(samples["session"]) == {1, 2, 3} and (samples["repeat"] == 1).all()

    again = table(made.validation_samples_file)
    names = [Path(p).name for p in made.validation_image_files]
    assert again["stimulus"].tolist() == list(np.repeat(names, 3))
    assert again["repeat"].tolist() == [1, 2, 3] * 4
    assert np.load(made.validation_responses_file).shape == (12, 150)
    trials = sorted(samples["trial"].tolist() + again["trial"].tolist())
    assert trials == list(range(1, 31))


def test_repeats_share_their_signal_and_not_their_noise(work):
    quiet = SimulateEncoding(**TINY | {"snr": 1e6, "silent": 0.0, "drift": 0.0, "offset": 0.0})
    out = quiet.run(cwd=str(work)).outputs
    repeats = np.load(out.validation_responses_file).reshape(4, 3, -1)
    assert np.ptp(repeats, axis=1).max() < 0.05 < np.ptp(repeats[:, 0], axis=0).min()


def test_features_are_those_of_the_network_on_the_written_images(made, work):
    again = LayerFeatures(images=made.image_files, network="small:tiny").run(cwd=str(work))
    ours, theirs = read_layers(made.features_file), read_layers(again.outputs.features_file)
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    picture = Image.open(made.image_files[0])
    assert picture.size == (40, 40) and picture.mode == "L"


def test_masks_and_maps_say_what_the_truth_says(made):
    truth = table(made.truth_file)
    mask = nb.load(made.mask_file)
    inside = mask.get_fdata() > 0
    np.testing.assert_array_equal(np.argwhere(inside), truth[list("ijk")])
    np.testing.assert_allclose(
        nb.affines.apply_affine(mask.affine, np.argwhere(inside)), truth[list("xyz")], atol=1e-4
    )
    assert made.rois == ["V1", "V2", "V3", "V4", "V3A", "V3B", "LOC"]
    for name, path in zip(made.rois, made.roi_files, strict=True):
        assert Path(path).name == f"{name}_mask.nii.gz"
        roi = nb.load(path).get_fdata() > 0
        np.testing.assert_array_equal(roi[inside], truth["area"] == name)
        assert roi.sum() == (truth["area"] == name).sum()
    t = nb.load(made.t_file).get_fdata()
    responses, kind = np.load(made.responses_file), table(made.samples_file)["kind"]
    face, place = responses[kind == "face"], responses[kind == "place"]
    pooled = (face.var(axis=0, ddof=1) + place.var(axis=0, ddof=1)) / 2
    expected = (face.mean(axis=0) - place.mean(axis=0)) / np.sqrt(pooled * 2 / 3)
    np.testing.assert_allclose(t[inside], expected, rtol=1e-3, atol=1e-4)
    assert not t[~inside].any()
    assert ((truth["signal_share"] == 0).sum() == 15) and truth["signal_share"].max() < 1


def test_everything_says_that_it_is_simulated(made):
    sidecar = json.loads(Path(made.sidecar_file).read_text())
    assert sidecar["Simulated"] is True and "no person was scanned" in sidecar["Description"]
    assert sidecar["Parameters"]["network"] == "small:tiny"


def test_same_bytes_whatever_the_threads_and_another_seed_differs(made, work):
    first = checksums(Path(made.mask_file).parent)  # less what a node removes
    SimulateEncoding(num_threads=2, **TINY).run(cwd=str(work))
    again = checksums(work)
    kept = {name: digest for name, digest in again.items() if not name.endswith("summary.json")}
    assert kept == {name: first[name] for name in kept} and len(kept) > 35
    SimulateEncoding(seed=1, **TINY).run(cwd=str(work))
    other = checksums(work)
    assert other["training_responses.npy"] != again["training_responses.npy"]
    assert all(other[name] != again[name] for name in again if name.endswith(".png"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"network": "pixels"}, "at least two layers"),
        ({"network": "gabor"}, "retinotopy needs early layers with places"),
        ({"network": "smal"}, "did you mean 'small'"),
        ({"n_voxels": 5}, "at least two voxels"),
        ({"n_voxels": 10**6}, "voxels of the mask"),
        ({"n_sessions": 30}, "30 sessions"),
    ],
)
def test_what_cannot_be_simulated_is_refused(work, options, text):
    with pytest.raises(InputError, match=text):
        SimulateEncoding(**TINY | options).run(cwd=str(work))


# What an analysis finds, by scikit-learn alone: no code of this package fits anything below.


def rotated(features, *others):
    """Standardise, and turn features into as many as there are rows: the same to any ridge."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    kept = spread > 1e-6
    parts = [(x[:, kept] - mean[kept]) / spread[kept] / np.sqrt(kept.sum()) for x in
             (features, *others)]  # fmt: skip
    values, vectors = np.linalg.eigh(parts[0].astype(float) @ parts[0].T)
    good = values > 1e-8 * values[-1]
    basis = parts[0].T @ (vectors[:, good] / np.sqrt(values[good]))
    return [x @ basis for x in parts]


def ridge(x, y):
    from sklearn.linear_model import RidgeCV

    return RidgeCV(np.logspace(-3, 3, 10), alpha_per_target=True).fit(x, y)


def fold_scores(x, y, groups):
    """Mean correlation over left-out sessions."""
    scores = []
    for group in np.unique(groups):
        test = groups == group
        seen = ridge(x[~test], y[~test]).predict(x[test])
        a, b = seen - seen.mean(axis=0), y[test] - y[test].mean(axis=0)
        scores.append((a * b).sum(axis=0) / np.sqrt((a**2).sum(0) * (b**2).sum(0) + 1e-9))
    return np.mean(scores, axis=0)


@pytest.fixture(scope="module", params=[0.5, 1.0, 4.0])
def study(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    made = SimulateEncoding(snr=request.param, silent=0.0, num_threads=2).run(cwd=str(folder))
    return request.param, made.outputs


@pytest.mark.slow
def test_the_published_table_is_found_in_the_simulation(study):
    """V1 peaks at layer 1, V2 and V3 at 2, V4 at 4-5 and always above 70 %, the others rise."""
    snr, made = study
    features, truth = read_layers(made.features_file), table(made.truth_file)
    responses, groups = np.load(made.responses_file), table(made.samples_file)["session"]
    scores = np.array(
        [fold_scores(rotated(x)[0], responses, groups.to_numpy()) for x in features.values()]
    )
    best = np.array(list(features))[scores.argmax(axis=0)]
    right = (best == truth["layer"]).groupby(truth["area"]).mean()
    least = {0.5: 0.7, 1.0: 0.85, 4.0: 0.95}[snr]
    assert (right.drop("V4") > least).all(), right
    profiles = {}
    for area, rows in truth.groupby("area").groups.items():
        own = np.sort(scores[:, rows], axis=1)[:, -len(rows) // 4 :].mean(axis=1)
        profiles[area] = own / own.max()
    peaks = {area: profile.argmax() + 1 for area, profile in profiles.items()}
    assert peaks["V1"] == 1 and peaks["V2"] == peaks["V3"] == 2 and peaks["V4"] in (4, 5)
    assert profiles["V4"].min() > 0.7
    for area in ("V3A", "V3B", "LOC"):
        assert peaks[area] >= 8 and np.polyfit(range(9), profiles[area], 1)[0] > 0.04


@pytest.mark.slow
def test_responses_to_wedges_show_the_planted_angles(study):
    """The mean over layers of models of what was measured, shown wedges that nobody saw."""
    _, made = study
    features, truth = read_layers(made.features_file), table(made.truth_file)
    responses = np.load(made.responses_file)
    folder = Path(made.mask_file).parent / "wedges"
    folder.mkdir()
    y, x = np.mgrid[:128, :128] - 63.5
    degrees = np.degrees(np.arctan2(-y, x))
    files, angles = [], []
    for step in range(24):
        wedge = np.abs((degrees - 15 * step + 180) % 360 - 180) < 15
        mask = gaussian_filter(wedge.astype(float), 0.02 * 128)
        for k, name in enumerate(made.validation_image_files):
            image = np.asarray(Image.open(name), float)
            files.append(str(folder / f"{step:02d}-{k:02d}.png"))
            Image.fromarray(np.rint(128 + mask * (image - 128)).astype(np.uint8)).save(files[-1])
            angles.append(np.deg2rad(15 * step))
    wedges = LayerFeatures(images=files, network="small:deep", num_threads=2).run(cwd=str(folder))
    shown = read_layers(wedges.outputs.features_file)
    seen = []
    for name in features:
        fit, ask = rotated(features[name], shown[name])
        seen.append(ridge(fit, responses).predict(ask))
    design = np.c_[np.cos(angles), np.sin(angles), np.ones(len(angles))]
    cos, sin, _ = np.linalg.lstsq(design, np.mean(seen, axis=0), rcond=None)[0]
    rows = truth["area"].isin(["V1", "V2", "V3"])
    found, planted = np.arctan2(sin, cos)[rows], truth["angle"][rows].to_numpy()
    # Jammalamadaka & SenGupta (2001), section 8.2, for angles all around the circle.
    same, mirrored = (np.abs(np.exp(1j * (found + sign * planted)).sum()) for sign in (-1, 1))
    spread = [np.sin(a - np.angle(np.exp(1j * a).sum())) for a in (found, planted)]
    r = (same - mirrored) / (2 * np.sqrt((spread[0] ** 2).sum() * (spread[1] ** 2).sum()))
    error = np.degrees(np.abs(np.angle(np.exp(1j * (found - planted)))))
    assert r > 0.9, (r, np.median(error))
    assert np.median(error) < 15


@pytest.mark.slow
def test_faces_and_places_are_found_by_all_layers_and_not_by_the_first(study):
    """Models that never saw either are shown the faces and places of the study."""
    _, made = study
    features, truth = read_layers(made.features_file), table(made.truth_file)
    responses, kind = np.load(made.responses_file), table(made.samples_file)["kind"].to_numpy()
    natural = kind == "natural"
    seen_by = []
    for x in features.values():
        fit, ask = rotated(x[natural], x[~natural])
        seen = ridge(fit, responses[natural]).predict(ask)
        seen_by.append(seen)
    face = kind[~natural] == "face"
    everything, first_layer = (ttest_ind(x[face], x[~face]).statistic for x in
                               (np.mean(seen_by, axis=0), seen_by[0]))  # fmt: skip
    for sign, name in ((1, "face"), (-1, "place")):
        own = (truth["kind"] == name).to_numpy()
        strict = np.argsort(-sign * everything)[: own.sum() // 3]
        first = np.argsort(-sign * first_layer)[: own.sum() // 3]
        assert own[strict].mean() > 0.9 and own[first].mean() < 0.5


def test_maps_of_what_is_planted_are_those_of_the_table(made):
    truth = table(made.truth_file)
    inside = nb.load(made.mask_file).get_fdata() > 0
    angle, prefers = (nb.load(path).get_fdata() for path in (made.angle_map, made.preference_map))
    planted = truth["angle"].where(truth["signal_share"] > 0).astype(np.float32)
    np.testing.assert_array_equal(angle[inside].astype(np.float32), planted)
    assert np.isfinite(planted).any() and (truth["angle"].notna() & planted.isna()).any()
    wanted = truth["kind"].map({"face": 1, "place": -1}).fillna(0)
    np.testing.assert_array_equal(prefers[inside], wanted)
    assert {-1, 0, 1} == set(wanted) and not angle[~inside].any()


def test_the_anatomy_is_the_template_where_the_cortex_is(made):
    from nilearn.datasets import load_mni152_template
    from nilearn.image import resample_to_img

    template = load_mni152_template(resolution=3)
    there = resample_to_img(template, made.mask_file, force_resample=True, copy_header=True)
    found = nb.load(made.background_file)
    np.testing.assert_allclose(found.get_fdata(), there.get_fdata(), atol=1e-4)
    np.testing.assert_array_equal(found.affine, nb.load(made.mask_file).affine)
