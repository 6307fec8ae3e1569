import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image
from support.visual_fields import planted_fields

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode_model import LinearModel
from fmriprod.interfaces import synthesize
from fmriprod.interfaces.encoding_model import write_model
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.retinotopy import Retinotopy
from fmriprod.interfaces.synthesize import SynthesizeResponses
from fmriprod.interfaces.wedge_stimuli import WedgeStimuli

SHAPE = (6, 5, 4)
N_VOXELS = 60


def build(folder, rng, n_samples=30):
    """Write features and models of three layers and the mask of their voxels."""
    widths = {"conv1": 40, "conv2": 17, "fc": 5}
    features = {k: rng.normal(size=(n_samples, p)).astype("f4") for k, p in widths.items()}
    usable = np.ones(N_VOXELS, bool)
    usable[[3, 50]] = False
    models = {
        name: LinearModel(
            rng.normal(size=(p, usable.sum())).astype("f4"),
            rng.normal(size=usable.sum()).astype("f4"),
        )
        for name, p in widths.items()
    }
    write_layers(folder / "features.h5", features)
    write_model(folder / "model.h5", models, usable)
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:, 1:, 1:] = 1
    write_image(folder / "mask.nii.gz", mask)
    table = pd.DataFrame({"stimulus": [f"{i}.png" for i in range(n_samples)]})
    table.to_csv(folder / "samples.tsv", sep="\t", index=False)
    names = {"model_file": "model.h5", "features_file": "features.h5", "mask_file": "mask.nii.gz",
             "samples_file": "samples.tsv"}  # fmt: skip
    return {k: str(folder / v) for k, v in names.items()}, features, models, usable


def expected(features, models, usable, names):
    parts = [features[k].astype(float) @ models[k].weights + models[k].intercept for k in names]
    full = np.full((len(parts[0]), len(usable)), np.nan)
    full[:, usable] = np.mean(parts, axis=0)
    return full


def test_the_mean_over_all_layers_in_a_node(work, rng):
    files, *known = build(work, rng)
    out = pe.Node(SynthesizeResponses(**files), name="s", base_dir="n").run().outputs
    responses = np.load(out.responses_file)
    assert responses.dtype == np.float32
    np.testing.assert_allclose(responses, expected(*known, known[0]), atol=1e-5)
    assert out.layers == ["conv1", "conv2", "fc"] and out.n_usable == 58
    assert (out.samples_file, out.mask_file) == (files["samples_file"], files["mask_file"])


@pytest.mark.parametrize("names", [["conv1"], ["fc", "conv2"]])
def test_some_layers_only(work, rng, names):
    files, *known = build(work, rng)
    out = SynthesizeResponses(**files, layers=names).run().outputs
    np.testing.assert_allclose(np.load(out.responses_file), expected(*known, names), atol=1e-5)
    assert out.layers == names


def test_small_blocks_give_the_same_and_bound_what_is_read(work, rng, monkeypatch):
    files, *known = build(work, rng, n_samples=5000)
    seen = []
    predict = synthesize.EncodingModel.predict

    def spy(self, layer, block):
        seen.append((layer, len(block)))
        return predict(self, layer, block)

    monkeypatch.setattr(synthesize.EncodingModel, "predict", spy)
    out = SynthesizeResponses(**files, block_mb=1).run().outputs
    np.testing.assert_allclose(np.load(out.responses_file), expected(*known, known[0]), atol=1e-5)
    rows = [n for layer, n in seen if layer == "conv1"]
    assert sum(rows) == 5000 and max(rows) * 4 * (40 + 3 * 60) <= 2**20


def test_stimuli_in_another_order_are_refused(work, rng):
    files, *_ = build(work, rng)
    table = pd.read_csv(files["samples_file"], sep="\t")
    same, other = str(work / "same.tsv"), str(work / "other.tsv")
    table.assign(more=1).to_csv(same, sep="\t", index=False)
    table.iloc[[0, 2, 1, *range(3, 30)]].to_csv(other, sep="\t", index=False)
    SynthesizeResponses(**files, features_samples_file=same).run()
    with pytest.raises(InputError, match=r"in their order\n.*row 2: '1.png' for '2.png'"):
        SynthesizeResponses(**files, features_samples_file=other).run()


