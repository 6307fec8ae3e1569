"""A result never takes the place of an input."""

import numpy as np
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.merge_tables import MergeTables
from fmriprod.interfaces.model_rdm import ModelRDM
from fmriprod.interfaces.rdm_file import RDMs, write_rdms
from fmriprod.interfaces.rsa import RSA

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("written", ["rsa.h5", "./rsa.h5"])
@pytest.mark.parametrize("as_list", [False, True])
def test_an_input_in_the_place_of_a_result_is_spared(work, rng, written, as_list):
    write_rdms("rsa.h5", RDMs(rng.random((1, 3), dtype=np.float32), NAMES, "code", ["one"]))
    write_rdms("other.h5", RDMs(rng.random((1, 3), dtype=np.float32), NAMES, "code", ["two"]))
    before = (work / "rsa.h5").read_bytes()
    files = ("other.h5", [written]) if as_list else (written, ["other.h5"])
    step = RSA(rdm_file=files[0], model_files=files[1], p_method="none")
    with pytest.raises(InputError, match=r"(?s)RSA: .*rsa\.h5.*the place of a result.*cwd"):
        step.run()
    assert (work / "rsa.h5").read_bytes() == before


def test_a_step_may_write_its_results_again(work):
    for _ in range(2):
        out = ModelRDM(conditions=["a", "b", "c"], pairs_files=[pairs(work)]).run().outputs
    assert out.n_models == 1


def pairs(work):
    text = "condition_1\tcondition_2\texpected\na\tb\talike\n"
    (work / "pairs.tsv").write_text(text)
    return str(work / "pairs.tsv")


def test_a_result_may_have_the_name_that_was_asked_for_again(work):
    (work / "in").mkdir()
    (work / "in/a.tsv").write_text("a\tb\n1\t2\n")
    merge = MergeTables(in_files=[str(work / "in/a.tsv")], out_name="both.tsv")
    for _ in range(2):  # the second time it is there: out_name is no input file
        merge.run(cwd=str(work))
