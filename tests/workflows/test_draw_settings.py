"""Boxes of a picture say the settings and the software that count, and no others."""

import re

import nipype.pipeline.engine as pe
import pytest
from nipype.interfaces.utility import Function

from fmriprod.interfaces.smooth import Smooth
from fmriprod.workflows.draw_diagram import diagram_of
from fmriprod.workflows.draw_targets import open_target


def notes_of(target, **options):
    """Small lines of the boxes of a workflow, by title, and what goes in."""
    with open_target(target, options=options) as workflow:
        diagram = diagram_of(workflow, level=2)
    return {b.title: b.notes for b in diagram.boxes if b.kind not in ("input", "output")}, {
        name for b in diagram.boxes if b.kind == "input" for name in b.title.lower().split(", ")
    }


@pytest.mark.parametrize(("target", "options", "there", "not_there"), [
    ("first_level", {"drift": "none"}, {"FWHM 5 mm", "noise ar1"}, "high pass"),
    ("first_level", {"drift": "cosine"}, {"high pass 100 s"}, "-"),
    ("features", {"drift": "linear"}, {"method linear"}, "high pass"),
    ("features", {"drift": "running_line"}, {"high pass 100 s"}, "-"),
    ("responses", {"detrend": "linear"}, {"standardize none"}, "high pass"),
    ("responses", {"detrend": "cosine"}, {"high pass 100 s"}, "-"),
    ("group_rsa", {"method": "voxel_shuffling", "correction": "none"}, {"1,000,000 draws"},
     "permutations"),
    ("group_rsa", {}, {"10,000 permutations"}, "draws"),
    ("searchlight_rsa", {"p_method": "none"}, {"radius 9 mm"}, "permutations"),
    ("anat", {"skullstrip_engine": "bet"}, {"FSL BET"}, "SimpleITK|engine"),
    ("anat", {"skullstrip_engine": "bet", "mask_file": __file__}, {"mask as given"},
     "SimpleITK|BET|engine"),
    ("normalize", {"engine": "flirt"}, {"FSL FLIRT"}, "Nilearn|engine"),
    ("normalize", {"transform_files": [__file__]}, {"transform as given"}, "Nilearn"),
    ("bold", {"motion_engine": "mcflirt"}, {"motion correct, FSL MCFLIRT"}, "SimpleITK|engine"),
    ("bold", {}, {"motion correct, SimpleITK"}, "engine"),
])  # fmt: skip
def test_settings_that_do_nothing_and_software_that_is_not_used_are_not_said(
    target, options, there, not_there
):
    notes = {line for lines in notes_of(target, **options)[0].values() for line in lines}
    assert there <= notes and not [line for line in notes if re.search(not_there, line)], notes


def test_a_step_that_smooths_by_nothing_is_looked_through():
    boxes, inputs = notes_of("first_level", fwhm=0.0)
    assert set(boxes) == {"Model"} and "bold series" in inputs
    assert set(notes_of("first_level", fwhm=1.0)[0]) == {"Smooth", "Model"}
    workflow = pe.Workflow("w")
    width = pe.Node(Function(input_names=["a"], output_names=["out"]), "width")
    workflow.connect(width, "out", pe.Node(Smooth(fwhm=0.0), "smooth"), "fwhm")
    assert {b.title: b.notes for b in diagram_of(workflow).boxes}["Smooth"] == ()


@pytest.mark.parametrize(("target", "inputs"), [
    ("parcel_task", {"events", "parcels", "series"}), ("parcel_rest", {"parcels", "series"}),
])  # fmt: skip
def test_what_another_input_replaces_does_not_come_in(target, inputs):
    assert notes_of(target)[1] == inputs
