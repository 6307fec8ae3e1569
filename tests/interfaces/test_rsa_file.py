"""Files of comparisons."""

import h5py
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.rsa_file import Comparisons, read_rsa, write_rsa


@pytest.fixture
def found(rng):
    arrays = {k: rng.random((2, 5), dtype=np.float32) for k in ("value", "p", "q", "p_familywise")}
    return Comparisons(
        models=["digit", "layer 1"], method="spearman", n_permutations=100, **arrays,
        among=np.eye(2, dtype=np.float32), voxels=np.array([3, 9, 27, 28, 50]),
        n_voxels=np.array([7, 8, 9, 9, 7]), shape=(4, 4, 4), affine=np.diag([3.0, 3, 3, 1]),
        about={"alternative": "greater"},
    )  # fmt: skip


def test_what_is_written_is_read(work, found):
    write_rsa("rsa.h5", found)
    again = read_rsa("rsa.h5")
    for name, value in vars(found).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(again, name), value)
        else:
            assert getattr(again, name) == value
    assert again.value.dtype == np.float32
    write_rsa("other.h5", again)
    assert (work / "rsa.h5").read_bytes() == (work / "other.h5").read_bytes()


def test_volumes_are_nan_where_no_sphere_is(found):
    maps = found.volumes(found.value)
    assert maps.shape == (4, 4, 4, 2) and maps.dtype == np.float32
    assert maps[0, 2, 1, 1] == found.value[1, 1]  # voxel 9 in C order
    assert np.isfinite(maps).sum() == 10


def test_other_files_are_refused(work, found):
    (work / "text.h5").write_text("no")
    with pytest.raises(InputError, match=r"(?s)text\.h5.*comparisons, as RSA"):
        read_rsa("text.h5")
    write_rsa("rsa.h5", found)
    with h5py.File("rsa.h5", "a") as handle:
        handle.attrs["models"] = '["one"]'
    with pytest.raises(InputError, match=r"1 models, but value of shape \(2, 5\)"):
        read_rsa("rsa.h5")
    write_rsa("rsa.h5", found)
    with h5py.File("rsa.h5", "a") as handle:
        del handle["voxels"]
        handle["voxels"] = [1]
    with pytest.raises(InputError, match="5 RDMs, but 1 voxels"):
        read_rsa("rsa.h5")
