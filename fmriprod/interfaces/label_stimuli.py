"""What was shown during each volume, from tables of pixels."""

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from nipype.interfaces.base import File, TraitedSpec, isdefined, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.label_stimuli import pixels_of_labels, stimulus_names
from fmriprod.algorithms.run_responses import kept_volumes
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.layer_file import LayerWriter
from fmriprod.interfaces.run_samples import RunSamplesInputSpec, run_table
from fmriprod.interfaces.supplied import read_text


class _LabelStimuliInputSpec(RunSamplesInputSpec):
    label_files = traits.List(
        File(exists=True), mandatory=True, minlen=1,
        desc="tables without a header, values separated by commas: one a run, a row a volume, "
        "a value a pixel; -1 in a whole row for rest",
    )  # fmt: skip
    shape = traits.Tuple(
        traits.Int(10), traits.Int(10), usedefault=True, desc="height and width of the images"
    )
    order = traits.Enum(
        *("F", "C"),
        usedefault=True,
        desc="values go down the columns of the image (F, as in Miyawaki's data), or along rows",
    )
    rest = traits.Enum(
        *("keep", "drop"),
        usedefault=True,
        desc="rows of rest: keep them, with -1 for every pixel, or drop them (and give "
        "samples_file to RunResponses as keep_file)",
    )
    tr = traits.Range(low=0.0, exclude_low=True, desc="repetition time in s, for the column time")


class _LabelStimuliOutputSpec(TraitedSpec):
    features_file = File(
        exists=True,
        desc="HDF5, layer `pixels`, float32, shape (n_samples, height * width), row by row",
    )
    samples_file = File(
        exists=True,
        desc="TSV, a row a sample: session (if given), run, volume and time in s of the image "
        "(n/a without tr), response_volume, stimulus (a name by content; n/a for rest)",
    )
    n_samples = traits.Int(desc="number of samples")
    n_rest = traits.Int(desc="volumes of rest within the samples, kept or dropped")


class LabelStimuli(PythonInterface):
    """Make pixels the features of the volumes of runs, as RunResponses makes the responses.

    With the same ``shift``, ``drop_first`` and ``drop_last`` as `RunResponses` the rows are
    the same samples: with ``shift=2`` what the last two volumes of a run show is left out.

    Examples
    --------
    >>> LabelStimuli(shift=2).inputs.shape
    (10, 10)
    """

    input_spec = _LabelStimuliInputSpec
    output_spec = _LabelStimuliOutputSpec

    def _process(self) -> None:
        values = self.inputs
        labels = values.run_labels(len(values.label_files))
        tr = values.tr if isdefined(values.tr) else None
        tables, n_rest = [], 0
        about = {"shape": list(values.shape), "source": "pixels"}
        with self.writing("features_file", "pixels.h5") as path, LayerWriter(path, about) as writer:
            for label, file in zip(labels, values.label_files, strict=True):
                pixels, rest = self._read(file)
                table = run_table(label, self._volumes(file, len(pixels)), values.shift, tr)
                shown = table["volume"].to_numpy()
                pixels, rest = pixels[shown], rest[shown]
                table["stimulus"] = stimulus_names(pixels, rest)
                n_rest += int(rest.sum())
                if values.rest == "drop":
                    table, pixels = table[~rest], pixels[~rest]
                writer.append("pixels", pixels, about)
                tables.append(table)
        samples = pd.concat(tables, ignore_index=True)
        self.save_table("samples_file", "samples.tsv", samples)
        self.result("n_samples", len(samples))
        self.result("n_rest", n_rest)

    def _volumes(self, path: str, n_volumes: int) -> np.ndarray:
        try:
            return kept_volumes(n_volumes, *self.inputs.window())
        except InputError as err:
            err.file = path
            raise

    def _read(self, path: str) -> tuple[np.ndarray, np.ndarray]:
        text = read_text(path, "label_files", "a table of numbers separated by commas")
        try:
            table = pd.read_csv(StringIO(text), header=None, dtype=np.float64)
        except (ValueError, pd.errors.ParserError) as err:
            raise InputError(
                "label_files",
                expected="a table of numbers separated by commas, without a header",
                found=str(err).strip().splitlines()[0],
                hint="give the labels of one run: a row a volume, a value a pixel",
                file=str(Path(path)),
            ) from None
        try:
            return pixels_of_labels(table.to_numpy(), self.inputs.shape, self.inputs.order)
        except InputError as err:
            err.file = path
            raise
