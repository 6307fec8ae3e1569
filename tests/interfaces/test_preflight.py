import gzip
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bids import EVENTS, image_bytes, study_tree, write_tree

from fmriprod.interfaces.preflight import check_dataset

BOLD = "sub-01/func/sub-01_task-view_run-1_bold.nii.gz"
EVENTS_FILE = "sub-01/func/sub-01_task-view_run-1_events.tsv"
T1W = "sub-01/anat/sub-01_T1w.nii.gz"


@pytest.fixture
def study(work):
    return write_tree(work / "raw", study_tree())


def check_with(study, changes=None, remove=(), **options):
    """Change a valid study and check it."""
    write_tree(study, changes or {})
    for name in remove:
        (study / name).unlink()
    return check_dataset(study, **options)


def only_error(problems):
    """Give the one error, whatever warnings there are."""
    return only([p for p in problems if p.severity == "error"])


def only(problems, severity="error"):
    """Give the one problem that there is, as text, and its file name."""
    assert [p.severity for p in problems] == [severity], problems
    return problems[0]


def test_nothing_is_wrong_with_a_valid_study(study, work):
    options = {"contrasts": ["face-house"]}
    assert check_dataset(study, out_dir=work / "out", full=True, **options) == []
    assert check_dataset(study, out_dir=work / "out", num_threads=2, **options) == []
    assert not (work / "out").exists()


def test_all_problems_are_found_at_once(study):
    problems = check_with(
        study,
        {
            BOLD: image_bytes((4, 5, 6, 20), tr=1.5),
            EVENTS_FILE: "onset\tduration\n1\t1\n",
            "sub-02/anat/sub-02_T1w.nii.gz": b"",
        },
        remove=["sub-02/func/sub-02_task-view_run-2_events.tsv"],
        contrasts=["face-hosue"],
    )
    places = {os.path.basename(p.file) for p in problems}
    assert places == {
        "sub-01_task-view_run-1_bold.nii.gz",
        "sub-01_task-view_run-1_events.tsv",
        "sub-02_T1w.nii.gz",
        "sub-02_task-view_run-2_bold.nii.gz",
        "--contrast",
    }
    assert all(p.hint and p.expected and p.found for p in problems)


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_a_truncated_image_is_found_and_its_volumes_counted(study, keep):
    whole = image_bytes((8, 9, 10, 20))
    problem = only_error(check_with(study, {BOLD: whole[: int(keep * len(whole))]}))
    assert problem.file.endswith(BOLD)
    assert "20 volume(s) of shape (8, 9, 10)" in problem.expected
    volumes = int(problem.found.split(": ")[1].split()[0])
    assert "the file ends early" in problem.found and abs(volumes - 20 * keep) < 1.5


def test_a_plain_image_that_ends_early_is_found(study):
    plain = gzip.decompress(image_bytes((4, 5, 6, 20)))
    name = BOLD.removesuffix(".gz")
    problem = only(check_with(study, {name: plain[:-241]}, remove=[BOLD]))
    assert "18 whole volume(s)" in problem.found
    assert check_with(study, {name: plain}) == []


