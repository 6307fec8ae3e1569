import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms, parse_transforms
from fmriprod.algorithms.transforms import rigid_matrix

numbers = st.lists(st.floats(-3, 3), min_size=6, max_size=6)


@given(st.lists(numbers, min_size=1, max_size=3))
def test_every_digit_survives(parameters):
    matrices = rigid_matrix(np.array(parameters))
    np.testing.assert_array_equal(parse_transforms(format_transforms(matrices)), matrices)


def euler(in_zyx):
    transform = sitk.Euler3DTransform()
    transform.SetComputeZYX(in_zyx)
    transform.SetRotation(0.1, -0.4, 0.7)
    return transform


def versor():
    transform = sitk.VersorRigid3DTransform()
    transform.SetRotation((1, 2, -3), 0.6)
    return transform


def affine():
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((1.1, 0.2, 0, -0.1, 0.9, 0.1, 0, 0.3, 1.2))
    return transform


@pytest.mark.parametrize(
    "transform", [euler(False), euler(True), versor(), affine(), sitk.TranslationTransform(3)]
)
def test_transforms_that_itk_writes_send_points_where_itk_sends_them(transform, work):
    if hasattr(transform, "SetCenter"):
        transform.SetCenter((10.0, -20.0, 30.0))
        transform.SetTranslation((1.0, 2.0, 3.0))
    else:
        transform.SetOffset((1.0, 2.0, 3.0))
    sitk.WriteTransform(transform, "x.txt")
    (matrix,) = parse_transforms((work / "x.txt").read_text())
    for point in np.random.default_rng(0).normal(scale=50, size=(4, 3)):
        lps = transform.TransformPoint((point * (-1, -1, 1)).tolist())
        ras = matrix @ [*point, 1]
        np.testing.assert_allclose(ras[:3], np.array(lps) * (-1, -1, 1), atol=1e-9)


def test_itk_reads_what_is_written_here(work):
    matrix = rigid_matrix([1, 2, 3, 0.1, 0.2, 0.3])
    (work / "x.txt").write_text(format_transforms(matrix))
    transform = sitk.ReadTransform("x.txt")
    point = np.array([10.0, 20, 30])
    found = transform.TransformPoint((point * (-1, -1, 1)).tolist())
    np.testing.assert_allclose(np.array(found) * (-1, -1, 1), (matrix @ [*point, 1])[:3])


def test_composites_warps_and_other_files_are_refused(work):
    composite = sitk.CompositeTransform(3)
    composite.AddTransform(affine())
    composite.AddTransform(euler(False))
    sitk.WriteTransform(composite, "x.txt")
    whole = format_transforms(np.eye(4))
    for text, found in [
        ((work / "x.txt").read_text(), "CompositeTransform"),
        ("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "begins with '1 0 0 0'"),
        ("", "begins with ''"),
        (whole[: whole.index("Fixed")], "ends before its numbers"),
        (whole.replace("1.0 ", "", 1), "11 parameters"),
        (whole.replace("1.0 ", "one ", 1), "cannot be read"),
    ]:
        with pytest.raises(InputError) as error:
            parse_transforms(text)
        assert found in error.value.found, text
        assert "ITK text" in str(error.value)
