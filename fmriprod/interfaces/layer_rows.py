"""Rows of features, a block at a time: of images, and of the volumes of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.frames import LaggedCopies, VolumeMeans, check_coverage, covered_volumes
from fmriprod.algorithms.layer_reduction import reduce_layer, signed_log, subsampling_step
from fmriprod.interfaces.frame_files import Film, open_film
from fmriprod.interfaces.layer_file import LayerWriter
from fmriprod.interfaces.network_base import Network
from fmriprod.interfaces.stimulus_files import image_blocks


@dataclass
class Run:
    """A film and the run that it was shown in."""

    label: str
    film: Film
    tr: float
    n_volumes: int

    def samples(self, reach: int) -> pd.DataFrame:
        """List the volumes; ``complete`` is 0 where a lag of ``reach`` volumes has no history."""
        volume = np.arange(self.n_volumes)
        return pd.DataFrame(
            {
                "run": self.label,
                "volume": volume,
                "time": (volume * self.tr).round(6),
                "complete": (volume >= reach).astype(np.uint8),
            }
        )


def open_run(
    path: str,
    label: str,
    frame_rate: float | None,
    tr: float,
    n_volumes: int | None,
    past_end: str,
) -> Run:
    """Open the film of a run and see that it covers the run.

    Raises
    ------
    InputError
        If it cannot be read, is too short, or longer than ``past_end`` allows.
    """
    film = open_film(path, frame_rate)
    if n_volumes is None:
        n_volumes = max(1, covered_volumes(film.n_frames, film.frame_rate, tr))
    try:
        check_coverage(film.n_frames, film.frame_rate, tr, n_volumes, past_end)
    except InputError as err:
        err.file = film.path
        raise
    return Run(label, film, tr, n_volumes)


class LayerRows:
    """Shows pictures to a network and writes reduced features of every layer.

    Parameters
    ----------
    network : Network
        What answers, with the size, mean and std that pictures are prepared with.
    layers : list of str, optional
        Layers, by default the network's.
    max_features : int, optional
        Most features of a layer; not reduced unless given.
    log : bool
        Whether features are compressed.

    Attributes
    ----------
    about : dict
        By layer: ``shape`` before reduction, ``d``, ``n_features`` before lags.
    """

    def __init__(
        self, network: Network, layers: list[str] | None, max_features: int | None, log: bool
    ) -> None:
        self._network, self._layers = network, layers
        self._max_features, self._log = max_features, log
        self.about: dict[str, dict[str, Any]] = {}

    def write_images(self, writer: LayerWriter, paths: Sequence[str], batch_size: int) -> None:
        """Write a row for each image."""
        for block in image_blocks(paths, batch_size, self._network.size):
            for name, features in self._answers(block).items():
                self._append(writer, name, features)

    def write_run(
        self, writer: LayerWriter, run: Run, lags: Sequence[int], batch_size: int
    ) -> None:
        """Write a row for each volume of a run, with copies from ``lags`` volumes before.

        Raises
        ------
        InputError
            If the film ends before it should.
        """
        means: dict[str, VolumeMeans] = {}
        copies: dict[str, LaggedCopies] = {}
        done = 0
        for block in run.film.blocks(batch_size, self._network.size):
            for name, features in self._answers(block).items():
                if name not in means:
                    means[name] = VolumeMeans(run.film.frame_rate, run.tr, run.n_volumes)
                    copies[name] = LaggedCopies(lags)
                rows = means[name].add(features)
                self._append(writer, name, copies[name].add(rows))
                done = means[name].done
            if done == run.n_volumes:
                return
        for name, mean in means.items():
            rows = mean.finish()
            self._append(writer, name, copies[name].add(rows))
            done = mean.done
        if done < run.n_volumes:
            raise InputError(
                "frames",
                expected=f"frames for {run.n_volumes} volumes of {run.tr:g} s",
                found=f"a film that can be read for {done} of them",
                hint="copy or encode it again",
                file=run.film.path,
            )

    def _answers(self, images: np.ndarray) -> dict[str, np.ndarray]:
        mean, std = (
            np.array(v, dtype=np.float32)[:, None, None]
            for v in (self._network.mean, self._network.std)
        )
        with np.errstate(over="ignore"):  # what is not finite is refused with its layer's name
            prepared = (images - mean) / std
        return self._network.answers(prepared, self._layers, self._reduce)

    def _reduce(self, name: str, activations: np.ndarray) -> np.ndarray:
        """Reduce a batch of a layer, and see that it is like the batches before."""
        shape = activations.shape[1:]
        most = self._max_features or int(np.prod(shape))
        features = reduce_layer(activations, most)
        bad = features.size - np.isfinite(features).sum()
        known = self.about.setdefault(name, {"shape": list(shape)})
        if bad or known["shape"] != list(shape):
            raise InputError(
                "network",
                expected=f"finite activations of layer {name!r}, shape {tuple(known['shape'])}",
                found=f"{bad:,} values that are not finite" if bad else f"shape {shape}",
                hint="check weights, mean and std"
                if bad
                else "give a size, the same for all films",
            )
        known.update(d=subsampling_step(shape, most), n_features=features.shape[1])
        return features

    def _append(self, writer: LayerWriter, name: str, rows: np.ndarray) -> None:
        if len(rows):
            writer.append(name, signed_log(rows) if self._log else rows, self.about[name])
