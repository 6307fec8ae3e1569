"""The common space of a group."""

import nibabel as nb
import numpy as np
from nipype.pipeline import engine as pe

from fmriprod.interfaces.template import Template


def test_template_is_a_brain_in_its_mask():
    out = pe.Node(Template(), "template").run().outputs
    image, mask = nb.load(out.template_file), nb.load(out.template_mask).get_fdata() > 0
    assert np.allclose(np.abs(np.diag(image.affine)[:3]), 2)
    data = image.get_fdata()
    assert (data[~mask] == 0).all()
    assert 1.4e6 < mask.sum() * 8 < 2.4e6  # mm3
    middle = np.linalg.inv(image.affine) @ [0, -20, 10, 1]
    assert mask[tuple(middle[:3].round().astype(int))]
