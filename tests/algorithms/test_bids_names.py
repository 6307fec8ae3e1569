import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.bids_names import (
    ENTITY_ORDER,
    build_name,
    clean_label,
    parse_name,
    strip_prefix,
)
from fmriprod.algorithms.checks import InputError

_LETTERS = "abcXYZ019+"
_FIXED = {"hemi": ["L", "R"], "mt": ["on", "off"], "part": ["mag", "phase", "real", "imag"]}
_NUMBERED = ("run", "echo", "flip", "inv", "split", "chunk")


def labels(key):
    if key in _FIXED:
        return st.sampled_from(_FIXED[key])
    return st.text("0123456789" if key in _NUMBERED else _LETTERS, min_size=1, max_size=5)


entities = st.lists(st.sampled_from(ENTITY_ORDER), unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: labels(key) for key in keys})
)


@given(entities, st.sampled_from(["bold", "T1w", "statmap"]), st.sampled_from([".nii.gz", ".tsv"]))
def test_what_is_built_is_parsed_back(entities, suffix, extension):
    name = build_name(entities, suffix, extension)
    back = parse_name(str(name))
    assert back == name
    assert dict(back.entities) == entities
    assert (back.suffix, back.extension) == (suffix, extension)
    # the regular expression of the specification, written independently of the parser
    assert re.fullmatch(r"(?:[a-z]+-[0-9A-Za-z+]+_)*[0-9A-Za-z]+\.(?:nii\.gz|tsv)", str(name))


@given(entities.filter(lambda e: len(e) > 1), st.randoms(use_true_random=False))
def test_order_of_the_entities_given_does_not_matter(entities, random):
    keys = list(entities)
    random.shuffle(keys)
    shuffled = {key: entities[key] for key in keys}
    assert build_name(shuffled, "bold", ".nii") == build_name(entities, "bold", ".nii")


@given(entities.filter(lambda e: len(e) > 1), st.randoms(use_true_random=False))
def test_names_of_other_programs_may_have_another_order(entities, random):
    expected, pairs = build_name(entities, "bold", ".nii"), list(entities.items())
    random.shuffle(pairs)
    written = "_".join([*(f"{key}-{label}" for key, label in pairs), "bold.nii"])
    assert parse_name(written, any_order=True) == expected
    if written != str(expected):
        with pytest.raises(InputError, match="BIDS fixes the order"):
            parse_name(written)


@given(st.text(max_size=40) | st.text("sub-task_run.ni1 /\\", max_size=30))
def test_any_text_is_a_name_or_an_input_error(text):
    try:
        assert str(parse_name(text)) == text
    except InputError as err:
        assert repr(text) in str(err)


@given(st.text(max_size=20))
def test_clean_labels_are_legal_and_stay(text):
    label = clean_label(text)
    assert clean_label(label) == label
    if label:
        assert parse_name(f"desc-{label}_mask.nii.gz").get("desc") == label


def test_known_names_in_their_published_order():
    name = build_name(
        {
            "stat": "z",
            "contrast": "faceVsHouse",
            "run": "1",
            "task": "x",
            "sub": "01",
            "space": "S",
        },
        "statmap",
        ".nii.gz",
    )
    expected = "sub-01_task-x_run-1_space-S_contrast-faceVsHouse_stat-z_statmap.nii.gz"
    assert str(name) == expected
    raw = "sub-01_ses-a_task-x_acq-mb_ce-none_rec-1_dir-AP_run-02_echo-1_part-mag_bold.nii.gz"
    assert str(parse_name(raw)) == raw
    xfm = build_name({"to": "T1w", "from": "boldref", "mode": "image", "sub": "1"}, "xfm", ".txt")
    assert str(xfm) == "sub-1_from-boldref_to-T1w_mode-image_xfm.txt"


def test_an_illegal_label_gets_a_legal_one_as_hint():
    with pytest.raises(InputError) as err:
        build_name({"contrast": "face-house"}, "statmap", ".nii.gz")
    assert "letters and digits only" in str(err.value)
    assert "write contrast-faceHouse" in str(err.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sub-01_run-1_task-x_bold.nii.gz", "rename it to sub-01_task-x_run-1_bold.nii.gz"),
        ("sub-01_sub-02_bold.nii.gz", "name sub once"),
        ("sub-01_taks-x_bold.nii.gz", "did you mean 'task'?"),
        ("sub-01_run-a_bold.nii.gz", "such as run-1"),
        ("sub-01_hemi-left_bold.nii.gz", "('L', 'R')"),
        ("sub-01_task-_bold.nii.gz", "give a label"),
        ("bold", "rename it"),
        ("sub01_bold.nii.gz", "rename it"),
        ("sub-01_bo ld.nii.gz", "suffix"),
        ("sub-01_bold..gz", "start it with a dot"),
    ],
)
def test_bad_names_say_what_to_do(name, hint):
    with pytest.raises(InputError) as err:
        parse_name(name)
    assert hint in err.value.hint
    assert err.value.found == repr(name)


def test_digits_of_other_scripts_are_no_labels():
    with pytest.raises(InputError):
        parse_name("sub-٣_bold.nii.gz")


def test_sidecars_apply_when_their_entities_are_in_the_name():
    bold = parse_name("sub-01_task-x_run-1_bold.nii.gz")
    assert parse_name("task-x_bold.json").applies_to(bold)
    assert parse_name("bold.json").applies_to(bold)
    assert not parse_name("task-y_bold.json").applies_to(bold)
    assert not parse_name("sub-01_task-x_run-1_echo-1_bold.json").applies_to(bold)
    assert strip_prefix("sub-sub") == "sub"
