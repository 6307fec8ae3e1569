import json

import h5py
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.layer_file import LayerWriter, layer_key, open_layers, write_layers


def refused(path, subject="features_file"):
    with pytest.raises(InputError) as info, open_layers(path):
        pass
    assert info.value.subject == subject and info.value.file == str(path)
    return str(info.value)


@pytest.fixture
def layers(rng):
    return {
        n: rng.normal(size=(9, p)).astype("f4") for n, p in (("z/conv", 5), ("a", 700), ("m%", 1))
    }


def test_layers_keep_their_order_names_and_numbers(work, layers):
    write_layers(work / "f.h5", layers, {"network": "small"})
    with open_layers(work / "f.h5") as file:
        assert file.names == list(layers) and file.n_samples == 9
        assert file.about == {"network": "small"}
        for name, values in layers.items():
            np.testing.assert_array_equal(file[name], values)
            assert file.dataset(name).dtype == np.float32


def test_blocks_make_the_same_file_as_the_whole_up_to_its_chunks(work, layers):
    write_layers(work / "whole.h5", layers)
    with LayerWriter(work / "blocks.h5") as writer:
        for start in range(0, 9, 4):
            for name, values in layers.items():
                writer.append(name, values[start : start + 4], {"d": 2})
        writer.append("a", np.zeros((0, 700)))
    with open_layers(work / "blocks.h5") as file:
        assert file.names == list(layers) and file.about_layer("a") == {"d": 2}
        for name, values in layers.items():
            np.testing.assert_array_equal(file[name], values)


def test_the_same_layers_give_the_same_bytes(work, layers):
    for name in ("one.h5", "two.h5"):
        write_layers(work / name, layers, {"b": 1, "a": 2})
    assert (work / "one.h5").read_bytes() == (work / "two.h5").read_bytes()


def test_names_become_keys_and_none_are_confused():
    names = ["a/b", "a%2Fb", "a", "%", "/a"]
    assert len({layer_key(n) for n in names}) == len(names)
    assert not any("/" in layer_key(n) for n in names)


def test_a_layer_that_does_not_exist_is_suggested(work, layers):
    write_layers(work / "f.h5", layers)
    with open_layers(work / "f.h5") as file, pytest.raises(InputError) as info:
        file["z/conf"]
    text = str(info.value)
    assert "did you mean 'z/conv'? known: z/conv, a, m%" in text and "found:    'z/conf'" in text


def test_what_is_no_file_of_features_is_refused(work, layers):
    (work / "text.h5").write_text("layers")
    assert "as LayerFeatures writes it" in refused(work / "text.h5")
    write_layers(work / "whole.h5", layers)
    content = (work / "whole.h5").read_bytes()
    (work / "short.h5").write_bytes(content[: len(content) // 2])
    assert "truncated" in refused(work / "short.h5")
    with h5py.File(work / "other.h5", "w") as file:
        file["data"] = np.zeros(3)
    assert "without the attribute 'layers'" in refused(work / "other.h5")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda f: f["layers"].__delitem__("a"), 'layers ["z/conv", "a", "m%"]'),
        (lambda f: f.attrs.__setitem__("layers", "[]"), "layers []"),
        (lambda f: f.attrs.__setitem__("layers", "conv1, conv2"), "conv1, conv2"),
        (lambda f: f.attrs.__setitem__("layers", json.dumps({"a": 1})), "layers"),
        (lambda f: f["layers"]["a"].resize(4, axis=0), "differ in their samples"),
    ],
    ids=["array gone", "no names", "no JSON", "no list", "fewer rows"],
)
def test_files_whose_parts_do_not_fit_are_refused(work, layers, change, found):
    write_layers(work / "f.h5", layers)
    with h5py.File(work / "f.h5", "a") as file:
        change(file)
    text = refused(work / "f.h5")
    assert found in text and "make it with LayerFeatures" in text
