import pytest
from support.class_images import write_squares

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fine_tuned_networks import VGG16_CHANNELS, vgg16
from fmriprod.interfaces.network_training import NetworkTraining
from fmriprod.interfaces.trainable_networks import VGG16_FILES, open_trainable

torch = pytest.importorskip("torch")


@pytest.fixture
def imagenet(work, monkeypatch):
    """Simulated weights of torchvision's VGG16, where PyTorch keeps them."""
    state, place, inputs = {"classifier.6.bias": torch.zeros(1000)}, 0, 3
    torch.manual_seed(0)
    for block in VGG16_CHANNELS:
        for outputs in block:
            state[f"features.{place}.weight"] = 0.02 * torch.randn(outputs, inputs, 3, 3)
            state[f"features.{place}.bias"] = torch.zeros(outputs)
            place, inputs = place + 2, outputs
        place += 1
    folder = work / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / VGG16_FILES["caffe"])
    monkeypatch.setenv("TORCH_HOME", str(work / "torch"))
    return folder / VGG16_FILES["caffe"], state


def opened(name="vgg16", n_classes=4, size=32, weights=None, preparation="caffe", untrained=False):
    return open_trainable(name, n_classes, size, 0.5, weights, preparation, untrained)


def test_vgg16_starts_from_the_cache(imagenet):
    _, state = imagenet
    network = opened()
    assert torch.equal(network.conv3_2.filter.weight, state["features.12.weight"])
    assert network.fc8.filter.weight.shape == (4, 1024, 1, 1)
    free = opened(untrained=True)
    assert not torch.equal(free.conv3_2.filter.weight, state["features.12.weight"])


def test_weights_of_the_other_preparation_are_refused(imagenet):
    path, _ = imagenet
    with pytest.raises(InputError, match=r"(?s)amdegroot-88682ab5\.pth.*'torchvision'"):
        opened(weights=str(path), preparation="torchvision")
    with pytest.raises(InputError, match=r"(?s)vgg16-397923af\.pth.*no such file.*put https://"):
        opened(preparation="torchvision")


def test_training_starts_from_what_was_trained_here(imagenet, work):
    trained = vgg16(4, 32)
    torch.save({"state_dict": trained.state_dict()}, "trained.pt")
    network = opened(weights="trained.pt")
    assert torch.equal(network.fc6.filter.weight, trained.fc6.filter.weight)
    with pytest.raises(InputError, match=r"(?s)trained\.pt.*this network.*fc8\.filter\.weight"):
        opened(n_classes=5, weights="trained.pt")


def test_vgg16_learns_with_the_published_mix(imagenet, work):
    """One epoch of small images: the 13 convolutions change too, and batches are the mix."""
    path = write_squares(work / "train", {"red": 4, "green": 4, "blue": 4}, side=32)
    out = NetworkTraining(
        train_directory=path, size=32, digit_classes=["red", "green"], object_classes=["blue"],
        n_digits=2, n_objects=1, n_epochs=1,
    ).run().outputs  # fmt: skip
    _, state = imagenet
    found = torch.load(out.last_file, weights_only=True)["state_dict"]
    change = found["conv1_1.filter.weight"] - state["features.0.weight"]
    assert 0 < change.abs().max() < 1e-3  # three steps of Adam at 1e-5
    # 3 images of each class are trained on: 3 batches of 2 + 1.
    assert float(change.abs().max()) == pytest.approx(3e-5, rel=0.5)


def test_a_network_of_the_users_own(work, monkeypatch):
    (work / "own_network_for_tests.py").write_text(
        "from torch import nn\n"
        "def make(n):\n"
        "    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, n))\n"
        "    network.size = 8\n"
        "    return network\n"
        "def wrong(n):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, n + 1))\n"
    )
    monkeypatch.syspath_prepend(str(work))
    path = write_squares(work / "train", {"red": 12, "green": 12}, side=8)
    out = NetworkTraining(
        train_directory=path, network="own_network_for_tests:make", learning_rate=0.01, n_epochs=20
    ).run().outputs  # fmt: skip
    assert out.accuracy == 1.0
    assert out.network == "own_network_for_tests:make"
    with pytest.raises(InputError, match=r"(?s)2 answers, one a class.*shape \(2, 3\)"):
        NetworkTraining(train_directory=path, network="own_network_for_tests:wrong", size=8).run()
