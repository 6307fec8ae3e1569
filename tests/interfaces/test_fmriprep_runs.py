"""Raw runs meet their preprocessed series; what is missing or does not fit is said, all at once."""

import gzip
import json

import nibabel as nb
import numpy as np
import pytest
from support.bids import image_bytes, study_tree, write_tree
from support.fmriprep import confounds, confounds_metadata, write_confounds

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.interfaces.fmriprep_checks import check_choice
from fmriprod.interfaces.fmriprep_echoes import first_echoes
from fmriprod.interfaces.fmriprep_index import index_derivatives
from fmriprod.interfaces.fmriprep_runs import prepared_participant
from fmriprod.interfaces.preprocessed_run import PreparedRun, Preprocessed
from fmriprod.workflows.prepare import prepare_study

SIDECAR = {"RepetitionTime": 2.0, "SliceTimingCorrected": True, "StartTime": 0.95}
ABOUT = {"Name": "simulated", "DatasetType": "derivative",
         "GeneratedBy": [{"Name": "fMRIPrep", "Version": "23.2.1"}]}  # fmt: skip


def series(stem, space="_space-T1w", n_volumes=20):
    image = nb.Nifti1Image.from_bytes(gzip.decompress(image_bytes()))
    mask = nb.Nifti1Image(np.ones(image.shape, np.uint8), image.affine)
    begin = f"{stem}{space}"
    return {
        f"{begin}_desc-preproc_bold.nii.gz": image_bytes((4, 5, 6, n_volumes)),
        f"{begin}_desc-preproc_bold.json": dict(SIDECAR),
        f"{begin}_desc-brain_mask.nii.gz": gzip.compress(mask.to_bytes()),
        f"{begin}_boldref.nii.gz": image_bytes(),
    }


@pytest.fixture
def derived(work):
    """A raw study of one participant and two runs, and derivatives of both."""
    write_tree(work / "raw", study_tree(subjects=("01",)))
    tree = {"dataset_description.json": ABOUT}
    for run in (1, 2):
        tree |= series(f"sub-01/func/sub-01_task-view_run-{run}")
    folder = write_tree(work / "fprep", tree)
    for run in (1, 2):
        write_confounds(folder / "sub-01/func", f"sub-01_task-view_run-{run}",
                        confounds(20, seed=run), confounds_metadata())  # fmt: skip
    return folder


def prepare(folder, **options):
    participant = index_dataset(folder.parent / "raw").participants[0]
    return prepared_participant(participant, Preprocessed(index_derivatives(folder), **options))


def only_error(folder, **options):
    _, errors = prepare(folder, **options)
    assert len(errors) == 1, [str(err) for err in errors]
    return str(errors[0])


def test_series_mask_and_confounds_take_the_place_of_the_raw_ones(derived):
    table = confounds(20, seed=2)
    table.loc[7, "framewise_displacement"] = 2.0
    write_confounds(derived / "sub-01/func", "sub-01_task-view_run-2", table, {})
    participant, errors = prepare(derived, confounds="motion12+scrub")
    assert errors == []
    first, second = participant.runs
    func = derived / "sub-01/func/sub-01_task-view_run-1"
    assert isinstance(first, PreparedRun)
    assert first.bold_file == f"{func}_space-T1w_desc-preproc_bold.nii.gz"
    assert first.mask_file == f"{func}_space-T1w_desc-brain_mask.nii.gz"
    assert first.boldref_file == f"{func}_space-T1w_boldref.nii.gz"
    assert first.raw_file.endswith("raw/sub-01/func/sub-01_task-view_run-1_bold.nii.gz")
    assert first.events_file.endswith("raw/sub-01/func/sub-01_task-view_run-1_events.tsv")
    assert (first.task, first.run, first.space) == ("view", "1", "T1w")
    assert len(first.confounds) == 12 and first.volume_time.seconds == 0.95
    assert first.metadata["StartTime"] == 0.95
    assert second.confounds[12:] == ("scrub_007",)
    assert second.notes == (
        "preprocessed by fMRIPrep 23.2.1, space T1w",
        "13 confounds (motion12+scrub), 1 of 20 volumes scrubbed, 6 missing values at the start "
        "set to 0",
        "volumes represent 0.95 s after their start (StartTime of the sidecar)",
    )


