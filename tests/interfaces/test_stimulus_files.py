import numpy as np
import pytest
from PIL import Image
from support.pictures import write_images

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.stimulus_files import image_blocks, read_image, resize, stimulus_names


def test_images_of_every_kind_are_the_same_planes(work, rng):
    values = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    expected = values.transpose(2, 0, 1) / np.float32(255)
    Image.fromarray(values).save("colour.png")
    Image.fromarray(values).convert("RGBA").save("opaque.png")
    np.save("bytes.npy", values)
    np.save("floats.npy", values / 255)
    for name in ("colour.png", "opaque.png", "bytes.npy", "floats.npy"):
        found = read_image(name)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-7)


def test_grey_images_have_three_equal_planes(work, rng):
    grey = rng.integers(0, 256, (5, 7), dtype=np.uint8)
    Image.fromarray(grey).save("grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save("deep.png")
    Image.fromarray(grey > 127).save("binary.png")
    np.save("binary.npy", grey > 127)
    for name in ("grey.png", "deep.png"):
        np.testing.assert_allclose(read_image(name), np.stack([grey / 255] * 3), atol=1e-6)
    for name in ("binary.png", "binary.npy"):
        np.testing.assert_array_equal(read_image(name), np.stack([grey > 127] * 3))


def test_a_camera_s_turned_images_stand_upright(work):
    values = np.zeros((4, 6, 3), dtype=np.uint8)
    values[0] = 255
    image = Image.fromarray(values)
    tags = image.getexif()
    tags[0x0112] = 3  # upside down
    image.save("turned.png", exif=tags)
    assert read_image("turned.png")[:, -1].min() == 1


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("text.png", "cannot identify image file"),
        ("cut.png", "truncated"),
        ("clear.png", "transparent places"),
        ("moving.gif", "2 pictures"),
        ("wide.npy", "values from 0 to 2"),
        ("nan.npy", "values from nan to nan"),
        ("many.npy", r"an array \(1, 4, 4, 5\)"),
        ("object.npy", "pickle"),
    ],
)
def test_images_that_cannot_be_used_are_named(work, name, found):
    (work / "text.png").write_text("no image")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    Image.fromarray(noise[..., :3]).save("whole.png")
    (work / "cut.png").write_bytes((work / "whole.png").read_bytes()[:3000])
    Image.fromarray(noise, "RGBA").save("clear.png")
    frames = [Image.fromarray(noise[..., k]) for k in (0, 1)]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    np.save("wide.npy", np.array([[0.0, 2.0]]))
    np.save("nan.npy", np.array([[0.0, np.nan]]))
    np.save("many.npy", np.zeros((4, 4, 5)))
    np.save("object.npy", np.array([{}], dtype=object))
    with pytest.raises(InputError, match=f"found: .*{found}") as caught:
        read_image(work / name)
    assert caught.value.file == str(work / name) and caught.value.subject == "images"


def test_resizing_is_pillow_s_and_keeps_the_mean(rng):
    images = rng.random((2, 3, 40, 60), dtype=np.float32)
    small = resize(images, (10, 15))
    assert small.shape == (2, 3, 10, 15)
    np.testing.assert_allclose(small.mean(), images.mean(), atol=0.01)
    by_byte = Image.fromarray((images[1].transpose(1, 2, 0) * 255).round().astype(np.uint8))
    expected = np.asarray(by_byte.resize((15, 10), Image.Resampling.BILINEAR)) / 255
    np.testing.assert_allclose(small[1].transpose(1, 2, 0), expected, atol=0.006)
    grey = np.repeat(images[:, :1], 3, axis=1)
    np.testing.assert_array_equal(resize(grey, (10, 15))[:, 2], small[:, 0])
    assert resize(images, (40, 60)) is images


def test_blocks_are_the_images_in_order(work):
    paths = write_images(work, 7)
    whole = np.stack([read_image(path) for path in paths])
    for batch_size in (1, 3, 100):
        blocks = list(image_blocks(paths, batch_size, None))
        assert max(map(len, blocks)) <= batch_size
        np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_images_of_other_size_need_a_size(work):
    paths = write_images(work, 3)
    Image.fromarray(np.zeros((9, 8), dtype=np.uint8)).save("other.png")
    with pytest.raises(InputError) as caught:
        list(image_blocks([*paths, "other.png"], 2, None))
    assert str(caught.value) == (
        "other.png\n"
        "  expected: images of one size: the first has 40 x 48 pixels\n"
        "  found:    9 x 8\n"
        "  do:       give a size, to which all are resized"
    )
    assert next(image_blocks(["other.png"], 2, (12, 10))).shape == (1, 3, 12, 10)


def test_stimuli_are_named_from_the_folder_that_holds_all(work):
    assert stimulus_names(["a.png", str(work / "b.png"), "a.png"]) == ["a.png", "b.png", "a.png"]
    assert stimulus_names(["x/faces/a.png", "x/houses/a.png"]) == ["faces/a.png", "houses/a.png"]
