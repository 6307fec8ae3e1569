"""Experiments on a fitted model, through the whole graph: from images to maps and curves."""

import json
from pathlib import Path

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.graphs import run_inside
from support.images import write_image
from support.visual_fields import planted_fields

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.workflows.describe import describe
from fmriprod.workflows.synthesis import init_synthesis_wf

RETINOTOPY = ["responses_file", "samples_file", "angle_file", "amplitude_file", "f_file",
              "summary_file", "figures", "figure_names"]  # fmt: skip
CONTRAST = ["responses_file", "samples_file", "t_files", "curves_file", "summary_file", "figures",
            "figure_names"]  # fmt: skip
SIZE, SHAPE = 20, (10, 8, 6)


def write_png(path, levels):
    Image.fromarray(np.uint8(np.clip(levels, 0, 255))).save(path)
    return str(path)


def fit(folder, features_file, responses):
    """Fit the model as a study would; give the inputs of the workflow that it makes."""
    np.save(folder / "responses.npy", responses.astype(np.float32))
    samples = pd.DataFrame({"run": np.arange(len(responses)) % 3 + 1})
    samples.to_csv(folder / "samples.tsv", sep="\t", index=False)
    mask = np.zeros(SHAPE, np.uint8)
    mask[::2, ::2, ::2] = 1  # no voxel beside another
    mask_file = str(write_image(folder / "mask.nii.gz", mask))
    (folder / "fit").mkdir()
    made = RidgeEncode(
        features_file=features_file, responses_file=str(folder / "responses.npy"),
        samples_file=str(folder / "samples.tsv"), mask_file=mask_file, save_model=True,
    ).run(cwd=str(folder / "fit")).outputs  # fmt: skip
    return {"model_file": made.model_file, "mask_file": mask_file}


def map_of(folder, name, values):
    volume = np.full(SHAPE, np.nan, np.float32)
    volume[::2, ::2, ::2].flat = values
    return str(write_image(folder / f"{name}.nii.gz", volume))


def features_of(folder, images, network):
    (folder / "features").mkdir()
    made = LayerFeatures(images=images, network=network, size=[SIZE])
    return made.run(cwd=str(folder / "features")).outputs.features_file


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Voxels that each see a place of the image, fitted on 400 images of noise."""
    folder = tmp_path_factory.mktemp("places")
    rng = np.random.default_rng(2)
    images = [write_png(folder / f"i{k:03d}.png", rng.integers(0, 256, (SIZE, SIZE)))
              for k in range(400)]  # fmt: skip
    features = features_of(folder, images, "pixels")
    fields, angles = planted_fields(SIZE, 60)
    with open_layers(features) as layers:
        signal = layers[layers.names[0]] @ fields
    noise = 0.3 * signal.std(axis=0) * rng.normal(size=signal.shape)
    inputs = fit(folder, features, signal + noise)
    # As bright as the grey around wedges by default: on black only, a wedge is more light.
    bases = [write_png(folder / f"base{k}.png", rng.integers(64, 192, (SIZE, SIZE)))
             for k in range(4)]  # fmt: skip
    return inputs | {"images": bases, "truth_file": map_of(folder, "angles", angles)}, angles


def run(inputs, folder, fields, **options):
    workflow = init_synthesis_wf(**options)
    workflow.inputs.inputnode.trait_set(**inputs)
    return run_inside(workflow, folder, fields)


def test_wedges_bring_back_the_angles_of_the_voxels(places, tmp_path):
    inputs, angles = places
    done = run(
        inputs, tmp_path, RETINOTOPY, network="pixels", size=[SIZE], n_images=3, background=0.0,
        sigma=0.0, compare=True, seed=5, simulated=True,
    )  # fmt: skip
    found = json.loads(Path(done["summary_file"]).read_text())
    assert found["circular_correlation_uniform"] > 0.95 and found["n_compared"] == 60
    assert found["n_samples"] == 3 * 24 and found["sigma"] == 0
    angle = nb.load(done["angle_file"]).get_fdata()[::2, ::2, ::2].ravel()
    assert np.abs(np.angle(np.exp(1j * (angle - angles)))).mean() < np.deg2rad(10)
    samples = pd.read_csv(done["samples_file"], sep="\t")
    assert np.load(done["responses_file"]).shape == (len(samples), 60) == (72, 60)
    drawn = np.sort(np.random.default_rng(5).permutation(4)[:3])
    assert samples["base"].unique().tolist() == [f"base{k}.png" for k in drawn]
    assert done["figure_names"] == ["retinotopy"]
    for name in ("amplitude_file", "f_file"):
        assert nb.load(done[name]).get_fdata()[::2, ::2, ::2].min() > 0
    assert Path(done["figures"][0]).stat().st_size > 10_000


def test_without_a_truth_nothing_is_compared(places, tmp_path):
    inputs = {name: value for name, value in places[0].items() if name != "truth_file"}
    done = run(inputs, tmp_path, RETINOTOPY, network="pixels", size=[SIZE], n_images=1)
    found = json.loads(Path(done["summary_file"]).read_text())
    assert found["n_samples"] == 24 and "circular_correlation" not in found


@pytest.mark.parametrize("limits", [{"max_features": 30}, {"size": [SIZE // 2]}])
def test_features_must_be_those_of_the_model(places, tmp_path, limits):
    """Fewer features are refused; no prediction is made of them."""
    inputs = {name: value for name, value in places[0].items() if name != "truth_file"}
    options = {"network": "pixels", "size": [SIZE], "n_images": 1} | limits
    with pytest.raises(Exception, match=r"SynthesizeResponses: .*") as error:
        run(inputs, tmp_path, RETINOTOPY, **options)
    assert InputError.__name__ in str(error.value) and "400" in str(error.value)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Half of the voxels answer to fine stripes, half to coarse ones."""
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:SIZE, :SIZE]

    def stripes(period, name):
        turn, phase = rng.uniform(0, np.pi, 2)
        wave = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period + 2 * phase)
        return write_png(folder / name, 128 + 60 * wave + rng.normal(0, 20, wave.shape))

    images = [stripes(period, f"m{k:03d}.png") for k, period in enumerate(rng.uniform(3, 12, 150))]
    features = features_of(folder, images, "gabor")
    with open_layers(features) as layers:
        names = layers.names
        fine, coarse = (layers[name].mean(axis=1) for name in (names[-1], names[0]))
    prefers = np.repeat([1.0, -1.0], 30)
    signal = np.where(prefers > 0, *((e / e.std())[:, None] for e in (fine, coarse)))
    inputs = fit(folder, features, signal + 0.5 * rng.normal(size=signal.shape))
    shown = [("fine", 4)] * 12 + [("coarse", 10)] * 12
    samples = pd.DataFrame(
        [(f"s{k:02d}.png", name) for k, (name, _) in enumerate(shown)],
        columns=["stimulus", "condition"],
    )
    samples.to_csv(folder / "shown.tsv", sep="\t", index=False)
    given = {
        "images": [stripes(period, f"s{k:02d}.png") for k, (_, period) in enumerate(shown)],
        "samples_file": str(folder / "shown.tsv"),
        "truth_file": map_of(folder, "t", 5 * prefers),
    }
    return inputs | given, names, prefers


