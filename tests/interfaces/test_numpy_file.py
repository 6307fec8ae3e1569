import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from fmriprod.interfaces.numpy_file import ArrayFileError, is_archive, load_array, load_arrays


class Trap:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("UNPICKLED",)


def header(shape, descr="<f8", version=b"\x01\x00"):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.float32(2),
     np.zeros((0, 4), "i2"), np.array(["a", "bc"]), np.array([True]), np.array([1 + 2j]),
     np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])],
)  # fmt: skip
def test_what_numpy_writes_comes_back(work, array, mapped):
    np.save("a.npy", array)
    found = load_array("a.npy", mapped=mapped)
    np.testing.assert_array_equal(found, array, strict=True)
    assert found.flags.f_contiguous == np.asarray(array).flags.f_contiguous
    np.savez_compressed("a.npz", one=array, two=array[..., None])
    both = load_arrays("a.npz")
    np.testing.assert_array_equal(both["one"], array, strict=True)
    assert list(both) == ["one", "two"]
    assert is_archive("a.npz") and not is_archive("a.npy") and not is_archive("nothing")


def test_pickles_are_refused_and_never_opened(work):
    with open("object.npy", "wb") as stream:
        np.save(stream, np.array([Trap()], dtype=object), allow_pickle=True)
    with open("plain.npy", "wb") as stream:
        pickle.dump(Trap(), stream)
    np.savez("object.npz", a=np.array([Trap()], dtype=object))
    for read, name in [(load_array, "object.npy"), (load_array, "plain.npy"),
                       (load_arrays, "object.npz")]:  # fmt: skip
        with pytest.raises(ArrayFileError, match="a pickle"):
            read(name)
    assert not os.path.exists("UNPICKLED")


def test_no_memory_for_what_is_not_there(work):
    for shape in [(10**13,), (10**6, 10**6, 10**6), (2**62, 4)]:
        with open("a.npy", "wb") as stream:
            stream.write(header(shape) + bytes(80))
        with pytest.raises(ArrayFileError, match="80 of"):
            load_array("a.npy")
        with zipfile.ZipFile("a.npz", "w") as archive:
            archive.writestr("a.npy", header(shape) + bytes(80))
        with pytest.raises(ArrayFileError, match="80 of"):
            load_arrays("a.npz")


def test_archives_that_grow_are_refused(work):
    content = io.BytesIO()
    np.save(content, np.zeros(1 << 22))
    with zipfile.ZipFile("a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", content.getvalue())
    assert load_arrays("a.npz")["a"].shape == (1 << 22,)  # zeros: legal
    whole = bytearray((work / "a.npz").read_bytes())
    at = whole.rindex(b"PK\x01\x02") + 24
    whole[at : at + 4] = (0xFFFFFFF0).to_bytes(4, "little")  # says of itself that it is 4 GB
    (work / "a.npz").write_bytes(whole)
    with pytest.raises(ArrayFileError, match="an archive that unpacks to 4,294,967,280 bytes"):
        load_arrays("a.npz")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"hello", "no .npy file"), (header((-1, 2)), "shape of"),
     (header((2,)) + bytes(15), "15 of 16 bytes"), (header((2,), version=b"\x09\x00"), "9"),
     (b"\x93NUMPY\x01\x00\x05\x00{[(\n", r"\w"), (header((2,), descr="nonsense"), "\\w")],
)  # fmt: skip
def test_what_is_no_array_is_one_line(work, content, said):
    (work / "a.npy").write_bytes(content)
    for mapped in (False, True):
        with pytest.raises(ArrayFileError, match=said) as caught:
            load_array("a.npy", mapped=mapped)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
