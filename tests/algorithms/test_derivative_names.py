import pytest

from fmriprod.algorithms.bids_names import ENTITY_ORDER, parse_name
from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.derivative_names import check_derivative, has_sidecar
from fmriprod.interfaces.derivative_table import derivative_names

TABLE = derivative_names()


def check(file_name, datatype=None):
    return check_derivative(parse_name(file_name), datatype, TABLE)


@pytest.mark.parametrize(
    ("name", "datatype"),
    [
        ("sub-01_task-x_run-1_space-S_contrast-faceVsHouse_stat-z_statmap.nii.gz", "func"),
        ("sub-01_desc-brain_mask.nii.gz", "anat"),
        ("sub-01_ses-2_space-T1w_label-V1_desc-draw_mask.nii.gz", "anat"),
        ("sub-01_task-x_desc-preproc_bold.nii.gz", "func"),
        ("sub-01_task-x_desc-confounds_timeseries.tsv", "func"),
        ("sub-01_task-x_run-1_design.tsv", "func"),
        ("sub-01_task-x_run-1_from-boldref_to-T1w_mode-image_xfm.txt", "func"),
        ("sub-01_task-x_label-V1_features.npy", "func"),
        ("sub-01_task-x_label-V1_desc-production_evidence.tsv", "func"),
        ("sub-01_report.html", ""),
    ],
)
def test_names_of_the_outputs_are_in_the_table(name, datatype):
    first = TABLE["suffixes"][parse_name(name).suffix]["datatypes"][0]
    assert check(name) == first
    assert check(name, datatype) == datatype


def test_the_folder_of_the_source_is_taken_where_it_fits():
    name = parse_name("sub-01_desc-brain_mask.nii.gz")
    assert check_derivative(name, None, TABLE, source="func") == "func"
    assert check_derivative(name, None, TABLE, source="dwi") == "anat"
    assert check_derivative(name, "anat", TABLE, source="func") == "anat"
    assert check_derivative(parse_name("stat-z_statmap.nii.gz"), None, TABLE, "anat") == "func"


@pytest.mark.parametrize(
    ("name", "datatype", "texts"),
    [
        ("sub-01_stat-z_statmaps.nii.gz", None, ["'statmaps'", "did you mean 'statmap'?"]),
        ("sub-01_contrast-a_statmap.nii.gz", None, ["stat-<label> in the name", "give stat"]),
        ("sub-01_stat-zscore_statmap.nii.gz", None, ["for statmap files one of 'effect'"]),
        ("sub-01_mask.nii.gz", None, ["at least one of desc, label"]),
        ("sub-01_desc-brain_mask.tsv", None, ["one of '.nii.gz'"]),
        ("sub-01_desc-brain_mask.nii.gz", "dwi", ["one of 'anat', 'func'", "'dwi'"]),
        ("sub-01_flip-1_design.tsv", None, ["'flip'"]),
        ("sub-01_desc-carpet_bold.txt", "figures", ["'.png', '.svg', '.html'"]),
    ],
)
def test_names_that_are_not_in_it_say_what_is(name, datatype, texts):
    with pytest.raises(InputError) as err:
        check(name, datatype)
    for text in texts:
        assert text in str(err.value)


def test_the_table_is_consistent():
    keys = set(ENTITY_ORDER)
    assert set(TABLE["identity"]) <= keys
    stems = {}
    for suffix, rule in TABLE["suffixes"].items():
        assert set(rule["required"]) | set(rule["any_of"]) | set(rule["allowed"]) <= keys, suffix
        assert set(rule["sidecar_of"]) <= set(rule["extensions"]), suffix
        assert set(rule.get("values", {})) <= {*rule["required"], *rule["any_of"], *rule["allowed"]}
        stems[suffix] = len(rule["sidecar_of"])
    # one sidecar serves all files of a stem: two kinds of data of one suffix would share it
    assert {s for s, n in stems.items() if n > 1} == {"xfm"}


def test_pictures_and_json_files_have_no_sidecar():
    assert has_sidecar(parse_name("sub-01_stat-z_statmap.nii.gz"), "func", TABLE)
    assert not has_sidecar(parse_name("sub-01_desc-carpet_bold.png"), "figures", TABLE)
    assert not has_sidecar(parse_name("sub-01_design.json"), "func", TABLE)
