"""Small pictures, films and networks, simulated, for tests of features of what was seen."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_images(folder, n, shape=(40, 48), seed=0):
    """Write simulated colour images and return their paths."""
    random = np.random.default_rng(seed)
    paths = []
    for k in range(n):
        path = Path(folder) / f"image{k:02d}.png"
        Image.fromarray(random.integers(0, 256, (*shape, 3), dtype=np.uint8)).save(path)
        paths.append(str(path))
    return paths


def write_video(path, frames, rate):
    """Encode frames ``(n, height, width, 3)``, uint8, without loss; needs PyAV."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def small_onnx(path, batch="n", side=16, seed=0):
    """Write a network of two convolutions and a linear map as ONNX; return its weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    weights = {
        "w1": random.normal(size=(4, 3, 3, 3)),
        "b1": random.normal(size=4),
        "w2": random.normal(size=(5, 4, 3, 3)),
        "w3": random.normal(size=(6, 5 * (side // 2) ** 2)),
        "b3": random.normal(size=6),
    }
    weights = {name: values.astype(np.float32) for name, values in weights.items()}
    nodes = [
        helper.make_node("Conv", ["images", "w1", "b1"], ["/one/out"], "/one/Conv", pads=[1] * 4),
        helper.make_node("Relu", ["/one/out"], ["rectified"], "relu1"),
        helper.make_node(
            "MaxPool", ["rectified"], ["pooled"], "pool1", kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("Conv", ["pooled", "w2"], ["two"], "conv2", pads=[1] * 4),
        helper.make_node("Flatten", ["two"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["answer"], "fc3", transB=1),
    ]
    shape = [batch, 3, side, side]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [batch, 6])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return weights
