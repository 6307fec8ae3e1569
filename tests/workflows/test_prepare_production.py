"""A study file and a dataset are checked against each other, all at once."""

import shutil

import pytest
from support.bids import DESCRIPTION, image_bytes, write_tree

from fmriprod.workflows.prepare_production import prepare_production
from fmriprod.workflows.production_subject import init_production_subject_wf
from fmriprod.workflows.study_file import READY

N = {"recognition": 40, "drawing": 60}


SURFACE = ("label/{}.V1_exvivo.label", "label/{}.V2_exvivo.label",
           "label/{}.perirhinal_exvivo.label", "surf/{}.white", "surf/{}.thickness")  # fmt: skip


@pytest.fixture
def prepare(work):
    """Prepare with folders of FreeSurfer that have all files (empty: they are not read)."""
    names = [name.format(side) for name in SURFACE for side in ("lh", "rh")]
    tree = {f"fs/sub-{s}/{name}": None for s in ("01", "02")
            for name in [*names, "mri/aparc+aseg.mgz"]}  # fmt: skip
    write_tree(work, tree)

    def prepare(dataset, study, **options):
        return prepare_production(dataset, study, **{"subjects_dir": work / "fs"} | options)

    return prepare


@pytest.fixture
def dataset(work):
    """Two participants of a tiny version of the design."""
    tree = {"dataset_description.json": DESCRIPTION, "README": "Simulated noise.\n"}
    rows = ["sub-01\tbed\tchair", "sub-02\ttable\tbench"]
    tree["participants.tsv"] = "participant_id\ttrained_1\ttrained_2\n" + "\n".join(rows) + "\n"
    seed = 0
    for row in rows:
        home, *pair = row.split("\t")
        tree[f"{home}/anat/{home}_T1w.nii.gz"] = image_bytes(seed=seed)
        for task, n_runs in (("recognition", 6), ("drawing", 4)):
            for run in range(1, n_runs + 1):
                stem = f"{home}/func/{home}_task-{task}_run-{run}"
                seed += 1
                shape = (4, 5, 6, N[task])
                tree[f"{stem}_bold.nii.gz"] = image_bytes(shape, tr=1.5, seed=seed)
                tree[f"{stem}_bold.json"] = {"RepetitionTime": 1.5, "TaskName": task}
                names = pair if task == "drawing" else ["bed", "bench", "chair", "table"]
                step, length = (37.5, 34.5) if task == "drawing" else (3.0, 1.0)
                events = [f"{1.5 + step * i}\t{length}\t{n}" for i, n in enumerate(names)]
                table = "onset\tduration\ttrial_type\n" + "\n".join(events) + "\n"
                tree[f"{stem}_events.tsv"] = table
    return write_tree(work / "bids", tree)


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
    assert "absent: " in problem.found
    assert "lh.white" in problem.found
    shutil.rmtree(work / "fs/sub-02")
    found = " ".join(p.found + p.hint for p in _errors(prepare(dataset, "fan2020")))
    assert "neither sub-02 nor 02" in found
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
