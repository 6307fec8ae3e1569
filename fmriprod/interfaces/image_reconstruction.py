"""Reconstruct the images that were shown from the responses to them."""

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.image_reconstruction import SparseDecoders, pixel_scores, reconstruct
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.layer_file import open_layers
from fmriprod.interfaces.masked_responses import open_matrix
from fmriprod.interfaces.run_samples import read_samples_table

_DRAWN = (0, 10, 20, 30, 40, 50)
_SCORES = ("accuracy", "precision", "recall", "f1")


class _ImageReconstructionInputSpec(PythonInputSpec):
    train_responses_file = File(
        exists=True, mandatory=True, desc=".npy, (n_samples, n_voxels), from RunResponses"
    )
    train_stimuli_file = File(
        exists=True, mandatory=True, desc="HDF5 of the same samples, from LabelStimuli"
    )
    test_responses_file = File(
        exists=True, mandatory=True, desc="responses to reconstruct images from; the same voxels"
    )
    test_stimuli_file = File(
        exists=True, mandatory=True, desc="what was shown, to score the reconstructions"
    )
    train_samples_files = traits.List(
        File(exists=True), minlen=2, maxlen=2,
        desc="samples_file of responses and of stimuli: their runs and volumes must agree",
    )  # fmt: skip
    test_samples_files = traits.List(
        File(exists=True), minlen=2, maxlen=2, desc="the same for the test"
    )  # fmt: skip
    layer = traits.Str("pixels", usedefault=True, desc="layer of the stimuli: pixels, 0 or 1")
    shape = traits.Tuple(
        traits.Int(10), traits.Int(10), usedefault=True, desc="height and width of the images"
    )
    n_voxels = traits.Range(
        low=1, value=500, usedefault=True, desc="voxels with the highest F for each decoder"
    )
    n_nonzero = traits.Range(
        low=1, value=10, usedefault=True, desc="voxels that a decoder takes of these"
    )
    threshold = traits.Float(0.5, usedefault=True, desc="a pixel is on above it")
    drawn_rows = traits.List(
        traits.Range(low=0), minlen=1,
        desc="test samples to draw, from 0, without rest (default: 0, 10, ... 50)",
    )  # fmt: skip
    title = traits.Str("", usedefault=True, desc="title of the figure")
    memory_gb = traits.Range(
        low=0.0, exclude_low=True, value=1.0, usedefault=True, nohash=True,
        desc="memory in GB for targets that are fitted together, beside the responses; does not "
        "change the result beyond rounding",
    )  # fmt: skip


class _ImageReconstructionOutputSpec(TraitedSpec):
    reconstruction_file = File(
        exists=True, desc=".npy, float32, shape (n_test, height, width), test samples without rest"
    )
    rows_file = File(
        exists=True, desc="TSV: row of each reconstruction in the test, its accuracy over pixels"
    )
    scores_file = File(
        exists=True,
        desc="TSV, a row a pixel: row, column, accuracy, precision, recall, f1, share_on",
    )
    decoders_file = File(
        exists=True,
        desc="TSV, a row a voxel of a decoder: target (pixels, tall, large, big in this order), "
        "rank, voxel (column of the responses), weight",
    )
    summary_file = File(
        exists=True, desc="JSON: mean scores, what constant guesses would reach, what was left out"
    )
    figure = File(exists=True, desc="stimuli and reconstructions (PNG)")


