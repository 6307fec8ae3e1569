"""Images that classes and filters of a network answer to most."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.activation_maximization import (
    SCHEDULES,
    STAGES,
    Stage,
    first_images,
    maximize,
    unit_objective,
)
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.network_base import NetworkOptions
from fmriprod.interfaces.torch_devices import check_device, torch_threads
from fmriprod.interfaces.torch_networks import TorchNetwork, open_torch
from fmriprod.interfaces.trainable_networks import read_weights

_TRAINED = "fmriprod.algorithms.fine_tuned_networks:trained_network"
_NOTE = (
    "Each image began as grey noise and was changed by {n} gradient steps, each clipped and "
    "blurred, until what its name says answered more. {silent}"
)


class _ActivationMaximizationInputSpec(PythonInputSpec):
    network = traits.Str(
        _TRAINED,
        usedefault=True,
        desc="network as LayerFeatures takes it (module:attribute, torchvision:NAME, timm:NAME, "
        "small); unless given, the one that NetworkTraining trained to these weights",
    )
    weights = File(exists=True, desc="its weights: best_file or last_file of NetworkTraining")
    untrained = traits.Bool(
        False, usedefault=True, desc="random weights (seed 0) of a torchvision or timm network"
    )
    of = traits.Enum(
        "classes",
        "filters",
        usedefault=True,
        desc="what answers: the network's last answers, before softmax, or filters of layers, "
        "before rectification, by the mean over their map",
    )
    class_names = traits.List(
        traits.Str, desc="names of the classes in order; those of the weights unless given"
    )
    layers = traits.List(
        traits.Str, desc="layers whose filters are shown; all but the last unless given"
    )
    units = traits.List(
        traits.Range(low=0),
        desc="numbers of classes or filters, from 0 on; all classes, or n_filters at random, "
        "unless given",
    )
    n_filters = traits.Range(low=1, value=16, usedefault=True, desc="filters of a layer")
    stages = traits.Enum(
        "auto",
        *STAGES,
        usedefault=True,
        desc="published stages: classes (5), filters (200 iterations) or filters_long (2 x 500); "
        "auto takes classes or filters, by what answers",
    )
    own_stages = traits.List(
        traits.Tuple(traits.Range(low=1), *[traits.Range(low=0.0)] * 4),
        desc="stages instead: iterations, blur at start and end (standard deviation in pixels), "
        "step at start and end (mean change, of 0 to 255)",
    )
    schedule = traits.Enum(
        *SCHEDULES,
        usedefault=True,
        desc="blur and step of iteration i of n: start + end - start i/n (as the published code "
        "computes it), or start + (end - start) i/n",
    )
    size = traits.Int(desc="side of images in pixels; the network's own unless given")
    batch_size = traits.Range(
        low=1, value=16, usedefault=True, nohash=True, desc="images at a time: bounds memory"
    )
    seed = traits.Range(low=0, value=0, usedefault=True, desc="of the first images and filters")
    device = traits.Str("cpu", usedefault=True, desc="device of PyTorch: cpu, cuda, cuda:1")
    simulated = traits.Bool(
        False, usedefault=True, desc="the network learnt from simulated images: this is said"
    )


class _ActivationMaximizationOutputSpec(TraitedSpec):
    images_file = File(exists=True, desc=".npy uint8 (n_images, height, width, 3)")
    images_table = File(
        exists=True,
        desc="TSV, a row an image: name layer unit before after (answer to the first and to the "
        "last image) n_still (iterations in which the unit was silent and gave no gradient)",
    )
    figures = traits.List(File(exists=True), desc="PNG, images of all classes, or of each layer")


class ActivationMaximization(PythonInterface):
    """Find images that classes or filters of a network answer to most.

    Gradient steps of a fixed mean size from grey noise, clipped to what a pixel can be and
    blurred a little less in each iteration (Erhan et al. 2009; stages of Lee et al. 2023, Hum
    Brain Mapp 44:2018).

    Examples
    --------
    >>> ActivationMaximization(of="filters", layers=["conv1_1"]).inputs.schedule
    'published'
    """

    input_spec = _ActivationMaximizationInputSpec
    output_spec = _ActivationMaximizationOutputSpec
    _libraries = ("numpy", "scipy", "torch")

    def _process(self) -> None:
        values = self.inputs
        check_device(values.device, values.network)
        network = self._network()
        network.module.requires_grad_(False)
        with torch_threads(values.num_threads):
            parts = [
                self._maximized(network, layer, number)
                for number, layer in enumerate(self._layers(network))
            ]
        images = np.concatenate([images for images, _ in parts])
        self.save_array("images_file", "images.npy", images)
        self.save_table("images_table", "images.tsv", pd.concat([table for _, table in parts]))
        self._draw(parts)

    def _network(self) -> TorchNetwork:
        """Open the network, with the side of its images."""
        values = self.inputs
        if values.network == _TRAINED and not isdefined(values.weights):
            raise _error(
                "weights", "the weights of a trained network", "none",
                "give best_file or last_file of NetworkTraining, or another network",
            )  # fmt: skip
        network = open_torch(
            values.network,
            NetworkOptions(
                weights=values.weights if isdefined(values.weights) else None,
                untrained=values.untrained,
                device=values.device,
                num_threads=values.num_threads,
            ),
        )
        if isdefined(values.size):
            if values.size < 1:
                raise _error("size", "at least 1 pixel", f"{values.size}", "give pixels")
            network.size = (values.size, values.size)
        if network.size is None:
            raise _error(
                "size", "the side of the network's images", "a network that does not say it",
                "give pixels",
            )  # fmt: skip
        return network

    def _layers(self, network: TorchNetwork) -> list[str | None]:
        """Name what answers: None for the network itself."""
        if self.inputs.of == "classes":
            return [None]
        layers = list(self.inputs.layers) if isdefined(self.inputs.layers) else None
        network.check_layers(layers or [])
        return layers or (network.default or [])[:-1]

    def _maximized(
        self, network: TorchNetwork, layer: str | None, number: int
    ) -> tuple[np.ndarray, pd.DataFrame]:
        """Find the images of one layer, a batch at a time."""
        import torch

        values = self.inputs
        # What comes before rectification has a gradient even where a unit is silent.
        linear = f"{layer}.filter" if f"{layer}.filter" in network.known else layer
        first = first_images(1, network.size, values.seed)
        n_units = self._count(network, linear, first)
        units = self._units(n_units, number)
        names = self._names(layer, units, n_units)
        start = first_images(len(units), network.size, values.seed)
        images, rows = [], []
        for begin in range(0, len(units), values.batch_size):
            batch = slice(begin, begin + values.batch_size)
            objective = unit_objective(
                network.module, linear, units[batch], network.mean, network.std
            )
            found, still = maximize(
                objective, start[batch], self._stages(),
                schedule=values.schedule, device=values.device,
            )  # fmt: skip
            with torch.inference_mode():
                before, after = (
                    objective(torch.from_numpy(x.astype(np.float32)).to(values.device)).cpu()
                    for x in (start[batch], found)
                )
            images.append(found.transpose(0, 2, 3, 1))
            rows.append(
                pd.DataFrame(
                    {
                        "name": names[batch], "layer": layer or "classes", "unit": units[batch],
                        "before": before.numpy(), "after": after.numpy(), "n_still": still,
                    }
                )
            )  # fmt: skip
        return np.concatenate(images), pd.concat(rows, ignore_index=True)

    def _count(self, network: TorchNetwork, layer: str | None, image: np.ndarray) -> int:
        """Count the units of a layer by showing it one image."""
        shapes: dict[str, int] = {}
        # An empty name is the network itself.
        network.answers(
            image / 255, [layer or ""], lambda name, x: shapes.setdefault(name, x.shape[1])
        )
        return shapes[layer or ""]

    def _units(self, n_units: int, number: int) -> list[int]:
        values = self.inputs
        if isdefined(values.units) and values.units:
            return list(values.units)
        if values.of == "classes":
            return list(range(n_units))
        random = np.random.default_rng([values.seed, number])
        return sorted(random.permutation(n_units)[: values.n_filters].tolist())

    def _names(self, layer: str | None, units: list[int], n_units: int) -> list[str]:
        """Name classes as the weights do, filters by their numbers."""
        values = self.inputs
        if layer is not None:
            return [f"{layer} {unit}" for unit in units]
        given = list(values.class_names) if isdefined(values.class_names) else []
        if not given and isdefined(values.weights) and values.network == _TRAINED:
            given = read_weights(values.weights).get("classes", [])
        if given and len(given) != n_units:
            raise _error(
                "class_names", f"a name for each of {n_units} classes", f"{len(given)} names",
                "give all, in the order of the network's answers",
            )  # fmt: skip
        return [given[unit] if unit < len(given) else f"class {unit}" for unit in units]

    def _stages(self) -> list[Stage]:
        values = self.inputs
        if isdefined(values.own_stages) and values.own_stages:
            if values.stages != "auto":
                raise _error("own_stages", "stages, or own_stages", "both", "leave one of them out")
            return [Stage(n, (a, b), (c, d)) for n, a, b, c, d in values.own_stages]
        return list(STAGES[values.of if values.stages == "auto" else values.stages])

    def _draw(self, parts: list[tuple[np.ndarray, pd.DataFrame]]) -> None:
        from fmriprod.reports.image_mosaic import mosaic_figure

        n_steps = sum(stage.n_iterations for stage in self._stages())
        files = []
        for number, (images, table) in enumerate(parts, start=1):
            silent = (table["n_still"] == n_steps).to_numpy()
            words = f"{silent.sum()} of {len(silent)} never answered." if silent.any() else ""
            layer = table["layer"].iloc[0]
            names = table["name"].str.removeprefix(f"{layer} ").tolist()
            with mosaic_figure(
                images, names, title="Classes" if layer == "classes" else f"Filters of {layer}",
                note=_NOTE.format(n=n_steps, silent=words).strip(), silent=silent,
                simulated=self.inputs.simulated,
            ) as figure:  # fmt: skip
                self.save_figure("figures", f"images_{number:02d}.png", figure)
            files.append(self._results["figures"])
        self.result("figures", files)


def _error(subject: str, expected: str, found: str, hint: str) -> InputError:
    return InputError(subject, expected=expected, found=found, hint=hint)
