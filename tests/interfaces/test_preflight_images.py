import nibabel as nb
import numpy as np
import pytest

from fmriprod.interfaces.preflight_images import check_image


def write(path, sform, qform, sform_code, qform_code):
    image = nb.Nifti1Image(np.zeros((20, 20, 10), np.int16), sform)
    image.set_sform(sform, sform_code)
    image.set_qform(qform, qform_code)
    image.to_filename(path)
    return str(path)


GRID = np.diag([-3.0, 3.0, 4.0, 1.0])


@pytest.mark.parametrize(
    ("shift", "codes", "found"),
    [
        (0.0, (1, 1), None),
        (0.5, (1, 1), None),
        (0.0, (0, 1), None),
        (9.0, (2, 0), None),
        (0.0, (0, 0), "both 0, so that which side is left is a guess"),
        (7.0, (4, 1), "places up to 7 mm apart; the sform (code 4) is used"),
    ],
)
def test_a_header_that_leaves_open_where_the_head_lies_is_told(work, shift, codes, found):
    other = GRID.copy()
    other[0, 3] = shift
    problems, image = check_image(write(work / "a.nii", GRID, other, *codes), 3)
    assert image is not None
    assert [(p.severity, p.found) for p in problems] == ([("warning", found)] if found else [])


def test_a_mirrored_axis_is_told(work):
    """The same field of view, left and right exchanged: the grids share their corners."""
    mirrored = GRID.copy()
    mirrored[0] = 3, 0, 0, -57
    (problem,), _ = check_image(write(work / "a.nii", GRID, mirrored, 1, 1), 3)
    assert problem.found.startswith("places up to 57 mm apart")
