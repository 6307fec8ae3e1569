"""Interfaces cite from the same list as methods texts, through Nipype's own way of citing."""

import importlib
import inspect
import pkgutil
import re

import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.base import core

import fmriprod.interfaces
from fmriprod.interfaces import references
from fmriprod.interfaces.base import PythonInterface
from fmriprod.interfaces.layer_file import write_layers
from fmriprod.interfaces.layer_rdm import LayerRDM
from fmriprod.interfaces.motion import MotionCorrect
from fmriprod.interfaces.skullstrip import SkullStrip
from fmriprod.reports import methods_keys
from fmriprod.reports.methods_keys import reference_keys
from fmriprod.reports.references import bibliography


@pytest.fixture
def cited(monkeypatch):
    """What duecredit would be told, and by whom."""
    calls = []

    class Collector:
        def cite(self, **what):
            calls.append(what)

    monkeypatch.setattr(core, "due", Collector())
    monkeypatch.setattr(references, "BibTeX", lambda text: text)
    return calls


def interfaces():
    for module in pkgutil.walk_packages(fmriprod.interfaces.__path__, "fmriprod.interfaces."):
        loaded = importlib.import_module(module.name)
        for name, member in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(member, PythonInterface) and member.__module__ == module.name:
                yield name, member


def test_every_key_is_in_the_list_and_every_name_is_an_interface_with_that_input():
    known = dict(interfaces())
    for name in methods_keys._KEYS | methods_keys._KEYS_BY_VALUE:
        assert bibliography(reference_keys(name)), name
        inputs = known[name]().inputs
        for fields, by_value in methods_keys._KEYS_BY_VALUE.get(name, {}).items():
            for values in by_value:
                several = " " in fields
                pairs = (
                    zip(fields.split(), values.split(), strict=True)
                    if several
                    else [(fields, values)]
                )
                for field, value in pairs:
                    value = {"True": True}.get(value, value)
                    setattr(inputs, field, value)  # a value that it does not take is refused


def test_an_interface_cites_what_its_inputs_make_it_use(cited):
    MotionCorrect(engine="mcflirt")._duecredit_cite()
    assert [re.match(r"@\w+\{(\w+),", call["entry"])[1] for call in cited] == ["mcflirt", "fsl"]
    assert {call["path"] for call in cited} == {"fmriprod.interfaces.motion"}
    assert all(call["entry"].isascii() and call["tags"] == ["method"] for call in cited)
    cited.clear()
    MotionCorrect()._duecredit_cite()
    assert [call["description"] for call in cited] == ["friston_motion", "gauss_newton"]


def test_what_a_given_file_makes_unnecessary_is_not_cited(work):
    (work / "mask.nii").touch()
    given = SkullStrip(mask_file="mask.nii")
    assert given._references == [] and len(SkullStrip()._references) == 3
    assert SkullStrip(modality="EPI")._references == []


def test_running_an_interface_cites_it(cited, work, rng):
    write_layers("layers.h5", {"one": rng.normal(size=(6, 4)).astype(np.float32)})
    table = pd.DataFrame({"stimulus": [f"c{i // 2}/{i}.png" for i in range(6)]})
    table.to_csv("samples.tsv", sep="\t", index=False)
    with pytest.raises(ValueError, match="samples_file"):
        LayerRDM(features_file="layers.h5").run()
    assert not cited, "what did not run is not cited"
    LayerRDM(features_file="layers.h5", samples_file="samples.tsv").run()
    assert [call["description"] for call in cited] == ["lee_digits"]


def test_a_class_knows_the_works_of_all_its_engines():
    names = [entry["description"] for entry in SkullStrip._references]
    assert names == ["bet", "n4", "simpleitk", "fsl", "ants"]
    assert SkullStrip.help(returnhelp=True)