def test_the_t1w_image_of_the_derivatives_is_taken(derived):
    raw = index_dataset(derived.parent / "raw").participants[0]
    assert prepare(derived)[0].t1w_files == raw.t1w_files
    write_tree(derived, {"sub-01/anat/sub-01_desc-preproc_T1w.nii.gz": image_bytes()})
    assert prepare(derived)[0].t1w_files[0].endswith("sub-01_desc-preproc_T1w.nii.gz")


def change(folder, name, content):
    write_tree(folder, {f"sub-01/func/sub-01_task-view_run-2{name}": content})


SHIFTED = np.array([[3.0, 0, 0, 9], [0, 3, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("_space-T1w_desc-preproc_bold.nii.gz", image_bytes((4, 5, 6, 20), 1.5), ["1.5 s", "2 s"]),
        ("_space-T1w_desc-brain_mask.nii.gz", image_bytes((4, 5, 7)), ["shape (4, 5, 7)", "mask"]),
        ("_space-T1w_desc-brain_mask.nii.gz", image_bytes(affine=SHIFTED), ["differs by up to 9"]),
        ("_space-T1w_boldref.nii.gz", image_bytes(affine=SHIFTED), ["boldref", "up to 9 mm"]),
        ("_desc-confounds_timeseries.tsv", "csf\n" + "1\n" * 19, ["20 volumes", "19 rows"]),
        ("_desc-confounds_timeseries.tsv", "csf\n" + "1\n" * 20,
         ["the motion of each volume", "no trans_x", "the file has: csf"]),
        ("_desc-confounds_timeseries.tsv", "", ["an empty file"]),
        ("_space-T1w_desc-preproc_bold.json", {"SliceTimingCorrected": True},
         ["run-2_space-T1w_desc-preproc_bold.json", "without StartTime", "--slice-time-ref"]),
        ("_space-T1w_desc-preproc_bold.json", {}, ["neither", "20.2.4"]),
        *(
            ("_space-T1w_desc-preproc_bold.json", SIDECAR | {"RepetitionTime": tr},
             ["above 0 s", repr(tr)[:9], "without quotes", "run-2_space-T1w_desc-preproc"])
            for tr in ("2.0", [2.0], 10**400, False)
        ),
        ("_space-T1w_desc-preproc_bold.json", "{,}", ["a JSON object"]),
    ],
)  # fmt: skip
def test_what_does_not_fit(derived, name, content, parts):
    change(derived, name, content)
    text = only_error(derived)
    for part in parts:
        assert part in text


def test_volumes_and_rows_are_two_problems_of_which_both_are_said(derived):
    change(derived, "_space-T1w_desc-preproc_bold.nii.gz", image_bytes((4, 5, 6, 18)))
    texts = [str(err) for err in prepare(derived)[1]]
    assert len(texts) == 2
    for part in ("20 volumes, as sub-01_task-view_run-2_bold.nii.gz has", "18", "first raw volume"):
        assert part in texts[0]
    assert "each of the 18 volumes" in texts[1] and "20 rows" in texts[1]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("_space-T1w_desc-brain_mask.nii.gz", ["a brain mask", "none among", "_boldref.nii.gz"]),
        ("_space-T1w_boldref.nii.gz", ["a reference (boldref)", "desc-brain_mask.nii.gz"]),
        ("_desc-confounds_timeseries.tsv", ["desc-confounds_timeseries.tsv", "none"]),
        ("_space-T1w_desc-preproc_bold.nii.gz", ["a preprocessed series", "none", "output-spaces"]),
    ],
)
def test_what_is_missing(derived, name, parts):
    (derived / f"sub-01/func/sub-01_task-view_run-2{name}").unlink()
    text = only_error(derived)
    for part in parts:
        assert part in text
    assert str(derived) in text


