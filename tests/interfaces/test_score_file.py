from dataclasses import fields

import h5py
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.score_file import LayerScores, read_scores, write_scores


@pytest.fixture
def scores(rng):
    shape = (2, 3, 5)
    arrays = [rng.normal(size=s).astype("f4") for s in ((2, 5), (2, 5), shape, shape, shape)]
    for values in arrays:
        values[..., 1] = np.nan
    usable = np.array([True, False, True, True, True])
    return LayerScores(
        ["conv1", "fc"], ["s1", "s2", "s3"], [0.1, 10.0], [1.0, 32.5], *arrays, usable
    )


def refused(path):
    with pytest.raises(InputError) as info:
        read_scores(path)
    assert info.value.subject == "scores_file" and info.value.file == str(path)
    assert "give scores_file of RidgeEncode" in str(info.value)
    return str(info.value)


def test_scores_come_back_as_they_were_and_with_the_same_bytes(work, scores):
    for name in ("one.h5", "two.h5"):
        write_scores(work / name, scores)
    found = read_scores(work / "one.h5")
    for field in fields(LayerScores):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(scores, field.name))
    assert found.r2.dtype == np.float32 and found.usable.dtype == bool
    assert (work / "one.h5").read_bytes() == (work / "two.h5").read_bytes()


def test_what_is_no_file_of_scores_is_refused(work, scores):
    (work / "text.h5").write_text("scores")
    assert "as RidgeEncode writes it" in refused(work / "text.h5")
    write_scores(work / "whole.h5", scores)
    content = (work / "whole.h5").read_bytes()
    (work / "short.h5").write_bytes(content[:-100])
    assert "truncated" in refused(work / "short.h5")


def _fewer(file):
    del file["r"]
    file["r"] = np.zeros((2, 4), "f4")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda f: f.__delitem__("fold_r2"), "fold_r2"),
        (lambda f: f.attrs.__delitem__("folds"), "folds"),
        (lambda f: f.attrs.__setitem__("layers", "conv1"), "Expecting value"),
        (lambda f: f.attrs.__setitem__("layers", '["conv1"]'), "1 layers, 3 folds, 5 voxels"),
        (_fewer, "r (2, 4)"),
    ],
    ids=["array gone", "list gone", "no JSON", "fewer names", "other voxels"],
)
def test_files_whose_parts_do_not_fit_are_refused(work, scores, change, found):
    write_scores(work / "s.h5", scores)
    with h5py.File(work / "s.h5", "a") as file:
        change(file)
    assert found in refused(work / "s.h5")
