"""Folders of any name: checked, planned and asked about, and nothing of a name is run."""

import shutil

import pytest
from support.nasty_names import NASTY_NAMES, SHELL_NAMES
from support.simulated import simulate

from fmriprod.cli.main import main


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("study"))


KINDS = [
    pytest.param(kind, marks=[] if name in SHELL_NAMES[:4] else pytest.mark.slow)
    for kind, name in NASTY_NAMES.items()
]


@pytest.mark.parametrize("kind", KINDS)
def test_folders_of_any_name_are_checked_planned_and_asked_about(kind, simulated, work, capfd):
    name = NASTY_NAMES[kind]
    here = work / "here"
    here.mkdir()
    raw, out, scratch = (here / part / name for part in ("raw", "out", "work"))
    raw.parent.mkdir()
    shutil.copytree(simulated, raw, ignore=shutil.ignore_patterns("derivatives"))
    pattern = int(
        any(sign in name for sign in "*?[")
    )  # Nipype takes * ? [ in the place of work for a pattern
    assert main(["check", str(raw), str(out)]) == pattern
    code = main(["run", str(raw), str(out), "participant", "--dry-run", "--work-dir", str(scratch)])
    assert code == pattern
    elsewhere = ["--work-dir", str(here / "plain")]
    assert main(["run", str(raw), str(out), "participant", "--dry-run", *elsewhere]) == 0
    assert main(["status", str(out)]) == 2, "nothing was run there"
    printed = "".join(capfd.readouterr())
    assert "Traceback" not in printed
    assert ("Nipype takes them for patterns" in printed) == bool(pattern)
    assert {path.name for path in here.iterdir()} == {"raw"}, "a dry run writes nothing"
    assert not list(work.rglob("INJECTED"))
