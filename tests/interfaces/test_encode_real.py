"""Layers of a network against measured voxels of digits, from images to fingerprints."""

import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from PIL import Image
from scipy.io import loadmat
from support.images import write_image
from support.nested_ridge import correlation

from fmriprod.interfaces.encode import RidgeEncode
from fmriprod.interfaces.fingerprint import ScoreFingerprint
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.score_file import read_scores

pytestmark = pytest.mark.realdata
N_VOXELS = 3092


@pytest.fixture
def digits(real_data, work):
    """Write images and responses; where the voxels lie in the brain is not known."""
    found = loadmat(real_data("digit69") / "digit69_28x28.mat")
    stimuli = np.concatenate([found["stimTrn"], found["stimTest"]])
    (work / "images").mkdir()
    images = [str(work / "images" / f"{i:03d}.png") for i in range(100)]
    for path, pixels in zip(images, stimuli.reshape(-1, 28, 28).transpose(0, 2, 1), strict=True):
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    responses = np.concatenate([found["fmriTrn"], found["fmriTest"]]).astype("f4")
    np.save("responses.npy", responses)
    shown = [Path(path).name for path in images]
    table = pd.DataFrame({"run": np.arange(100) // 10, "stimulus": shown})
    table.to_csv("samples.tsv", sep="\t", index=False)
    mask = np.zeros((16, 16, 13), np.uint8)
    mask.ravel()[:N_VOXELS] = 1
    write_image(work / "mask.nii.gz", mask)
    names = {"responses_file": "responses.npy", "samples_file": "samples.tsv",
             "mask_file": "mask.nii.gz"}  # fmt: skip
    return images, {name: str(work / file) for name, file in names.items()}, responses


def encode(images, inputs, network, **options):
    features = pe.Node(LayerFeatures(network=network, images=images), name="f", base_dir="nodes")
    made = features.run().outputs
    encode = RidgeEncode(
        **inputs, features_file=made.features_file, features_samples_file=made.samples_file,
        num_threads=2, **options,
    )  # fmt: skip
    return pe.Node(encode, name="encode", base_dir="nodes").run().outputs


def test_pixels_predict_voxels(digits):
    images, inputs, responses = digits
    out = encode(images[::-1], inputs, "pixels", save_predictions=True)
    with open_layers(out.predictions_file) as file:
        pooled = correlation(responses, file[file.names[0]])
    assert pooled.max() >= 0.80 and (pooled > 0.3).sum() >= 300
    scores = read_scores(out.scores_file)
    assert scores.r.max() >= 0.80 and scores.usable.all()


@pytest.mark.slow
def test_layers_of_a_network_have_fingerprints(digits):
    pytest.importorskip("torch")
    images, inputs, _ = digits
    out = encode(images, inputs, "small")
    scores = read_scores(out.scores_file)
    assert len(scores.layers) >= 4 and scores.r.shape == (len(scores.layers), N_VOXELS)
    best = scores.r.max(axis=0)
    assert best.max() >= 0.8 and (best > 0.3).sum() >= 300
    fingerprint = pe.Node(
        ScoreFingerprint(
            scores_file=out.scores_file, mask_file=inputs["mask_file"], score="r", n_bootstrap=200
        ),
        name="fingerprint", base_dir="nodes",
    ).run().outputs  # fmt: skip
    table = pd.read_csv(fingerprint.profile_file, sep="\t")
    assert list(table["layer"]) == scores.layers and table["value"].max() == 1
    assert table["score"].max() > 0.3
    profiles = np.load(fingerprint.voxel_profiles_file)
    assert profiles.shape == scores.r.shape
    np.testing.assert_allclose(np.nansum(profiles, axis=0)[best > 0], 1, rtol=1e-5)
    summary = json.loads(Path(fingerprint.summary_file).read_text())
    assert summary["n_voxels"] == N_VOXELS
    assert fingerprint.figure_names == ["fingerprints", "winner", "slope"]
    for path in fingerprint.figures:
        assert imread(path)[..., :3].std() > 0.05  # something is drawn
