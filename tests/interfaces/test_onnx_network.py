import sys

import numpy as np
import pytest
from support.pictures import small_onnx

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.network_base import NetworkOptions
from fmriprod.interfaces.networks import open_network


def keep(_, values):
    return values


@pytest.fixture
def images(rng):
    return rng.normal(size=(5, 3, 16, 16)).astype(np.float32)


def torch_layers(weights, images):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    w = {name: torch.from_numpy(values) for name, values in weights.items()}
    one = f.conv2d(torch.from_numpy(images), w["w1"], w["b1"], padding=1)
    two = f.conv2d(f.max_pool2d(one.relu(), 2), w["w2"], padding=1)
    three = f.linear(two.flatten(1), w["w3"], w["b3"])
    return {"one.Conv": one, "relu1": one.relu(), "conv2": two, "fc3": three}


@pytest.mark.parametrize("batch", ["n", 1, 2, 8])
def test_layers_are_those_of_pytorch_whatever_the_batch_of_the_file(work, images, batch):
    expected = torch_layers(small_onnx("small.onnx", batch), images)
    network = open_network(str(work / "small.onnx"), NetworkOptions())
    assert network.size == (16, 16)
    assert network.default == ["one.Conv", "conv2", "fc3"]
    for layers in (None, ["fc3", "relu1", "conv2"]):
        found = network.answers(images, layers, keep)
        assert list(found) == (layers or network.default)
        for name, values in found.items():
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=2e-3)


def test_layers_have_names_of_nodes_and_of_tensors(work, images):
    small_onnx("small.onnx")
    network = open_network(str(work / "small.onnx"), NetworkOptions())
    found = network.answers(images, ["two", "conv2", "answer", "one.out"], keep)
    np.testing.assert_array_equal(found["two"], found["conv2"])
    with pytest.raises(InputError, match=r"'con2'\n.*did you mean 'conv2'"):
        network.check_layers(["con2"])


def test_files_that_cannot_be_used_are_named(work, images):
    (work / "text.onnx").write_text("no graph")
    small_onnx("small.onnx")
    with pytest.raises(InputError, match=r"An? ONNX file|an ONNX file") as caught:
        open_network(str(work / "text.onnx"), NetworkOptions())
    assert caught.value.file == str(work / "text.onnx")
    with pytest.raises(InputError, match=r"no such file\n.*absolute path"):
        open_network("missing.onnx", NetworkOptions())
    network = open_network("small.onnx", NetworkOptions())
    with pytest.raises(InputError, match=r"images \(5, 3, 16, 15\)"):
        network.answers(images[..., :15], None, keep)
    with pytest.raises(InputError, match=r"device of onnxruntime.*\n.*'cuda'"):
        open_network("small.onnx", NetworkOptions(device="cuda")).answers(images, None, keep)
    with pytest.raises(InputError, match="has none, or has its own"):
        open_network("small.onnx", NetworkOptions(weights="some.pt"))


def test_a_graph_that_takes_no_images_is_refused(work):
    import onnx
    from onnx import TensorProto, helper

    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "vectors",
        [info("x", TensorProto.FLOAT, [1, 7])],
        [info("y", TensorProto.FLOAT, [1, 7])],
    )
    onnx.save(helper.make_model(graph), "vectors.onnx")
    with pytest.raises(InputError, match=r"1 inputs, the first of shape \[1, 7\]"):
        open_network("vectors.onnx", NetworkOptions())


def test_without_onnxruntime_a_file_says_what_to_install(work, monkeypatch):
    small_onnx("small.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"onnxruntime, which .*\n.*\n.*fmriprod\[cnn\]"):
        open_network("small.onnx", NetworkOptions())
