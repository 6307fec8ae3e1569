"""The methods text of a workflow from the command line, in each format."""

import re

import pytest

from fmriprod.cli.main import main
from fmriprod.interfaces.study_folder import READY
from fmriprod.workflows.draw_targets import open_target

OWN = """
from collections.abc import Sequence
from nipype import Node, Workflow
from nipype.interfaces.utility import IdentityInterface
from fmriprod.workflows.glm import init_first_level_wf

def build(width=4.0):
    mine = Workflow("mine")
    mine.__desc__ = "My own words & 5 % more."
    mine.add_nodes([init_first_level_wf(contrasts=["a-b"], fwhm=width)])
    return mine

def several(names: Sequence[str] = ()):
    mine = build()
    mine.__desc__ = f"Of {' and '.join(names)}."
    return mine

def pair(a=0, b=0):
    if a and b:
        raise RuntimeError("both")
    return build()
"""


def test_it_is_printed_with_what_was_set(capsys):
    assert main(["methods", "encoding", "--set", "n_permutations=250"]) == 0
    text = capsys.readouterr().out
    assert "250 permutations" in text and "[@eickenberg2017]" in text
    assert main(["methods", "searchlight_rsa", "--set", "radius=7", "--format", "tex"]) == 0
    text = capsys.readouterr().out
    assert "sphere of 7 mm" in text and r"\citep{kriegeskorte_searchlight,kriegeskorte_rsa}" in text
    assert r"\documentclass" not in text


@pytest.mark.parametrize(("form", "mark"), [
    ("md", "# Methods"), ("tex", r"\begin{document}"), ("html", "<!DOCTYPE html>"),
])  # fmt: skip
def test_it_is_written_with_exactly_what_is_cited(work, capsys, form, mark):
    (work / "own.py").write_text(OWN)
    command = ["methods", "own.py:build", "--set", "width=9.5", "-o"]
    assert main([*command, f"text.{form}"]) == 0
    text = (work / f"text.{form}").read_text()
    assert mark in text and "9.5 mm FWHM" in text
    assert {"md": "& 5 %", "tex": r"\& 5 \%", "html": "&amp; 5 %"}[form] in text
    written = capsys.readouterr().out.split("\n")
    assert len([line for line in written if line.startswith("Written: ")]) == 1 + (form != "html")
    if form != "html":
        keys = set(re.findall(r"^@\w+\{(\w+),", (work / "text.bib").read_text(), re.MULTILINE))
        cited = re.findall(r"@(\w+)" if form == "md" else r"citep\{([\w,]+)\}", text)
        assert keys == {key for some in cited for key in some.split(",")} and len(keys) > 2
    assert main([*command, f"part.{form}", "--part"]) == 0
    assert mark not in (work / f"part.{form}").read_text()


def test_a_study_needs_no_data(work, capsys):
    assert main(["methods", "main", "--participants", "2"]) == 0
    text = capsys.readouterr().out
    assert "Each of" in text and "reference of all runs" in text and "runs was smoothed" in text
    assert str(work) not in text and "/tmp" not in text


@pytest.mark.parametrize("participants", [1, 2])
def test_the_text_of_a_study_goes_from_the_scanner_to_the_group(capsys, participants):
    assert main(["methods", "fan2020", "--participants", str(participants)]) == 0
    text = capsys.readouterr().out
    starts = ["The T1-weighted image was", "Evidence for each object in each region",
              "The contrast `drawing` was averaged over runs, weighted by precision",
              "Differentiation of the two trained objects, and of the two control objects",
              "The task mask of a participant comes from the others", "For each pair of regions",
              "Means over participants have", "The analysis was made with"]  # fmt: skip
    assert all(text.count(start) == 1 for start in starts)
    assert [text.index(start) for start in starts] == sorted(text.index(s) for s in starts)
    assert "by cubic splines, its variance by linear interpolation" in text
    assert "2 runs before drawing and 2 runs after" in text and "(computed" not in text
    assert ("for each of 2 participants" in text) == (participants == 2)


