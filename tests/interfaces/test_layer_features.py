import hashlib
import json
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
import scipy.io
from PIL import Image
from scipy.ndimage import gaussian_filter
from support.pictures import small_onnx, write_images, write_video

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.gabor import gabor_pyramid, luminance
from fmriprod.interfaces.layer_features import LayerFeatures
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.stimulus_files import read_image


def features(**inputs):
    out = LayerFeatures(**inputs).run().outputs
    with open_layers(out.features_file) as layers:
        found = {name: layers[name] for name in layers.names}
        about = {name: layers.about_layer(name) for name in layers.names}
    summary = json.loads(Path(out.summary_file).read_text())
    assert out.layers == list(found) == [layer["name"] for layer in summary["layers"]]
    summary["layers"] = {layer.pop("name"): layer for layer in summary["layers"]}
    assert summary["layers"] == about
    samples = pd.read_csv(out.samples_file, sep="\t", dtype={"run": str})
    assert out.n_samples == len(samples) == {len(f) for f in found.values()}.pop()
    return found, samples, summary


def test_images_are_reduced_layer_by_layer(work):
    paths = write_images(work, 5, shape=(64, 64))
    found, samples, summary = features(images=paths, network="gabor", max_features=100)
    assert samples["stimulus"].tolist() == [Path(p).name for p in paths]
    pyramid = gabor_pyramid(luminance(np.stack([read_image(p) for p in paths])))
    assert list(found) == list(pyramid)
    for name, layer in pyramid.items():
        about = summary["layers"][name]
        step = next(d for d in range(1, 99) if np.prod(layer.shape[1:]) <= 100 * d**2)
        assert (about["shape"], about["d"]) == (list(layer.shape[1:]), step)
        smooth = gaussian_filter(layer, (0, 0, 0.35 * step, 0.35 * step)) if step > 1 else layer
        expected = np.log1p(smooth[..., ::step, ::step]).reshape(len(paths), -1)
        np.testing.assert_allclose(found[name], expected, atol=1e-5)
        assert about["n_features"] == expected.shape[1]
    assert [about["d"] for about in summary["layers"].values()] == [1, 1, 2, 3, 5]
    whole, _, _ = features(
        images=paths, network="gabor", reduce=False, log=False, layers=["gabor16"]
    )
    np.testing.assert_allclose(whole["gabor16"], pyramid["gabor16"].reshape(5, -1), atol=1e-6)


def test_every_layer_of_a_network_is_that_of_a_forward_pass_by_hand(work):
    torch = pytest.importorskip("torch")
    from fmriprod.algorithms.small_networks import small_network

    paths = write_images(work, 7, shape=(64, 64))
    found, _, summary = features(images=paths, network="small", max_features=5000, batch_size=3)
    network = small_network()
    x = torch.from_numpy((np.stack([read_image(p) for p in paths]) - 0.5) / 0.5)
    for name, child in network.named_children():
        x = child(x)
        if name.startswith("pool"):
            continue
        values, step = x.numpy(), summary["layers"][name]["d"]
        if step > 1:
            values = gaussian_filter(values, (0, 0, 0.35 * step, 0.35 * step))[..., ::step, ::step]
        np.testing.assert_allclose(found[name], np.log1p(values.reshape(7, -1)), atol=1e-5)
    assert [layer["d"] for layer in summary["layers"].values()] == [2, 2, 1, 1, 1]


def test_the_size_of_a_batch_changes_nothing(work, rng):
    pytest.importorskip("torch")
    paths = write_images(work, 9)
    one, _, _ = features(images=paths, network="small:tiny", batch_size=2)
    two, _, _ = features(images=paths, network="small:tiny", batch_size=100)
    np.save("film.npy", rng.integers(0, 256, (75, 20, 20), dtype=np.uint8))
    film = {"frames": ["film.npy"], "frame_rate": 12.5, "tr": 1.1, "lags": [1.1, 3.3]}
    three, _, _ = features(**film, network="small:tiny", batch_size=4)
    four, _, _ = features(**film, network="small:tiny", batch_size=1000)
    for a, b in ((one, two), (three, four)):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_allclose(a[name], b[name], atol=2e-6)


def test_negative_activations_are_compressed_like_positive_ones(work):
    pytest.importorskip("onnxruntime")
    small_onnx("small.onnx")
    paths = write_images(work, 3)
    network = str(work / "small.onnx")
    raw, _, _ = features(images=paths, network=network, log=False)
    log, _, summary = features(images=paths, network=network)
    assert summary["size"] == [16, 16] and list(raw) == ["one.Conv", "conv2", "fc3"]
    for name, values in raw.items():
        assert values.min() < -1  # log(1 + x) would not be a number
        np.testing.assert_allclose(
            log[name], np.sign(values) * np.log(1 + np.abs(values)), rtol=1e-5, atol=1e-6
        )


