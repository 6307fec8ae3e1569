"""Networks in ONNX files, run by onnxruntime, with the layers inside as outputs."""

from pathlib import Path
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.network_base import Apply, Network, NetworkOptions, needs

_LAYER_KINDS = ("Conv", "Gemm", "MatMul")


class OnnxNetwork(Network):
    """An ONNX graph.

    A layer is named as its node or as the tensor that this gives; a slash in a name becomes a
    point, as a layer's name is one name in the file of features.
    """

    model: Any  # onnx.ModelProto
    tensors: dict[str, str]  # of layers
    options: NetworkOptions
    _session: Any = None
    _layers: list[str] | None = None

    def answers(self, images: np.ndarray, layers: list[str] | None, apply: Apply) -> dict:
        """Run the graph once, with the layers as its outputs."""
        layers = layers or self.default
        if self._session is None or layers != self._layers:
            self._session, self._layers = self._open(layers), layers
        source = self._session.get_inputs()[0]
        fixed = source.shape[0] if isinstance(source.shape[0], int) else len(images)
        tensors = [self.tensors[name] for name in layers]
        parts = []
        for start in range(0, len(images), fixed):
            batch = images[start : start + fixed]
            full = np.resize(batch, (fixed, *batch.shape[1:]))  # repeats fill a fixed batch
            try:
                found = self._session.run(tensors, {source.name: full})
            except Exception as err:  # onnxruntime's own kinds, which it does not export
                raise InputError(
                    "network",
                    expected=f"a graph that takes {source.shape}",
                    found=f"images {full.shape}: {str(err).splitlines()[0]}",
                    hint="give the size that it takes",
                ) from None
            parts.append([values[: len(batch)] for values in found])
        return {
            name: apply(name, np.concatenate([p[k] for p in parts]).astype(np.float32, copy=False))
            for k, name in enumerate(layers)
        }

    def _open(self, layers: list[str]) -> Any:
        import onnx
        import onnxruntime

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        there = {output.name for output in model.graph.output}
        for name in layers:
            tensor = self.tensors[name]
            if tensor not in there:
                model.graph.output.append(onnx.ValueInfoProto(name=tensor))
                there.add(tensor)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = self.options.num_threads
        settings.log_severity_level = 3
        wanted = self.options.device
        providers = ["CPUExecutionProvider"]
        if wanted.startswith("cuda"):
            providers.insert(0, "CUDAExecutionProvider")
        if missing := set(providers) - set(onnxruntime.get_available_providers()):
            raise InputError(
                "device",
                expected="a device of onnxruntime that is there",
                found=f"{wanted!r}, without {', '.join(missing)}",
                hint="give cpu, or install onnxruntime-gpu",
            )
        return onnxruntime.InferenceSession(
            model.SerializeToString(), sess_options=settings, providers=providers
        )


def open_onnx(path: Path, options: NetworkOptions) -> Network:
    """Open an ONNX file whose first input is a batch of images ``(n, 3, height, width)``.

    Raises
    ------
    InputError
        If it is no such file, or what reads it is not installed.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as err:
        raise needs(str(err.name), path.name) from None
    if not path.is_file():
        raise _onnx_error(path, "no such file", "give an absolute path")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as err:  # protobuf's and the checker's own kinds
        found = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise _onnx_error(path, found, "export it again") from None
    weights = {tensor.name for tensor in model.graph.initializer}
    sources = [source for source in model.graph.input if source.name not in weights]
    axes = [axis.dim_value for axis in sources[0].type.tensor_type.shape.dim] if sources else []
    if len(sources) != 1 or len(axes) != 4 or axes[1] not in (0, 3):
        found = f"{len(sources)} inputs, the first of shape {axes} (0: any)"
        raise _onnx_error(path, found, "export it with images as its only input")
    tensors, default = _tensors(model)
    size = (axes[2], axes[3]) if axes[2] and axes[3] else None
    network = OnnxNetwork(str(path), list(tensors), default, size)
    network.model, network.tensors, network.options = model, tensors, options
    return network


def _tensors(model: Any) -> tuple[dict[str, str], list[str]]:
    """Name the layers: the tensor of each, and those that are convolutions or linear maps."""
    tensors: dict[str, str] = {}
    default = []
    for node in model.graph.node:
        for name in (*node.output, node.name):
            if name:
                tensors.setdefault(_plain(name), node.output[0])
        if node.op_type in _LAYER_KINDS:
            default.append(_plain(node.name or node.output[0]))
    return tensors, default


def _plain(name: str) -> str:
    return name.strip("/").replace("/", ".")


def _onnx_error(path: Path, found: str, hint: str) -> InputError:
    return InputError(
        "network",
        expected="an ONNX file of a network that takes images (n, 3, height, width)",
        found=found,
        hint=hint,
        file=str(path),
    )
