import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import aff2axcodes
from scipy.spatial.transform import Rotation

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.reorient import parse_axis_codes, reorient

CODES = [a + b + c for a in "LR" for b in "PA" for c in "IS"]
CODES += [c[1] + c[2] + c[0] for c in CODES] + [c[2] + c[1] + c[0] for c in CODES]


@given(st.sampled_from(CODES), st.sampled_from(CODES), st.tuples(*[st.floats(-0.3, 0.3)] * 3))
def test_every_value_keeps_its_world_coordinates(start, target, tilt):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_rotvec(tilt).as_matrix() @ np.diag([2, 3, 4])
    affine[:3, 3] = -30, 10, 5
    data, affine = reorient(np.arange(2 * 3 * 4.0).reshape(2, 3, 4), affine, start)
    turned, turned_affine = reorient(data, affine, target)
    assert "".join(aff2axcodes(turned_affine)) == target

    def world(values, matrix):
        index = np.indices(values.shape).reshape(3, -1)
        places = matrix[:3, :3] @ index + matrix[:3, 3:]
        return places[:, np.argsort(values.ravel())]

    np.testing.assert_allclose(world(turned, turned_affine), world(data, affine), atol=1e-9)


def test_there_and_back_is_exact(rng):
    data, affine = rng.normal(size=(3, 4, 5, 2)), np.diag([2.0, 3.0, 4.0, 1.0])
    there, there_affine = reorient(data, affine, "PIL")
    back, back_affine = reorient(there, there_affine, "RAS")
    np.testing.assert_array_equal(back, data)
    np.testing.assert_array_equal(back_affine, affine)


@pytest.mark.parametrize("codes", ["LA", "LRS", "XYZ", ""])
def test_axis_codes_that_make_no_sense_are_refused(codes):
    with pytest.raises(InputError, match="three letters"):
        parse_axis_codes(codes)
