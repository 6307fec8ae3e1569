"""Old and new names of fMRIPrep's derivatives are found; what is not there is said."""

import pytest
from support.bids import write_tree

from fmriprod.algorithms.bids_names import parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.bids_index import Run
from fmriprod.interfaces.fmriprep_index import index_derivatives

NEW = {"Name": "fMRIPrep - simulated", "DatasetType": "derivative",
       "GeneratedBy": [{"Name": "fMRIPrep", "Version": "23.2.1"}]}  # fmt: skip
OLD = {"Name": "fMRIPrep - simulated", "PipelineDescription": {"Name": "fMRIPrep"}}
MNI = "space-MNI152NLin2009cAsym"


def series(stem, *spaces):
    names = {}
    for space in spaces:
        middle = f"_{space}" if space else ""
        names |= dict.fromkeys(
            f"{stem}{middle}_{end}"
            for end in ("desc-preproc_bold.nii.gz", "desc-preproc_bold.json",
                        "desc-brain_mask.nii.gz", "boldref.nii.gz")
        )  # fmt: skip
    return names


def raw(name):
    return Run(parse_name(name), f"/raw/{name}")


@pytest.fixture
def new(work):
    run = "sub-01/func/sub-01_task-x_run-01"
    tree = series(run, "", "space-T1w", f"{MNI}_res-2", f"{MNI}_res-native")
    tree |= dict.fromkeys([
        f"{run}_desc-hmc_boldref.nii.gz", f"{run}_desc-coreg_boldref.nii.gz",
        f"{run}_desc-confounds_timeseries.tsv", f"{run}_desc-confounds_timeseries.json",
        f"{run}_from-boldref_to-T1w_mode-image_desc-coreg_xfm.txt",
        f"{run}_from-boldref_to-T1w_mode-image_desc-coreg_xfm.json",
        f"{run}_from-orig_to-boldref_mode-image_desc-hmc_xfm.txt",
        f"{run}_space-fsLR_den-91k_bold.dtseries.nii", f"{run}_hemi-L_space-fsnative_bold.func.gii",
        f"{run}_echo-1_desc-preproc_bold.nii.gz", "sub-01/func/notes.txt",
        "sub-01/anat/sub-01_desc-preproc_T1w.nii.gz", "sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        f"sub-01/anat/sub-01_{MNI}_res-2_desc-preproc_T1w.nii.gz", "sub-01/anat/sub-01_dseg.nii.gz",
        "sub-01/anat/sub-01_desc-aseg_dseg.nii.gz",
        "sub-01/anat/sub-01_from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5",
        "sub-01/figures/sub-01_task-x_desc-carpet_bold.svg", "sub-01.html",
        "sourcedata/freesurfer/sub-01/mri/T1.mgz",
    ])  # fmt: skip
    return write_tree(work / "fmriprep", tree | {"dataset_description.json": NEW})


def test_everything_of_a_run_by_new_names(new):
    index = index_derivatives(new)
    func = str(new / "sub-01/func/sub-01_task-x_run-01")
    run = raw("sub-01_task-x_run-1_bold.nii.gz")  # the raw dataset may pad otherwise
    files = index.files_of(run)
    assert list(index.runs["01"]) == [(("task", "x"), ("run", "1"))]  # no single echo
    assert list(files.spaces) == ["native", "MNI152NLin2009cAsym:res-2",
                                  "MNI152NLin2009cAsym:res-native", "T1w"]  # fmt: skip
    t1w = files.spaces["T1w"]
    assert t1w.bold_file == f"{func}_space-T1w_desc-preproc_bold.nii.gz"
    assert t1w.mask_file == f"{func}_space-T1w_desc-brain_mask.nii.gz"
    assert t1w.boldref_file == f"{func}_space-T1w_boldref.nii.gz"
    assert t1w.json_file == f"{func}_space-T1w_desc-preproc_bold.json"
    assert files.spaces["native"].bold_file == f"{func}_desc-preproc_bold.nii.gz"
    assert "hmc" not in files.spaces["native"].boldref_file
    assert files.confounds_file == f"{func}_desc-confounds_timeseries.tsv"
    assert files.confounds_json == f"{func}_desc-confounds_timeseries.json"
    assert files.boldref_to_t1w == f"{func}_from-boldref_to-T1w_mode-image_desc-coreg_xfm.txt"
    anat = index.anat["01"]
    home = str(new / "sub-01/anat/sub-01")
    assert anat.t1w_file == f"{home}_desc-preproc_T1w.nii.gz"
    assert anat.mask_file == f"{home}_desc-brain_mask.nii.gz"
    assert anat.dseg_file == f"{home}_dseg.nii.gz"
    assert list(anat.transforms) == [("T1w", "MNI152NLin2009cAsym")]
    assert index.subjects_dir == str(new / "sourcedata/freesurfer")
    assert index.generator == "fMRIPrep 23.2.1"
    assert index == index_derivatives(new)


