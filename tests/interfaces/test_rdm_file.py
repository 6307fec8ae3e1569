"""Files of dissimilarities."""

import h5py
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.rdm_file import RDMs, RDMWriter, read_rdms, write_rdms


@pytest.fixture
def rdms(rng):
    return RDMs(
        rng.random((5, 6), dtype=np.float32), ["zero", "one", "two", "bed"], "correlation",
        voxels=np.array([3, 9, 27, 28, 50]), n_voxels=np.array([7, 8, 9, 9, 7]),
        shape=(4, 4, 4), affine=np.diag([3.0, 3, 3, 1]), about={"radius": 9.0},
    )  # fmt: skip


def test_what_is_written_is_read(work, rdms):
    write_rdms("rdms.h5", rdms)
    found = read_rdms("rdms.h5")
    assert isinstance(found.dissimilarities, np.memmap)
    for name in ("dissimilarities", "voxels", "n_voxels", "affine"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rdms, name))
    for name in ("conditions", "distance", "names", "shape", "about"):
        assert getattr(found, name) == getattr(rdms, name)


def test_the_same_content_gives_the_same_bytes(work, rdms):
    write_rdms("one.h5", rdms)
    write_rdms("other.h5", rdms)
    assert (work / "one.h5").read_bytes() == (work / "other.h5").read_bytes()


def test_blocks_come_to_their_places_and_the_rest_is_nan(work, rdms):
    with RDMWriter("rdms.h5", 5, rdms.conditions, "code", names=list("abcde")) as out:
        out.write(slice(2, 4), rdms.dissimilarities[:2])
    found = read_rdms("rdms.h5")
    np.testing.assert_array_equal(found.dissimilarities[2:4], rdms.dissimilarities[:2])
    assert np.isnan(found.dissimilarities[[0, 1, 4]]).all() and found.names == list("abcde")


def test_conditions_are_put_in_order(rdms):
    found = rdms.in_order(["bed", "zero", "two"])
    np.testing.assert_array_equal(found, rdms.dissimilarities[:, [2, 5, 1]])
    assert rdms.in_order(rdms.conditions) is rdms.dissimilarities
    with pytest.raises(InputError, match="lacking: 'cat'"):
        rdms.in_order(["bed", "cat", "one"])


def test_other_files_are_refused(work, rdms):
    (work / "text.h5").write_text("no")
    with pytest.raises(InputError, match=r"(?s)text\.h5.*HDF5 file of dissimilarities"):
        read_rdms("text.h5")
    write_rdms("rdms.h5", rdms)
    with h5py.File("rdms.h5", "a") as handle:
        handle.attrs["conditions"] = '["a", "b", "c"]'
    with pytest.raises(InputError, match="3 conditions, but an array of"):
        read_rdms("rdms.h5")
    write_rdms("rdms.h5", rdms)
    with h5py.File("rdms.h5", "a") as handle:
        del handle["voxels"]
        handle["voxels"] = [1, 2]
    with pytest.raises(InputError, match="5 RDMs, but 2 voxels"):
        read_rdms("rdms.h5")
    with pytest.raises(InputError, match="more than once"):
        RDMWriter("new.h5", 1, ["a", "b", "a"], "code")
