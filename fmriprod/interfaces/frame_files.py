"""Films that were shown: video files, folders of frames and stacks of frames."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.numpy_file import load_array
from fmriprod.interfaces.stimulus_files import IMAGE_ENDINGS, image_blocks, planes, resize


class Film:
    """Frames of one run, read a block at a time.

    Attributes
    ----------
    path : str
        Video file, folder or stack.
    frame_rate : float
        Frames per second.
    n_frames : int
        Number of frames.
    """

    def __init__(self, path: str, frame_rate: float, n_frames: int) -> None:
        self.path, self.frame_rate, self.n_frames = path, frame_rate, n_frames

    def blocks(self, batch_size: int, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        """Read frames in order: ``(n, 3, height, width)``, float32 from 0 to 1."""
        raise NotImplementedError


class _Folder(Film):
    def __init__(self, path: str, frame_rate: float) -> None:
        files = [str(p) for p in Path(path).iterdir() if p.suffix.lower() in IMAGE_ENDINGS]
        self._files = sorted(
            (p for p in files if not Path(p).name.startswith(".")),
            key=lambda p: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", Path(p).name)],
        )
        if not self._files:
            raise _film_error(path, "a folder without images", "check the path")
        super().__init__(path, frame_rate, len(self._files))

    def blocks(self, batch_size: int, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        return image_blocks(self._files, batch_size, size)


class _Stack(Film):
    def __init__(self, path: str, frame_rate: float) -> None:
        try:
            self._frames = load_array(path, mapped=True)
        except (OSError, ValueError) as err:
            raise _film_error(path, str(err), "write it again with numpy.save") from None
        if self._frames.ndim not in (3, 4) or not self._frames.size:
            found = f"an array of shape {self._frames.shape}"
            raise _film_error(path, found, "store (n, height, width), or with x 3")
        super().__init__(path, frame_rate, len(self._frames))

    def blocks(self, batch_size: int, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        for start in range(0, len(self._frames), batch_size):
            block = planes(self._frames[start : start + batch_size], self.path)
            yield block if size is None else resize(block, size)


class _Video(Film):
    """A video file, decoded by PyAV."""

    def __init__(self, path: str, frame_rate: float | None) -> None:
        with _opened(path) as container:
            stream = container.streams.video[0]
            own = stream.average_rate
            # Headers may lack the count, or promise more than there is.
            count = sum(packet.size > 0 for packet in container.demux(stream))
        if not own:
            raise _film_error(path, "a video without a frame rate", "encode it again")
        if frame_rate is not None and abs(float(own) - frame_rate) > 0.01 * frame_rate:
            raise InputError(
                "frame_rate",
                expected=f"the frame rate of the video, {float(own):g} per s",
                found=f"{frame_rate:g} per s",
                hint="leave frame_rate out, or find out which is right",
                file=path,
            )
        super().__init__(path, float(own), count)

    def blocks(self, batch_size: int, size: tuple[int, int] | None) -> Iterator[np.ndarray]:
        block: list[np.ndarray] = []
        for number, frame in enumerate(self._decoded()):
            self._check_time(frame, number)
            block.append(frame.to_ndarray(format="rgb24"))
            if len(block) == batch_size:
                yield self._prepared(block, size)
                block = []
        if block:
            yield self._prepared(block, size)

    def _decoded(self) -> Iterator[Any]:
        with _opened(self.path) as container:
            try:
                yield from container.decode(video=0)
            except (OSError, ValueError) as err:  # PyAV's errors are these too
                raise _film_error(self.path, str(err), "copy or encode it again") from None

    def _check_time(self, frame: Any, number: int) -> None:
        """Refuse a video whose frames do not come at a constant rate."""
        if number == 0:
            self._begin = frame.time or 0.0
        elif frame.time is not None:
            late = frame.time - self._begin - number / self.frame_rate
            if abs(late) > 1.0 / self.frame_rate:
                raise _film_error(
                    self.path,
                    f"frame {number} {late:+.3g} s off {self.frame_rate:g} frames per s",
                    "encode it again at a constant frame rate",
                )

    def _prepared(self, block: list[np.ndarray], size: tuple[int, int] | None) -> np.ndarray:
        images = planes(np.stack(block), self.path)
        return images if size is None else resize(images, size)


def open_film(path: str, frame_rate: float | None) -> Film:
    """Open the frames of one run.

    Parameters
    ----------
    path : str
        Folder of images in the order of their names (numbers by value), ``.npy`` stack ``(n,
        height, width)`` or ``(n, height, width, 3)``, or a video file.
    frame_rate : float, optional
        Frames per second; a video has its own.

    Raises
    ------
    InputError
        If it cannot be read, what decodes it is not installed, or no frame rate is known.
    """
    still = Path(path).is_dir() or path.endswith(".npy")
    if frame_rate is None and still:
        raise InputError(
            "frame_rate",
            expected="frames per second of a folder or stack",
            found="none",
            hint="give frame_rate",
            file=path,
        )
    if frame_rate is not None and not (np.isfinite(frame_rate) and frame_rate > 0):
        raise InputError(
            "frame_rate",
            expected="frames per second above 0",
            found=f"{frame_rate:g}",
            hint="give the rate at which frames were shown",
        )
    if still:
        return (_Folder if Path(path).is_dir() else _Stack)(path, frame_rate)
    return _Video(path, frame_rate)


def _opened(path: str) -> Any:
    try:
        import av
    except ImportError:
        raise InputError(
            "frames",
            expected="PyAV, which decodes video files",
            found="it is not installed",
            hint="pip install 'fmriprod[video]', or give folders of images or .npy stacks",
            file=path,
        ) from None
    try:
        container = av.open(path)
    except (OSError, ValueError) as err:
        raise _film_error(path, str(err), "copy or encode it again") from None
    if not container.streams.video:
        container.close()
        raise _film_error(path, "a file without a video stream", "give the video")
    return container


def _film_error(path: str, found: str, hint: str) -> InputError:
    return InputError(
        "frames",
        expected="a video file, a folder of images or a .npy stack of frames",
        found=found,
        hint=hint,
        file=str(path),
    )