def test_pixels_are_luminance_and_not_compressed(work):
    Image.fromarray(np.eye(10, dtype=bool)).save("eye.png")
    found, _, summary = features(images=[str(work / "eye.png")], network="pixels")
    np.testing.assert_allclose(found["pixels"], np.eye(10).reshape(1, -1), atol=1e-6)
    assert summary["log"] is False
    found, _, _ = features(
        images=["eye.png"], network="pixels", mean=[0.5] * 3, std=[0.25] * 3, size=[5, 10], log=True
    )
    assert found["pixels"].shape == (1, 50)
    assert found["pixels"].min() == pytest.approx(-np.log(3), abs=1e-5)


def test_film_features_are_means_over_each_volume_with_lags_inside_the_run(work, rng):
    films, counts = ["one.npy", "two.npy"], [7, 5]
    rate, tr = 7.5, 2.0
    arrays = [rng.integers(0, 256, (15 * n, 12, 12), dtype=np.uint8) for n in counts]
    for path, array in zip(films, arrays, strict=True):
        np.save(path, array)
    found, samples, _ = features(
        frames=films, frame_rate=rate, tr=tr, n_volumes=counts, network="pixels", log=True,
        lags=[4, 6, 8], run_labels=["a", "b"], batch_size=11,
    )  # fmt: skip
    expected = []
    for array, n in zip(arrays, counts, strict=True):
        mean = np.log1p(array.reshape(n, 15, -1).mean(axis=1) / 255)
        for volume in range(n):
            rows = [mean[volume - lag] if volume >= lag else np.zeros(144) for lag in (2, 3, 4)]
            expected.append(np.concatenate(rows))
    np.testing.assert_allclose(found["pixels"], expected, atol=1e-5)
    assert samples["run"].tolist() == ["a"] * 7 + ["b"] * 5
    assert samples["volume"].tolist() == [*range(7), *range(5)]
    np.testing.assert_allclose(samples["time"], 2.0 * samples["volume"])
    assert samples["complete"].tolist() == [0] * 4 + [1] * 3 + [0] * 4 + [1]


def test_what_was_seen_in_one_run_changes_nothing_in_another(work, rng):
    array = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.save("same.npy", array)
    rows = []
    for other in (array[::-1], 255 - array):
        np.save("other.npy", other)
        found, samples, _ = features(
            frames=["other.npy", "same.npy"], frame_rate=4, tr=1, network="pixels", lags=[0, 1, 5]
        )
        rows.append([found["pixels"][samples["run"] == r] for r in ("1", "2")])
    np.testing.assert_array_equal(rows[0][1], rows[1][1])
    assert np.abs(rows[0][0] - rows[1][0]).max() > 0.1


def test_a_video_folder_and_stack_give_the_same(work, rng):
    pytest.importorskip("av")
    frames = rng.integers(0, 256, (50, 16, 16, 3), dtype=np.uint8)
    np.save("film.npy", frames)
    write_video("film.mkv", frames, 10)
    (work / "film").mkdir()
    for k, frame in enumerate(frames):
        Image.fromarray(frame).save(work / "film" / f"{k}.png")
    rows = []
    for path in ("film.npy", "film.mkv", "film"):
        rate = {} if path.endswith("mkv") else {"frame_rate": 10}
        found, _, _ = features(frames=[str(work / path)], tr=0.75, network="pixels", **rate)
        rows.append(found["pixels"])
    assert rows[0].shape == (6, 256)
    for other in rows[1:]:
        np.testing.assert_allclose(other, rows[0], atol=1e-5)


def test_the_same_input_gives_the_same_bytes_in_a_node(work):
    pytest.importorskip("torch")
    paths, sums = write_images(work, 4), []
    for folder in ("one", "two"):
        node = pe.Node(
            LayerFeatures(images=paths, network="small:tiny"), "layers", base_dir=str(work / folder)
        )
        out = node.run().outputs
        files = (out.features_file, out.samples_file, out.summary_file)
        sums.append([hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files])
    assert sums[0] == sums[1]


