"""Files of arrays of any content: a result, or our message."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import FUZZ, Reader, no_files, spoilt, survives, write

from fmriprod.interfaces.frame_files import open_film
from fmriprod.interfaces.masked_responses import open_matrix
from fmriprod.interfaces.neuromatch_layout import read_run, read_run_events
from fmriprod.interfaces.neuromatch_regions import read_atlas, read_regions
from fmriprod.interfaces.parcel_table import read_series
from fmriprod.interfaces.parcel_timeseries import read_array
from fmriprod.interfaces.parcel_values import read_connectivity
from fmriprod.interfaces.rdm_tables import read_matrix
from fmriprod.interfaces.samples import _read_matrix
from fmriprod.interfaces.stimulus_files import read_image
from fmriprod.interfaces.wedge_stimuli import _open_stack

SERIES = "subjects/7/timeseries/bold7_Atlas_MSMAll_Glasser360Cortical.npy"
EV = "subjects/7/EVs/tfMRI_WM_RL/0bk_faces.txt"
REGIONS = np.array([["L_V1", "Visual", "1.5"], ["R_V1", "Visual", "1.25"]])
ATLAS = {
    "labels_L": np.array([0, 0, 1]), "labels_R": np.array([1, 1, 0]), "coords": np.zeros((2, 3)),
}  # fmt: skip


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(pack=np.savez, **arrays):
    stream = io.BytesIO()
    pack(stream, **arrays)
    return stream.getvalue()


def seeds(*arrays):
    return lambda: [npy(array) for array in arrays]


def _film(path):
    for block in open_film(str(path), 25.0).blocks(4, (8, 8)):
        assert np.isfinite(block).all()


def _parcels(path):
    regions = path.parent / "regions.tsv"
    regions.write_text("name\nL_V1\nR_V1\n")
    read_array(path, regions)


def _events(path):
    root = path.parents[3] if path.suffix == ".npy" else path.parents[4]
    (root / EV).parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        (root / EV).write_text("0 2 1\n")
    else:
        (root / SERIES).unlink(missing_ok=True)
    read_run_events(root, 7, 7, ["0bk_faces"])


SMALL = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 6)
SQUARE = np.array([[1, 0.5], [0.5, 1]])
READERS = [
    Reader("responses", lambda p: np.array(open_matrix(str(p))), seeds(SMALL), "r.npy"),
    Reader("features", lambda p: _read_matrix(str(p)), seeds(SMALL), "f.npy"),
    Reader("series of parcels", read_series, seeds(SMALL, SMALL.astype("f8")), "s.npy"),
    Reader("array of parcels", _parcels, seeds(SMALL), "s.npy"),
    Reader("connectivity", read_connectivity, seeds(SQUARE), "c.npy"),
    Reader("dissimilarities", lambda p: read_matrix(p, ["a", "b"]), seeds(SQUARE), "d.npy"),
    Reader("frames", _film, seeds(np.zeros((5, 4, 4), np.uint8), np.zeros((2, 4, 4, 3), "f4")),
           "film.npy"),
    Reader("image array", read_image, seeds(np.zeros((4, 4), np.uint8)), "image.npy"),
    Reader("stack of images", lambda p: _open_stack(str(p)), seeds(np.zeros((2, 4, 4))), "i.npy"),
    Reader("Neuromatch regions", read_regions, seeds(REGIONS), "regions.npy"),
    Reader("Neuromatch atlas", read_atlas,
           lambda: [npz(**ATLAS), npz(np.savez_compressed, **ATLAS)], "atlas.npz"),
    Reader("Neuromatch series", lambda p: read_run(p.parents[3], 7, 7), seeds(SMALL), SERIES),
    Reader("Neuromatch length", _events, seeds(np.zeros((2, 9), "f4")), SERIES),
    Reader("Neuromatch events", _events, lambda: [b"72.1\t27.5\t1\n0 27.5 1\n"], EV, text=True),
]  # fmt: skip
READERS = [r if r.file_name == EV else Reader(r.name, r.read, r.seeds, r.file_name, text=False,
                                              header=128) for r in READERS]  # fmt: skip

ODD_ARRAYS = st.sampled_from(
    [np.array(3.0), np.zeros((0, 3)), np.zeros((2, 3), complex), np.zeros(3, "M8[s]"),
     np.array(["a", "nan"]), np.array([["a", "b", "c"]] * 2), np.full((2, 6), np.nan),
     np.full((2, 2), np.inf), np.zeros((2, 2), [("a", "i4")]), np.zeros((1, 1, 1, 1, 1)),
     np.zeros((2, 6), ">f8"), np.zeros((2, 6), bool), np.array([[-1, 5], [300, 2]]),
     np.array([{}, None], dtype=object), np.zeros((2, 6), np.float16), np.array([b"x"]),
     np.array([2**63], np.uint64), np.zeros((2, 2), "V7"), np.zeros((3, 0, 0)),
     np.array([[1e300, -1e300]] * 2), np.array([["a", "b", "inf"]] * 2)]
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arrays")


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_valid_is_taken(reader, folder):
    for content in reader.seeds():
        assert survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
@FUZZ
@given(st.data())
def test_what_is_spoilt_is_taken_or_refused(reader, folder, data):
    content = data.draw(spoilt(reader, reader.seeds()))
    survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
@FUZZ
@given(array=ODD_ARRAYS, other=ODD_ARRAYS)
def test_arrays_of_other_kinds_are_taken_or_refused(reader, folder, array, other):
    if reader.file_name.endswith(".npz"):
        content = npz(**ATLAS | {"labels_L": array, "coords": other})
    else:
        content = npy(array)
    survives(reader.name, reader.read, write(reader, folder, content))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_no_file_is_refused(reader, tmp_path):
    if reader.name == "Neuromatch length":
        pytest.skip("a series that is not there tells no length")
    for what, path in no_files(tmp_path, reader.file_name):
        assert not survives(reader.name, reader.read, path), what
