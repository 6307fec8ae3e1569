"""Pages of steps say what the code does: defaults, names of options, and numbers."""

import re
from pathlib import Path

import numpy as np
import pytest

from fmriprod.algorithms.first_level import percent_factor
from fmriprod.algorithms.group_rsa_null import flip_null
from fmriprod.algorithms.hrf import MODELS
from fmriprod.interfaces.glm import FirstLevelModel
from fmriprod.interfaces.group_rsa import GroupRSA
from fmriprod.interfaces.informational_connectivity import InformationalConnectivity
from fmriprod.interfaces.searchlight_rdm import SearchlightRDM

STEPS = Path(__file__).resolve().parents[2] / "docs" / "steps"


def page(name):
    return " ".join((STEPS / f"{name}.md").read_text("utf-8").split())


def test_responses_of_the_model_are_there_and_the_default_is_named_so():
    text = page("glm")
    named = re.findall(
        r"`((?:spm|glover|gamma|gaussian|fir)[^`]*)`", text.replace("{cite}`glover`", "")
    )
    assert set(named) <= set(MODELS) and "FIR" not in text
    assert f"by default (`{FirstLevelModel().inputs.hrf}`)" in text


def test_effects_are_in_per_cent_of_the_mean_of_the_run():
    series = np.array([[1000.0, 1000.0], [500.0, 500.0]])
    assert percent_factor(series) * series.mean(axis=1) == pytest.approx([400 / 3, 200 / 3])
    assert "per cent of the run's mean over mask and time" in page("glm")


def test_p_of_six_people_is_that_of_the_formula():
    z = np.random.default_rng(0).normal(3, 0.1, size=(6, 1, 5)).astype(np.float32)
    null = flip_null(z)
    assert null.complete and len(null.largest) == 64 and null.p.min() == pytest.approx(2 / 64)
    assert GroupRSA().inputs.two_sided and "2^6 = 64" in page("group_rsa")
    assert "2/64 = .03" in page("group_rsa") and "1 + N_" not in page("group_rsa")


@pytest.mark.parametrize(("name", "interface", "option", "default", "words"), [
    ("searchlight", SearchlightRDM, "noise_method", "shrinkage_diag",
     "shrunk towards its variances ({cite}`schaefer_strimmer`)"),
    ("informational_connectivity", InformationalConnectivity, "fisher_z", True,
     "(unless `fisher_z` is off"),
])  # fmt: skip
def test_what_is_done_by_default_is_said_so(name, interface, option, default, words):
    assert getattr(interface().inputs, option) == default and words in page(name)


def test_the_price_of_leaving_one_out_is_that_of_the_module():
    from fmriprod.algorithms import leave_one_out

    assert "for the price of three maps of the whole group" in " ".join(
        leave_one_out.__doc__.split()
    )
    assert "cost as much as three of the whole group" in page("leave_one_out")
