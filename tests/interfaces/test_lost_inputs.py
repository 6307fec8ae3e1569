"""Input files that are lost between the start of a run and the step that reads them."""

import copy
import pickle

import numpy as np
import pytest
from support.study_of_files import Grow

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.merge_tables import MergeTables


def test_a_lost_file_is_no_file_that_was_not_given(work):
    """Copies of the inputs keep its name, and the step refuses to run."""
    np.save(work / "a.npy", np.arange(3.0))
    np.save(work / "b.npy", np.arange(3.0))
    step = Grow(in_file=str(work / "a.npy"), other_file=str(work / "b.npy"))
    (work / "b.npy").unlink()
    for inputs in (copy.deepcopy(step.inputs), pickle.loads(pickle.dumps(step.inputs))):
        assert inputs.other_file == str(work / "b.npy")
        other = Grow()
        other.inputs = inputs
        with pytest.raises(
            InputError, match="the file that was there when the run began"
        ) as caught:
            other.run(cwd=str(work))
        assert caught.value.found == f"{work / 'b.npy'}: nothing there"
    (work / "b.npy").symlink_to("/nowhere")
    with pytest.raises(InputError, match="a link to nowhere"):
        other.run(cwd=str(work))


def test_a_lost_file_of_a_list_too(work):
    for name in "ab":
        (work / f"{name}.tsv").write_text("x\n1\n")
    step = MergeTables(in_files=[str(work / "a.tsv"), str(work / "b.tsv")])
    (work / "b.tsv").unlink()
    for inputs in (copy.deepcopy(step.inputs), pickle.loads(pickle.dumps(step.inputs))):
        assert inputs.in_files == [str(work / "a.tsv"), str(work / "b.tsv")]
        other = MergeTables()
        other.inputs = inputs
        with pytest.raises(InputError, match="when the run began"):
            other.run(cwd=str(work))
