"""In which inputs two runs of a node differ, in words."""

import pytest

from fmriprod.workflows.cache_difference import differences

A, B, C = "a" * 32, "b" * 32, "c" * 32


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("5.0000000000", "6.0000000000", "x: 5 -> 6"),
        ("0.0100000000", "0.0200000000", "x: 0.01 -> 0.02"),
        (1, 2, "x: 1 -> 2"),
        (True, False, "x: true -> false"),
        ("spm", "fir", "x: spm -> fir"),
        (None, "a", "x: not set -> a"),
        (["a", "b"], ["b", "a"], 'x: ["a", "b"] -> ["b", "a"]'),
        ("z" * 99, "y", f"x: {'z' * 60}... -> y"),
        (["/w/a.nii", A], ["/w/a.nii", B], "x: the content of a.nii differs"),
        (["/w/a.nii", A], ["/w/b.nii", B], "x: a.nii -> b.nii"),
        ([["/w/a.nii", A], ["/w/b.nii", B]], [["/w/a.nii", A], ["/w/b.nii", C]],
         "x: the content of b.nii differs"),
        ([["/w/a.nii", A], ["/w/b.nii", B]], [["/w/a.nii", B], ["/w/b.nii", A]],
         "x: the content of a.nii differs and 1 more"),
        ([["/w/a.nii", A]], [["/w/a.nii", A], ["/w/b.nii", B]], "x: 1 file -> 2 files"),
        (["/w/a.nii", A], None, "x: 1 file -> 0 files"),
        (["ab", A], ["ab", B], f'x: ["ab", "{A}"] -> ["ab", "{B}"]'),
    ],
)  # fmt: skip
def test_a_difference_in_words(old, new, said):
    (line,) = differences({"x": old, "same": 1}, [("x", new), ("same", 1)])
    assert line == said


def test_a_moved_file_is_no_difference():
    old = {"in_file": ["/one/a.nii", A], "fwhm": "5.0000000000"}
    new = [("in_file", ("/two/a.nii", A)), ("fwhm", "6.0000000000")]
    assert differences(old, new) == ["fwhm: 5 -> 6"]


def test_versions():
    old, new = "Smooth=1;scipy=1.1;numpy=2", "Smooth=2;scipy=1.2;numpy=2"
    (line,) = differences({"algorithm_version": old}, [("algorithm_version", new)])
    assert line == "version: Smooth 1 -> 2, scipy 1.1 -> 1.2"


def test_other_results():
    old = {"needed_outputs": ["a"]}
    assert differences(old, [("needed_outputs", ["a", "b"])]) == [
        "another result of it is needed: b"
    ]
    assert differences({"needed_outputs": ["a", "b"]}, [("needed_outputs", ["a"])]) == [
        "fewer results"
    ]


def test_there_is_always_a_reason():
    assert differences(None, []) == ["the note of its inputs cannot be read"]
    assert differences({"x": 1}, [("x", 1)]) == ["inputs changed"]
