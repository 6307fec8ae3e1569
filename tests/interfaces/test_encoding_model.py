import h5py
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.encode_model import DualModel, LinearModel
from fmriprod.interfaces.encoding_model import open_model, write_model

USABLE = np.array([True, False, True, True])


@pytest.fixture
def models(rng):
    def values(*shape):
        return rng.normal(size=shape).astype("f4")

    dual = DualModel(values(6, 9), values(2, 6, 3), values(2, 9), 1 + values(2, 9) ** 2, values(3))
    return {"b/conv": LinearModel(values(5, 3), values(3)), "a": dual}


@pytest.fixture
def path(work, models):
    write_model(work / "model.h5", models, USABLE)
    return work / "model.h5"


def refused(path):
    with pytest.raises(InputError) as info, open_model(path):
        pass
    assert info.value.subject == "model_file" and info.value.file == str(path)
    assert "run RidgeEncode with save_model=True" in str(info.value)
    return str(info.value)


def test_models_come_back_and_predict_the_voxels_that_they_know(path, models, rng):
    with open_model(path) as file:
        assert file.layers == ["b/conv", "a"] and file.n_voxels == 4
        for name, model in models.items():
            new = rng.normal(size=(7, model.n_features)).astype("f4")
            found = file.predict(name, new)
            assert type(file.model(name)) is type(model)
            assert np.isnan(found[:, 1]).all() and found.dtype == np.float32
            np.testing.assert_array_equal(found[:, USABLE], model.predict(new))


def test_the_same_models_give_the_same_bytes(path, work, models):
    write_model(work / "again.h5", models, USABLE)
    assert (work / "again.h5").read_bytes() == path.read_bytes()


def test_other_features_and_layers_are_refused(path):
    with open_model(path) as file:
        with pytest.raises(InputError) as info:
            file.predict("a", np.zeros((2, 8), "f4"))
        text = str(info.value)
        assert "9 features in layer 'a'" in text and "found:    8" in text
        assert "same network, image size and reduction" in text
        with pytest.raises(InputError, match=r"did you mean 'b/conv'\? known: b/conv, a"):
            file.model("conv")


def test_what_is_no_file_of_models_is_refused(work, path):
    (work / "text.h5").write_text("model")
    assert "as RidgeEncode writes it" in refused(work / "text.h5")
    (work / "short.h5").write_bytes(path.read_bytes()[:-64])
    assert "truncated" in refused(work / "short.h5")
    with h5py.File(work / "other.h5", "w") as file:
        file.attrs["layers"] = '["a"]'
    assert "an HDF5 file without models" in refused(work / "other.h5")


@pytest.mark.parametrize("part", ["usable", "models"])
def test_a_part_that_is_gone_is_missed(path, part):
    with h5py.File(path, "a") as file:
        del file[part]
    assert "without models" in refused(path)


def test_layers_that_are_no_list_are_refused(path):
    with h5py.File(path, "a") as file:
        file.attrs["layers"] = "conv"
    assert "layers" in refused(path)
    with h5py.File(path, "a") as file:
        file.attrs["layers"] = '["b/conv", "gone"]'
    assert "gone" in refused(path)
