"""Features of what was shown: every layer of a network, a Gabor pyramid, or pixels."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import Directory, File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.frames import lag_volumes
from fmriprod.algorithms.layer_reduction import MAX_FEATURES
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface, given_or_none
from fmriprod.interfaces.layer_file import LayerWriter
from fmriprod.interfaces.layer_rows import LayerRows, Run, open_run
from fmriprod.interfaces.network_base import Network, NetworkOptions
from fmriprod.interfaces.networks import open_network
from fmriprod.interfaces.stimulus_files import stimulus_names


class _LayerFeaturesInputSpec(PythonInputSpec):
    images = traits.List(
        File(exists=True, hash_name=True),
        desc="images, one a sample: PNG, JPEG, TIFF ..., or .npy (height x width, or x 3)",
    )
    frames = traits.List(
        traits.Either(File(exists=True), Directory(exists=True)),
        desc="films, one a run, instead of images: a video file, a folder of images, or a .npy "
        "stack (n x height x width, or x 3); a folder is known to the cache by its name only",
    )
    frame_rate = traits.Float(desc="frames per second of folders and stacks; videos have theirs")
    tr = traits.Float(desc="repetition time in s; needed for frames")
    n_volumes = traits.List(
        traits.Range(low=1), desc="volumes of each run; as many as frames cover unless given"
    )
    past_end = traits.Enum(
        "error",
        "drop",
        usedefault=True,
        desc="what to do with frames more than one volume after the end of the run",
    )
    run_labels = traits.List(traits.Str, desc="labels of the runs; 1, 2, ... unless given")
    lags = traits.List(
        traits.Float,
        desc="lags in s, multiples of `tr`: copies of the features so much earlier, side by side, "
        "instead of the volume itself (add 0 for that); 0 before the start of the run",
    )
    network = traits.Str(
        mandatory=True,
        desc="torchvision:NAME, timm:NAME, module:attribute (a torch.nn.Module, or a function "
        "that makes one), the absolute path of a file .onnx, small (ours, of fixed weights; also "
        "small:tiny and small:deep), gabor (contrast energy) or pixels (luminance)",
    )
    weights = File(
        exists=True,
        desc="weights of a torchvision, timm or imported network (a state dict); those in the "
        "user's cache unless given",
    )
    untrained = traits.Bool(
        False, usedefault=True, desc="random weights (seed 0) of a torchvision or timm network"
    )
    download = traits.Bool(
        False, usedefault=True, desc="fetch weights of torchvision and timm that are not there"
    )
    layers = traits.List(
        traits.Str,
        desc="layers by name, in the order of the output; every convolution and linear map of a "
        "network unless given, every frequency of the Gabor pyramid",
    )
    size = traits.List(
        traits.Int,
        minlen=1,
        maxlen=2,
        desc="pixels to which images are resized, a side, or height and width; the network's own, "
        "or none where it has none, unless given",
    )
    mean = traits.List(
        traits.Float, desc="taken from red, green, blue (0 to 1); the network's own unless given"
    )
    std = traits.List(
        traits.Float, desc="red, green, blue are divided by it; the network's own unless given"
    )
    reduce = traits.Bool(
        True, usedefault=True, desc="smooth (sigma 0.35 d) and take every d-th place of a channel"
    )
    max_features = traits.Range(
        low=1,
        value=MAX_FEATURES,
        usedefault=True,
        desc="d is the smallest integer with channels x height x width / d^2 <= max_features",
    )
    log = traits.Bool(
        desc="sign(x) log(1 + |x|) of the reduced features, of frames after the mean over a "
        "volume; yes unless given, for pixels no"
    )
    batch_size = traits.Range(
        low=1, value=32, usedefault=True, nohash=True, desc="images in a pass: bounds memory"
    )
    device = traits.Str("cpu", usedefault=True, desc="device of PyTorch: cpu, cuda, cuda:1")


class _LayerFeaturesOutputSpec(TraitedSpec):
    features_file = File(exists=True, desc="HDF5, float32 (n_samples, n_features) for each layer")
    samples_file = File(
        exists=True,
        desc="TSV, one row per sample: stimulus (file, relative to the folder that holds all); or "
        "run, volume (from 0), time (s, start of the volume), complete (0: a lag goes before the "
        "start of the run, and 0 stands for it)",
    )
    summary_file = File(
        exists=True,
        desc="JSON: network, preparation, and the layers in order: name, shape, d, n_features",
    )
    layers = traits.List(traits.Str, desc="names of the layers, in order")
    n_samples = traits.Int(desc="number of samples")


class LayerFeatures(PythonInterface):
    """Show images or films to a network and keep what every layer answers.

    All layers come from one forward pass. Each is reduced as by Eickenberg et al. 2017: every
    channel is smoothed by a Gaussian of sigma 0.35 d, every d-th place of it is kept, and the
    logarithm is taken. Features of films are the mean over the frames of each volume, a frame
    over the border of two counting in each by its part. Memory holds one batch.

    Examples
    --------
    >>> LayerFeatures(network="gabor", lags=[4, 6, 8], tr=2.0).inputs.max_features
    25000
    """

    input_spec = _LayerFeaturesInputSpec
    output_spec = _LayerFeaturesOutputSpec
    _libraries = ("numpy", "scipy", "pillow", "torch", "onnxruntime")

    def _process(self) -> None:
        values = self.inputs
        runs = self._runs()
        network = self._network()
        log = values.log if isdefined(values.log) else values.network != "pixels"
        most = values.max_features if values.reduce else None
        rows = LayerRows(network, given_or_none(values.layers) or None, most, log)
        about = {
            "network": network.name,
            "weights": given_or_none(values.weights)
            or ("untrained" if values.untrained else "own"),
            "size": network.size,
            "mean": network.mean,
            "std": network.std,
            "max_features": most,
            "log": log,
            "tr": given_or_none(values.tr),
            "lags": given_or_none(values.lags),
        }
        with (
            self.writing("features_file", "features.h5") as path,
            LayerWriter(path, about) as writer,
        ):
            if runs:
                lags = lag_volumes(given_or_none(values.lags) or [0.0], values.tr)
                for run in runs:
                    rows.write_run(writer, run, lags, values.batch_size)
                samples = pd.concat([run.samples(max(lags)) for run in runs], ignore_index=True)
            else:
                rows.write_images(writer, values.images, values.batch_size)
                samples = pd.DataFrame({"stimulus": stimulus_names(values.images)})
        self.save_table("samples_file", "samples.tsv", samples)
        layers = [{"name": name, **layer} for name, layer in rows.about.items()]
        summary = {**about, "n_samples": len(samples), "layers": layers}
        self.save_json("summary_file", "summary.json", summary)
        self.result("layers", list(rows.about))
        self.result("n_samples", len(samples))

    def _runs(self) -> list[Run]:
        """Open the films, and check them against their runs; none where images are given."""
        values = self.inputs
        images, frames = given_or_none(values.images), given_or_none(values.frames)
        if bool(images) == bool(frames):
            found = "both" if images else "neither"
            raise _error("images", "images, or frames", found, "give one of them")
        timing = [
            n
            for n in ("tr", "n_volumes", "lags", "run_labels")
            if given_or_none(getattr(values, n))
        ]
        if images and timing:
            found = f"images with {timing[0]}"
            raise _error(timing[0], "images without time, or frames", found, "leave it out")
        if images:
            return []
        tr = given_or_none(values.tr)
        if tr is None or not (np.isfinite(tr) and tr > 0):
            found = "none" if tr is None else f"{tr:g} s"
            raise _error("tr", "a repetition time above 0 s for frames", found, "give seconds")
        lag_volumes(given_or_none(values.lags) or [0.0], tr)
        counts = given_or_none(values.n_volumes) or [None] * len(frames)
        labels = given_or_none(values.run_labels) or [str(k + 1) for k in range(len(frames))]
        for name, given in (("n_volumes", counts), ("run_labels", labels)):
            if len(given) != len(frames):
                expected = f"one for each of {len(frames)} films"
                raise _error(name, expected, f"{len(given)}", "give as many as films")
        if len(set(labels)) < len(labels):
            raise _error("run_labels", "a label for each run", ", ".join(labels), "rename one")
        rate = given_or_none(values.frame_rate)
        return [
            open_run(path, label, rate, tr, count, values.past_end)
            for path, label, count in zip(frames, labels, counts, strict=True)
        ]

    def _network(self) -> Network:
        """Open the network, with the preparation that the user wants of it."""
        values = self.inputs
        network = open_network(
            values.network,
            NetworkOptions(
                weights=given_or_none(values.weights),
                untrained=values.untrained,
                download=values.download,
                device=values.device,
                num_threads=values.num_threads,
            ),
        )
        network.check_layers(given_or_none(values.layers) or [])
        if isdefined(values.size):
            size = (values.size[0], values.size[-1])
            if min(size) < 1:
                raise _error("size", "at least 1 pixel", f"{size[0]} x {size[1]}", "give pixels")
            network.size = size
        for name in ("mean", "std"):
            given = given_or_none(getattr(values, name))
            if given is None:
                continue
            if (
                len(given) != 3
                or not np.isfinite(given).all()
                or (name == "std" and min(given) <= 0)
            ):
                expected = "three numbers: red, green, blue" + (", above 0" * (name == "std"))
                found = ", ".join(f"{v:g}" for v in given)
                raise _error(name, expected, found, "give one for each colour")
            setattr(network, name, tuple(given))
        return network


def _error(subject: str, expected: str, found: str, hint: str) -> InputError:
    return InputError(subject, expected=expected, found=found, hint=hint)
