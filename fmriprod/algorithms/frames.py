"""From frames of a film to volumes of a run: means over each repetition time, lagged copies."""

from collections.abc import Sequence

import numpy as np

from fmriprod.algorithms.checks import InputError

_ROUNDING = 1e-6  # of a frame, or of a repetition time


def covered_volumes(n_frames: int, frame_rate: float, tr: float) -> int:
    """Count the volumes that frames cover wholly.

    Parameters
    ----------
    n_frames : int
        Frames; frame ``i`` is seen from ``i / frame_rate`` to ``(i + 1) / frame_rate`` s.
    frame_rate : float
        Frames per second.
    tr : float
        Repetition time in s; volume ``v`` lasts from ``v * tr`` to ``(v + 1) * tr``.

    Returns
    -------
    int
        Volumes; one that misses up to half a frame counts, as frame rates are rounded.
    """
    return max(0, int(np.floor((n_frames + 0.5) / frame_rate / tr + _ROUNDING)))


def check_coverage(
    n_frames: int, frame_rate: float, tr: float, n_volumes: int, past_end: str = "error"
) -> None:
    """Refuse a film that is shorter than its run, or more than one volume longer.

    Parameters
    ----------
    n_frames, frame_rate, tr
        As in `covered_volumes`.
    n_volumes : int
        Volumes of the run.
    past_end : {'error', 'drop'}
        Whether frames that are seen after the run are an error.

    Raises
    ------
    InputError
        With the seconds of both.
    """
    covered = covered_volumes(n_frames, frame_rate, tr)
    if covered < n_volumes or (covered > n_volumes + 1 and past_end == "error"):
        short = covered < n_volumes
        raise InputError(
            "frames",
            expected=f"frames for {n_volumes} volumes of {tr:g} s, {n_volumes * tr:g} s",
            found=f"{n_frames} frames at {frame_rate:g} per s, {n_frames / frame_rate:g} s",
            hint="check frame_rate, tr and n_volumes"
            + ("" if short else "; past_end='drop' leaves out what is seen after the run"),
        )


def lag_volumes(lags: Sequence[float], tr: float) -> list[int]:
    """Turn lags in s into whole volumes.

    Raises
    ------
    InputError
        If a lag is negative, given twice, or no multiple of the repetition time.
    """
    volumes = [round(lag / tr) for lag in lags]
    whole = all(abs(lag / tr - v) < 1e-3 for lag, v in zip(lags, volumes, strict=True))
    if not whole or min(volumes, default=0) < 0 or len(set(volumes)) < len(volumes):
        raise InputError(
            "lags",
            expected=f"different multiples of the repetition time, {tr:g} s, from 0 s on",
            found=", ".join(f"{lag:g}" for lag in lags) + " s",
            hint="give lags such as 4, 6 and 8 s with a repetition time of 2 s",
        )
    return volumes


class VolumeMeans:
    """Means over the frames of each volume of one run, from blocks of frames.

    A frame that lasts over the border of two volumes counts in each by the part of it that is
    seen there; with a whole number of frames per volume that is the plain mean.

    Parameters
    ----------
    frame_rate : float
        Frames per second.
    tr : float
        Repetition time in s.
    n_volumes : int
        Volumes of the run; frames after them are ignored.

    Attributes
    ----------
    n_frames : int
        Frames that were taken.
    done : int
        Volumes that were given.
    """

    def __init__(self, frame_rate: float, tr: float, n_volumes: int) -> None:
        self._per_volume = frame_rate * tr
        self._n_volumes = n_volumes
        self.n_frames = 0
        self.done = 0  # volumes that were given out
        self._sum: np.ndarray | None = None  # of the volume that is under way
        self._weight = 0.0

    def add(self, block: np.ndarray) -> np.ndarray:
        """Take the next frames and give the volumes that they complete.

        Parameters
        ----------
        block : ndarray, shape (n_frames, n_features), float32
            Features of frames.

        Returns
        -------
        ndarray, shape (n_completed, n_features), float32
            Means, as far as all of their frames are there.
        """
        n_frames = len(block)
        start = np.arange(self.n_frames, self.n_frames + n_frames)
        self.n_frames += n_frames
        first = self.done
        reached = int(np.floor(self.n_frames / self._per_volume + _ROUNDING))
        last = min(max(reached, first) + 1, self._n_volumes)  # the one under way included
        low = np.arange(first, last)[:, None] * self._per_volume
        weights = np.minimum(low + self._per_volume, start + 1) - np.maximum(low, start)
        weights = np.where(weights > _ROUNDING, weights, 0)
        sums = weights.astype(np.float32) @ block
        total = weights.sum(axis=1)
        if self._sum is not None and len(sums):
            sums[0] += self._sum
            total[0] += self._weight
        n_complete = min(reached, self._n_volumes) - first
        under_way = n_complete < len(sums)
        self._sum = sums[n_complete].copy() if under_way else None
        self._weight = total[n_complete] if under_way else 0.0
        self.done += n_complete
        return sums[:n_complete] / total[:n_complete, None].astype(np.float32)

    def finish(self) -> np.ndarray:
        """Give the last volume if its last frame is missing by rounding of the frame rate."""
        missing = self.done == self._n_volumes - 1 and self._sum is not None
        if not missing or self._sum is None or self._per_volume - self._weight > 0.5 + _ROUNDING:
            width = 0 if self._sum is None else len(self._sum)
            return np.empty((0, width), dtype=np.float32)
        self.done += 1
        return (self._sum / np.float32(self._weight))[None]


class LaggedCopies:
    """Earlier volumes of one run as further columns.

    Before the run nothing was seen: what a lag takes from there is 0, never the end of another
    run.

    Parameters
    ----------
    lags : sequence of int
        Volumes back, one copy each; 0 is the volume itself.
    """

    def __init__(self, lags: Sequence[int]) -> None:
        self._lags = list(lags)
        self._history: np.ndarray | None = None

    def add(self, rows: np.ndarray) -> np.ndarray:
        """Take the next volumes and give them with their history.

        Parameters
        ----------
        rows : ndarray, shape (n_volumes, n_features), float32
            Features of volumes that follow those of the call before.

        Returns
        -------
        ndarray, shape (n_volumes, n_lags * n_features), float32
            Copies side by side, in the order of the lags.
        """
        reach = max(self._lags)
        if self._history is None:
            self._history = np.zeros((reach, rows.shape[1]), dtype=rows.dtype)
        known = np.concatenate([self._history, rows])
        self._history = known[len(known) - reach :].copy()
        return np.hstack([known[reach - lag : len(known) - lag] for lag in self._lags])
