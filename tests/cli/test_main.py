"""The command as a whole: what it loads, what its help says, and its exit codes."""

import argparse
import os
import subprocess
import sys

import pytest
from support.bids import image_bytes, study_tree, write_tree

import fmriprod
from fmriprod.algorithms.checks import InputError
from fmriprod.cli import check
from fmriprod.cli.main import build_parser, main

HEAVY = {
    "SimpleITK", "jinja2", "matplotlib", "networkx", "nibabel", "nilearn", "nipype", "numpy",
    "pandas", "scipy", "sklearn",
}  # fmt: skip
COMMANDS = [
    "run", "demo", "check", "status", "rerun", "scaffold", "convert", "fetch", "fsf", "graph",
    "methods", "doctor", "completion",
]  # fmt: skip


def loaded_after(code):
    """Top-level packages that a new interpreter has loaded after a piece of code."""
    script = f"import sys\n{code}\nprint('|', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("|")[2].split())


def test_importing_the_package_loads_nothing_heavy():
    loaded = loaded_after("import fmriprod")
    assert "fmriprod" in loaded
    assert not loaded & (HEAVY | {"rich"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([c, "--help"] for c in COMMANDS)]
)
def test_help_and_version_load_nothing_heavy(arguments):
    loaded = loaded_after(
        "from fmriprod.cli.main import main\n"
        f"try:\n    main({arguments})\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code"
    )
    assert not loaded & HEAVY


def ended(arguments):
    """Exit code of the command, whether it returns or the parser ends it."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as end:
        return end.code


def test_the_commands_are_those():
    (commands,) = (
        action for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )  # fmt: skip
    assert list(commands.choices) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_describes_every_argument(command, capsys):
    assert ended([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: fmriprod {command} ")
    (commands,) = (
        action for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )  # fmt: skip
    parser = commands.choices[command]
    assert parser.description
    unexplained = [a.dest for a in parser._actions if not (a.help or a.choices)]
    assert not unexplained
    for action in parser._actions:
        assert (action.option_strings or [action.metavar or action.dest])[
            0
        ] in text or action.choices


def test_version(capsys):
    assert ended(["--version"]) == 0
    assert capsys.readouterr().out == f"fmriprod {fmriprod.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["walk"], "invalid choice: 'walk'"),
        (["run", "bids"], "OUT_DIR"),
        (["run", "bids", "out", "groups"], "invalid choice: 'groups'"),
        (["demo"], "OUT_DIR"),
        (["demo", "out", "--fwhm", "wide"], "--fwhm"),
        (["check", "bids", "--colour"], "--colour"),
        (["status"], "OUT_DIR"),
    ],
)
def test_a_wrong_command_is_2_and_names_what_is_wrong(arguments, said, capsys):
    assert ended(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_dataset_that_is_not_there_is_1(work, capsys):
    for command in (["check", work / "none"], ["run", work / "none", work / "out", "participant"]):
        assert ended(command) == 1
        out, err = capsys.readouterr()
        assert str(work / "none") in out + err
        assert "Traceback" not in err
    assert not (work / "out").exists()


def test_a_dataset_with_errors_is_1_and_nothing_is_computed(work, capsys):
    bad = {"sub-01/func/sub-01_task-view_run-1_bold.nii.gz": image_bytes((4, 5, 6, 20), tr=1.5)}
    bids = write_tree(work / "raw", {**study_tree(), **bad})
    assert ended(["run", bids, work / "out", "participant", "--participant-label", "01"]) == 1
    assert "1.5 s in the header" in capsys.readouterr().out
    assert not (work / "out").exists()


def test_a_dry_run_says_the_plan_and_writes_nothing(work, capsys):
    bids = write_tree(work / "raw", study_tree())
    options = ["--participant-label", "01", "--contrast", "face-house", "--dry-run"]
    code = ended(["run", bids, work / "out", "participant", *options])
    assert code == 0, capsys.readouterr()
    assert "face" in capsys.readouterr().out
    assert not (work / "out").exists()


def test_bad_input_is_1_with_its_message_alone(monkeypatch, capsys):
    error = InputError("events", expected="rows", found="none", hint="write some")

    def refuse(args):
        raise error

    monkeypatch.setattr(check, "run", refuse)
    assert ended(["check", "x"]) == 1
    assert capsys.readouterr().err == f"{error}\n"


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 1)]
)
def test_what_breaks_a_command_off_says_that_it_continues_where_it_does(
    error, code, monkeypatch, capsys
):
    def fail(args):
        raise error

    monkeypatch.setattr(check, "run", fail)
    monkeypatch.setattr("fmriprod.cli.run.run", fail)
    assert ended(["check", "x"]) == ended(["run", "x", "y", "participant"]) == code
    assert capsys.readouterr().err.count("continues") == 1


def shell(line, **variables):
    """Output, errors and exit code of a line of bash in which $fm is the command."""
    given = {**os.environ, "fm": f"{sys.executable} -m fmriprod.cli.main", **variables}
    line = f"set -o pipefail; {line}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, env=given, check=False)
    return done.stdout, done.stderr, done.returncode


def test_a_reader_that_goes_away_is_no_error_to_tell_of():
    out, err, code = shell("$fm completion bash | true")
    assert (out, err, code) == (b"", b"", 1)


def test_closed_standard_output_is_no_error():
    assert shell("$fm completion bash >&-") == (b"", b"", 0)
    assert shell("$fm check /nowhere >&- 2>&-")[2] == 1


def test_a_full_disk_behind_standard_output_is_said_once():
    _, err, code = shell("$fm completion bash >/dev/full")
    assert err.splitlines() == [
        b"fmriprod: No space left on device",
        b"Mend that and give the same command again.",
    ]
    assert code == 1


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8:strict"])
def test_a_folder_with_any_name_is_printed_on_any_terminal(encoding, work):
    folder = os.fsencode(work) + b"/o\xff\xe2\x96\xa0"
    out, err, code = shell("$fm check $D || $fm status $D", PYTHONIOENCODING=encoding, D=folder)
    assert code == 2 and b"Traceback" not in out + err
    assert b"o\\udcff" in err


def test_bars_and_cut_names_are_plain_where_the_terminal_has_no_such_signs():
    code = "from fmriprod.cli import main; main.print_any_text(); "
    code += "print('\u2501\u2501 \u2026 \u2713')"
    out, _, _ = shell(f'{sys.executable} -c "{code}"', PYTHONIOENCODING="latin-1")
    assert out == b"== ~ \\u2713\n"


def test_the_installed_command_is_this_one():
    from importlib.metadata import entry_points

    (point,) = entry_points(group="console_scripts", name="fmriprod")
    assert point.load() is main
