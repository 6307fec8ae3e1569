"""Images, series and DICOMs of any content: a result, or our message; no memory for what is not."""

import io

import nibabel as nb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dicoms import write_enhanced, write_mosaics, write_slices
from support.fuzz import FUZZ, Reader, no_files, spoilt, survives, write
from support.parcels import brain, save_dlabel, save_dtseries, save_ptseries

from fmriprod.interfaces.cifti_parcels import read_dtseries, read_ptseries
from fmriprod.interfaces.dicom_headers import read_headers
from fmriprod.interfaces.images import (
    check_same_grid,
    load_image,
    load_mask,
    new_image,
    open_image,
    read_voxels,
    repetition_time,
)
from fmriprod.interfaces.map_stacks import open_stack
from fmriprod.interfaces.stimulus_files import read_image
from fmriprod.interfaces.surfaces import _read as read_freesurfer
from fmriprod.interfaces.volume_stream import VolumeReader

AFFINE = np.diag([2.0, 2, 2, 1])


def nifti(shape=(4, 5, 6), dtype=np.int16, scaled=False, kind=nb.Nifti1Image):
    data = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = kind(data, AFFINE)
    if len(shape) == 4:
        image.header.set_zooms((2, 2, 2, 1.5))
    if scaled:
        image.header.set_slope_inter(0.5, 3)
    return image.to_bytes()


def saved(save, *arguments, **options):
    """Content of a file that a function saves."""

    def content(tmp):
        save(tmp, *arguments, **options)
        return tmp.read_bytes()

    return content


def _series(path):
    image = open_image(path, ndim=4)
    repetition_time(image)
    read_voxels(image)
    new_image(np.zeros(image.shape[:3], np.float32), image)
    check_same_grid(image, image)
    reader = VolumeReader(path)
    for number in range(min(reader.n_volumes, 3)):
        reader(number)


def _mask(path):
    load_mask(path, open_image(path))


def _dicom(path):
    read_headers({path: path.name})


def _surface(path):
    read_freesurfer(lambda p: nb.freesurfer.read_geometry(p, read_metadata=True), str(path), "a")


def _pictures(*formats):
    from PIL import Image

    contents = []
    for name in formats:
        stream = io.BytesIO()
        Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(stream, name)
        contents.append(stream.getvalue())
    return contents


IMAGES = [
    Reader("image", lambda p: load_image(p), lambda: [nifti(), nifti(scaled=True)], "i.nii"),
    Reader("image .nii.gz", lambda p: load_image(p, 3), lambda: [nifti()], "i.nii.gz", packed=True),
    Reader("image NIfTI-2", lambda p: load_image(p), lambda: [nifti(kind=nb.Nifti2Image)], "i.nii"),
    Reader("image .mgz", lambda p: load_image(p, 3, None),
           lambda: [nifti(dtype=np.int32, kind=nb.MGHImage)], "i.mgz", packed=True),
    Reader("series", _series, lambda: [nifti((3, 3, 3, 4)), nifti((3, 3, 3, 4), np.float32)],
           "s.nii"),
    Reader("series .nii.gz", _series, lambda: [nifti((3, 3, 3, 4))], "s.nii.gz", packed=True),
    Reader("mask", _mask, lambda: [nifti(dtype=np.uint8), nifti(scaled=True)], "m.nii"),
    Reader("stack of maps", lambda p: open_stack(str(p)), lambda: [nifti((3, 3, 3, 2), "f4")],
           "maps.nii"),
    Reader("picture", read_image, lambda: _pictures("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP"),
           "p.png"),
]  # fmt: skip
IMAGES = [Reader(r.name, r.read, r.seeds, r.file_name, r.packed, False, 352) for r in IMAGES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def made(folder):
    """Readers whose valid files are made by a function that saves them."""
    (folder / "made").mkdir()
    place = folder / "made/file.nii"
    axis = brain()
    rng = np.random.default_rng(0)
    series = saved(save_dtseries, rng.random((4, len(axis))), axis)(place)
    keys = np.arange(len(axis)) % 3
    labels = saved(save_dlabel, keys, axis, ["L_A", "R_B"])(place)
    parcels = saved(save_ptseries, rng.random((4, 3)), ["L_A", "R_B", "C"])(place)
    (folder / "labels.dlabel.nii").write_bytes(labels)
    (folder / "series.dtseries.nii").write_bytes(series)
    dicoms = []
    for write_series in (write_slices, write_mosaics, write_enhanced):
        (folder / write_series.__name__).mkdir()
        write_series(folder / write_series.__name__, 3, 2)
        dicoms.append(next(p for p in sorted((folder / write_series.__name__).rglob("*"))
                           if p.is_file()).read_bytes())  # fmt: skip
    white = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "f4")
    faces = np.array([[0, 1, 2], [0, 1, 3]])
    nb.freesurfer.write_geometry(folder / "lh.white", white, faces)
    nb.freesurfer.write_morph_data(folder / "lh.thickness", np.ones(4, "f4"))
    label = b"#!ascii label\n2\n0 0.0 0.0 0.0 0.0\n2 0.0 1.0 0.0 0.0\n"
    cifti = (folder / "labels.dlabel.nii", folder / "series.dtseries.nii")
    readers = [
        Reader("ptseries", read_ptseries, lambda: [parcels], "in.ptseries.nii", header=3000),
        Reader("dtseries", lambda p: read_dtseries(p, cifti[0]), lambda: [series],
               "in.dtseries.nii", header=3000),
        Reader("dlabel", lambda p: read_dtseries(cifti[1], p), lambda: [labels],
               "in.dlabel.nii", header=3000),
        Reader("DICOM", _dicom, lambda: dicoms, "in.dcm", header=1500),
        Reader("surface", _surface, lambda: [(folder / "lh.white").read_bytes()], "in.white",
               header=200),
        Reader("thickness",
               lambda p: read_freesurfer(nb.freesurfer.read_morph_data, str(p), "numbers"),
               lambda: [(folder / "lh.thickness").read_bytes()], "in.thickness", header=40),
        Reader("label of vertices",
               lambda p: read_freesurfer(nb.freesurfer.read_label, str(p), "a label"),
               lambda: [label], "in.label", header=40),
    ]  # fmt: skip
    return {
        r.name: Reader(r.name, r.read, r.seeds, r.file_name, False, r.name.startswith("label"),
                       r.header) for r in readers
    }  # fmt: skip


