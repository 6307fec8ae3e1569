import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fmriprod.algorithms.activations import default_layers, iterate_activations  # noqa: E402
from fmriprod.algorithms.checks import InputError  # noqa: E402
from fmriprod.algorithms.small_networks import (  # noqa: E402
    SIZES,
    gabor_filters,
    layer_activations,
    small_network,
)


def natural(rng, n, size):
    """Simulate images with the spectrum of natural ones."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = np.inf
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, size, size))) / frequency).real
    noise /= noise.std(axis=(1, 2), keepdims=True)
    return np.repeat(np.clip(noise / 2, -1, 1)[:, None], 3, axis=1).astype(np.float32)


def test_weights_do_not_depend_on_the_state_of_any_generator():
    torch.manual_seed(1)
    one = small_network().state_dict()
    torch.manual_seed(2)
    np.random.seed(3)  # noqa: NPY002
    two = small_network().state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = small_network(seed=1).state_dict()
    assert not torch.equal(one["conv2.0.weight"], other["conv2.0.weight"])
    total = sum(float(w.double().abs().sum()) for w in one.values())
    assert total == pytest.approx(11102.3503, abs=1e-3)  # as recorded: the same on every machine


def share_explained(features, targets, n_train):
    """Predict targets of images that were not seen: median share of variance, best penalty."""
    gram = features @ features.T
    gram /= np.trace(gram) / len(gram)
    best = -np.inf
    for penalty in (1e-3, 1e-2, 0.1, 1):
        kernel = gram[:n_train, :n_train] + penalty * np.eye(n_train)
        found = gram[n_train:, :n_train] @ np.linalg.solve(kernel, targets[:n_train])
        unseen = targets[n_train:]
        best = max(best, np.median(1 - ((unseen - found) ** 2).sum(0) / (unseen**2).sum(0)))
    return best


@pytest.mark.parametrize("name", SIZES)
def test_layers_are_named_and_each_says_what_the_others_do_not(rng, name):
    network = small_network(**SIZES[name])
    images = natural(rng, 400, network.size)
    layers = layer_activations(network, images)
    assert list(layers) == network.layer_names and len(layers) == SIZES[name]["n_layers"]
    features = []
    for values in layers.values():
        flat = values.reshape(len(images), -1)
        assert np.isfinite(flat).all() and (flat.std(axis=0) > 0).mean() > 0.95
        features.append(flat - flat.mean(axis=0))
    share = np.empty((len(features), len(features)))
    for row, truth in enumerate(features):
        targets = truth @ rng.normal(size=(truth.shape[1], 80)).astype(np.float32)
        share[row] = [share_explained(model, targets, 300) for model in features]
    own = np.diag(share)
    others = np.where(np.eye(len(share), dtype=bool), -np.inf, share).max(axis=1)
    assert (own > 0.02).all() and (others < 0.7 * own).all(), share.round(2)


def test_receptive_fields_grow(rng):
    network = small_network(**SIZES["deep"])
    image = natural(rng, 1, 128)
    other = image.copy()
    other[0, :, 60:64, 60:64] *= -1
    one, two = layer_activations(network, image), layer_activations(network, other)
    # Normalisation is by the whole image; what lies far away changes by that much only.
    touched = [
        (np.abs(one[n] - two[n]).max(axis=(0, 1)) > 0.2 * np.abs(one[n] - two[n]).max()).mean()
        for n in ("conv1", "conv2", "conv3", "conv4", "conv5")
    ]
    assert touched[0] < 0.02 and (np.diff(touched) > 0).all()


def test_first_filters_are_gabor_functions():
    filters = gabor_filters(32)
    assert filters.shape == (32, 3, 7, 7)
    np.testing.assert_allclose(filters.sum(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose((filters**2).sum(axis=(1, 2, 3)), 1, rtol=1e-5)
    for k, angle in enumerate((0, 45, 90, 135)):
        spectrum = np.abs(np.fft.fft2(filters[4 * k, 0], (64, 64)))
        row, column = np.unravel_index(spectrum[:, :33].argmax(), (64, 33))
        row = row - 64 if row > 32 else row
        assert np.rad2deg(np.arctan2(row, column)) % 180 == pytest.approx(angle, abs=8)
        np.testing.assert_allclose(filters[4 * k], -filters[4 * k + 2], atol=1e-6)


def test_activations_are_those_of_a_forward_pass_by_hand(rng):
    network = small_network(n_layers=4, size=32, channels=[8, 6, 5, 7])
    images = natural(rng, 5, 32)
    x, expected = torch.from_numpy(images), {}
    for name, child in network.named_children():
        x = child(x)
        if not name.startswith("pool"):
            expected[name] = x.numpy()
    for batch_size in (1, 2, 64):
        found = layer_activations(network, images, batch_size=batch_size)
        assert list(found) == list(expected) == ["conv1", "conv2", "conv3", "fc4"]
        for name, values in found.items():
            assert values.dtype == np.float32 and values.shape == expected[name].shape
            np.testing.assert_allclose(values, expected[name], atol=1e-5)
    some = layer_activations(network, images, ["fc4", "conv1"])
    assert list(some) == ["fc4", "conv1"]


def test_what_follows_cannot_write_into_a_layer_and_the_mode_comes_back():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.Dropout(0.5)
    ).train()
    images = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)
    assert default_layers(network) == ["0"]
    found = layer_activations(network, images, ["0", "2"])
    assert (found["0"] < 0).any()
    np.testing.assert_array_equal(found["2"], np.maximum(found["0"], 0))  # no dropout
    assert network.training
    assert not network[0]._forward_hooks


def test_layers_that_cannot_be_had_are_named(rng):
    network = small_network(n_layers=3, size=32)
    images = natural(rng, 1, 32)
    with pytest.raises(InputError, match=r"'covn1'\n.*did you mean 'conv1'\?"):
        layer_activations(network, images, ["covn1"])

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = torch.nn.LSTM(3, 2), torch.nn.Linear(1, 1)

        def forward(self, x):
            return self.used(x.mean(dim=(2, 3)))[0]

    with pytest.raises(InputError, match=r"'unused'\n.*it did not run"):
        next(iterate_activations(Odd(), images, ["unused"]))
    with pytest.raises(InputError, match=r"'used'\n.*a tuple"):
        next(iterate_activations(Odd(), images, ["used"]))


def test_shapes_that_make_no_network_are_refused():
    with pytest.raises(InputError, match="at least 2 layers"):
        small_network(n_layers=1)
    with pytest.raises(InputError, match=r"16 pixels\n.*8 pixels"):
        small_network(size=8)
    with pytest.raises(InputError, match=r"channels of 5 layers\n.*2 numbers"):
        small_network(channels=[3, 4])