def test_a_contrast_finds_the_voxels_of_both_kinds(kinds, tmp_path):
    inputs, names, prefers = kinds
    done = run(
        inputs, tmp_path, CONTRAST, experiment="contrast", network="gabor", size=[SIZE],
        first="fine", second="coarse", single_layer=names[0], simulated=True,
    )  # fmt: skip
    found = pd.read_csv(done["summary_file"], sep="\t")
    assert found["map"].tolist() == ["mean of layers"] * 2 + [names[0]] * 2
    assert found["contrast"].tolist() == ["fine > coarse", "coarse > fine"] * 2
    assert found["n_support"].tolist() == [30] * 4
    assert found["average_precision"][:2].min() > 0.95
    t = [nb.load(path).get_fdata()[::2, ::2, ::2].ravel() for path in done["t_files"]]
    assert len(t) == 2 and (np.sign(t[0]) == prefers).mean() > 0.95
    assert np.abs(t[0] - t[1]).max() > 0.1
    assert np.load(done["responses_file"]).shape == (24, 60)
    assert set(pd.read_csv(done["curves_file"], sep="\t")["map"]) == {"mean of layers", names[0]}
    assert done["figure_names"] == ["precision_recall", "contrast_maps"]
    assert all(Path(path).is_file() for path in done["figures"])


def test_a_contrast_of_all_layers_alone_and_a_threshold_of_its_own(kinds, tmp_path):
    inputs, *_ = kinds
    options = {"experiment": "contrast", "network": "gabor", "size": [SIZE], "first": "fine",
               "second": "coarse"}  # fmt: skip
    done = run(inputs, tmp_path / "a", CONTRAST, **options)
    found = pd.read_csv(done["summary_file"], sep="\t")
    assert found["map"].tolist() == ["mean of layers"] * 2 and np.size(done["t_files"]) == 1
    with pytest.raises(Exception, match=r"at least 6 in size"):
        run(inputs, tmp_path / "b", CONTRAST, truth_threshold=6.0, **options)


def test_images_in_another_order_than_their_table_are_refused(kinds, tmp_path):
    inputs, *_ = kinds
    options = {"experiment": "contrast", "network": "gabor", "size": [SIZE]}
    with pytest.raises(Exception, match=r"'s00.png' for 's23.png'"):
        run(inputs | {"images": inputs["images"][::-1]}, tmp_path, CONTRAST, first="fine",
            second="coarse", **options)  # fmt: skip


def test_the_text_says_what_was_done():
    text = describe(init_synthesis_wf(n_images=7))
    assert "wedges of 30 degrees" in text and "from 7 images" in text
    text = describe(init_synthesis_wf(experiment="contrast", single_layer="conv1"))
    assert "between images of face and place, and by conv1 alone" in text
