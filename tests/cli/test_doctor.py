"""`fmriprod doctor`: its table, its JSON, and when it is not 0."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from fmriprod.cli.main import main
from fmriprod.interfaces import installed_libraries, installed_programs
from fmriprod.interfaces.installed_libraries import Library
from fmriprod.interfaces.installed_programs import Program

GOOD = Library("numpy", ">=2.0", "2.4.6", "ok")
EXTRA = Library("torch", ">=2.4", None, "missing", "cnn", "features of networks")
FSL = Program("FSL", "incomplete", "6.0.7", "/opt/fsl", "not on the PATH: feat", "engine bet")


@pytest.fixture
def installed(monkeypatch):
    """Say what is installed."""
    monkeypatch.setattr(installed_programs, "installed_programs", lambda: [FSL])

    def set_libraries(*found):
        monkeypatch.setattr(
            installed_libraries, "installed_libraries", lambda imports=False: list(found)
        )

    return set_libraries


def test_what_is_not_needed_does_not_fail_it(installed, capsys):
    installed(GOOD, EXTRA)
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for text in ("numpy", "2.4.6", "FSL", "not on the PATH: feat", "engine bet", "torch",
                 "pip install 'fmriprod[cnn]'", "features of networks", "GB free in",
                 "All that is needed is there."):  # fmt: skip
        assert text in said


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"version": None, "state": "missing"}, "numpy: pip install 'fmriprod'"),
        (
            {"version": "1.26", "state": "other version"},
            "numpy: needed >=2.0, found 1.26; do: pip install 'numpy>=2.0'",
        ),
        (
            {"state": "broken", "error": "ImportError: libopenblas"},
            "numpy: ImportError: libopenblas; do: pip install --force-reinstall numpy",
        ),
    ],
)
def test_what_is_needed_and_wrong_is_1_with_what_to_do(fault, said, installed, capsys):
    installed(replace(GOOD, **fault), EXTRA)
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert said in out
    assert "All that is needed" not in out


def test_json_holds_all_and_the_same_verdict(installed, capsys):
    installed(replace(GOOD, state="missing", version=None), EXTRA)
    assert main(["doctor", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["ok"] is False
    assert [x["name"] for x in facts["needed"]] == ["numpy"]
    assert facts["extras"][0]["extra"] == "cnn"
    assert facts["programs"][0] == {
        "name": "FSL", "state": "incomplete", "version": "6.0.7", "place": "/opt/fsl",
        "problem": "not on the PATH: feat", "adds": "engine bet",
    }  # fmt: skip
    assert facts["machine"]["cores"] >= 1


def test_a_package_without_metadata_is_said(installed, capsys):
    installed()
    assert main(["doctor"]) == 0
    assert "not installed by pip" in capsys.readouterr().out


def test_an_old_python_is_1(installed, monkeypatch, capsys):
    from fmriprod.interfaces import machine

    installed(GOOD)
    monkeypatch.setattr(machine, "python_version", lambda: "3.10.13")
    assert main(["doctor"]) == 1
    assert "Python 3.10.13: needed >=3.11" in capsys.readouterr().out


def test_it_runs_here_and_loads_no_heavy_library(work):
    code = (
        "import sys\nfrom fmriprod.cli.main import main\ncode = main(['doctor', '--json'])\n"
        "heavy = {'nipype', 'nilearn', 'nibabel', 'pandas', 'torch', 'matplotlib', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=work)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "[]\n"
    assert json.loads(done.stdout)["ok"] is True


def test_a_program_that_pip_installs_is_one_line_with_how(installed, monkeypatch, capsys):
    program = Program("dcm2niix", "missing", "", "", "", "fmriprod convert")
    monkeypatch.setattr(installed_programs, "installed_programs", lambda: [program])
    installed(GOOD, Library("dcm2niix", ">=1.0", None, "missing", "dicom", "images of DICOM"))
    assert main(["doctor"]) == 0
    (line,) = (text for text in capsys.readouterr().out.splitlines() if "dcm2niix" in text)
    assert "fmriprod convert" in line
    assert "pip install 'fmriprod[dicom]'" in line
