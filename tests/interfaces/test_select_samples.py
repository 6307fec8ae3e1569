"""Responses that a query selects."""

import numpy as np
import pandas as pd
import pytest
from nipype import Node

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.select_samples import SelectSamples


@pytest.fixture
def files(work, rng):
    responses = rng.normal(size=(6, 4)).astype(np.float32)
    np.save("all.npy", responses)
    table = pd.DataFrame({"stimulus": list("abcdef"), "kind": ["x", "y"] * 3, "run": ["01"] * 6})
    table.to_csv("all.tsv", sep="\t", index=False)
    return responses, {"responses_file": str(work / "all.npy"),
                       "samples_file": str(work / "all.tsv")}  # fmt: skip


def test_rows_of_both_are_kept_together(files, work):
    responses, given = files
    out = Node(SelectSamples(**given, query="kind == 'y'"), "y", base_dir=str(work)).run().outputs
    np.testing.assert_array_equal(np.load(out.responses_file), responses[[1, 3, 5]])
    table = pd.read_csv(out.samples_file, sep="\t")
    assert table["stimulus"].tolist() == ["b", "d", "f"] and out.n_samples == 3
    assert table.columns.tolist() == ["stimulus", "kind", "run"]


def test_a_query_that_keeps_nothing_is_refused(files):
    with pytest.raises(InputError, match="query"):
        SelectSamples(**files[1], query="kind == 'z'").run()


def test_a_table_of_other_responses_is_refused(files):
    pd.DataFrame({"kind": ["x"]}).to_csv("one.tsv", sep="\t", index=False)
    with pytest.raises(InputError, match=r"(?s)expected: +1 rows, as .*found: +6"):
        SelectSamples(**files[1] | {"samples_file": "one.tsv"}, query="kind == 'x'").run()
