import json
import tomllib

import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.study_folder import (
    find_study,
    ready_studies,
    write_dataset,
    write_study_folder,
)

SMALL = """
[study]
name = "Faces and houses"
[objects]
labels = ["face", "house"]
trained = ["drawn"]
[tasks.view]
[phases]
all = { task = "view", runs = [1, 2] }
"""


@pytest.fixture
def small(work):
    (work / "small.toml").write_text(SMALL)
    return str(work / "small.toml")


def state(folder):
    return {
        p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def said(entries):
    return {entry.file: entry.what for entry in entries}


def test_a_new_folder(work, small):
    entries = write_study_folder(work / "s", ["01", "02"], small)
    files = state(work / "s")
    assert said(entries) == dict.fromkeys(files, "new") and len(files) == 8
    about = json.loads(files["dataset_description.json"][0])
    assert (about["Name"], about["DatasetType"]) == ("Faces and houses", "raw")
    assert files["study.toml"][0].decode() == SMALL
    assert files["participants.tsv"][0] == b"participant_id\tdrawn\nsub-01\tn/a\nsub-02\tn/a\n"
    assert b"task-view_run-2_bold\n" in files["sourcedata/sub-02/run-order.txt"][0]
    assert files[".bidsignore"][0] == b"study.toml\n"


def test_twice_changes_nothing_and_participants_are_added(work, small):
    write_study_folder(work / "s", ["01"], small)
    once = state(work / "s")
    assert set(said(write_study_folder(work / "s", ["01"], small)).values()) == {"same"}
    assert state(work / "s") == once
    entries = said(write_study_folder(work / "s", ["01", "02", "02"]))
    assert entries.pop("participants.tsv") == "added to"
    assert entries.pop("sourcedata/sub-02/run-order.txt") == "new"
    assert set(entries.values()) == {"same"}
    after = state(work / "s")
    assert after.pop("participants.tsv")[0] == once["participants.tsv"][0] + b"sub-02\tn/a\n"
    after.pop("sourcedata/sub-02/run-order.txt")
    assert after == {k: v for k, v in once.items() if k != "participants.tsv"}


def test_what_a_person_edited_is_kept(work, small):
    write_study_folder(work / "s", ["01"], small)
    edits = {
        "README.md": "mine", "dataset_description.json": "{}", "participants.json": "{}",
        "study.toml": SMALL.replace("[1, 2]", "[5]"), ".bidsignore": "x",
        "sourcedata/sub-01/run-order.txt": "T1w 1\n",
    }  # fmt: skip
    for name, text in edits.items():
        (work / "s" / name).write_text(text)
    (work / "s/participants.tsv").write_text("participant_id\tdrawn\tage\nsub-01\tface\t20\n")
    entries = said(write_study_folder(work / "s", ["01", "02"], small))
    assert {name: entries[name] for name in edits} == dict.fromkeys(edits, "kept")
    assert {name: (work / "s" / name).read_text() for name in edits} == edits
    assert (work / "s/participants.tsv").read_text().endswith("face\t20\nsub-02\tn/a\tn/a\n")
    # the run order of a new participant follows the study file as it was edited
    lines = (work / "s/sourcedata/sub-02/run-order.txt").read_text().splitlines()
    assert lines[-2:] == ["T1w", "task-view_run-5_bold"]


def test_bad_input_writes_nothing(work, small):
    with pytest.raises(
        InputError, match=r"found:    no file 'fan2002'\n  do:       did you mean 'fan2020'"
    ):
        write_study_folder(work / "s", ["01"], "fan2002")
    with pytest.raises(InputError, match="write sub-a1"):
        write_study_folder(work / "s", ["01", "a-1"], small)
    (work / "bad.toml").write_text("[study]\nname = \n")
    with pytest.raises(InputError, match=r"a study file in TOML\n.*line 2"):
        write_study_folder(work / "s", ["01"], str(work / "bad.toml"))
    assert not (work / "s").exists()
    write_dataset(work / "s", ["01"])
    (work / "s/participants.tsv").write_text("subject\n01\n")
    before = state(work / "s")
    with pytest.raises(InputError, match="participant_id"):
        write_study_folder(work / "s", ["01"], small)
    assert state(work / "s") == before


@pytest.mark.parametrize("name", sorted(ready_studies()))
def test_ready_studies_are_toml_and_make_folders(work, name):
    assert tomllib.loads(find_study(name).read_text())
    write_study_folder(work / "s", ["01"], name)
    assert (work / "s/study.toml").read_text() == find_study(name).read_text()