@pytest.fixture
def film(work):
    np.save("film.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    return {"frames": [str(work / "film.npy")], "frame_rate": 4.0, "tr": 2.0, "network": "pixels"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"n_volumes": [6]}, "frames for 6 volumes of 2 s, 12 s\n.*40 frames at 4 per s, 10 s"),
        ({"n_volumes": [3]}, "6 s\n.*10 s\n.*past_end='drop'"),
        ({"tr": 11.0}, "frames for 1 volumes of 11 s"),
        ({"tr": 0.0}, "tr\n.*repetition time above 0 s for frames\n.*0 s"),
        ({"lags": [3.0]}, "lags\n.*multiples of the repetition time, 2 s.*\n.*3 s"),
        ({"n_volumes": [5, 5]}, "n_volumes\n.*one for each of 1 films\n.*2"),
        ({"run_labels": ["a", "b"]}, "run_labels\n.*one for each of 1 films"),
        ({"images": ["film.npy"]}, "images, or frames\n.*both"),
        ({"layers": ["pixel"]}, "layers of pixels\n.*'pixel'\n.*did you mean 'pixels'"),
        ({"size": [0]}, "size\n.*at least 1 pixel\n.*0 x 0"),
        ({"mean": [0.5]}, "mean\n.*three numbers: red, green, blue\n.*0.5"),
        ({"std": [1.0, 0.0, 1.0]}, "std\n.*above 0\n.*1, 0, 1"),
    ],
)
def test_bad_input_of_films(film, changes, text):
    with pytest.raises(InputError, match=text) as caught:
        LayerFeatures(**{**film, **changes}).run()
    assert caught.value.interface == "LayerFeatures"


def test_bad_input_of_images_and_of_runs(film, work):
    paths = write_images(work, 2)
    with pytest.raises(InputError, match=r"images, or frames\n.*neither"):
        LayerFeatures(network="pixels").run()
    with pytest.raises(InputError, match=r"lags\n.*images without time, or frames"):
        LayerFeatures(network="pixels", images=paths, lags=[4.0]).run()
    twice = {**film, "frames": film["frames"] * 2, "run_labels": ["a", "a"]}
    with pytest.raises(InputError, match=r"a label for each run\n.*a, a"):
        LayerFeatures(**twice).run()
    np.save("wide.npy", np.zeros((40, 8, 9), dtype=np.uint8))
    with pytest.raises(InputError, match=r"shape \(1, 8, 8\)\n.*\(1, 8, 9\)\n.*give a size"):
        LayerFeatures(**{**film, "frames": [*film["frames"], str(work / "wide.npy")]}).run()
    Path("bad.png").write_text("no image")
    with pytest.raises(InputError, match=r"bad\.png\n.*a readable image"):
        LayerFeatures(network="pixels", images=[*paths, str(work / "bad.png")]).run()
    assert not Path("features.h5").exists()


def test_a_run_that_was_stopped_early_needs_it_said(film):
    found, samples, _ = features(**film, n_volumes=[3], past_end="drop")
    whole, _, _ = features(**film)
    assert len(samples) == 3
    np.testing.assert_allclose(found["pixels"], whole["pixels"][:3], atol=1e-6)


def test_activations_that_are_not_finite_name_the_layer(work):
    paths = write_images(work, 2)
    with pytest.raises(InputError, match="finite activations of layer 'pixels'"):
        LayerFeatures(network="pixels", images=paths, std=[1e-45] * 3).run()


def test_memory_is_that_of_a_batch_not_of_the_film(work):
    """A film of 200 MB of features, written in blocks, holds a small part of it."""
    import tracemalloc

    np.save("film.npy", np.zeros((2000, 160, 160), dtype=np.uint8))
    tracemalloc.start()
    features_file = (
        LayerFeatures(
            frames=["film.npy"], frame_rate=1, tr=1, network="pixels", max_features=25_600
        )
        .run()
        .outputs.features_file
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Path(features_file).stat().st_size > 200e6 > 4 * peak


@pytest.mark.realdata
@pytest.mark.parametrize("network", ["gabor", "small"])
def test_features_of_real_stimuli_predict_real_voxels_and_those_of_shuffled_ones_do_not(
    real_data, work, rng, network
):
    """Handwritten digits and responses of early visual cortex, ridge in ten folds."""
    if network == "small":
        pytest.importorskip("torch")
    data = scipy.io.loadmat(real_data("digit69") / "digit69_28x28.mat")
    for k, row in enumerate(data["stimTrn"]):
        np.save(f"digit{k:02d}.npy", row.reshape(28, 28, order="F"))
    paths = [str(work / f"digit{k:02d}.npy") for k in range(90)]
    found, _, _ = features(images=paths, network=network)
    fold = rng.permutation(90) % 10
    best = {}
    for order, rows in (("own", np.arange(90)), ("shuffled", rng.permutation(90))):
        for values in found.values():
            predicted = np.empty_like(data["fmriTrn"])
            for k in range(10):
                train, test = rows[fold != k], rows[fold == k]
                centred = values - values[train].mean(axis=0)
                gram = centred @ centred[train].T
                kernel = gram[train] + 0.1 * np.trace(gram[train]) / 81 * np.eye(81)
                y = data["fmriTrn"][fold != k]
                mean = y.mean(axis=0)
                predicted[fold == k] = mean + gram[test] @ np.linalg.solve(kernel, y - mean)
            a, b = (v - v.mean(axis=0) for v in (predicted, data["fmriTrn"]))
            r = (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))
            best[order] = max(best.get(order, 0), r.max())
    assert best["own"] > 0.8 and best["shuffled"] < 0.55, best  # the best of 15,000 by chance
