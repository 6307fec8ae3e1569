import pytest
from support.dicoms import write_enhanced, write_mosaics, write_slices

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.dicom_headers import find_files, read_headers, same_pixels


def read(folder):
    return read_headers(find_files(folder))


def test_what_the_headers_say(work):
    write_slices(work / "d/deep", 7, 2, description="drawing", tr=1.5, MRAcquisitionType="3D",
                 NumberOfTemporalPositions=9)  # fmt: skip
    headers, others = read(work / "d")
    assert (len(headers), others) == (8, [])
    header = list(headers.values())[5]
    assert header.file == "deep/7-001-01"
    assert (header.series_number, header.description, header.instance) == (7, "drawing", 6)
    assert (header.tr, header.is_3d, header.n_temporal, header.mosaic) == (1.5, True, 9, False)
    assert header.places == (((1, 0, 0, 0, 1, 0), (-12, -12, 3.3)),)
    assert len({h.image_uid for h in headers.values()}) == 8


def test_enhanced_images_and_mosaics(work):
    write_enhanced(work / "d", 1, 3, tr=1.25)
    write_mosaics(work / "d", 2, 3)
    enhanced, *mosaics = read(work / "d")[0].values()
    assert enhanced.tr == 1.25 and len(enhanced.places) == 12
    assert enhanced.places[1][1] == (-12, -12, 3.3)
    assert all(m.mosaic and m.places == () for m in mosaics)


def test_other_files_are_listed(work):
    write_slices(work / "d", 1, 1)
    (work / "d/notes.txt").write_text("DICM")
    (work / "d/empty.txt").write_text("")
    (work / "d/.hidden").write_text("x")
    (work / "d/loop").symlink_to(work / "d")
    headers, others = read(work / "d")
    assert (len(headers), others) == (4, ["empty.txt", "notes.txt"])


@pytest.mark.parametrize("keep", [0, 140, 200, 500, 0.9, -1])
def test_a_file_that_is_cut_off_is_named(work, keep):
    path = write_slices(work / "d", 1, 2)[3]
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if 0 < keep < 1 else keep])
    with pytest.raises(InputError, match=r"whole DICOM files\n  found:    cut off: 1-000-03 \("):
        read(work / "d")


def test_all_files_that_are_cut_off_are_told_at_once(work):
    for path in write_slices(work / "d", 1, 2):
        path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"1-000-00 \(126 of 128 bytes.* and 3 more"):
        read(work / "d")


def test_a_folder_without_images_is_refused(work):
    with pytest.raises(InputError, match=r"DICOM images\n  found:    no files"):
        read(work)
    (work / "x.jpg").write_bytes(b"\xff\xd8" * 100)
    with pytest.raises(InputError, match="1 files that are none"):
        read(work)


def test_pixels_are_compared(work):
    one, two, *_ = write_slices(work / "a", 1, 1)
    (work / "b").write_bytes(one.read_bytes().replace(b"draw", b"DRAW"))
    assert same_pixels(one, work / "b") and not same_pixels(one, two)
