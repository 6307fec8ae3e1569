from pathlib import Path

import nibabel as nb
import numpy as np
from nilearn.datasets import load_mni152_brain_mask, load_mni152_template
from support.images import write_image

from fmriprod.algorithms.transforms import displacement, mask_points, rigid_matrix
from fmriprod.interfaces.transforms import read_transforms
from fmriprod.workflows.normalize import init_normalize_wf


def test_a_moved_template_is_found(work):
    template, mask = (f(resolution=2) for f in (load_mni152_template, load_mni152_brain_mask))
    where = rigid_matrix([6, -3, 9, 0.1, 0, -0.05])
    data = template.get_fdata(dtype=np.float32) * 500 + 100  # "skull" all around
    workflow = init_normalize_wf()
    workflow.base_dir = str(work)
    workflow.inputs.inputnode.t1w_file = str(
        write_image(work / "T1w.nii", data, where @ template.affine)
    )
    workflow.inputs.inputnode.t1w_mask = str(
        write_image(
            work / "mask.nii", (mask.get_fdata() > 0).astype("uint8"), where @ template.affine
        )
    )
    (node,) = [n for n in workflow.run().nodes() if n.name == "normalize"]
    out = node.result.outputs
    (found,) = read_transforms(out.transform_file)
    points = mask_points(mask.get_fdata() > 0, mask.affine)[::200]
    assert displacement(found, where, points).max() < 0.2
    assert out.correlation > 0.95 and Path(out.out_figure).exists()
    assert nb.load(out.out_file).shape == template.shape
