"""Inputs of the report on representational similarity that do not fit are refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.rsa_study import (
    AFFINE,
    CODES,
    CONDITIONS,
    LAYERS,
    SHAPE,
    refused,
    save_image,
    save_table,
    similarities,
    write_study,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Write all inputs of the report once, and say what was planted."""
    return write_study(tmp_path_factory.mktemp("study"))


def test_nothing_to_report_is_refused():
    error = refused(title="x")
    assert error.expected == (
        "one of rdm_files, table_files, value_map, layer_map, region_file at least"
    )


def test_names_of_conditions_that_do_not_fit_are_refused(study, work):
    inputs, _, _ = study
    rdms = {"rdm_files": inputs["rdm_files"]}
    table = pd.DataFrame({"condition": [*CONDITIONS[:-1], "treee"], "group": "g"})
    error = refused(**rdms, groups_file=save_table(work, "g", table))
    assert "lacking: 'tree'" in error.found and "did you mean 'treee'" in error.hint
    error = refused(**rdms, groups_file=save_table(work, "g", table.drop(columns="group")))
    assert error.found == "no column group"
    error = refused(**rdms, stimulus_files=inputs["stimulus_files"][1:])
    assert error.subject == "stimulus_files" and "lacking: 'tree'" in error.found
    error = refused(**rdms, stimulus_files=inputs["stimulus_files"], stimulus_names=["one"])
    assert error.expected == "the condition of each of 6 pictures"
    Path("one.png").write_text("no picture")
    files = [*(f for f in inputs["stimulus_files"] if "one" not in f), str(work / "one.png")]
    error = refused(**rdms, stimulus_files=files)
    assert error.file.endswith("one.png") and error.found == "UnidentifiedImageError"


def test_titles_that_do_not_fit_files_and_other_files_are_refused(study, work):
    inputs, _, _ = study
    error = refused(rdm_files=inputs["rdm_files"], rdm_titles=["one"])
    assert (error.subject, error.expected) == ("rdm_titles", "one for each of 2 files")
    error = refused(table_files=inputs["table_files"], table_labels=["ρ"])
    assert error.subject == "table_labels"
    error = refused(rdm_files=[inputs["table_files"][0]])
    assert error.expected.startswith("an HDF5 file of dissimilarities")


def test_maps_and_names_that_do_not_fit_are_refused(study, work):
    inputs, _, _ = study
    maps = {name: inputs[name] for name in ("value_map", "q_map", "map_names")}
    error = refused(**maps | {"map_names": LAYERS})
    assert error.expected == "a volume for each of 3 names: conv1, conv2, fc3"
    assert error.found == f"shape {(*SHAPE, 2)}" and error.file == maps["value_map"]
    error = refused(value_map=maps["value_map"])
    assert "map_names are not given" in error.expected
    error = refused(**maps | {"q_map": save_image(work, "q3", np.ones((*SHAPE, 3)))})
    assert error.subject == "q_map" and error.file.endswith("q3.nii.gz")
    other = AFFINE + np.eye(4)
    error = refused(**maps | {"q_map": save_image(work, "q2", np.ones((*SHAPE, 2)), other)})
    assert "differs by up to" in error.found
    error = refused(value_map=save_image(work, "v", np.full((*SHAPE, 2), np.nan)), map_names=CODES)
    assert error.found == "none that is finite and not 0"
    error = refused(layer_map=inputs["layer_map"], layer_names=LAYERS[:2])
    assert error.subject == "layer_map" and error.file == inputs["layer_map"]
    error = refused(layer_map=inputs["layer_map"])
    assert error.expected.startswith("a name for each layer")


def test_tables_that_do_not_fit_are_refused(study, work):
    table = similarities()
    error = refused(table_files=[save_table(work, "t", table.drop(columns="rdm"))])
    assert error.found == "no column rdm" and error.file.endswith("t.tsv")
    error = refused(table_files=[save_table(work, "t", table.iloc[:0])])
    assert error.found == "no row"
    twice = pd.concat([table, table]).assign(participant="01")
    error = refused(table_files=[save_table(work, "t", twice)])
    assert error.found == "'01', 'V1' and 'conv1' more than once"
    error = refused(table_files=[save_table(work, "t", pd.concat([table, table]))])
    assert error.found == "'V1' and 'conv1' more than once"
    error = refused(region_file=save_table(work, "r", table))
    assert error.found == "no column roi, map, mean"


def test_maps_on_other_grids_are_refused(study, work):
    inputs, _, _ = study
    moved = save_image(work, "moved", np.ones(SHAPE), AFFINE + np.eye(4))
    layers = {name: inputs[name] for name in ("layer_map", "layer_names")}
    for field in ("agreement_map", "background_file"):
        assert "differs by up to" in refused(**layers, **{field: moved}).found
