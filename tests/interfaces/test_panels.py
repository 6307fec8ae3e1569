"""Interactive parts from files, through nodes, onto the page."""

import json
import re
from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.brain_panel import BrainPanel
from fmriprod.interfaces.panel_file import panel_text, read_panel
from fmriprod.interfaces.quality import RunQuality
from fmriprod.interfaces.report import SubjectReport
from fmriprod.interfaces.run_panel import RunPanel

SHAPE, N = (12, 13, 8), 25


@pytest.fixture
def files(work, rng):
    """Write a simulated run with one jump, a map and a mask."""
    grid = np.indices(SHAPE) - np.array([6, 6, 4]).reshape(3, 1, 1, 1)
    mask = (grid**2).sum(axis=0) < 14
    data = np.where(mask[..., None], 1000, 20) + rng.normal(0, 20, size=(*SHAPE, N))
    motion = pd.DataFrame(np.zeros((N, 6)), columns=list(MOTION_COLUMNS))
    motion.loc[11:, "trans_z"] = 0.9
    motion.to_csv(work / "motion.tsv", sep="\t", index=False)
    write_image(work / "bold.nii.gz", data.astype(np.float32), tr=1.5)
    write_image(work / "mask.nii.gz", mask.astype(np.uint8))
    write_image(work / "mean.nii.gz", data.mean(axis=3).astype(np.float32))
    write_image(work / "z.nii.gz", np.where(mask, rng.normal(size=SHAPE) * 3, 0).astype(np.float32))
    given = {name: str(work / f"{name}.nii.gz") for name in ("bold", "mask", "mean", "z")}
    given["motion"] = str(work / "motion.tsv")
    given["table"] = RunQuality(
        in_file=given["bold"], mask_file=given["mask"], motion_file=given["motion"]
    ).run().outputs.out_table  # fmt: skip
    return given


def run_inputs(files):
    return {"in_file": files["bold"], "mask_file": files["mask"], "table_file": files["table"],
            "motion_file": files["motion"]}  # fmt: skip


def brain_inputs(files):
    return {"in_file": files["mean"], "map_files": [files["z"]], "mask_file": files["mask"]}


def test_panels_of_nodes_are_on_the_page_of_the_participant(files):
    run = pe.Node(RunPanel(**run_inputs(files)), name="run", base_dir="nodes").run().outputs
    brain = pe.Node(BrainPanel(**brain_inputs(files)), name="brain", base_dir="nodes")
    brain = brain.run().outputs.out_file
    page = SubjectReport(
        subject="01", run_labels=["run 1"], run_panels=[run.out_file], brain_panels=[brain]
    ).run().outputs.out_file  # fmt: skip
    text = Path(page).read_text()
    assert re.findall(r'data-panel="(\w+)"', text) == ["brain", "run"]
    assert text.count("panels.brain = ") == text.count("panels.run = ") == 1
    data = [json.loads(found) for found in
            re.findall(r'application/json">(.*?)</script>', text, re.DOTALL)]  # fmt: skip
    assert data[0] == read_panel(brain).data and data[1] == read_panel(run.out_file).data
    displacement = next(t for t in data[1]["traces"] if t["name"] == "FD")["lines"][0]["values"]
    assert displacement[11] == pytest.approx(0.9) and data[1]["tr"] == 1.5
    assert sum(v > 0.5 for v in displacement if v is not None) == 1


def test_bytes_repeat_whatever_the_threads(files):
    for interface, inputs in ((RunPanel, run_inputs(files)), (BrainPanel, brain_inputs(files))):
        made = [Path(interface(**inputs, num_threads=n).run().outputs.out_file).read_bytes()
                for n in (1, 2)]  # fmt: skip
        assert made[0] == made[1]


def test_files_keep_panels(files):
    path = BrainPanel(**brain_inputs(files)).run().outputs.out_file
    assert panel_text(read_panel(path)) == Path(path).read_text()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "cube"}, "'cube'"),
        ({"data": {"shape": [1, 1, 1]}}, "no colours, ground"),
        ({"label": None, "data": None}, "TypeError"),
    ],
)
def test_other_files_are_refused(files, work, change, text):
    content = json.loads(Path(BrainPanel(**brain_inputs(files)).run().outputs.out_file).read_text())
    (work / "other.json").write_text(json.dumps(content | change))
    with pytest.raises(InputError, match=text) as error:
        SubjectReport(subject="01", brain_panels=[str(work / "other.json")]).run()
    assert str(work / "other.json") in str(error.value)


def test_a_picture_from_elsewhere_is_refused(files, work):
    path = Path(BrainPanel(**brain_inputs(files)).run().outputs.out_file)
    content = json.loads(path.read_text())
    content["data"]["maps"][0]["picture"] = "https://example.org/a.png"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"as RunPanel and BrainPanel write it\n.*example\.org"):
        read_panel(str(path))


def test_runs_that_cannot_be_shown_are_refused(files, work):
    write_image(work / "flat.nii.gz", np.ones((*SHAPE, N), np.float32), tr=1.5)
    with pytest.raises(InputError, match=r"signal changes over time\n.*none"):
        RunPanel(**run_inputs(files) | {"in_file": str(work / "flat.nii.gz")}).run()
    (work / "short.tsv").write_text("global_signal\tstd_dvars\n1\t1\n")
    with pytest.raises(InputError, match="no framewise_displacement"):
        RunPanel(**run_inputs(files) | {"table_file": str(work / "short.tsv")}).run()
    (work / "empty.tsv").write_text("")
    with pytest.raises(InputError, match="tab-separated table") as error:
        RunPanel(**run_inputs(files) | {"motion_file": str(work / "empty.tsv")}).run()
    assert "empty.tsv" in str(error.value)
    with pytest.raises(InputError, match=r"run_panels\n.*one for each of run_labels \(2\)"):
        SubjectReport(subject="1", run_labels=["a", "b"], run_panels=[files["motion"]]).run()


def test_maps_that_do_not_fit_are_refused(files, work):
    with pytest.raises(InputError, match=r"map_names\n.*a name for each of 2 maps\n.*0"):
        BrainPanel(in_file=files["mean"], map_files=[files["z"]] * 2).run()
    write_image(work / "small.nii.gz", np.ones((3, 3, 3), np.float32))
    with pytest.raises(InputError, match=r"shape \(3, 3, 3\)"):
        BrainPanel(in_file=files["mean"], map_files=[str(work / "small.nii.gz")]).run()
