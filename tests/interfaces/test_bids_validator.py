"""Trees that tests and savers write are judged by the BIDS validator."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.bids import study_tree, write_tree
from support.dicoms import write_slices
from support.images import write_image

from fmriprod.interfaces.bids_index import index_dataset
from fmriprod.interfaces.dataset_description import write_dataset_description
from fmriprod.interfaces.derivatives import SaveDerivative
from fmriprod.interfaces.study_folder import write_study_folder
from fmriprod.workflows.convert import init_convert_wf

# the specification wants these two fields of images in a space, and of preprocessed images
REFERENCE = 'SpatialReference="bids:raw:sub-01/anat/sub-01_T1w.nii.gz"'
WHOLE = "SkullStripped=false"
SAVED = [
    ("map.nii.gz", {"suffix": "statmap", "contrast": "faceVsHouse", "stat": "z"}),
    ("map.nii.gz", {"suffix": "mask", "desc": "brain"}),
    ("map.nii.gz", {"suffix": "mask", "label": "V1", "desc": "draw", "space": "T1w",
                    "metadata": [REFERENCE]}),
    ("series.nii.gz", {"suffix": "bold", "desc": "preproc", "metadata": [WHOLE]}),
    ("map.nii.gz", {"suffix": "boldref"}),
    ("table.tsv", {"suffix": "timeseries", "desc": "motion"}),
    ("table.tsv", {"suffix": "design"}),
    ("fields.json", {"suffix": "design", "desc": "audit"}),
    ("fields.json", {"suffix": "quality"}),
    ("matrix.npy", {"suffix": "features", "label": "V1"}),
    ("table.tsv", {"suffix": "samples", "label": "V1"}),
    ("table.tsv", {"suffix": "evidence", "label": "V1", "desc": "half"}),
    ("x.txt", {"suffix": "xfm", "from_": "boldref", "to": "T1w", "mode": "image"}),
    ("carpet.png", {"suffix": "bold", "desc": "carpet", "datatype": "figures"}),
    ("page.html", {"suffix": "report", "dismiss_entities": ["task", "run"]}),
]  # fmt: skip


def errors(folder):
    """Give the errors that the validator finds in a dataset."""
    program = Path(sys.executable).with_name("bids-validator-deno")
    found = program if program.is_file() else shutil.which("bids-validator-deno")
    if not found:
        pytest.skip("bids-validator-deno is not installed (extra: test)")
    command = [str(found), str(folder), "--format", "json", "--ignoreWarnings"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    issues = json.loads(result.stdout)["issues"]["issues"]
    return [
        (i["code"], i.get("location"), i.get("subCode")) for i in issues if i["severity"] == "error"
    ]


def test_the_study_of_the_tests_is_valid(work):
    study = write_tree(work / "raw", study_tree())
    assert errors(study) == []
    (study / "sub-01/func/sub-01_run-1_task-view_bold.nii.gz").write_bytes(b"")
    assert errors(study)  # the validator does look


def test_saved_derivatives_are_a_valid_dataset(work):
    study = write_tree(work / "raw", study_tree())
    run = index_dataset(study).runs[0]
    write_image(work / "map.nii.gz", np.ones((3, 3, 3), dtype=np.float32))
    write_image(work / "series.nii.gz", np.ones((3, 3, 3, 4), dtype=np.float32))
    np.save(work / "matrix.npy", np.ones(3))
    texts = {"table.tsv": "a\tb\n1\t2\n", "fields.json": {"a": 1}, "x.txt": "x", "page.html": "x"}
    write_tree(work, texts | {"carpet.png": b"x"})
    write_dataset_description(work / "out", raw_directory=study)
    for file, inputs in SAVED:
        SaveDerivative(
            in_file=str(work / file),
            base_directory=str(work / "out"),
            source_file=run.bold_file,
            raw_directory=str(study),
            **inputs,
        ).run()
    assert errors(work / "out") == []


def test_a_converted_session_in_a_new_study_is_valid(work):
    write_study_folder(work / "study", ["01"], "fan2020")
    write_slices(work / "d", 1, 1, MRAcquisitionType="3D")
    write_slices(work / "d", 2, 3)
    (work / "order.txt").write_text("anat_mprage\ndraw_run_1 3\n")
    workflow = init_convert_wf(source="folder")
    workflow.base_dir = str(work)
    workflow.inputs.inputnode.trait_set(
        dicoms=str(work / "d"), run_order_file=str(work / "order.txt"), participant="01",
        bids_directory=str(work / "study"),
    )  # fmt: skip
    workflow.run()
    assert errors(work / "study") == []
    dataset = index_dataset(work / "study")
    assert [p.label for p in dataset.participants] == ["01"]
    assert dataset.participants[0].t1w_for().endswith("sub-01_T1w.nii.gz")
    assert [run.task for run in dataset.participants[0].runs] == ["draw"]