def test_runs_on_different_grids(derived):
    stem = "sub-01/func/sub-01_task-view_run-2_space-T1w"
    mask = nb.Nifti1Image(np.ones((4, 5, 6), np.uint8), SHIFTED)
    write_tree(derived, {
        f"{stem}_desc-preproc_bold.nii.gz": image_bytes((4, 5, 6, 20), affine=SHIFTED),
        f"{stem}_boldref.nii.gz": image_bytes(affine=SHIFTED),
        f"{stem}_desc-brain_mask.nii.gz": gzip.compress(mask.to_bytes()),
    })  # fmt: skip
    text = only_error(derived)
    assert "run-2_space-T1w" in text and "the affine of" in text and "up to 9 mm" in text


def test_native_space_is_for_single_runs(derived):
    tree = {}
    for run in (1, 2):
        tree |= series(f"sub-01/func/sub-01_task-view_run-{run}", "")
    write_tree(derived, tree)
    text = only_error(derived, space="native")
    assert "a space that all runs share" in text and "--space T1w" in text
    participant = index_dataset(derived.parent / "raw").select(runs=[1]).participants[0]
    source = Preprocessed(index_derivatives(derived), space="native")
    assert prepared_participant(participant, source)[1] == []


def test_spaces_and_strategies_that_are_not_there(derived):
    participant, errors = prepare(derived, space="MNI152NLin2009cAsym")
    assert [err.subject for err in errors] == ["space", "space"] and participant.runs == ()
    _, errors = prepare(derived, confounds="ica_aromaa")
    assert all("did you mean 'ica_aroma'?" in str(err) for err in errors) and len(errors) == 2
    assert str(errors[0].file).endswith("run-1_desc-confounds_timeseries.tsv")


def test_a_short_repetition_time_needs_no_reference(work):
    """The same events; only how far half a volume can move a response differs."""
    for tr, refused in ((0.5, False), (2.0, True)):
        home = work / str(tr)
        n = round(40 / tr)
        write_tree(home / "raw", study_tree(subjects=("01",), n_runs=1, n_volumes=n, tr=tr))
        stem = "sub-01/func/sub-01_task-view_run-1"
        tree = series(stem, n_volumes=n) | {"dataset_description.json": ABOUT}
        tree[f"{stem}_space-T1w_desc-preproc_bold.nii.gz"] = image_bytes((4, 5, 6, n), tr)
        tree[f"{stem}_space-T1w_desc-preproc_bold.json"] = {"RepetitionTime": tr}
        write_tree(home / "fprep", tree)
        write_confounds(home / "fprep/sub-01/func", "sub-01_task-view_run-1", confounds(n))
        participant, errors = prepare(home / "fprep")
        assert bool(errors) == refused
        if refused:
            assert "--slice-time-ref" in str(errors[0])
            run = prepare(home / "fprep", slice_time_ref=0.25)[0].runs[0]
            assert run.volume_time.seconds == pytest.approx(0.25 * tr)
        else:
            assert "not known; it can cost" in participant.runs[0].volume_time.reason


def test_the_slice_times_of_the_raw_sidecar_give_the_reference(derived):
    for run in (1, 2):
        write_tree(derived, {f"sub-01/func/sub-01_task-view_run-{run}_space-T1w_desc-preproc_bold"
                             ".json": {"SliceTimingCorrected": True}})  # fmt: skip
    raw = derived.parent / "raw/task-view_bold.json"
    raw.write_text(json.dumps(json.loads(raw.read_text()) | {"SliceTiming": [0.0, 1.8, 0.9]}))
    participant, errors = prepare(derived, slice_time_ref=0.5)
    assert errors == [] and participant.runs[0].volume_time.seconds == 0.9


