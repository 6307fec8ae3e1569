import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.run_order import (
    FoundSeries,
    bids_stem,
    match_run_order,
    parse_run_order,
)

STUDY = """\
\ufeff# what was scanned on the day
SKIP                      # scout
anat_mprage
recognition_run_1 240
error_run 12              # stopped: button box
recognition_run_1_again 240 task-recognition_run-2_bold

drawing_run_4\t308
"""


def series(*volumes):
    return [FoundSeries(k + 1, f"s{k + 1}", n) for k, n in enumerate(volumes)]


def test_a_run_order_as_the_study_wrote_it():
    lines = parse_run_order(STUDY)
    assert [(line.number, line.stem, line.n_volumes) for line in lines] == [
        (2, None, None),
        (3, "T1w", None),
        (4, "task-recognition_run-1_bold", 240),
        (5, None, None),
        (6, "task-recognition_run-2_bold", 240),
        (8, "task-drawing_run-4_bold", 308),
    ]
    assert lines == parse_run_order(STUDY.replace("\n", "\r\n"))
    chosen = match_run_order(lines, series(3, 1, 240, 12, 240, 308))
    assert [(line.number, k) for line, k in chosen] == [(3, 1), (4, 2), (6, 4), (8, 5)]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("anat_mprage", "T1w"), ("MPRAGE", "T1w"), ("t1", "T1w"), ("anat_t2w", "T2w"),
        ("T1w", "T1w"), ("acq-fast_T1w", "acq-fast_T1w"),
        ("drawing_run_4", "task-drawing_run-4_bold"), ("rest_run02", "task-rest_run-2_bold"),
        ("word_list_run_10", "task-wordList_run-10_bold"),
        ("task-rest_bold", "task-rest_bold"), ("dir-AP_epi", "dir-AP_epi"),
        ("task-x_run-1_sbref", "task-x_run-1_sbref"),
    ],
)  # fmt: skip
def test_names_become_bids_names(name, stem):
    assert bids_stem(name) == stem
    assert bids_stem(stem) == stem


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("localiser", r"known: SKIP, ERROR_RUN, T1w.*add its BIDS name"),
        ("scip", r"known: SKIP"),
        ("draw_run_1 99999999999", r"number of volumes"),
        ("bold", r"name the task, such as task-rest_bold"),
        ("run-1_bold", r"name the task"),
        ("sub-01_T1w", r"leave sub- and ses- out"),
        ("task-x_events", r"suffix 'events'"),
        ("run-1_task-x_bold", r"BIDS fixes the order"),
        ("draw_run_1 twenty", r"'twenty'; the second column is the number"),
        ("draw_run_1 0", r"1 or more"),
        ("draw_run_1 240.5", r"number of volumes"),
        ("draw_run_1 -3", r"number of volumes"),
        ("draw_run_1 ²", r"number of volumes"),
        ("draw run 1 240", r"three columns"),
        ("SKIP - T1w", r"needs no BIDS name"),
        ("draw_run_0", r"add its BIDS name"),
    ],
)
def test_a_line_that_is_wrong_is_told_with_its_number(line, said):
    with pytest.raises(InputError, match=rf"line 2 `.*{said}"):
        parse_run_order(f"T1w\n{line}  # comment\n")


def test_all_lines_that_are_wrong_are_told_at_once():
    with pytest.raises(InputError) as caught:
        parse_run_order("what\ndraw_run_1\nT1w\nanat_mprage\ndraw_run_2 x\n")
    found = caught.value.found.splitlines()
    assert [line.split()[:2] for line in found] == [["line", "1"], ["line", "5"], ["line", "4"]]
    assert "T1w is also line 3" in found[2]
    assert caught.value.subject == "run_order"


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n   # at all"])
def test_an_empty_run_order_is_refused(text):
    with pytest.raises(InputError, match="no line with a series"):
        parse_run_order(text)


def test_all_differences_are_told_at_once():
    lines = parse_run_order("T1w\ndraw_run_1 308\ndraw_run_2 308\nrest_run_1 100\n")
    with pytest.raises(InputError) as caught:
        match_run_order(lines, series(1, 308, 300, 99))
    assert caught.value.found.splitlines() == [
        "line 3 `draw_run_2 308`: series 3 's3' (300 volumes)",
        " " * 12 + "line 4 `rest_run_1 100`: series 4 's4' (99 volumes)",
    ]


def test_too_few_series_name_the_line_that_has_none():
    lines = parse_run_order("T1w\ndraw_run_1 308\nrest_run_1 100\ndraw_run_2 308\n")
    with pytest.raises(InputError) as caught:
        match_run_order(lines, series(1, 308, 308))
    assert caught.value.found.splitlines() == [
        "3 series for 4 lines",
        " " * 12 + "line 3 `rest_run_1 100`: no such series was found",
    ]


def test_too_many_series_name_the_series_that_has_no_line():
    lines = parse_run_order("draw_run_1 308\ndraw_run_2 308\n")
    with pytest.raises(InputError) as caught:
        match_run_order(lines, series(308, 12, 308))
    assert caught.value.found.splitlines()[1:] == [
        " " * 12 + "series 2 's2' (12 volumes): no line for it"
    ]
    with pytest.raises(InputError, match=r"0 series for 2 lines"):
        match_run_order(lines, [])


@given(st.lists(st.integers(1, 4), max_size=7), st.lists(st.integers(1, 4), max_size=7))
def test_the_alignment_tells_as_few_differences_as_possible(wanted, found):
    """Against difflib: what it leaves unmatched is never fewer than what we tell."""
    if not wanted:
        return
    text = "\n".join(f"draw_run_{k + 1} {n}" for k, n in enumerate(wanted))
    lines = parse_run_order(text)
    if wanted == found:
        assert len(match_run_order(lines, series(*found))) == len(found)
        return
    with pytest.raises(InputError) as caught:
        match_run_order(lines, series(*found))
    told = caught.value.found.splitlines()
    if len(wanted) == len(found):
        assert len(told) == sum(a != b for a, b in zip(wanted, found, strict=True))
        return
    matcher = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    assert abs(len(wanted) - len(found)) <= len(told) - 1 <= len(wanted) + len(found) - 2 * same


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    try:
        lines = parse_run_order(text)
    except InputError:
        return
    assert lines and all(line.stem is None or bids_stem(line.stem) == line.stem for line in lines)