def test_steps_that_a_study_does_not_ask_for_have_no_sentence(tmp_path, capsys):
    text = (READY / "fan2020.toml").read_text()
    for table in ("task_mask", "differentiation", "connectivity"):
        text = re.sub(rf"(?s)\[{table}\].*?\n\n", "", text)
    (tmp_path / "study.toml").write_text(re.sub(r".*& task.*\n", "", text))
    assert main(["methods", str(tmp_path / "study.toml")]) == 0
    text = capsys.readouterr().out
    assert "Means over participants have" in text
    assert not re.search("Differentiation|task mask|The contrast|pair of regions", text)


@pytest.mark.parametrize("target", ["main", "fan2020"])
def test_what_only_data_can_say_is_not_said_of_placeholders(target, capsys):
    assert main(["methods", target]) == 0
    text = capsys.readouterr().out
    assert "framewise displacement" in text and "repetition time" not in text


@pytest.mark.parametrize(("command", "message"), [
    ("features --set drift=none", r"--set drift\s.*'cosine' or 'running_line'.*found: +'none'"),
    ("evidence --set classifier=svm", r"--set classifier\s.*'logistic_ovr' or .*found: +'svm'"),
    ("fan2020 --set motion_engine=spm", r"--set motion_engine\s.*or 'mcflirt'.*found: +'spm'"),
    ("main --set hrf=spm --set fwhm=abc", r"--set fwhm\s.*a float.*found: +'abc'"),
    ("main --set fhwm=3", r"arguments of main: plan.*fwhm.*'fhwm'"),
    ("fan2020 --set study=1", r"other arguments.*found: +study"),
    ("searchlight_rsa --set radius=a --set n_permutations=b", r"--set radius\s.*a float"),
    ("own.py:build --set width=thin", r"--set width\s.*found: +'thin'"),
    ("own.py:several --set names=7", r"--set names\s.*Sequence\[str\].*found: +7.*TypeError"),
    ("own.py:pair --set a=1 --set b=2", r"--set a, --set b\s.*found: +1, 2.*RuntimeError: both"),
])  # fmt: skip
def test_values_that_a_builder_cannot_use_are_said(work, capsys, command, message):
    (work / "own.py").write_text(OWN)
    assert main(["methods", *command.split()]) == 1
    error = capsys.readouterr().err
    assert re.search(f"(?s){message}", error) and "Traceback" not in error, error


def test_an_error_that_no_option_makes_is_left_as_it_is(work):
    (work / "own.py").write_text("def build(a=0):\n    raise RuntimeError('mine')\n")
    with pytest.raises(RuntimeError, match="mine"), open_target("own.py:build", options={"a": 1}):
        pass


@pytest.mark.parametrize(("command", "words"), [
    ("first_level --set confounds=csf", "1 confound (csf)"),
    ("responses --set confounds=csf", "confounds (csf)"),
    ("own.py:several --set names=abc", "Of abc."),
])  # fmt: skip
def test_one_text_where_several_are_wanted_is_one_of_them(work, capsys, command, words):
    (work / "own.py").write_text(OWN)
    assert main(["methods", *command.split()]) == 0
    assert words in capsys.readouterr().out


def test_what_a_run_left_is_given_in_any_form(work, capsys):
    (work / "own.py").write_text(OWN)
    assert main(["methods", "own.py:build", "-o", "out/logs/methods.md"]) == 0
    assert main(["methods", "own.py:build", "--format", "tex"]) == 0
    expected = capsys.readouterr().out.split("methods.bib\n")[1]
    assert main(["methods", "out", "--format", "tex"]) == 0
    assert capsys.readouterr().out == expected


def test_bad_input(work, capsys):
    assert main(["methods", "encodng"]) == 1
    assert "did you mean 'encoding'" in capsys.readouterr().err
    assert main(["methods", "encoding", "-o", "methods.docx"]) == 1
    assert "ends in .md, .tex, .html" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["methods", "encoding", "-o", "methods.md", "--format", "tex"])
    assert caught.value.code == 2 and "writes .tex, not methods.md" in capsys.readouterr().err
    assert not list(work.iterdir())
    assert main(["methods", "encoding", "-o", "methods", "--format", "tex"]) == 0
    assert (work / "methods.tex").is_file()
