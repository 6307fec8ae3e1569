"""A study file and a dataset are checked against each other, all at once."""

import shutil

import pytest
from support.production_study import tiny_dataset, tiny_subjects_dir

from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.prepare_production import prepare_production
from fmriprod.workflows.production_subject import init_production_subject_wf


@pytest.fixture
def prepare(work):
    """Prepare with folders of FreeSurfer that have all files (empty: they are not read)."""
    subjects_dir = tiny_subjects_dir(work / "fs")

    def prepare(dataset, study, **options):
        return prepare_production(dataset, study, **{"subjects_dir": subjects_dir} | options)

    return prepare


@pytest.fixture
def dataset(work):
    return tiny_dataset(work / "bids")


def _errors(prepared):
    return [p for p in prepared.problems if p.severity == "error"]


def test_a_sound_study_is_planned_for_all(dataset, prepare):
    prepared = prepare(dataset, "fan2020")
    assert not _errors(prepared)
    assert [plan.trained for plan in prepared.plans] == [("bed", "chair"), ("bench", "table")]
    assert prepared.left_out == ()
    (one,) = prepare(dataset, "fan2020", participants=["02"]).plans
    assert one.subject == "02"


def test_problems_of_file_and_dataset_come_together(dataset, prepare, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text((READY / "fan2020.toml").read_text().replace("window = 23", "windw = 23"))
    (dataset / "sub-02/anat/sub-02_T1w.nii.gz").unlink()
    prepared = prepare(dataset, study)
    places = [p.file for p in _errors(prepared)]
    assert any("tasks.drawing.samples.windw" in place for place in places)
    assert any(place.endswith("sub-02") for place in places)
    assert prepared.plans == ()


def test_one_participants_error_leaves_the_others_in_the_study(dataset, prepare):
    path = dataset / "sub-01/func/sub-01_task-recognition_run-4_events.tsv"
    path.write_text(path.read_text().replace("bench", "bank"))
    table = dataset / "participants.tsv"
    assert len(prepare(dataset, "fan2020").plans) == 1
    table.write_text(table.read_text().replace("\tbench", "\tbank"))
    prepared = prepare(dataset, "fan2020")
    assert prepared.left_out == ("01", "02")
    found = " ".join(f"{p.file} {p.expected} {p.found} {p.hint}" for p in _errors(prepared))
    assert "the conditions bed, bench, chair, table in every run of recognition" in found
    assert "sub-02" in found


def test_without_the_drawing_task_a_participant_goes_on(dataset, prepare):
    for path in (dataset / "sub-01/func").glob("*drawing*"):
        path.unlink()
    prepared = prepare(dataset, "fan2020")
    assert not _errors(prepared)
    assert "no run of task drawing" in prepared.plans[0].decisions[0]
    assert "drawing" not in prepared.plans[0].phases


def test_a_task_that_nobody_has_is_an_error_of_the_file(dataset, prepare):
    for path in dataset.glob("sub-*/func/*drawing*"):
        path.unlink()
    prepared = prepare(dataset, "fan2020")
    (problem,) = _errors(prepared)
    assert problem.file.endswith("fan2020.toml: tasks.drawing")
    assert prepared.plans == ()


def test_no_dataset_and_no_study(dataset, prepare, tmp_path):
    assert "no such folder" in prepare(tmp_path / "x", "fan2020").problems[0].found
    assert "fan2020" in prepare(dataset, "fan2200").problems[0].hint
    shutil.rmtree(dataset / "sub-01")
    shutil.rmtree(dataset / "sub-02")
    assert prepare(dataset, "fan2020").plans == ()


def test_labels_that_are_absent_are_named(dataset, prepare, work):
    (work / "fs/sub-01/surf/lh.white").unlink()
    prepared = prepare(dataset, "fan2020")
    assert (prepared.left_out, list(prepared.regions)) == (("01",), ["02"])
    (problem,) = _errors(prepared)
    assert "surf/lh.white" in problem.expected
    shutil.rmtree(work / "fs/sub-02")
    found = [p for p in _errors(prepare(dataset, "fan2020")) if p.file == "sub-02"]
    assert [p.found for p in found] == ["no '02'"]
    found = [p.hint for p in _errors(prepare(dataset, "fan2020", subjects_dir=None))]
    assert found[0] == "give --subjects-dir"


def test_regions_that_no_label_has_are_told(dataset, prepare, tmp_path):
    study = tmp_path / "study.toml"
    text = (READY / "fan2020.toml").read_text()
    text = text.replace('"inferiortemporal"', '"inferiortempral"').replace(
        '"lateraloccipital - V1 - V2"', '"lateraloccipital - (V1"'
    )
    study.write_text(text)
    (problem,) = _errors(prepare(dataset, study))
    assert "did you mean 'inferiortemporal'" in f"{problem.found} {problem.hint}"
    assert "LOC" in f"{problem.found} {problem.hint} {problem.expected}"


@pytest.mark.parametrize(
    ("naming", "phases"),
    [
        ("none", None),
        ("original", {"localizer": "12", "pre": "34", "post": "56", "drawing": "drawing"}),
        ("bids", {"localizer": "localizer", "pre": "pre", "post": "post", "drawing": "drawing"}),
    ],
)
def test_features_are_written_under_the_names_that_are_asked_for(
    dataset, prepare, tmp_path, naming, phases
):
    path = tmp_path / "study.toml"
    text = (READY / "fan2020.toml").read_text()
    path.write_text(text.replace('naming = "none"', f'naming = "{naming}"'))
    prepared = prepare(dataset, path)
    plan = prepared.plans[0]
    workflow = init_production_subject_wf(
        plan, prepared.study, prepared.regions[plan.subject], out_dir=str(tmp_path / "out"),
        bids_dir=str(dataset),
    )  # fmt: skip
    nodes = [node for node in workflow.list_node_names() if node.startswith("write_")]
    assert len(nodes) == len(phases or {})
    for phase, label in (phases or {}).items():
        node = workflow.get_node(f"write_{phase}")
        assert (node.inputs.phase, node.inputs.naming) == (label, naming)
        folder = workflow.get_node(f"save_{phase}_features").inputs.folder
        assert folder == str(tmp_path / "out" / "features" / phase)
