"""A matrix that waits on disk, written by rows and read by columns, or the other way round."""

from pathlib import Path
from types import TracebackType

import numpy as np


class DiskMatrix:
    """Numbers in a temporary file, of which only what is asked for comes into memory.

    A memory-mapped array would do the same, but its pages count as memory of the process, by
    which batch systems judge it.

    Parameters
    ----------
    path : path
        File, made anew; it is gone when the ``with`` block ends.
    shape : (int, int)
        Rows and columns.
    dtype : dtype
        Of the numbers.
    """

    def __init__(self, path: str | Path, shape: tuple[int, int], dtype: type = np.float64) -> None:
        self.path, self.shape, self.dtype = Path(path), shape, np.dtype(dtype)

    def __enter__(self) -> "DiskMatrix":
        self._stream = self.path.open("w+b", buffering=0)
        self._stream.truncate(self.shape[0] * self.shape[1] * self.dtype.itemsize)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()
        self.path.unlink(missing_ok=True)

    def _seek(self, row: int, column: int) -> None:
        self._stream.seek((row * self.shape[1] + column) * self.dtype.itemsize)

    def write(self, row: int, values: np.ndarray, start: int = 0) -> None:
        """Write into a row, from a column on."""
        self._seek(row, start)
        content = memoryview(np.ascontiguousarray(values, self.dtype)).cast("B")
        while len(content):  # an unbuffered write may take a part only
            content = content[self._stream.write(content) :]

    def read(self, row: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read a part of a row."""
        count = max(0, min(stop or self.shape[1], self.shape[1]) - start)
        self._seek(row, start)
        return np.fromfile(self._stream, self.dtype, count)

    def columns(self, start: int, stop: int) -> np.ndarray:
        """Read some columns of all rows."""
        return np.array([self.read(row, start, stop) for row in range(self.shape[0])])
