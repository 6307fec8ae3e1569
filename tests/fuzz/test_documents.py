"""Study files, models, sidecars and records of runs of any content: problems, or our message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import FUZZ, Reader, no_files, spoilt, spoilt_trees, survives, write

from fmriprod.interfaces.bids_index import read_json
from fmriprod.interfaces.page_report import read_step_json
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.stats_model import read_stats_model
from fmriprod.workflows.study_file import read_study

MODEL = {
    "Name": "m", "BIDSModelVersion": "1.0.0", "Input": {"task": ["draw"]},
    "Nodes": [{
        "Level": "Run", "Name": "run", "GroupBy": ["run", "subject"],
        "Transformations": {"Transformer": "pybids-transforms-v1", "Instructions": [
            {"Name": "Factor", "Input": ["trial_type"]},
            {"Name": "Convolve", "Input": ["trial_type.*"]}]},
        "Model": {"Type": "glm", "X": ["trial_type.bed", "trial_type.chair", 1]},
        "Contrasts": [{"Name": "bedVsChair", "ConditionList": ["trial_type.bed",
                       "trial_type.chair"], "Weights": [1, -1], "Test": "t"}],
    }],
}  # fmt: skip
SIDECAR = {"RepetitionTime": 2.0, "TaskName": "draw", "SliceTiming": [0, 1]}


def _study(path):
    study, problems = read_study(path)
    assert (study is None) == bool(problems)
    assert all(str(problem) for problem in problems)


def _model(path):
    _, problems = read_stats_model(path)
    assert all(str(problem) for problem in problems)


def text(content):
    return json.dumps(content, indent=1).encode()


READERS = [
    Reader("study file", _study, lambda: [(READY / "fan2020.toml").read_bytes()], "study.toml"),
    Reader("stats model", _model, lambda: [text(MODEL)], "a_smdl.json"),
    Reader("sidecar", read_json, lambda: [text(SIDECAR)], "bold.json"),
    Reader("step's summary", lambda p: read_step_json(str(p)), lambda: [text(SIDECAR)], "s.json"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("documents")


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_valid_is_taken(reader, folder):
    for content in reader.seeds():
        path = write(reader, folder, content)
        assert survives(reader.name, reader.read, path)
    if reader.name == "study file":
        assert not read_study(path)[1]


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
@FUZZ
@given(data=st.data())
def test_what_is_spoilt_is_taken_or_refused(reader, folder, data):
    content = data.draw(spoilt(reader, reader.seeds()))
    survives(reader.name, reader.read, write(reader, folder, content))


@FUZZ
@given(tree=spoilt_trees(MODEL))
def test_models_with_other_parts_are_taken_or_refused(folder, tree):
    survives("stats model", _model, write(READERS[1], folder, text(tree)))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_what_is_no_file_is_refused(reader, tmp_path):
    for what, path in no_files(tmp_path, reader.file_name):
        taken = survives(reader.name, reader.read, path)
        assert not taken or reader.name in ("stats model", "study file"), what
