import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bids import DESCRIPTION, study_tree, write_tree

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import Run, index_dataset, read_json


@pytest.fixture
def study(work):
    return write_tree(work / "raw", study_tree())


def test_participants_runs_and_sidecars_are_found(study):
    index = index_dataset(study)
    assert [p.label for p in index.participants] == ["01", "02"]
    assert index.tasks == ("view",)
    first = index.participants[0]
    assert first.t1w_files == (str(study / "sub-01/anat/sub-01_T1w.nii.gz"),)
    assert [(r.subject, r.task, r.run, r.session) for r in first.runs] == [
        ("01", "view", "1", None),
        ("01", "view", "2", None),
    ]
    run = first.runs[1]
    assert run.bold_file == str(study / "sub-01/func/sub-01_task-view_run-2_bold.nii.gz")
    assert run.events_file == str(study / "sub-01/func/sub-01_task-view_run-2_events.tsv")
    assert run.metadata == {"RepetitionTime": 2.0, "TaskName": "view"}
    assert index.ignored == () and index.broken_links == ()
    assert index == index_dataset(study)


def test_inheritance_goes_from_the_root_to_the_run(work):
    write_tree(
        work,
        {
            "bold.json": {"A": "root", "B": "root", "C": "root", "D": "root"},
            "task-x_bold.json": {"B": "task", "C": "task", "D": "task"},
            "task-y_bold.json": {"A": "another task"},
            "task-x_events.tsv": "onset\n",
            "sub-01/sub-01_task-x_bold.json": {"C": "subject", "D": "subject"},
            "sub-01/ses-a/func/sub-01_ses-a_task-x_run-01_bold.json": {"D": "run"},
            "sub-01/ses-a/func/sub-01_ses-a_task-x_run-01_bold.nii.gz": None,
            "sub-01/ses-a/func/sub-01_ses-a_task-x_run-02_bold.nii.gz": None,
            "sub-01/ses-a/sub-01_ses-a_task-x_run-02_events.tsv": "onset\n",
            "sub-02/func/sub-02_task-y_bold.nii.gz": None,
        },
    )
    one, two, other = index_dataset(work).runs
    assert one.metadata == {"A": "root", "B": "task", "C": "subject", "D": "run"}
    assert two.metadata == {"A": "root", "B": "task", "C": "subject", "D": "subject"}
    assert other.metadata == {"A": "another task", "B": "root", "C": "root", "D": "root"}
    assert one.events_file == str(work / "task-x_events.tsv")
    assert two.events_file == str(work / "sub-01/ses-a/sub-01_ses-a_task-x_run-02_events.tsv")
    assert other.events_file is None
    assert (one.session, two.run) == ("a", "02")


def test_the_t1w_of_the_same_session_is_preferred(work):
    write_tree(
        work,
        {f"sub-1/ses-{s}/anat/sub-1_ses-{s}_T1w.nii.gz": None for s in "ab"}
        | {"sub-1/ses-c/func/sub-1_ses-c_task-x_bold.nii.gz": None},
    )
    participant = index_dataset(work).participants[0]
    assert participant.t1w_for("b").endswith("ses-b_T1w.nii.gz")
    assert participant.t1w_for("c").endswith("ses-a_T1w.nii.gz")
    assert participant.sessions == ("c",)


def test_selection_with_and_without_prefixes(study):
    index = index_dataset(study)
    chosen = index.select(participants=["sub-02"], tasks=["task-view"], runs=["01"])
    assert [(r.subject, r.run) for r in chosen.runs] == [("02", "1")]
    assert [p.label for p in index.select(runs=[2]).participants] == ["01", "02"]
    assert index.select() == index


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"participants": ["sub-03"]}, "'03'"),
        ({"tasks": ["veiw"]}, "did you mean 'view'? known: view"),
        ({"runs": [7]}, "known: 1, 2"),
        ({"sessions": ["a"]}, "known: none"),
    ],
)
def test_unknown_labels_are_refused_with_what_is_there(study, choice, text):
    with pytest.raises(InputError) as err:
        index_dataset(study).select(**choice)
    assert text in str(err.value)
    assert err.value.subject == next(iter(choice))


def test_links_count_as_files_and_broken_ones_are_listed(work):
    write_tree(work / "raw", {"sub-01/func/sub-01_task-x_run-1_bold.nii.gz": b"content"})
    func = work / "raw/sub-01/func"
    (func / "sub-01_task-x_run-2_bold.nii.gz").symlink_to("sub-01_task-x_run-1_bold.nii.gz")
    broken = func / "sub-01_task-x_run-3_bold.nii.gz"
    broken.symlink_to("../../.git/annex/objects/xx/yy/MD5E-s1--0.nii.gz")
    (work / "raw/sub-02").symlink_to(work / "elsewhere")
    index = index_dataset(work / "raw")
    assert [r.run for r in index.runs] == ["1", "2", "3"]
    assert index.broken_links == (str(broken), str(work / "raw/sub-02"))