class ImageReconstruction(PythonInterface):
    """Decode local means of the image at four scales, and put them together to an image.

    The analysis of Nilearn's example after Miyawaki et al. (2008, Neuron 60, 915): a decoder
    for each pixel and each patch of 1 x 2, 2 x 1 and 2 x 2 pixels (361 for 10 x 10), of 10
    among its 500 best voxels; the four scales count equally. Rows of rest are left out.

    Examples
    --------
    >>> ImageReconstruction(n_nonzero=5).inputs.n_voxels
    500
    """

    input_spec = _ImageReconstructionInputSpec
    output_spec = _ImageReconstructionOutputSpec

    def _process(self) -> None:
        values = self.inputs
        train, images, _ = self._samples("train")
        test, shown, rows = self._samples("test")
        drawn = self._drawn(len(shown))
        found, decoders = reconstruct(
            train, images, test, n_voxels=values.n_voxels, n_nonzero=values.n_nonzero,
            memory_gb=values.memory_gb,
        )  # fmt: skip
        table = pixel_scores(shown, found, values.threshold)
        right = (shown > 0.5) == (found > values.threshold)
        accuracy = right.reshape(len(right), -1).mean(axis=1)
        self.save_array("reconstruction_file", "reconstruction.npy", found.astype(np.float32))
        row_table = pd.DataFrame({"row": rows, "accuracy": accuracy})
        self.save_table("rows_file", "rows.tsv", row_table)
        self.save_table("scores_file", "scores.tsv", table)
        self.save_table("decoders_file", "decoders.tsv", _decoder_table(decoders))
        summary = self._summary(table, decoders, len(images), len(shown))
        self.save_json("summary_file", "reconstruction.json", summary)
        self._draw(shown[drawn], found[drawn], rows[drawn], accuracy[drawn])

    def _samples(self, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read responses and images of training or test, without rest, and their rows."""
        values, height, width = self.inputs, *self.inputs.shape
        subject = f"{part}_stimuli_file"
        responses = open_matrix(getattr(values, f"{part}_responses_file"))
        with open_layers(getattr(values, subject), subject) as layers:
            pixels = layers[values.layer]
        if pixels.shape != (len(responses), height * width):
            raise InputError(
                subject,
                expected=f"{len(responses)} rows, as the responses, of {height * width} pixels, "
                f"{height} x {width}",
                found=f"{pixels.shape[0]} rows of {pixels.shape[1]}",
                hint="give the same runs, shift and rows of rest to RunResponses and LabelStimuli",
            )
        rest = (pixels == -1).all(axis=1)
        if not np.isin(pixels[~rest], (0, 1)).all() or rest.all():
            raise InputError(
                subject,
                expected="pixels of 0 or 1 in each row that is not rest (-1)",
                found="only rest" if rest.all() else "other values",
                hint="give images of black and white pixels, or make them so first",
            )
        self._compare(part, len(responses))
        images = pixels[~rest].reshape(-1, height, width)
        return np.asarray(responses[~rest]), images, np.flatnonzero(~rest)

    def _compare(self, part: str, n_rows: int) -> None:
        """Refuse responses and stimuli of other runs or volumes, where both tables are given."""
        subject = f"{part}_samples_files"
        files = getattr(self.inputs, subject)
        if not isdefined(files):
            return
        first, second = (read_samples_table(path, subject) for path in files)
        names = [c for c in ("session", "run", "volume") if c in first and c in second]
        same = len(first) == len(second) == n_rows and first[names].equals(second[names])
        if not same:
            differ = (
                (first[names] != second[names]).any(axis=1) if len(first) == len(second) else []
            )
            where = f", rows differ from {int(np.argmax(differ)) + 1} on" if any(differ) else ""
            raise InputError(
                subject,
                expected=f"the same {n_rows} samples in both tables (columns {', '.join(names)})",
                found=f"{len(first)} and {len(second)} rows{where}",
                hint="use the same runs, shift, drop_first and drop_last for both",
                file=files[1],
            )

    def _drawn(self, n_test: int) -> list[int]:
        values = self.inputs
        if not isdefined(values.drawn_rows):
            return [row for row in _DRAWN if row < n_test]
        if max(values.drawn_rows) >= n_test:
            raise InputError(
                "drawn_rows",
                expected=f"rows 0 to {n_test - 1} of the test without rest",
                found=f"{max(values.drawn_rows)}",
                hint="count from 0, without rows of rest",
            )
        return list(values.drawn_rows)

    def _summary(
        self, table: pd.DataFrame, decoders: SparseDecoders, n_train: int, n_test: int
    ) -> dict:
        values = self.inputs
        guess = np.maximum(table["share_on"], 1 - table["share_on"]).mean()
        return {
            **{name: float(table[name].mean()) for name in _SCORES},
            "accuracy_of_each_pixel_s_more_frequent_value": float(guess),
            "threshold": values.threshold,
            "n_train": n_train,
            "n_test": n_test,
            "n_targets": len(decoders.voxels),
            "n_constant_targets": decoders.n_constant,
            "n_voxels": int(decoders.usable.size),
            "n_unusable": int((~decoders.usable).sum()),
            "n_voxels_taken": len(np.unique(decoders.voxels[decoders.voxels >= 0])),
        }

    def _draw(
        self, shown: np.ndarray, found: np.ndarray, rows: np.ndarray, accuracy: np.ndarray
    ) -> None:
        from fmriprod.reports.reconstruction import reconstruction_figure

        labels = [f"row {r}\n{a:.0%} right" for r, a in zip(rows, accuracy, strict=True)]
        threshold, title = self.inputs.threshold, self.inputs.title
        with reconstruction_figure(shown, found, threshold, labels, title=title) as figure:
            self.save_figure("figure", "reconstruction.png", figure)


def _decoder_table(decoders: SparseDecoders) -> pd.DataFrame:
    """List the voxels that decoders take, with their weights."""
    target, rank = np.nonzero(decoders.voxels >= 0)
    return pd.DataFrame(
        {
            "target": target,
            "rank": rank + 1,
            "voxel": decoders.voxels[target, rank],
            "weight": decoders.weights[target, rank],
        }
    )
