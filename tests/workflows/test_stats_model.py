"""BIDS Stats Models files: read exactly, and refused where others drop silently."""

import copy
import json

import numpy as np
import pytest

from fmriprod.algorithms.contrasts import parse_contrasts
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.stats_model import read_stats_model
from fmriprod.workflows.study_file import read_study

MODEL = {
    "Name": "recognition",
    "BIDSModelVersion": "1.0.0",
    "Input": {"task": ["recognition"]},
    "Nodes": [
        {
            "Level": "Run",
            "Name": "run",
            "GroupBy": ["run", "subject"],
            "Transformations": {
                "Transformer": "pybids-transforms-v1",
                "Instructions": [
                    {"Name": "Factor", "Input": ["trial_type"]},
                    {"Name": "Convolve", "Input": ["trial_type.*"], "Derivative": True},
                ],
            },
            "Model": {
                "X": ["trial_type.bed", "trial_type.chair", "trial_type.bench",
                      "trial_type.table", "trans_x", 1],
                "Type": "glm",
                "Options": {"HighPassFilterCutoffHz": 0.008},
            },
            "DummyContrasts": {"Test": "t"},
            "Contrasts": [
                {"Name": "seats", "ConditionList": ["trial_type.bench", "trial_type.chair",
                                                    "trial_type.table"],
                 "Weights": ["1/2", 0.5, -1], "Test": "t"}
            ],
        },
        {"Level": "Subject", "Name": "subject", "GroupBy": ["subject", "contrast"],
         "Model": {"X": [1], "Type": "Meta"}},
    ],
    "Edges": [{"Source": "run", "Destination": "subject"}],
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write(change=lambda model: None):
        model = copy.deepcopy(MODEL)
        change(model)
        path = tmp_path / "model-recognition_smdl.json"
        path.write_text(json.dumps(model))
        return path

    return write


def test_what_a_model_says_is_taken(write):
    model, problems = read_stats_model(write())
    assert not problems
    assert (model.tasks, model.hrf) == (("recognition",), "spm + derivative")
    assert model.high_pass == pytest.approx(125.0)
    assert model.confounds == ("trans_x",)
    specs = parse_contrasts([f"{k}={v}" for k, v in model.contrasts.items()], model.labels)
    weights = {spec.name: spec.weights for spec in specs}
    assert set(weights) == {"seats", "bed", "bench", "chair", "table"}
    assert weights["seats"] == {"bench": 0.5, "chair": 0.5, "table": -1.0}
    assert weights["bed"] == {"bed": 1.0}


def _nodes(change):
    return lambda model: change(model["Nodes"][0])


def _steps(change):
    return _nodes(lambda node: change(node["Transformations"]["Instructions"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["Input"].update(datatype="func", suffix=["bold"]),
        lambda m: m["Nodes"][0].update(GroupBy=["subject", "session", "run", "task"]),
        _nodes(lambda n: n["Model"].update(X=["1", *n["Model"]["X"][:-1]])),
        _steps(lambda s: s[1].update(Input=[f"trial_type.{x}" for x in
                                            ("bed", "chair", "bench", "table", "other")])),
        _steps(lambda s: s.pop(0)),
        lambda m: m["Edges"][0].update(Filter={}),
    ],
)  # fmt: skip
def test_what_means_the_same_is_taken(write, change):
    model, problems = read_stats_model(write(change))
    assert not problems
    expected = read_stats_model(write())[0]
    assert model == expected


def test_small_and_large_weights_are_written_as_expressions_have_them(write):
    weights = [1e-5, -1e-7, 2e22]
    model, _ = read_stats_model(write(_nodes(lambda n: n["Contrasts"][0].update(Weights=weights))))
    (spec,) = parse_contrasts([model.contrasts["seats"]], model.labels)
    assert spec.weights == {"bench": 1e-5, "chair": -1e-7, "table": 2e22}


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (_nodes(lambda n: n["Contrasts"][0].update(Weights=[1, -1])), "Contrasts[1].Weights",
         "3 weights"),
        (_nodes(lambda n: n["Contrasts"][0]["ConditionList"].__setitem__(0, "trial_type.bensch")),
         "ConditionList", "did you mean 'trial_type.bench'"),
        (_nodes(lambda n: n["DummyContrasts"].update(Contrasts=["trial_type.cow"])),
         "DummyContrasts", "trial types of Model.X"),
        (_nodes(lambda n: n["Contrasts"][0].update(Weight=[1])), "Contrasts[1].Weight",
         "a key that is known"),
        (_nodes(lambda n: n["Contrasts"][0].update(Test="F")), "Contrasts[1].Test", "'F'"),
        (_nodes(lambda n: n["Contrasts"][0]["Weights"].__setitem__(0, "a/2")), "Weights",
         "fractions"),
        (_nodes(lambda n: n["Model"].update(X=["trans_x", 1])), "Model.X", "trial_type.<label>"),
        (_nodes(lambda n: n["Transformations"]["Instructions"].append({"Name": "Scale",
         "Input": ["x"]})), "Instructions[3].Name", "Convolve"),
        (lambda m: m["Edges"][0].update(Source="rum"), "Edges[1].Source", "did you mean 'run'"),
        (lambda m: m["Nodes"][1]["Model"].update(X=[1, "age"]), "Nodes[2].Model",
         "fixed-effects mean"),
        (lambda m: m["Nodes"].pop(0), "Nodes", "one node with Level Run"),
        (lambda m: m["Nodes"][1].update(Name="run"), "Nodes[2].Name", "a name of its own"),
        (lambda m: m.pop("BIDSModelVersion"), "BIDSModelVersion", "this key"),
        (lambda m: m["Input"].update(subject=["01"]), "Input.subject", "options of the command"),
        (lambda m: m["Input"].update(run="1"), "Input.run", "tasks only"),
        (lambda m: m["Input"].update(suffix=[]), "Input.suffix", "tasks only"),
        (lambda m: m["Edges"][0].update(Filter={"contrast": ["bed"]}), "Edges[1].Filter",
         "all contrasts go on"),
        (lambda m: m["Nodes"][1].update(Contrasts=[{"Name": "a", "ConditionList": [1],
         "Weights": [1]}]), "Nodes[2].Contrasts", "nothing else"),
        (lambda m: m["Nodes"][1]["Model"].update(Options={"HighPassFilterCutoffHz": 1}),
         "Nodes[2].Model.Options", "nothing else"),
        (lambda m: m["Nodes"][1].update(GroupBy=["subject", "session", "contrast"]),
         "Nodes[2].GroupBy", "another grouping"),
        (_nodes(lambda n: n.update(GroupBy=["subject"])), "Nodes[1].GroupBy", "each run by itself"),
        (_nodes(lambda n: n.pop("GroupBy")), "Nodes[1].GroupBy", "say ['run', 'subject']"),
        (_nodes(lambda n: n.update(GroupBy=["run", "subject", "contrast"])), "Nodes[1].GroupBy",
         "another grouping"),
        (_nodes(lambda n: n["Model"]["X"].remove(1)), "Nodes[1].Model.X", "add 1"),
        (_nodes(lambda n: n["Model"]["X"].append(0)), "Nodes[1].Model.X", "leave 0 out"),
        (_nodes(lambda n: n["Model"]["X"].append("trans_x")), "Nodes[1].Model.X",
         "each column once trans_x"),
        (_steps(lambda s: s.pop()), "Instructions", "boxes in time"),
        (_steps(lambda s: s.append(s[1])), "Instructions", "join them"),
        (_steps(lambda s: s[1].update(Input=["trial_type.b*", "trial_type.chair"])),
         "Instructions", "not of trial_type.table"),
        (_steps(lambda s: s[1].update(Input=["*"])), "Instructions", "also of trans_x"),
        (_steps(lambda s: s[0].update(Input=["response"])), "Instructions", "Factor of response"),
        *(
            (_nodes(lambda n, w=weight: n["Contrasts"][0]["Weights"].__setitem__(0, w)), "Weights",
             "numbers or fractions")
            for weight in ("nan", "inf", "1/inf", "1e400", "1e300/1e-300")
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(write, change, place, message):
    model, problems = read_stats_model(write(change))
    assert model is None
    text = [f"{p.file} {p.expected} {p.found} {p.hint}" for p in problems]
    assert any(place in t and message in t for t in text), text


def test_broken_and_absent_files(tmp_path):
    path = tmp_path / "a_smdl.json"
    assert read_stats_model(path)[1][0].found == "no file"
    path.write_text("{,}")
    assert read_stats_model(path)[1][0].expected == "a JSON object"


def test_study_takes_its_model_from_the_file(write, tmp_path):
    write()
    text = (READY / "fan2020.toml").read_text()
    contrasts = text[text.index("[tasks.recognition.contrasts]") : text.index(
        "[tasks.recognition.samples]")]  # fmt: skip
    text = text.replace(contrasts, "")
    head, _, tail = text.partition("[glm]")
    rest = tail.partition("[grid]")[2]
    own = '[glm]\nmodels = ["model-recognition_smdl.json"]\nfwhm = 3.0\n\n[grid]'
    path = tmp_path / "study.toml"
    path.write_text(head + own + rest)
    study, problems = read_study(path)
    assert not problems
    assert study.glm.hrf == "spm + derivative"
    assert np.isclose(study.glm.high_pass, 125)
    assert list(study.tasks["recognition"].contrasts) == ["seats", "bed", "chair", "bench", "table"]
    assert "drawing" in study.tasks["drawing"].contrasts
    path.write_text(
        head + "[glm]\nhrf = 'spm'\nmodels = ['model-recognition_smdl.json']\n[grid]" + rest
    )
    assert "given once" in read_study(path)[1][0].expected
    path.write_text(head + "[glm]\nmodels = ['nowhere_smdl.json']\n[grid]" + rest)
    assert "nowhere_smdl.json" in read_study(path)[1][0].file


def test_contrasts_here_and_there_are_refused(write, tmp_path):
    write()
    text = (READY / "fan2020.toml").read_text()
    path = tmp_path / "study.toml"
    path.write_text(text.replace("[glm]", '[glm]\nmodels = ["model-recognition_smdl.json"]'))
    found = {p.file.partition(": ")[2] for p in read_study(path)[1]}
    assert found == {"glm.hrf", "glm.high_pass", "glm.confounds", "tasks.recognition.contrasts"}
