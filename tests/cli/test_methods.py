"""The methods text of a workflow from the command line, in each format."""

import re

import pytest

from fmriprod.cli.main import main

OWN = """
from nipype import Node, Workflow
from nipype.interfaces.utility import IdentityInterface
from fmriprod.workflows.glm import init_first_level_wf

def build(width=4.0):
    mine = Workflow("mine")
    mine.__desc__ = "My own words & 5 % more."
    mine.add_nodes([init_first_level_wf(contrasts=["a-b"], fwhm=width)])
    return mine
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