def test_files_that_are_left_out_say_why(work):
    write_tree(
        work,
        {
            "dataset_description.json": DESCRIPTION,
            "participants.tsv": "participant_id\nsub-01\n",
            "sub-01/func/sub-01_run-1_task-x_bold.nii.gz": None,
            "sub-01/func/sub-02_task-x_bold.nii.gz": None,
            "sub-01/func/sub-01_bold.nii.gz": None,
            "sub-01/func/.sub-01_hidden.nii.gz": None,
            "sub-01/func/sub-01_task-x_bold.nii.gz": None,
        },
    )
    index = index_dataset(work)
    assert len(index.runs) == 1
    found = {err.file.rsplit("/", 1)[1]: str(err) for err in index.ignored}
    assert set(found) == {
        "sub-01_run-1_task-x_bold.nii.gz",
        "sub-02_task-x_bold.nii.gz",
        "sub-01_bold.nii.gz",
    }
    assert "sub-01_task-x_run-1_bold.nii.gz" in found["sub-01_run-1_task-x_bold.nii.gz"]
    assert "sub-01, as the folder says" in found["sub-02_task-x_bold.nii.gz"]
    assert "sub-01_task-rest_bold.nii.gz" in found["sub-01_bold.nii.gz"]


def test_a_dataset_inside_a_folder_named_like_a_participant(work):
    root = write_tree(work / "sub-99", {"sub-01/func/sub-01_task-x_bold.nii.gz": None})
    assert len(index_dataset(root).runs) == 1


def test_wrong_folders_are_refused(work):
    with pytest.raises(InputError, match="no such folder"):
        index_dataset(work / "nowhere")
    (work / "derivatives").mkdir()
    with pytest.raises(InputError) as err:
        index_dataset(work)
    assert "it holds derivatives" in str(err.value)
    assert "give the folder that holds the sub-* folders" in str(err.value)


@pytest.mark.parametrize("text", ['{"a": 1,}', '{"a": NaN}', "[1]", "", "\xff"])
def test_bad_json_names_the_file(work, text):
    (work / "x.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError) as err:
        read_json(work / "x.json")
    assert "x.json" in str(err.value) and "a JSON object" in err.value.expected


def test_a_mark_of_byte_order_is_no_content(work):
    (work / "x.json").write_text('{"a": "ä"}', encoding="utf-8-sig")
    assert read_json(work / "x.json") == {"a": "ä"}


names = st.lists(
    st.sampled_from(["sub-01", "task-x", "run-1", "run-b", "bold", "events", "T1w", "é", "-", ""]),
    max_size=5,
).map("_".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(names, st.sampled_from([".nii.gz", ".tsv", ".json", ""])), max_size=6))
def test_no_file_name_breaks_the_index(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("raw")
    for name, extension in files:
        if name + extension not in ("", ".", ".."):
            write_tree(root, {f"sub-01/func/{name}{extension}": json.dumps({})})
    (root / "sub-01").mkdir(exist_ok=True)
    index = index_dataset(root)
    listed = {r.bold_file for r in index.runs} | {e.file for e in index.ignored}
    bold = {str(p) for p in root.rglob("*_bold.nii.gz") if not p.name.startswith(".")}
    assert bold <= listed


def applicable(root, bold, ending):
    """List the sidecars of a file by the words of the specification, from a flat listing.

    It forbids two in one folder with as many entities; there, the names' order decides.
    """
    parts = set(bold.name.split("_")[:-1])
    above = [p for p in root.rglob(f"*{ending}") if p.parent == root or p.parent in bold.parents]
    fitting = [p for p in above if set(p.name.removesuffix(ending).split("_")) - {""} <= parts]
    return sorted(fitting, key=lambda p: (len(p.parts), p.name.count("_"), p.name))


places = st.sampled_from(["", "sub-1", "sub-1/ses-a", "sub-1/ses-a/func"])
entity_sets = st.lists(
    st.sampled_from(["sub-1", "ses-a", "task-x", "task-y", "run-1", "run-2", "echo-1"]),
    unique_by=lambda pair: pair.split("-")[0],
    max_size=4,
)


@given(st.lists(st.tuples(places, entity_sets, st.sampled_from([".json", ".tsv"])), max_size=10))
def test_sidecars_are_those_that_the_specification_says(tmp_path_factory, files):
    root = tmp_path_factory.mktemp("raw")
    order = ("sub", "ses", "task", "run", "echo")
    for place, chosen, extension in files:
        pairs = dict(pair.split("-") for pair in chosen)
        stem = "_".join(f"{key}-{pairs[key]}" for key in order if key in pairs)
        suffix = "bold" if extension == ".json" else "events"
        name = f"{place}/{stem}{'_' if stem else ''}{suffix}{extension}".lstrip("/")
        write_tree(root, {name: json.dumps(dict.fromkeys([*chosen, "all"], name))})
    home = "sub-1/ses-a/func/sub-1_ses-a"
    bold = [f"{home}_task-{task}_run-{run}_bold.nii.gz" for task in "xy" for run in "12"]
    write_tree(root, dict.fromkeys(bold))
    for run in index_dataset(root).runs:
        path = Path(run.bold_file)
        merged = {}
        for file in applicable(root, path, "bold.json"):
            merged.update(json.loads(file.read_text()))
        assert run.metadata == merged
        tables = applicable(root, path, "events.tsv")
        assert run.events_file == (str(tables[-1]) if tables else None)


@pytest.mark.parametrize(
    ("stem", "label"),
    [
        ("task-a_run-02", "02"),
        ("task-a", "1"),
        ("ses-x_task-a_run-2", "ses-x_run-2"),
        ("ses-x_task-a", "ses-x_run-1"),
    ],
)
def test_a_run_without_a_number_is_labelled_1(stem, label):
    run = Run(parse_name(f"sub-01_{stem}_bold.nii.gz"), "bold.nii.gz")
    assert run.label == label
