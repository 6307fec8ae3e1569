import sys

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.gabor import gabor_pyramid, luminance
from fmriprod.interfaces.network_base import NetworkOptions
from fmriprod.interfaces.networks import open_network


def keep(_, values):
    return values


@pytest.fixture
def images(rng):
    return rng.random((3, 3, 24, 30), dtype=np.float32)


def test_gabor_and_pixels_need_no_network(images, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = open_network("pixels", NetworkOptions()).answers(images, None, keep)
    np.testing.assert_array_equal(found["pixels"], luminance(images)[:, None])
    network = open_network("gabor", NetworkOptions())
    found, expected = network.answers(images, None, keep), gabor_pyramid(luminance(images))
    assert list(found) == list(expected) == ["gabor1", "gabor2", "gabor4", "gabor8"]
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])
    assert list(network.answers(images, ["gabor4", "gabor1"], keep)) == ["gabor4", "gabor1"]


def test_frequencies_that_do_not_fit_and_layers_that_do_not_exist_are_refused(images):
    network = open_network("gabor", NetworkOptions())
    with pytest.raises(InputError, match=r"images of 24 x 30\n.*'gabor16'\n.*larger size, or some"):
        network.answers(images, ["gabor16"], keep)
    with pytest.raises(InputError, match=r"layers of gabor\n.*'gabor3'\n.*did you mean 'gabor32'"):
        network.check_layers(["gabor3"])
    with pytest.raises(InputError, match=r"each layer once\n.*gabor1, gabor1"):
        network.check_layers(["gabor1", "gabor1"])


def test_without_pytorch_a_network_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError) as caught:
        open_network("small", NetworkOptions())
    assert str(caught.value) == (
        "network\n"
        "  expected: PyTorch, which small needs\n"
        "  found:    it is not installed\n"
        "  do:       pip install 'fmriprod[cnn]'"
    )


def test_names_that_are_none_are_refused():
    with pytest.raises(InputError, match=r"module:attribute or a file .onnx\n.*'gabr'\n.*'gabor'"):
        open_network("gabr", NetworkOptions())
    with pytest.raises(InputError, match="no weights: pixels has none"):
        open_network("pixels", NetworkOptions(weights="some.pt"))
    with pytest.raises(InputError, match="no weights: gabor has none"):
        open_network("gabor", NetworkOptions(untrained=True))
