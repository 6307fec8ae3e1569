"""Recipes of containers: what can be known of them without building one."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCKER = (ROOT / "containers" / "Dockerfile").read_text(encoding="utf-8")
APPTAINER = (ROOT / "containers" / "apptainer.def").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTRUCTIONS = {
    "ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "ENTRYPOINT", "CMD",
}  # fmt: skip


def instructions():
    """Each instruction of the Dockerfile: its name and its text on one line."""
    text = re.sub(r"^#.*\n", "", DOCKER, flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def sections():
    """Sections of the definition by name."""
    parts = re.split(r"^%(\w+)\n", APPTAINER, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_images_are_public_and_of_a_python_that_is_supported():
    images = [text.split()[0] for name, text in instructions() if name == "FROM"]
    defaults = dict(text.split("=", 1) for name, text in instructions() if name == "ARG")
    images = [defaults["BASE"] if image == "${BASE}" else image for image in images]
    header = APPTAINER.split("%")[0]
    assert "Bootstrap: docker" in header
    images += re.findall(r"^From: (\S+)$", header, re.M)
    assert len(images) == 3
    for image in images:  # those of Docker's official library: no registry, no owner
        (version,) = re.fullmatch(r"python:(3\.\d+)-slim", image).groups()
        assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_what_is_copied_is_there_and_is_what_a_wheel_is_built_of():
    copied = [text.split()[:-1] for name, text in instructions() if name == "COPY"]
    sources = [part for parts in copied if not parts[0].startswith("--from") for part in parts]
    files = [line.split() for line in sections()["files"].splitlines() if line.strip()]
    assert sorted(sources) == sorted(source for source, _ in files)
    assert all(target == f"/source/{source}" for source, target in files)
    ignored = (ROOT / "containers" / "Dockerfile.dockerignore").read_text().splitlines()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source
    manifest = {"pyproject.toml", "setup.cfg", PROJECT["readme"], *PROJECT["license-files"]}
    assert manifest <= set(sources)


def test_scripts_are_shell_that_parses():
    scripts = [text for name, text in instructions() if name == "RUN"]
    scripts += [sections()[name] for name in ("post", "environment", "runscript", "test")]
    for script in scripts:
        done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {name for name, _ in instructions()} <= INSTRUCTIONS


def test_nothing_runs_as_root_and_the_command_is_ours():
    last = dict(instructions())
    names = [name for name, _ in instructions()]
    assert last["USER"] == "1000:1000"
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))
    assert last["ENTRYPOINT"] == '["fmriprod"]'
    assert sections()["runscript"].strip() == 'exec fmriprod "$@"'
    assert 'fmriprod = "fmriprod.cli.main:main"' in (ROOT / "pyproject.toml").read_text()


def test_what_is_installed_has_bounds_that_agree_with_the_package():
    extras = PROJECT["optional-dependencies"]
    assert set(re.findall(r"\[(\w+)\]\"", DOCKER + APPTAINER)) == {"all"}
    assert "all" in extras
    (torch,) = (one for one in extras["cnn"] if one.startswith("torch"))
    for text in (DOCKER, APPTAINER):
        assert f'"{torch},<3"' in text


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="no hadolint")
def test_hadolint_finds_nothing():
    done = subprocess.run(
        ["hadolint", "--no-color", ROOT / "containers" / "Dockerfile"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
