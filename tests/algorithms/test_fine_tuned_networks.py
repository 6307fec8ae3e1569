import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fine_tuned_networks import (
    VGG16_CHANNELS,
    load_vgg16_convolutions,
    small_convnet,
    trained_network,
    vgg16,
)

torch = pytest.importorskip("torch")


def torchvision_features(rng):
    """Weights with the names and shapes of torchvision's vgg16, of simulated numbers."""
    state, place, inputs = {}, 0, 3
    for block in VGG16_CHANNELS:
        for outputs in block:
            values = rng.normal(0, 0.05, (outputs, inputs, 3, 3)).astype(np.float32)
            state[f"features.{place}.weight"] = torch.from_numpy(values)
            state[f"features.{place}.bias"] = torch.from_numpy(
                rng.normal(0, 0.1, outputs).astype(np.float32)
            )
            place, inputs = place + 2, outputs
        place += 1
    return state


@pytest.fixture(scope="module")
def weights():
    return torchvision_features(np.random.default_rng(0))


def test_vgg16_has_the_published_layers():
    with torch.device("meta"):
        network = vgg16()
        out = network(torch.zeros(2, 3, 224, 224))
    assert out.shape == (2, 16)
    assert network.layer_names[:3] == ["conv1_1", "conv1_2", "conv2_1"]
    assert network.layer_names[-3:] == ["conv5_3", "fc6", "fc8"]
    assert len(network.layer_names) == 15
    shapes = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    assert shapes["fc6.filter.weight"] == (1024, 512, 7, 7)
    assert shapes["fc8.filter.weight"] == (16, 1024, 1, 1)
    convolutions = sum(np.prod(s) for k, s in shapes.items() if k.startswith("conv"))
    assert convolutions == 14_714_688  # as published for VGG16 without its full layers


@pytest.mark.parametrize("preparation", ["caffe", "torchvision"])
def test_loaded_convolutions_answer_as_by_hand(weights, preparation, rng):
    network = vgg16(16, 32, preparation=preparation).eval()
    load_vgg16_convolutions(network, weights)
    images = torch.from_numpy(rng.random((2, 3, 32, 32)).astype(np.float32))
    if preparation == "caffe":
        mean = torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
        x = 255 * images - mean
    else:
        mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
        x = (images - mean) / std
    place = 0
    with torch.inference_mode():
        for block in VGG16_CHANNELS:
            for _ in block:
                weight, bias = (weights[f"features.{place}.{k}"] for k in ("weight", "bias"))
                x = torch.conv2d(x, weight, bias, padding=1).relu()
                place += 2
            x = torch.max_pool2d(x, 2)
            place += 1
        found = images
        for name, child in network.named_children():
            found = child(found)
            if name == "pool5":
                break
    assert x.std() > 0
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-5 * float(x.abs().max()))


def test_other_weights_are_refused(weights):
    network = vgg16(4, 32)
    lacking = {k: v for k, v in weights.items() if k != "features.28.bias"}
    with pytest.raises(InputError, match=r"(?s)features\.28\.bias of shape \(512,\).*nothing"):
        load_vgg16_convolutions(network, lacking)
    other = {**weights, "features.5.weight": torch.zeros(1, 2)}
    with pytest.raises(InputError, match=r"(?s)features\.5\.weight of shape.*shape \(1, 2\)"):
        load_vgg16_convolutions(network, other)


@pytest.mark.parametrize(
    "network", [lambda: vgg16(5, 64, preparation="torchvision"), lambda: small_convnet(7, 40)]
)
def test_a_trained_network_is_rebuilt_from_its_weights(network, rng):
    network = network().eval()
    rebuilt = trained_network()
    rebuilt.load_state_dict(network.state_dict())
    assert (rebuilt.size, rebuilt.layer_names) == (network.size, network.layer_names)
    assert not rebuilt.training
    size = network.size
    images = torch.from_numpy(rng.random((2, 3, size, size)).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(rebuilt(images), network(images))


def test_a_network_without_weights_says_so():
    with pytest.raises(InputError, match=r"(?s)the weights of a trained network.*none"):
        trained_network()(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match=r"(?s)that NetworkTraining trained.*other"):
        trained_network().load_state_dict({"other": torch.zeros(1)})


@pytest.mark.parametrize(("maker", "size", "right"), [(vgg16, 100, 96), (small_convnet, 4, 8)])
def test_sizes_that_do_not_fit_are_refused(maker, size, right):
    with pytest.raises(InputError, match=f"give {right}"):
        maker(3, size)