def test_damage_in_the_middle_is_found_on_request(study):
    damaged = bytearray(image_bytes((8, 9, 10, 20)))
    damaged[len(damaged) // 2] ^= 0xFF
    assert {p.severity for p in check_with(study, {BOLD: bytes(damaged)})} == {"warning"}
    assert "damaged" in only_error(check_dataset(study, full=True)).found


def test_several_gzip_members_and_padding_are_no_damage(study):
    plain = gzip.decompress(image_bytes((4, 5, 6, 20)))
    parts = gzip.compress(plain[:1000]) + gzip.compress(plain[1000:]) + bytes(600)
    assert check_with(study, {BOLD: parts}, full=True) == []
    assert check_dataset(study) == []


@pytest.mark.parametrize(
    ("content", "found", "hint"),
    [
        (b"", "an empty file", "copy it again"),
        (b"no image at all" * 100, "", "copy it again"),
        (b"/annex/objects/MD5E-s1--0.nii.gz\n", "pointer of git-annex", "git annex get"),
        (image_bytes((4, 5, 6)), "3, shape (4, 5, 6)", "give a series"),
        (image_bytes((4, 5, 6, 1)), "volume", ""),
    ],
)
def test_images_that_cannot_be_used(study, content, found, hint):
    problems = [p for p in check_with(study, {BOLD: content}) if p.file.endswith(BOLD)]
    assert found in problems[0].found and hint in problems[0].hint


def test_a_t1w_with_time_and_an_absent_one(study):
    problem = only(check_with(study, {T1W: image_bytes((4, 5, 6, 3))}))
    assert problem.expected == "3 dimensions"
    problem = only(check_with(study, remove=[T1W]))
    assert "anat/*_T1w.nii.gz" in problem.expected and problem.file.endswith("sub-01")


@pytest.mark.parametrize("field", [0, 7])
def test_nan_in_the_affine(study, field):
    content = bytearray(gzip.decompress(image_bytes((4, 5, 6, 20))))
    content[280 + 4 * field : 284 + 4 * field] = np.float32(np.nan).tobytes()  # srow_x, srow_y
    problem = only_error(check_with(study, {BOLD: gzip.compress(bytes(content))}))
    assert "affine" in problem.expected and "nan" in problem.found
    assert "mend sform or qform" in problem.hint


def test_repetition_times(study):
    problem = only(check_with(study, {BOLD: image_bytes((4, 5, 6, 20), tr=2.2)}))
    assert problem.expected == "2 s, as the sidecar says"
    assert problem.found == "2.2 s in the header (pixdim[4])"
    problem = only(check_with(study, {BOLD: image_bytes((4, 5, 6, 20), tr=0)}), "warning")
    assert "the sidecar says 2 s, which is used" in problem.found


def test_sidecars_without_a_usable_repetition_time(study):
    root = "task-view_bold.json"
    problems = check_with(study, {root: {"TaskName": "view"}})
    assert {p.severity for p in problems} == {"warning"} and len(problems) == 4
    assert "RepetitionTime in the JSON sidecar" in problems[0].expected
    problems = check_with(study, {BOLD: image_bytes((4, 5, 6, 20), tr=0)})
    assert problems[0].severity == "error" and "above 0 s" in problems[0].expected
    problem = only(check_with(study, {root: {"RepetitionTime": "2.0"}}))
    assert problem.file.endswith(root) and "'2.0'" in problem.found
    problem = only(check_with(study, {root: {"RepetitionTime": 10**400}}))
    assert "a repetition time above 0 s" in problem.expected and len(problem.found) == 80
    assert "JSON" in only(check_with(study, {root: '{"RepetitionTime": 2.0,}'})).expected
    problems = check_with(study, {root: {"RepetitionTime": 2000}})
    assert "looks like milliseconds" in problems[0].hint


def test_events(study):
    late = EVENTS + "50\t1\tface\n"
    problem = only(check_with(study, {EVENTS_FILE: late}))
    assert "after the end of the run (40 s)" in problem.found
    problem = only(check_with(study, remove=[EVENTS_FILE]))
    assert problem.file.endswith(BOLD) and "--task" in problem.hint


def test_events_of_the_whole_task_are_reported_once(work):
    tree = {k: v for k, v in study_tree().items() if not k.endswith("events.tsv")}
    study = write_tree(work / "raw", tree | {"task-view_events.tsv": EVENTS})
    assert check_dataset(study) == []
    problem = only(check_with(study, {"task-view_events.tsv": "onset\tduration\n1\t1\n"}))
    assert problem.file.endswith("raw/task-view_events.tsv")


def test_contrasts(study):
    problem = only(check_dataset(study, contrasts=["face-house", "face-hosue"]))
    assert problem.file == "--contrast" and "did you mean 'house'?" in problem.hint
    faces, houses = (
        "onset\tduration\ttrial_type\n2\t4\t" + label for label in ("face\n", "house\n")
    )
    problem = only(
        check_with(
            study,
            {EVENTS_FILE: faces, EVENTS_FILE.replace("run-1", "run-2"): houses},
            contrasts=["face-house"],
        )
    )
    assert problem.file == "sub-01" and problem.found == "runs with face; house"


def test_two_files_for_one_run(study):
    name = BOLD.replace("run-1", "run-01")
    changes = {name: image_bytes((4, 5, 6, 20)), name.replace("bold.nii.gz", "events.tsv"): EVENTS}
    problem = only(check_with(study, changes))
    assert "2: sub-01_task-view_run-01_bold.nii.gz" in problem.found


def test_grids_of_a_session_that_differ_are_a_warning(study):
    problem = only(check_with(study, {BOLD: image_bytes((4, 5, 7, 20))}), "warning")
    assert "shape (4, 5, 6)" in problem.found and "aligned with that run" in problem.hint


def test_voxels_of_another_size_are_an_error(study):
    fine = image_bytes((4, 5, 6, 20), affine=np.diag([3.0, 3.0, 2.0, 1.0]))
    problem = only(check_with(study, {BOLD.replace("run-1", "run-2"): fine}))
    assert problem.found == "2 x 3 x 3 mm" and "3 x 3 x 3 mm" in problem.expected
    turned = np.array([[0, 3.0, 0, 0], [0, 0, 3.0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    changes = {BOLD.replace("run-1", "run-2"): image_bytes((4, 5, 6, 20), affine=turned)}
    only(check_with(study, changes), "warning")  # another axis order is no other size


def test_a_broken_description_is_an_error(study):
    problem = only(check_with(study, {"dataset_description.json": "{,}"}))
    assert problem.file.endswith("dataset_description.json") and "JSON" in problem.expected


def test_a_folder_with_the_name_of_an_image_is_not_passed_over(study):
    (study / BOLD).unlink()
    (study / BOLD).mkdir()
    problem = only(check_dataset(study), "warning")
    assert problem.file.endswith(BOLD) and "a folder with the name of a file" in problem.found


def test_work_folders(study, work):
    assert "sub-01" in only(check_dataset(study, work_dir=study / "sub-01" / "x")).found
    assert "the dataset itself" in only(check_dataset(study, work_dir=study)).found
    assert check_dataset(study, work_dir=study / "derivatives" / "work") == []
    (work / "file").write_text("")
    assert "is no folder" in only(check_dataset(study, work_dir=work / "file/w")).found


def test_broken_links_say_how_to_get_the_content(study):
    for name in (BOLD, EVENTS_FILE):
        (study / name).unlink()
        (study / name).symlink_to("../../.git/annex/objects/a/b.nii.gz")
    problems = check_dataset(study)
    assert all("git annex get" in p.hint for p in problems[:2])
    assert {p.file for p in problems[:2]} == {str(study / BOLD), str(study / EVENTS_FILE)}
    assert check_dataset(study, participants=["02"]) == []
    (study / "sub-03").symlink_to("../elsewhere/sub-03")
    assert "../elsewhere/sub-03" in only(check_dataset(study, participants=["02"])).found


def test_ignored_names_are_warnings_for_those_who_are_chosen(study):
    wrong = "sub-01/func/sub-01_run-3_task-view_bold.nii.gz"
    problem = only(check_with(study, {wrong: None}), "warning")
    assert "rename it to sub-01_task-view_run-3_bold.nii.gz" in problem.hint
    assert check_dataset(study, participants=["02"]) == []


def test_choices_that_do_not_exist(study, work):
    problems = check_dataset(study, participants=["1"], tasks=["veiw"])
    assert [p.file for p in problems] == ["--participant-label", "--task"]
    assert "did you mean 'view'?" in problems[1].hint
    write_tree(study, {"sub-03/func/sub-03_task-draw_bold.nii.gz": image_bytes((4, 5, 6, 20))})
    assert "'draw'" in only(check_dataset(study, participants=["01"], tasks=["draw"])).found
    assert "no such folder" in only(check_dataset(work / "nowhere")).found


def test_output_folders(study, work, monkeypatch):
    assert "raw dataset itself" in only(check_dataset(study, out_dir=study)).found
    (work / "file").write_text("")
    assert "is no folder" in only(check_dataset(study, out_dir=work / "file/out")).found
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert "may not be written" in only(check_dataset(study, out_dir=work / "out")).found


@given(st.binary(max_size=400))
def test_no_content_of_an_image_breaks_the_check(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("raw")
    whole = image_bytes((4, 5, 6, 20))
    problems = check_with(root, {BOLD: whole[:20] + content, EVENTS_FILE: EVENTS, T1W: content})
    assert {T1W, BOLD} <= {os.path.relpath(p.file, root) for p in problems}


@pytest.mark.realdata
def test_real_run_and_the_wrong_repetition_time_of_its_converter(real_data, work):
    source = real_data("studyforrest_localizer")
    stem = "sub-01/func/sub-01_task-localizer"
    write_tree(work / "raw", {"README": "links to public data"})
    for target, name in {
        "sub-01/anat/sub-01_T1w.nii.gz": "T1w.nii.gz",
        f"{stem}_bold.nii.gz": "bold.nii.gz",
        f"{stem}_bold.json": "bold.json",
        f"{stem}_events.tsv": "events.tsv",
    }.items():
        (work / "raw" / target).parent.mkdir(parents=True, exist_ok=True)
        (work / "raw" / target).symlink_to(source / name)
    options = {"contrasts": ["face-house"]}
    assert check_dataset(work / "raw", full=True, **options) == []
    (work / "raw" / f"{stem}_bold.json").unlink()
    (work / "raw" / f"{stem}_bold.json").symlink_to(source / "bold_dcm2niix_raw.json")
    problem = only(check_dataset(work / "raw", **options))
    assert problem.expected == "1.79355 s, as the sidecar says"
    assert problem.found == "2 s in the header (pixdim[4])"