MADE = ("ptseries", "dtseries", "dlabel", "DICOM", "surface", "thickness", "label of vertices")
ALL = [*(r.name for r in IMAGES), *MADE]


@pytest.fixture
def reader(request, made):
    return made.get(request.param) or next(r for r in IMAGES if r.name == request.param)


@pytest.mark.parametrize("reader", ALL, indirect=True)
def test_what_is_valid_is_taken(reader, folder):
    for content in reader.seeds():
        assert survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", ALL, indirect=True)
@FUZZ
@given(data=st.data())
def test_what_is_spoilt_is_taken_or_refused(reader, folder, data):
    content = data.draw(spoilt(reader, reader.seeds()))
    survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", ALL, indirect=True)
def test_what_is_no_file_is_refused(reader, tmp_path):
    for what, path in no_files(tmp_path, reader.file_name):
        assert not survives(reader.name, reader.read, path), what


HUGE = st.sampled_from([32767, 10000, 3000])


@pytest.mark.parametrize("packed", [False, True])
@FUZZ
@given(st.tuples(HUGE, HUGE, HUGE, st.sampled_from([1, 100, 32767])), st.booleans())
def test_headers_that_promise_terabytes_cost_nothing(folder, packed, shape, four):
    header = nb.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape(shape if four else shape[:3])
    header.set_sform(AFFINE, 1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    reader = Reader("promise", _series, list, "huge.nii.gz" if packed else "huge.nii", packed)
    content = header.binaryblock + bytes(4) + bytes(1000)
    assert not survives("promise", load_image, write(reader, folder, content))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -2.0, 1e30, 1e-30])
@pytest.mark.parametrize("field", ["pixdim", "srow_x", "scl_slope", "scl_inter", "vox_offset",
                                   "quatern_b", "dim"])  # fmt: skip
def test_odd_numbers_in_a_header(folder, field, value):
    for qform in (False, True):
        image = nb.Nifti1Image(np.ones((3, 3, 3, 4), np.int16), AFFINE)
        image.header.set_sform(AFFINE, 0 if qform else 1)
        image.header.set_qform(AFFINE, 1 if qform else 0)
        header = image.header.copy()
        header["vox_offset"], header["magic"] = 352, b"n+1"
        if field == "dim":
            header["dim"][2] = -3 if value < 0 else 0
        elif header[field].ndim:
            header[field][:] = value
        else:
            header[field] = value
        content = header.binaryblock + bytes(4) + np.ones(108, np.int16).tobytes()
        (folder / "odd.nii").write_bytes(content)
        survives("odd header", _series, folder / "odd.nii")


@pytest.mark.parametrize("kind", [nb.Nifti1Image, nb.Nifti2Image])
def test_every_byte_of_a_header(folder, kind):
    """Every byte in turn: odd codes, and exponents of the largest numbers."""
    content = nifti((3, 3, 3, 4), kind=kind)
    path = folder / "byte.nii"
    for place in range(352 if kind is nb.Nifti1Image else 544):
        for value in (64, 127, 255):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            survives(f"byte of {kind.__name__}", _series, path)