def test_bad_input(work, rng):
    files, features, *_ = build(work, rng)
    table = pd.read_csv(files["samples_file"], sep="\t")
    table[:-1].to_csv("short.tsv", sep="\t", index=False)
    write_image(work / "small.nii.gz", np.ones((3, 3, 3), np.uint8))
    write_image(work / "empty.nii.gz", np.zeros(SHAPE, np.uint8))
    write_layers("narrow.h5", features | {"conv2": features["conv2"][:, :9]})
    write_layers("fewer.h5", {"conv1": features["conv1"]})
    holes = features["fc"].copy()
    holes[4, 2:4] = np.nan
    write_layers("holes.h5", features | {"fc": holes})
    Path("text.h5").write_text("no")
    for inputs, text in [
        ({"layers": ["conv3"]}, r"layers of the features\n.*'conv3'\n.*did you mean 'conv"),
        ({"layers": ["fc", "fc"]}, r"layers\n.*each layer once\n.*fc, fc"),
        ({"samples_file": "short.tsv"}, r"short.tsv\n.*30 rows.*\n.*29"),
        ({"mask_file": "small.nii.gz"}, r"small.nii.gz\n.*60 voxels.*\n.*27"),
        ({"mask_file": "empty.nii.gz"}, r"empty.nii.gz\n.*a mask with voxels"),
        ({"features_file": "narrow.h5"}, r"narrow.h5\n.*17 features in layer 'conv2'.*\n.*9"),
        ({"features_file": "fewer.h5"}, r"fewer.h5\n.*layers of the features\n.*'conv2'"),
        ({"features_file": "holes.h5"}, r"holes.h5\n.*\n.*2 that are not, in layer 'fc', sample 5"),
        ({"features_file": "text.h5"}, r"text.h5\n.*HDF5 file of features"),
        ({"model_file": "text.h5"}, r"text.h5\n.*HDF5 file of encoding models"),
    ]:
        inputs = {k: str(work / v) if k.endswith("_file") else v for k, v in inputs.items()}
        with pytest.raises(InputError, match=text) as error:
            SynthesizeResponses(**(files | inputs)).run()
        assert str(error.value).startswith("SynthesizeResponses: ")
        assert not list(work.glob("*responses.npy")), "half a file was left"


def test_planted_angles_come_back_from_wedges_over_a_model_of_pixels(work, rng):
    """Stimuli, features, model and map together; two layers, one of which knows nothing."""
    size, n_voxels = 32, 60
    np.save("bases.npy", rng.integers(60, 256, (3, size, size), dtype=np.uint8))
    stimuli = WedgeStimuli(
        in_stack=str(work / "bases.npy"), n_images=3, background=0.0, as_stack=True
    ).run().outputs  # fmt: skip
    pixels = np.load(stimuli.stack_file).reshape(72, -1).astype("f4") / 255
    noise = rng.normal(size=(72, 4)).astype("f4")
    write_layers("features.h5", {"pixels": pixels, "noise": noise})
    fields, planted = planted_fields(size, n_voxels)
    usable = np.ones(n_voxels, bool)
    small = 1e-3 * rng.normal(size=(4, n_voxels)).astype("f4")
    zero = np.zeros(n_voxels, "f4")
    models = {"pixels": LinearModel(fields, zero), "noise": LinearModel(small, zero)}
    write_model("model.h5", models, usable)
    mask = np.zeros((10, 8, 6), np.uint8)
    mask[::2, ::2, ::2] = 1  # no voxel beside another: smoothing moves nothing far
    write_image(work / "mask.nii.gz", mask)
    truth = np.full(mask.shape, np.nan, "f4")
    truth[mask > 0] = planted
    write_image(work / "truth.nii.gz", truth)
    made = SynthesizeResponses(
        model_file=str(work / "model.h5"), features_file=str(work / "features.h5"),
        samples_file=stimuli.samples_file, mask_file=str(work / "mask.nii.gz"),
    ).run().outputs  # fmt: skip
    out = Retinotopy(
        responses_file=made.responses_file, samples_file=made.samples_file,
        mask_file=made.mask_file, truth_file=str(work / "truth.nii.gz"), sigma=0.0,
    ).run().outputs  # fmt: skip
    assert min(out.circular_correlation, out.circular_correlation_uniform) > 0.99
    assert out.mean_angular_error < np.deg2rad(5)
    assert out.n_above == 60
    summary = json.loads(Path(out.summary_file).read_text())
    assert summary["dof"] == [2, 69] and summary["n_compared"] == 60
    angle = nb.load(out.angle_file).get_fdata()
    assert np.abs(np.angle(np.exp(1j * (angle[mask > 0] - planted)))).mean() < np.deg2rad(5)
    assert (angle[mask == 0] == 0).all()
