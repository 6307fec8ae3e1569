"""HDF5 files of any content: a result, or our message."""

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import FUZZ, Reader, no_files, place, survives, write
from support.layer_scores import simulated_scores

from fmriprod.algorithms.encode_model import LinearModel
from fmriprod.interfaces.encoding_model import open_model, write_model
from fmriprod.interfaces.layer_file import open_layers, write_layers
from fmriprod.interfaces.rdm_file import RDMs, read_rdms, write_rdms
from fmriprod.interfaces.rsa_file import Comparisons, read_rsa, write_rsa
from fmriprod.interfaces.score_file import LayerScores, read_scores, write_scores


def _layers(path):
    with open_layers(path) as layers:
        for name in layers.names:
            assert layers[name].shape[0] == layers.n_samples
            layers.about_layer(name)


def _rdms(path):
    found = read_rdms(path)
    np.array(found.dissimilarities)


def _model(path):
    with open_model(path) as model:
        assert model.layers
        for layer in model.layers:
            model.model(layer)


def _scores(rng):
    _, folds, _ = simulated_scores(rng, n_folds=2)
    folds = folds[:3, :, :7]
    r2 = folds.mean(axis=1)
    return LayerScores(["a", "b", "c"], ["1", "2"], [1.0], [1.0] * 3, r2, r2, folds, folds, folds,
                       np.ones(7, bool))  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hdf5")


@pytest.fixture(scope="module")
def made(folder):
    rng = np.random.default_rng(0)
    write_layers(folder / "layers.h5", {"a/b": rng.random((4, 3)), "c": rng.random((4, 2))},
                 {"network": "x"})  # fmt: skip
    values = rng.random((5, 3), dtype=np.float32)
    rdms = RDMs(values, ["a", "b", "c"], "correlation", None, np.arange(5),
                np.full(5, 30), (2, 3, 1), np.eye(4), {})  # fmt: skip
    write_rdms(folder / "rdms.h5", rdms)
    write_rsa(folder / "rsa.h5", Comparisons(values.T, ["m"] * 3, "spearman", p=values.T,
                                             names=list("vwxyz")))  # fmt: skip
    write_scores(folder / "scores.h5", _scores(rng))
    write_model(folder / "model.h5", {"a": LinearModel(np.ones((3, 2), "f4"), np.zeros(2, "f4"))},
                 np.array([True, False, True]))  # fmt: skip
    kinds = {"layers": _layers, "rdms": _rdms, "rsa": read_rsa, "scores": read_scores,
             "model": _model}  # fmt: skip
    return {
        name: Reader(f"HDF5 {name}", read, lambda n=name: [(folder / f"{n}.h5").read_bytes()],
                     "in.h5", text=False, header=3000)
        for name, read in kinds.items()
    }  # fmt: skip


NAMES = ["layers", "rdms", "rsa", "scores", "model"]


@pytest.fixture
def reader(request, made):
    return made[request.param]


@pytest.mark.parametrize("reader", NAMES, indirect=True)
def test_what_is_valid_is_taken(reader, folder):
    assert survives(reader.name, reader.read, write(reader, folder, reader.seeds()[0]))


@pytest.mark.parametrize("reader", NAMES, indirect=True)
@FUZZ
@given(share=place, junk=st.binary(max_size=200))
def test_what_is_cut_off_or_foreign_is_refused(reader, folder, share, junk):
    """Only that: with single bytes changed, HDF5's own library was seen not to come back."""
    whole = reader.seeds()[0]
    for content in (whole[: int(share * len(whole))], junk):
        assert not survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", NAMES, indirect=True)
def test_what_is_no_file_is_refused(reader, tmp_path):
    for what, path in no_files(tmp_path, reader.file_name):
        assert not survives(reader.name, reader.read, path), what


ODD = st.sampled_from(
    [0, -1.5, "", "[]", "{}", "null", "[null]", "[[1]]", '["a", "a"]', '["a"]', "[" * 3000, "x",
     '["a", "b", "c", "d"]', "[1e999]", '{"a": NaN}', b"\xff", np.arange(3), np.array([b"a"]),
     np.zeros((2, 2)), np.full((5, 3), np.nan), np.zeros((0, 3)), np.array(1.0), h5py.Empty("f4"),
     np.zeros(3, "c8"), np.zeros(2, [("a", "i4")]), np.arange(10) - 5, np.full((3, 5), 10**12)]
)  # fmt: skip
change = st.tuples(st.sampled_from(["attr", "no attr", "array", "no array", "group", "bomb", "soft",
                                    "hard"]), place, ODD)  # fmt: skip


def spoil(handle, what, where, value):
    """Change an attribute or an array of a file."""
    items = [handle]
    handle.visititems(lambda _, item: items.append(item))
    if what in ("attr", "no attr"):
        named = [(item, name) for item in items for name in item.attrs]
        if not named:
            return
        item, name = named[int(where * len(named))]
        del item.attrs[name]
        if what == "attr":
            item.attrs[name] = value
        return
    paths = [item.name for item in items[1:]]
    if not paths:
        return
    path = paths[int(where * len(paths))]
    attributes = dict(handle[path].attrs)
    del handle[path]
    if what == "array":
        handle[path] = value
    elif what == "group":
        handle.create_group(path)
    elif what == "bomb":  # a terabyte of which nothing is stored
        handle.create_dataset(path, (5, 10**6, 10**5), "f4", chunks=(1, 1000, 1000))
    elif what == "soft":
        handle[path] = h5py.SoftLink(path)
    elif what == "hard":
        handle[path] = handle["/"]
    if what in ("array", "group", "bomb"):
        handle[path].attrs.update(attributes)


@pytest.mark.parametrize("reader", NAMES, indirect=True)
@FUZZ
@given(changes=st.lists(change, min_size=1, max_size=2))
def test_files_with_other_parts_are_taken_or_refused(reader, folder, changes):
    path = write(reader, folder, reader.seeds()[0])
    with h5py.File(path, "r+") as handle:
        for one in changes:
            spoil(handle, *one)
    survives(reader.name, reader.read, path)
