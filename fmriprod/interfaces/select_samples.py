"""Some of the responses of a study, with the rows of their table."""

import numpy as np
from nipype.interfaces.base import File, TraitedSpec, traits

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.query import query_rows
from fmriprod.interfaces.base import PythonInputSpec, PythonInterface
from fmriprod.interfaces.events import read_table
from fmriprod.interfaces.masked_responses import open_matrix


class _SelectSamplesInputSpec(PythonInputSpec):
    responses_file = File(exists=True, mandatory=True, desc=".npy, samples x voxels")
    samples_file = File(exists=True, mandatory=True, desc="TSV, a row a sample")
    query = traits.Str(
        mandatory=True, desc="rows to keep, such as: kind == 'natural' and session != 3"
    )


class _SelectSamplesOutputSpec(TraitedSpec):
    responses_file = File(exists=True, desc=".npy, float32, the samples that were kept x voxels")
    samples_file = File(exists=True, desc="TSV, their rows")
    n_samples = traits.Int(desc="how many were kept")


class SelectSamples(PythonInterface):
    """Keep the responses whose rows a query selects, in their order.

    Comparisons are those of `fmriprod.algorithms.query.query_rows`; nothing is executed.

    Examples
    --------
    >>> SelectSamples(query="kind == 'natural'").inputs.query
    "kind == 'natural'"
    """

    input_spec = _SelectSamplesInputSpec
    output_spec = _SelectSamplesOutputSpec
    _libraries = ("numpy", "pandas")

    def _process(self) -> None:
        given = self.inputs
        responses = open_matrix(given.responses_file)
        samples = read_table(given.samples_file, "samples_file")
        if len(responses) != len(samples):
            raise InputError(
                "responses_file", expected=f"{len(samples)} rows, as {given.samples_file} has",
                found=str(len(responses)), hint="give both outputs of the same step",
                file=given.responses_file,
            )  # fmt: skip
        rows = query_rows(samples, given.query)
        self.save_array("responses_file", "responses.npy", responses[rows].astype(np.float32))
        self.save_table("samples_file", "samples.tsv", samples.iloc[rows])
        self.result("n_samples", len(rows))
