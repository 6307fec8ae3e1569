"""The page on graphs of one's own runs as it stands, and gives the numbers of the single steps."""

import re
import subprocess
import sys
from pathlib import Path

import nibabel as nb
import numpy as np
import pytest

from fmriprod.interfaces.glm import FirstLevelModel
from fmriprod.interfaces.simulate import SimulateStudy
from fmriprod.interfaces.smooth import Smooth

DOCS = Path(__file__).resolve().parents[2] / "docs"


def python_blocks(name: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text("utf-8"), re.M | re.S)


@pytest.fixture
def namespace(work):
    """Give the names that the page takes from outside: a run of a simulated study."""
    study = SimulateStudy(
        out_dir=str(work / "bids"), n_recognition_runs=1, n_production_runs=0, t1w_zoom=3
    )
    bids = Path(study.run(cwd=str(work)).outputs.bids_dir)
    stem = bids / "sub-01" / "func" / "sub-01_task-recognition_run-1"
    return {
        "bold_file": f"{stem}_bold.nii.gz",
        "events_file": f"{stem}_events.tsv",
        "t1w_file": str(bids / "sub-01" / "anat" / "sub-01_T1w.nii.gz"),
    }


@pytest.mark.slow
def test_the_page_runs_as_it_stands(namespace, work, capsys):
    first, *graph = python_blocks("your_own_graph.md")
    for block in graph:
        exec(compile(block, "your_own_graph.md", "exec"), namespace)
    told = capsys.readouterr().out
    for words in ("6 mm", "each trial", "standard deviation of 1", "@mumford_lss"):
        assert words in told, told
    mine = namespace["mine"]
    names = {node.fullname for node in mine._create_flat_graph().nodes}
    assert any(name.startswith("mine.single_subject_01_wf.bold_preproc_wf.") for name in names)
    responses = np.load(work / "work/mine/responses_wf/responses/responses.npy")
    assert responses.shape[0] == nb.load(namespace["bold_file"]).shape[3]
    np.testing.assert_allclose(np.nanstd(responses, axis=0), 1, atol=1e-3)
    check_numbers(work, namespace)
    (work / "one").mkdir()
    run = {"bold.nii.gz": namespace["bold_file"]}
    exec(compile(first.replace('"bold.nii.gz"', repr(run["bold.nii.gz"])), "first", "exec"), run)
    assert nb.load(run["smoothed"]).shape == nb.load(namespace["bold_file"]).shape


def check_numbers(work, namespace):
    """The spliced model has the numbers of its two steps run by hand on the same files."""
    mine = work / "work" / "mine"
    ran = mine / "single_subject_01_wf" / "bold_preproc_wf"
    (aligned,) = (ran / "bold_wf" / "motion").glob("*_realigned.nii")
    (mask,) = (ran / "boldref_wf" / "mask").glob("*_brain_mask.nii.gz")
    (motion,) = (ran / "bold_wf" / "motion").glob("*_motion.tsv")
    (z,) = (mine / "first_level_wf" / "model").glob("*_stat-z_statmap.nii.gz")
    hand = work / "hand"
    hand.mkdir()
    smooth = Smooth(in_file=str(aligned), fwhm=6.0, mask_file=str(mask)).run(cwd=str(hand)).outputs
    model = FirstLevelModel(
        in_file=smooth.out_file, mask_file=str(mask), events_file=namespace["events_file"],
        contrasts=["bed-chair"], hrf="spm + derivative", confounds_file=str(motion),
        confounds=["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"],
    ).run(cwd=str(hand)).outputs  # fmt: skip
    np.testing.assert_array_equal(nb.load(z).get_fdata(), nb.load(model.z_files[0]).get_fdata())


def test_the_page_on_engines_runs_and_names_them_all(work):
    from fmriprod.workflows.execution import ENGINES

    (block,) = python_blocks("engines.md")
    (work / "mine.py").write_text(block)
    done = subprocess.run([sys.executable, "mine.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['mine.both']"
    table = (DOCS / "engines.md").read_text("utf-8")
    for name in ENGINES:
        assert f"| `{name}`" in table
        assert name in block


def test_the_page_on_figures_and_text_runs(work, capsys):
    for block in python_blocks("graphs_and_text.md"):
        exec(compile(block, "graphs_and_text.md", "exec"), {})
    told = capsys.readouterr().out
    assert "<svg" in (work / "encoding.svg").read_text()
    assert "each session was left out" in told and "ridge regression" in told


def test_every_page_with_python_is_run_here():
    run = {"your_own_graph.md", "engines.md", "graphs_and_text.md"}
    found = {p.name for p in DOCS.glob("*.md") if "```python" in p.read_text("utf-8")}
    found |= {p.name for p in (DOCS / "steps").glob("*.md") if "```python" in p.read_text("utf-8")}
    assert found == run


def test_commands_that_pages_show_are_commands_with_these_options():
    """What stands as text is not run; its commands and options are those that there are."""
    import argparse

    from fmriprod.cli.main import build_parser

    parser = build_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    seen = 0
    for page in [*DOCS.glob("*.md"), *(DOCS / "steps").glob("*.md")]:
        text = page.read_text("utf-8").replace("\\\n", " ")
        for command, rest in re.findall(r"(?<![\w/])fmriprod ([a-z]+)\b([^\n`|#]*)", text):
            if command not in commands.choices:
                assert "--" not in rest and not re.match(r" [A-Z]{2}", rest), (
                    f"{page.name}: {command}"
                )
                continue
            known = commands.choices[command]._option_string_actions
            for option in re.findall(r"(?<![\w'=-])--[a-z][a-z-]*", re.sub(r"'[^']*'", "", rest)):
                assert option in known, f"{page.name}: fmriprod {command} {option}"
                seen += 1
    assert seen > 15
