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


def test_labels_with_a_plus_are_participants_and_tasks_as_any_other(simulated, work, capfd):
    raw = work / "raw"
    shutil.copytree(simulated, raw, ignore=shutil.ignore_patterns("derivatives"))
    for path in sorted(raw.rglob("*"), key=lambda path: -len(path.parts)):
        path.rename(
            path.with_name(path.name.replace("sub-01", "sub-a+b").replace("recog", "re+cog"))
        )
    table = raw / "participants.tsv"
    table.write_text(table.read_text().replace("sub-01", "sub-a+b"))
    assert main(["check", str(raw), str(work / "out")]) == 0
    assert main(["run", str(raw), str(work / "out"), "participant", "--dry-run"]) == 0
    printed = capfd.readouterr().out
    assert "a+b" in printed and "re+cognition" in printed
