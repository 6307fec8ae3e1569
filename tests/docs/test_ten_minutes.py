"""The page for newcomers, followed literally: every command, in its order, in a fresh copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ten_minutes.md"


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_all_commands_are_in_blocks_that_are_followed():
    text = PAGE.read_text("utf-8")
    assert set(re.findall(r"^```(\w*)$", text, re.M)) == {"sh", ""}, "only blocks that are run"
    assert len(commands()) >= 12
    assert any(line.startswith("fmriprod run") and "--dry-run" in line for line in commands())


@pytest.fixture
def sources(tmp_path):
    """Give a copy of the sources as a clone has them, and an empty home."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a clone: which files belong to it cannot be told")
    folder = tmp_path / "fmriprod"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (tmp_path / "home").mkdir()
    return folder


def surroundings(folder: Path) -> dict[str, str]:
    """Give an environment with another home, in which pip finds what it found before."""
    programs = folder.parent / "programs"
    programs.mkdir()
    (programs / "python3").symlink_to(sys._base_executable)
    home = Path.home()
    known = [home / ".config" / "pip" / "pip.conf", home / ".pip" / "pip.conf"]
    kept = {"PIP_CACHE_DIR": str(home / ".cache" / "pip")}
    for path in filter(Path.is_file, known):
        kept["PIP_CONFIG_FILE"] = str(path)
    clean = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return kept | clean | {"HOME": str(folder.parent / "home"), "PATH": path, "NO_ET": "1"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_followed_literally_it_ends_with_reports(sources):
    script = "\n".join(["set -euo pipefail", *(f"echo '+++'; {line}" for line in commands())])
    done = subprocess.run(
        ["bash", "-c", script], cwd=sources, env=surroundings(sources), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    assert told.count("+++") == len(commands())
    assert (sources / "demo" / "derivatives" / "sub-01_report.html").stat().st_size > 100_000
    assert (sources / "my_results" / "sub-01_report.html").stat().st_size > 100_000
    assert re.search(r"my_results/sub-01/func/\S*bed\S*chair\S*_statmap.nii.gz", told, re.I)
    assert "Traceback" not in told
