"""A damaged byte in a compressed image is found by whoever reads all of it."""

import bz2
import gzip

import nibabel as nb
import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.images import load_image, open_image, read_voxels
from fmriprod.interfaces.volume_stream import VolumeReader


def packed(rng, path, kind=nb.Nifti1Image, more=b""):
    """Write noise, which deflate keeps as literals: any flipped bit gives another voxel."""
    data = rng.integers(0, 2**15, (20, 20, 10, 3)).astype(np.int32)
    image = kind(data, np.diag([2.0, 2, 2, 1]))
    if kind is nb.Nifti1Image:
        image.header.set_slope_inter(0.5, 3)
    content = image.to_bytes() + more
    path.write_bytes(bz2.compress(content) if path.suffix == ".bz2" else gzip.compress(content, 1))
    return nb.load(path).get_fdata()


def volumes(path):
    reader = VolumeReader(path)
    return np.stack([reader(number) for number in range(reader.n_volumes)], axis=3)


READ = [lambda p: load_image(p)[0], lambda p: load_image(p, dtype=None)[0], volumes]


@pytest.mark.parametrize("name", ["a.nii.gz", "a.NII.GZ", "a.nii.bz2", "a.mgz"])
@pytest.mark.parametrize("more", [b"", bytes(3_000_000)])
def test_what_is_whole_is_read_as_nibabel_reads_it(work, rng, name, more):
    kind = nb.MGHImage if "mgz" in name else nb.Nifti1Image
    expected = packed(rng, work / name, kind, more)
    np.testing.assert_array_equal(load_image(name)[0], expected.astype(np.float32))
    np.testing.assert_array_equal(volumes(name), expected.astype(np.float32))
    image = open_image(name)
    stored = image.dataobj.get_unscaled()
    assert read_voxels(image, None).dtype == stored.dtype
    np.testing.assert_array_equal(read_voxels(image, None), stored)
    reader = VolumeReader(name)
    for number in (2, 0, 2, 1):  # back from the end, too
        np.testing.assert_array_equal(reader(number), expected[..., number])


@pytest.mark.parametrize("read", [READ[0], READ[2]])
def test_what_lies_behind_the_last_part_is_left_alone(work, rng, read):
    expected = packed(rng, work / "a.nii.gz", nb.Nifti1Image, b"")
    with (work / "a.nii.gz").open("ab") as stream:
        stream.write(b"garbage")
    np.testing.assert_array_equal(read("a.nii.gz"), expected)


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("name", ["a.nii.gz", "a.NII.GZ", "a.mgz"])
def test_a_flipped_bit_anywhere_is_refused(work, rng, name, read):
    kind = nb.MGHImage if "mgz" in name else nb.Nifti1Image
    packed(rng, work / name, kind, bytes(100))
    whole = (work / name).read_bytes()
    for place in [*range(600, len(whole) - 8, len(whole) // 11), len(whole) - 6, len(whole) - 2]:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        (work / name).write_bytes(spoilt)
        with pytest.raises(InputError, match="ends early or is damaged"):
            read(name)


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("cut", [1, 4, 8])
def test_a_file_without_its_checksum_is_refused(work, rng, read, cut):
    packed(rng, work / "a.nii.gz")
    (work / "a.nii.gz").write_bytes((work / "a.nii.gz").read_bytes()[:-cut])
    with pytest.raises(InputError, match="ends early or is damaged"):
        read("a.nii.gz")