def test_old_names(work):
    run = "sub-01/ses-a/func/sub-01_ses-a_task-x"
    tree = series(run, MNI) | dict.fromkeys([
        f"{run}_desc-confounds_regressors.tsv", f"{run}_desc-confounds_regressors.json",
        f"{run}_from-scanner_to-T1w_mode-image_xfm.txt",
        f"{run}_from-T1w_to-scanner_mode-image_xfm.txt",
    ])  # fmt: skip
    index = index_derivatives(write_tree(work, tree | {"dataset_description.json": OLD}))
    found = raw("sub-01_ses-a_task-x_bold.nii.gz")
    assert index.files_of(found).confounds_file.endswith("desc-confounds_regressors.tsv")
    assert index.files_of(found).boldref_to_t1w.endswith("from-scanner_to-T1w_mode-image_xfm.txt")
    assert index.space_of(found)[0] == "MNI152NLin2009cAsym"
    assert index.generator == "fMRIPrep" and index.subjects_dir is None
    assert index.anat["01"].t1w_file is None


PEDIATRIC = "space-MNIPediatricAsym"


def test_entities_in_the_order_of_niworkflows(work):
    stem = "sub-01/func/sub-01_task-x_dir-AP_rec-a_run-1"  # the specification has rec before dir
    spaces = (f"{PEDIATRIC}_cohort-1_res-2", f"{PEDIATRIC}_cohort-2_res-2")
    index = index_derivatives(
        write_tree(work, series(stem, *spaces) | {"dataset_description.json": NEW})
    )
    run = raw("sub-01_task-x_rec-a_dir-AP_run-1_bold.nii.gz")
    first, second = (f"MNIPediatricAsym:cohort-{k}:res-2" for k in (1, 2))
    assert list(index.files_of(run).spaces) == [first, second]
    for asked in (second, "MNIPediatricAsym:cohort-2"):
        name, files = index.space_of(run, asked)
        assert name == second and "cohort-2" in files.bold_file and "cohort-2" in files.mask_file
    with pytest.raises(InputError, match=f"{first}, {second}"):
        index.space_of(run, "MNIPediatricAsym")
    with pytest.raises(InputError, match="did you mean"):
        index.space_of(run, "MNIPediatricAsym:cohort-3")


def test_the_phase_is_no_series_of_a_run(work):
    stem, files = "sub-01/func/sub-01_task-x", {"dataset_description.json": NEW}
    for part in ("mag", "phase"):
        files |= series(f"{stem}_part-{part}", "space-T1w")
    index = index_derivatives(write_tree(work, files))
    found = index.files_of(raw("sub-01_task-x_part-mag_bold.nii.gz"))
    assert all("part-mag" in files.bold_file for files in found.spaces.values())


def test_a_space_by_its_name(new):
    index, run = index_derivatives(new), raw("sub-01_task-x_run-1_bold.nii.gz")
    for asked in ("native", "T1w", "MNI152NLin2009cAsym:res-2"):
        assert index.space_of(run, asked)[0] == asked


@pytest.mark.parametrize(
    ("space", "parts"),
    [
        (None, ["one space of", "native, MNI152NLin2009cAsym:res-2", "--space T1w"]),
        ("MNI152NLin2009cAsym", ["that matches MNI152", "res-2, MNI152NLin2009cAsym:res-native"]),
        ("T1", ["in space T1", "did you mean 'T1w'?", "native, MNI"]),
        ("MNI152NLin2009cAsym:res-1", ["did you mean 'MNI152NLin2009cAsym:res-2'"]),
    ],
)
def test_a_space_that_is_not_there_or_not_one(new, space, parts):
    run = raw("sub-01_task-x_run-1_bold.nii.gz")
    with pytest.raises(InputError) as caught:
        index_derivatives(new).space_of(run, space)
    for part in parts:
        assert part in str(caught.value)


def test_a_resolution_does_not_hide_the_image_without_one(work):
    tree = series("sub-01/func/sub-01_task-x", MNI, f"{MNI}_res-2")
    index = index_derivatives(write_tree(work, tree | {"dataset_description.json": NEW}))
    run = raw("sub-01_task-x_bold.nii.gz")
    name, files = index.space_of(run, "MNI152NLin2009cAsym")
    assert name == "MNI152NLin2009cAsym" and "res-2" not in files.bold_file


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("sub-02_task-x_run-1_bold.nii.gz", ["sub-02", "no folder", "known: 01"]),
        ("sub-01_task-y_run-1_bold.nii.gz", ["sub-01, task-y_run-1", "task-x_run-1", "--task"]),
        ("sub-01_task-x_run-2_bold.nii.gz", ["task-x_run-2", "preprocess it"]),
    ],
)
def test_a_run_that_was_not_preprocessed(new, name, parts):
    with pytest.raises(InputError) as caught:
        index_derivatives(new).files_of(raw(name))
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("tree", "part"),
    [
        (None, "no such folder"),
        ({"sub-01/func/a.txt": None}, "no dataset_description.json"),
        ({"dataset_description.json": {"Name": "x", "DatasetType": "raw"}}, "DatasetType 'raw'"),
        ({"dataset_description.json": {"Name": "x"}}, "not the raw dataset"),
        ({"dataset_description.json": NEW}, "no sub-* folder"),
    ],
)
def test_folders_that_are_no_derivatives(work, tree, part):
    if tree is not None:
        write_tree(work / "d", tree)
    with pytest.raises(InputError, match="a folder of fMRIPrep's derivatives") as caught:
        index_derivatives(work / "d")
    assert part in str(caught.value)


def test_links_to_what_is_not_here_are_listed(new):
    broken = new / "sub-01/func/sub-01_task-x_run-02_space-T1w_desc-preproc_bold.nii.gz"
    broken.symlink_to("../../.git/annex/objects/x")
    assert index_derivatives(new).broken_links == (str(broken),)
