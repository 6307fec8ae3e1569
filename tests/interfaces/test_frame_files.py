import numpy as np
import pytest
from PIL import Image
from support.pictures import write_video

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.frame_files import open_film


@pytest.fixture
def frames(rng):
    return rng.integers(0, 256, (11, 16, 24, 3), dtype=np.uint8)


def expected(frames):
    return frames.transpose(0, 3, 1, 2) / np.float32(255)


def test_folders_and_stacks_hold_the_same_frames(work, frames):
    (work / "film").mkdir()
    for k, frame in enumerate(frames):  # 10 sorts after 9
        Image.fromarray(frame).save(work / "film" / f"frame{k}.png")
    (work / "film" / "notes.txt").write_text("not a frame")
    (work / "film" / "._frame0.png").write_text("not one either")
    np.save("film.npy", frames)
    for path in ("film", "film.npy"):
        film = open_film(path, 15)
        assert (film.frame_rate, film.n_frames) == (15, 11)
        for batch_size in (1, 4, 50):
            found = np.concatenate(list(film.blocks(batch_size, None)))
            np.testing.assert_allclose(found, expected(frames), atol=1e-7)
        assert next(film.blocks(3, (8, 6))).shape == (3, 3, 8, 6)


def test_videos_hold_the_same_frames_and_their_rate(work, frames):
    pytest.importorskip("av")
    write_video("film.mkv", frames, 24)
    for rate in (None, 24.0):
        film = open_film("film.mkv", rate)
        assert film.frame_rate == pytest.approx(24) and film.n_frames == 11
    np.testing.assert_allclose(
        np.concatenate(list(film.blocks(4, None))), expected(frames), atol=1e-6
    )
    with pytest.raises(InputError, match=r"frame rate of the video, 24 per s\n.*25 per s"):
        open_film("film.mkv", 25.0)
    (work / "cut.mkv").write_bytes(b"no video at all")
    with pytest.raises(InputError, match="a video file, a folder") as caught:
        open_film("cut.mkv", None)
    assert caught.value.file == "cut.mkv"


def test_a_video_of_varying_rate_is_refused(work, frames):
    av = pytest.importorskip("av")
    with av.open("odd.mkv", "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 16, 24, "bgr0"
        for k, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = k if k < 6 else k + 8
            picture.time_base = stream.time_base or __import__("fractions").Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"s off .* frames per s\n.*constant frame rate"):
        list(open_film("odd.mkv", None).blocks(4, None))


def test_without_pyav_a_video_says_what_to_install(work, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError) as caught:
        open_film("film.mp4", None)
    assert str(caught.value) == (
        "film.mp4\n"
        "  expected: PyAV, which decodes video files\n"
        "  found:    it is not installed\n"
        "  do:       pip install 'fmriprod[video]', or give folders of images or .npy stacks"
    )


def test_films_that_cannot_be_used_are_named(work, frames):
    np.save("film.npy", frames)
    (work / "empty").mkdir()
    (work / "bad.npy").write_text("no array")
    np.save("flat.npy", frames[:, :, 0, 0])
    with pytest.raises(InputError, match=r"frames per second of a folder or stack\n.*none"):
        open_film("film.npy", None)
    for rate in (0.0, -3.0, np.nan):
        with pytest.raises(InputError, match="frames per second above 0"):
            open_film("film.npy", rate)
    with pytest.raises(InputError, match="a folder without images"):
        open_film("empty", 15)
    with pytest.raises(InputError, match=r"\.npy stack of frames"):
        open_film("bad.npy", 15)
    with pytest.raises(InputError, match=r"an array of shape \(11, 16\)"):
        open_film("flat.npy", 15)
