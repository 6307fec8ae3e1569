import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fmriprod.algorithms.checks import InputError  # noqa: E402
from fmriprod.algorithms.small_networks import SIZES, layer_activations, small_network  # noqa: E402
from fmriprod.interfaces.network_base import NetworkOptions  # noqa: E402
from fmriprod.interfaces.networks import open_network  # noqa: E402


def keep(_, values):
    return values


def two_layers():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 5)
    )


@pytest.fixture
def own(monkeypatch):
    """Make a module that can be imported, with networks in it."""
    module = types.ModuleType("own_networks")
    module.make, module.ready, module.number = two_layers, two_layers(), 3
    module.nested = types.SimpleNamespace(make=two_layers)
    module.fails = lambda: 1 / 0
    monkeypatch.setitem(sys.modules, "own_networks", module)
    return module


@pytest.fixture
def images(rng):
    return rng.random((3, 3, 8, 8), dtype=np.float32)


@pytest.mark.parametrize("name", SIZES)
def test_small_networks_have_names(rng, name):
    network = open_network("small" if name == "small" else f"small:{name}", NetworkOptions())
    side = SIZES[name]["size"]
    assert network.size == (side, side) and network.mean == network.std == (0.5, 0.5, 0.5)
    images = rng.normal(size=(2, 3, side, side)).astype(np.float32)
    expected = layer_activations(small_network(**SIZES[name]), images)
    found = network.answers(images, None, keep)
    assert list(found) == list(expected)
    for layer in found:
        np.testing.assert_array_equal(found[layer], expected[layer])


def test_any_module_can_be_named(own, images):
    network = open_network("own_networks:ready", NetworkOptions())
    assert network.size is None and network.default == ["0", "2"]
    found = network.answers(images, None, keep)
    with torch.no_grad():
        first = own.ready[0](torch.from_numpy(images))
        np.testing.assert_allclose(found["0"], first.numpy(), atol=1e-6)
        np.testing.assert_allclose(found["2"], own.ready(torch.from_numpy(images)), atol=1e-6)
    for name in ("make", "nested.make"):
        torch.manual_seed(1)
        one = open_network(f"own_networks:{name}", NetworkOptions()).answers(images, None, keep)
        torch.manual_seed(2)
        two = open_network(f"own_networks:{name}", NetworkOptions()).answers(images, None, keep)
        np.testing.assert_array_equal(one["2"], two["2"])  # random weights are of a fixed seed


def test_opening_and_running_leave_pytorch_s_state_alone(own, images):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    network = open_network("own_networks:make", NetworkOptions(num_threads=3))
    network.answers(images, None, keep)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_weights_are_loaded_from_a_file(own, images, work):
    torch.save(own.ready.state_dict(), "weights.pt")
    torch.save({"state_dict": own.ready.state_dict()}, "checkpoint.pt")
    expected = open_network("own_networks:ready", NetworkOptions()).answers(images, None, keep)
    for name in ("weights.pt", "checkpoint.pt"):
        network = open_network("own_networks:make", NetworkOptions(weights=name))
        np.testing.assert_array_equal(network.answers(images, None, keep)["2"], expected["2"])
    (work / "text.pt").write_text("no weights")
    torch.save(small_network().state_dict(), "other.pt")
    for name, found in (("text.pt", ""), ("other.pt", "Missing key")):
        with pytest.raises(
            InputError, match=f"weights of own_networks:make .*\n.*{found}"
        ) as error:
            open_network("own_networks:make", NetworkOptions(weights=name))
        assert error.value.file == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no_such_module:make", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("own_networks:mak", "AttributeError: .*'mak'"),
        ("own_networks:fails", "ZeroDivisionError"),
        ("own_networks:number", "torch.nn.Module, or a function that makes one\n.*a int"),
        ("small:huge", "'small:huge'\n.*known: tiny, small, deep"),
    ],
)
def test_networks_that_cannot_be_had_are_named(own, name, text):
    with pytest.raises(InputError, match=text):
        open_network(name, NetworkOptions())


def test_images_that_do_not_fit_and_devices_that_are_not_there_are_refused(own, images):
    network = open_network("own_networks:make", NetworkOptions())
    with pytest.raises(InputError, match=r"takes images of shape \(3, 8, 7\)\n.*shapes cannot"):
        network.answers(images[..., :7], None, keep)
    with pytest.raises(InputError, match=r"a device of PyTorch that is there\n.*'abacus'"):
        open_network("own_networks:make", NetworkOptions(device="abacus"))
    with pytest.raises(InputError, match="small networks, which have weights of their own"):
        open_network("small", NetworkOptions(untrained=True))


def test_torchvision_is_asked_only_for_its_own_networks(monkeypatch):
    for package in ("torchvision", "timm"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match=f"{package}, which {package}:resnet18 needs"):
            open_network(f"{package}:resnet18", NetworkOptions())
    open_network("small:tiny", NetworkOptions())


@pytest.fixture
def hub(work, monkeypatch):
    """Make an empty cache of weights; nothing may be fetched."""
    monkeypatch.setenv("TORCH_HOME", str(work))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(work / "hub"))

    def refuse(url, *_, **__):
        raise OSError(f"no network for {url}")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return work / "hub" / "checkpoints"


@pytest.mark.parametrize("package", ["torchvision", "timm"])
def test_weights_that_are_missing_say_which_file_goes_where(package, hub, rng):
    try:  # an installation that does not fit PyTorch's fails with other errors than ImportError
        __import__(package)
    except Exception:
        pytest.skip(f"no {package}")
    name = f"{package}:resnet18"
    with pytest.raises(InputError, match="no such file") as caught:
        open_network(name, NetworkOptions())
    path = caught.value.expected.rpartition(" at ")[2]
    assert path.startswith(str(hub)) and path.endswith(".pth")
    assert caught.value.hint.startswith("put https://") and not hub.exists()
    with pytest.raises(InputError, match=r"https://.* to be there\n.*no network for"):
        open_network(name, NetworkOptions(download=True))
    network = open_network(name, NetworkOptions(untrained=True))
    assert network.size == (224, 224) and network.mean == (0.485, 0.456, 0.406)
    with torch.no_grad():
        network.module.fc.weight.zero_()
    torch.save(network.module.state_dict(), path)
    images = rng.random((1, 3, 224, 224), dtype=np.float32)
    found = open_network(name, NetworkOptions()).answers(images, ["layer2", "fc"], keep)
    assert found["layer2"].shape == (1, 128, 28, 28)
    np.testing.assert_allclose(found["fc"][0], network.module.fc.bias.detach(), atol=1e-7)
    with pytest.raises(InputError, match=r"'resnet81'\n.*did you mean 'resnet"):
        open_network(f"{package}:resnet81", NetworkOptions())
