"""Scripts of completion: complete, and asked as the shells ask them, where those are installed."""

import argparse
import re
import shutil
import subprocess

import pytest

from fmriprod.cli.completion import bash_script, fish_script, zsh_script
from fmriprod.cli.main import build_parser, main

MAKERS = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}


def parsers():
    (commands,) = (
        action for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )  # fmt: skip
    return commands.choices


@pytest.mark.parametrize("shell", MAKERS)
def test_every_command_and_option_of_the_helps_is_in_the_script(shell):
    script = MAKERS[shell](build_parser())
    for name, parser in parsers().items():
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", parser.format_help(), re.M):
            if shell == "bash":
                (line,) = re.findall(rf"^ *{name}:-\*\) words='(.*)' ;;$", script, re.M)
                assert option in line.split()
            elif shell == "zsh":
                block = script.split(f"\n    {name}) ")[1].split("\n      ;;")[0]
                assert f"'*{option}[" in block
            else:
                assert re.search(rf"from {name}' .*-l {option[2:]} ", script), (name, option)


def bash(words, folder):
    """What bash would offer for the last of the words."""
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    script = folder / "completion.bash"
    script.write_text(bash_script(build_parser()))
    listed = " ".join(f"'{word}'" for word in words)
    asked = (
        f"source {script}; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _fmriprod; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-uc", asked], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["c"], ["check", "convert", "completion"]),
        (["--v"], ["--version"]),
        (["run", "raw", "out", "part"], ["participant"]),
        (["run", "raw", "out", "participant", "--engine", ""], ["local", "slurm", "dask"]),
        (["run", "--motion-engine", "mc"], ["mcflirt"]),
        (["doctor", "--j"], ["--json"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["run", ""], []),  # bash then offers files
        (["check", "ra"], []),
        (["fetch", "--pa"], ["--part"]),
        (["walk", "--f"], []),
    ],
)
def test_bash_offers(words, offered, work):
    assert sorted(bash(["fmriprod", *words], work)) == sorted(offered)


def test_the_function_of_bash_is_that_of_the_command(work):
    script = work / "completion.bash"
    script.write_text(bash_script(build_parser()))
    done = subprocess.run(
        ["bash", "--norc", "-c", f"source {script}; complete -p fmriprod"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "complete -o default -F _fmriprod fmriprod"


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish_offers(work):
    script = work / "completion.fish"
    script.write_text(fish_script(build_parser()))
    for line, offered in [
        ("fmriprod conv", {"convert"}),
        ("fmriprod run --motion-engine ", {"python", "mcflirt"}),
        ("fmriprod run --subjects-d", {"--subjects-dir"}),
        ("fmriprod doctor --engi", set()),
    ]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
            capture_output=True, text=True, cwd=work,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert {row.split("\t")[0] for row in done.stdout.splitlines()} - {script.name} == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")
def test_zsh_takes_the_script(work):
    (work / "_fmriprod").write_text(zsh_script(build_parser()))
    asked = (
        "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -d dump; print $_comps[fmriprod]"
    )
    done = subprocess.run(["zsh", "-fc", asked], capture_output=True, text=True, cwd=work)
    assert done.stdout.strip() == "_fmriprod", done.stderr
    done = subprocess.run(["zsh", "-n", "_fmriprod"], capture_output=True, text=True, cwd=work)
    assert (done.returncode, done.stderr) == (0, "")


def test_texts_cannot_end_a_quotation():
    parser = argparse.ArgumentParser(prog="fmriprod")
    commands = parser.add_subparsers()
    command = commands.add_parser("cut", help="a subject's [cut]: \\ it")
    command.add_argument("--who's", help="FreeSurfer's $(touch x) 10 %% [of: it] (%(default)s)")
    assert r"FreeSurfer'\''s $(touch x) 10 % \[of\: it\]]" in zsh_script(parser)
    assert r"-d 'FreeSurfer\'s $(touch x) 10 % [of: it]'" in fish_script(parser)
    assert r"-a cut -d 'a subject\'s [cut]: \\ it'" in fish_script(parser)


def test_the_command_prints_it(capsys):
    assert main(["completion", "fish"]) == 0
    assert capsys.readouterr().out == fish_script(build_parser())
    with pytest.raises(SystemExit) as end:
        main(["completion", "tcsh"])
    assert end.value.code == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
