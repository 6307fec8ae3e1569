import argparse
import io

import pytest
from rich.console import Console
from support.bids import image_bytes, study_tree, write_tree

from fmriprod.cli import check
from fmriprod.cli.problems import show_problems
from fmriprod.interfaces.problems import Problem


def run(*arguments):
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    args = parser.parse_args(["check", *map(str, arguments)])
    return args.run(args)


@pytest.fixture
def study(work):
    return write_tree(work / "raw", study_tree())


def test_exit_codes(study, work, capsys):
    assert run(study, work / "out", "--contrast", "face-house") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Disk: about ") and said[1:] == ["", "No problems found."]
    assert run(study, "--contrast", "face-hosue") == 1
    write_tree(study, {"sub-01/func/x_bold.nii.gz": None})
    assert run(study) == 0
    assert "1 warning." in capsys.readouterr().out
    assert run(study, "--strict") == 1
    assert run(study, "--strict", "--participant-label", "sub-02") == 0


def test_plain_text_names_file_and_remedy_without_colours(study, capsys):
    name = "sub-01/func/sub-01_task-view_run-1_bold.nii.gz"
    write_tree(study, {name: image_bytes((4, 5, 6, 20), tr=1.5)})
    run(study)
    assert capsys.readouterr().out == (
        f"ERROR   {name}\n"
        "        expected:  2 s, as the sidecar says\n"
        "        found:     1.5 s in the header (pixdim[4])\n"
        "        do:        find out from the protocol which is right, and mend the other\n"
        "\n"
        "1 error.\n"
    )


def test_the_same_problem_of_many_files_is_shown_once():
    problems = [Problem("warning", f"/d/sub-{k:02d}", "a", "[red]b", "c") for k in range(9)]
    stream = io.StringIO()
    show_problems(problems, Console(file=stream, width=40), root="/d")
    lines = stream.getvalue().splitlines()
    assert lines[:6] == ["WARNING sub-00", *[f"        sub-0{k}" for k in (1, 2, 3, 4)],
                         "        and 4 more"]  # fmt: skip
    assert lines[7] == "        found:     [red]b"  # text is no markup
    assert lines[-1] == "9 warnings."


def test_long_texts_stay_in_their_column_on_a_terminal():
    stream = io.StringIO()
    console = Console(file=stream, width=60, force_terminal=True, color_system=None)
    show_problems([Problem("error", "f", "word " * 40, "x\n  - y", "z")], console)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line.startswith(" " * 19) for line in lines[2:5])
    assert " " * 19 + "  - y" in lines


def test_folders_that_are_not_of_the_dataset_are_shown_whole(study, capsys):
    run(study, study / "results")
    assert capsys.readouterr().out.startswith(f"ERROR   {study / 'results'}\n")
