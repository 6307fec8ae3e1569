from pathlib import Path

import nibabel as nb
import numpy as np
import pytest
from support.dicoms import as_nifti, values, write_slices

from fmriprod.workflows.convert import init_convert_wf


@pytest.fixture
def inputs(work):
    write_slices(work / "d", 1, 3)
    (work / "run-order.txt").write_text("draw_run_1 3\n")
    return {
        "dicoms": str(work / "d"),
        "run_order_file": str(work / "run-order.txt"),
        "participant": "01",
        "bids_directory": str(work / "bids"),
    }


@pytest.mark.parametrize("session", [None, "b"])
def test_from_a_folder_to_a_dataset(work, inputs, session):
    workflow = init_convert_wf(source="folder")
    workflow.base_dir = str(work)
    workflow.inputs.inputnode.trait_set(**inputs, **({"session": session} if session else {}))
    workflow.run()
    folder = "sub-01/ses-b/func/sub-01_ses-b" if session else "sub-01/func/sub-01"
    image = nb.load(Path(inputs["bids_directory"], f"{folder}_task-draw_run-1_bold.nii.gz"))
    np.testing.assert_array_equal(image.dataobj, as_nifti(values(1, 3)))


def test_the_methods_say_where_the_repetition_time_is_from():
    assert "agree with the DICOM headers" in init_convert_wf().__desc__
    assert "set to 1.5 s" in init_convert_wf(tr=1.5).__desc__
    assert "those of the DICOM headers" in init_convert_wf(tr_from="dicom").__desc__