def test_slice_times_are_of_the_raw_series_where_the_derivatives_have_none(derived):
    raw = derived.parent / "raw/task-view_bold.json"
    raw.write_text(json.dumps(json.loads(raw.read_text()) | {"SliceTiming": [0, 950, 1900]}))
    change(derived, "_space-T1w_desc-preproc_bold.json", {"SliceTiming": None})
    first = prepare(derived, slice_time_ref=0.475)[1][-1]
    assert first.file.endswith("raw/sub-01/func/sub-01_task-view_run-2_bold.nii.gz")
    assert "[0, 950, 1900]" in first.found
    change(derived, "_space-T1w_desc-preproc_bold.json", {"SliceTiming": ["0"]})
    second = prepare(derived, slice_time_ref=0.475)[1][-1]
    assert second.file.endswith("run-2_space-T1w_desc-preproc_bold.json")


def test_a_reference_that_the_sidecar_contradicts(derived):
    _, errors = prepare(derived, slice_time_ref=0.0)
    assert len(errors) == 2 and isinstance(errors[0], InputError)
    assert "the StartTime of the sidecar, 0.95 s" in str(errors[0])


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({}, ["one space of the runs", "MNI152NLin2009cAsym:res-2, T1w"]),
        ({"space": "MNI"}, ["in space MNI of the runs", "res-2, T1w"]),
        ({"space": "T1w", "confounds": "motion8"}, ["'motion8'", "columns of the file: global_"]),
    ],
)
def test_a_wrong_choice_is_said_once(derived, options, parts):
    stem = "sub-01/func/sub-01_task-view_run-2"
    write_tree(derived, series(stem, "_space-MNI152NLin2009cAsym_res-2"))
    with pytest.raises(InputError) as caught:
        check_choice(Preprocessed(index_derivatives(derived), **options))
    for part in parts:
        assert part in str(caught.value)
    check_choice(Preprocessed(index_derivatives(derived), "T1w", "csf+scrub"))
    check_choice(Preprocessed(index_derivatives(derived)), subjects=["02"])


def test_a_link_to_content_that_is_not_here(derived):
    file = derived / "sub-01/func/sub-01_task-view_run-2_space-T1w_desc-brain_mask.nii.gz"
    file.unlink()
    file.symlink_to("../../.git/annex/objects/none")
    text = only_error(derived)
    assert "git annex get" in text and str(file) in text


def test_echoes_of_a_run_have_one_preprocessed_series(derived):
    """As fMRIPrep leaves them: the raw dataset has echoes and parts, the derivatives have not."""
    raw = derived.parent / "raw"
    for run in (1, 2):
        file = raw / f"sub-01/func/sub-01_task-view_run-{run}_bold.nii.gz"
        for part in ("imag", "phase", "mag"):
            for echo in (2, 1, 10):
                name = file.name.replace("_bold", f"_echo-{echo}_part-{part}_bold")
                (file.parent / name).write_bytes(file.read_bytes())
        file.unlink()
    index = first_echoes(index_dataset(raw))
    kept = ["_run-1_echo-1_part-mag_bold", "_run-2_echo-1_part-mag_bold"]
    assert [run.bold_file.partition("view")[2] for run in index.runs] == [
        f"{k}.nii.gz" for k in kept
    ]
    participant, errors = prepared_participant(
        index.participants[0], Preprocessed(index_derivatives(derived))
    )
    assert errors == [] and [run.volume_time.seconds for run in participant.runs] == [0.95] * 2
    given = {"folder": derived}
    prepared = prepare_study(raw, choice={}, plan={}, derivatives=given)
    assert not [p for p in prepared.problems if p.severity == "error"], prepared.problems
    assert [run.key for run in prepared.plans[0].runs] == ["task_view_run_1", "task_view_run_2"]
    problems = prepare_study(raw, choice={}, plan={}).problems
    assert "one BOLD series for each session, task and run" in problems[0].expected
