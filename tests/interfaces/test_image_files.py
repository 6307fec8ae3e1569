import gzip
from types import SimpleNamespace

import nibabel as nb
import numpy as np
import pytest
from support.parcels import brain, save_dlabel, save_dtseries

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.cifti_parcels import open_cifti, read_dtseries
from fmriprod.interfaces.image_files import ImageFileProblem, broken_promise, load_file
from fmriprod.interfaces.images import open_image, read_voxels
from fmriprod.interfaces.sources import _parse

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{"&" + a + ";" * 1}{("&" + a + ";") * 9}">'
    for a, b in zip("abcdefghi", "bcdefghij", strict=True)
) + "]>"  # fmt: skip


def with_entities(path, encoding="utf-8"):
    """Put entities that grow a thousand million times into a CIFTI header."""
    save_dtseries(path.parent / "whole.nii", np.ones((3, len(brain()))), brain())
    image = nb.load(path.parent / "whole.nii")
    xml = image.header.to_xml().decode()
    xml = xml.replace("<CIFTI", LAUGHS + "<CIFTI", 1).replace("<Matrix", "<Matrix>&j;<Matrix", 1)
    content = xml.encode(encoding)
    header = image.nifti_header.copy()
    header.extensions.clear()
    size = -(-(len(content) + 8) // 16) * 16
    header["vox_offset"] = 544 + size
    block = (
        header.binaryblock + b"\1\0\0\0" + size.to_bytes(4, "little") + (32).to_bytes(4, "little")
    )
    whole = block + content.ljust(size - 8, b" ") + np.ones((3, len(brain())), "f4").tobytes()
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)
    return path


@pytest.mark.parametrize("name", ["a.dtseries.nii", "a.dtseries.nii.gz", "plain.nii"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_that_grows_is_refused_before_it_is_read(work, name, encoding):
    path = with_entities(work / name, encoding)
    for read in (load_file, open_image, lambda p: open_cifti(p, "in_file")):
        with pytest.raises((ImageFileProblem, InputError), match="entities of XML"):
            read(path)


def test_gifti_with_entities_is_refused_and_its_usual_doctype_is_not(work):
    array = nb.gifti.GiftiDataArray(np.zeros((3, 3), "f4"))
    nb.save(nb.GiftiImage(darrays=[array]), work / "a.surf.gii")
    text = (work / "a.surf.gii").read_text()
    assert "<!DOCTYPE" in text
    assert isinstance(load_file(work / "a.surf.gii"), nb.GiftiImage)
    with pytest.raises(InputError, match=r"an image with voxels\n.*GiftiImage"):
        open_image(work / "a.surf.gii")
    at = text.index("<!DOCTYPE")
    end = text.index(">", at) + 1
    (work / "a.surf.gii").write_text(text[:at] + LAUGHS + text[end:])
    with pytest.raises(ImageFileProblem, match="entities of XML"):
        load_file(work / "a.surf.gii")


def test_sound_cifti_is_read_as_before(work):
    axis = brain()
    save_dtseries(work / "a.dtseries.nii", np.ones((3, len(axis))), axis)
    save_dlabel(work / "a.dlabel.nii", np.ones(len(axis)), axis, ["L_A"])
    series, parcels, tr = read_dtseries(work / "a.dtseries.nii", work / "a.dlabel.nii")
    assert series.shape == (1, 3) and tr == 0.72 and parcels["name"].tolist() == ["L_A"]


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgz", "a.mgh"])
def test_promises_that_are_kept_are_believed(work, name):
    """Zeros are packed a thousand times; that is no broken promise."""
    kind = nb.MGHImage if "mg" in name else nb.Nifti1Image
    nb.save(kind(np.zeros((64, 64, 64), np.uint8), np.eye(4)), work / name)
    image = open_image(work / name)
    assert broken_promise(image) is None
    assert read_voxels(image).shape == (64, 64, 64)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_promises_that_cannot_be_kept_take_no_memory(work, name):
    header = nb.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((32767, 32767, 32767))
    header.set_sform(np.eye(4), 1)
    header["vox_offset"], header["magic"] = 352, b"n+1"
    content = header.binaryblock + bytes(1004)
    (work / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(InputError, match=r"35,181,150,961,663 voxels(.|\n)*ends early"):
        read_voxels(open_image(work / name))


def test_a_listing_of_a_server_with_entities_is_not_read():
    answer = SimpleNamespace(content=(LAUGHS + "<ListBucketResult>&j;</ListBucketResult>").encode())
    with pytest.raises(InputError, match="XML that declares entities"):
        _parse(answer, "https://example.org")
