import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.roi import RoiMask

AFFINE = np.array([[-1.0, 0, 0, 12], [0, 1, 0, -9], [0, 0, 1, 3], [0, 0, 0, 1]])


@pytest.fixture
def labels(work):
    """Write a label image of 1 mm with two blocks."""
    data = np.zeros((24, 20, 18), dtype=np.int16)
    data[3:12, 4:13, 3:12] = 17
    data[12:15, 4:13, 3:12] = 53
    write_image(work / "labels.nii.gz", data, AFFINE)
    return data


@pytest.fixture
def stat(work, rng):
    """Write a statistical map with NaN and zeros."""
    data = rng.normal(size=(6, 5, 4)).astype(np.float32)
    data[0] = np.nan
    data[1] = 0
    write_image(work / "z.nii.gz", data, AFFINE)
    return data


def run(**inputs):
    out = RoiMask(**inputs).run().outputs
    image = nb.load(out.out_mask)
    return image, np.asarray(image.dataobj), pd.read_csv(out.out_table, sep="\t"), out.n_voxels


def test_labels_on_their_own_grid_are_taken_voxel_by_voxel(labels):
    image, mask, table, n_voxels = run(in_file="labels.nii.gz", labels=[53, 17])
    np.testing.assert_array_equal(mask, np.isin(labels, [17, 53]))
    assert mask.dtype == np.uint8 and n_voxels == mask.sum()
    np.testing.assert_allclose(image.affine, AFFINE)
    assert table["selection"].astype(str).tolist() == ["53", "17"]
    assert table["n_voxels"].tolist() == [243, 729]
    centre = AFFINE @ [7, 8, 7, 1]
    np.testing.assert_allclose(table.loc[1, ["x", "y", "z"]].astype(float), centre[:3])
    assert table["volume"].tolist() == [243, 729]


def test_same_reference_resamples_nothing(labels):
    _, mask, _, _ = run(in_file="labels.nii.gz", labels=[17], reference_file="labels.nii.gz")
    np.testing.assert_array_equal(mask, labels == 17)


def test_labels_come_onto_another_grid_by_volume(labels, work):
    """A 9 mm block in 3 mm voxels: 27 when they are aligned with it, in a flipped grid too."""
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = AFFINE[:3, 3] + AFFINE[:3, :3] @ [22, 2, 1]
    write_image(work / "bold.nii.gz", np.zeros((8, 6, 6, 2), np.float32), affine)
    image, mask, table, n_voxels = run(
        in_file="labels.nii.gz", labels=[17], reference_file="bold.nii.gz"
    )
    assert mask.shape == (8, 6, 6) and n_voxels == 27
    np.testing.assert_allclose(image.affine, affine)
    np.testing.assert_allclose(
        table.loc[0, ["x", "y", "z"]].astype(float), (AFFINE @ [7, 8, 7, 1])[:3]
    )
    _, both, table, _ = run(in_file="labels.nii.gz", labels=[17, 53], reference_file="bold.nii.gz")
    assert table["n_voxels"].tolist() == [27, 9] and both.sum() == 36


def test_map_selection_on_its_grid(stat):
    _, mask, table, n_voxels = run(in_file="z.nii.gz", n_voxels=7, two_sided=True)
    values = np.abs(stat[mask == 1])
    assert n_voxels == 7 and values.min() >= np.sort(np.abs(stat[2:]).ravel())[-7]
    assert table["selection"].tolist() == ["largest |value|, 7 voxels"]
    _, mask, table, _ = run(in_file="z.nii.gz", threshold=0.5)
    np.testing.assert_array_equal(mask, np.nan_to_num(stat, nan=-9) >= 0.5)
    assert table["value_min"][0] >= 0.5


def test_map_is_selected_on_the_grid_of_the_reference(stat, work):
    """Voxels that the map does not cover are NaN and never chosen."""
    affine = AFFINE.copy()
    affine[:3, 3] -= AFFINE[:3, :3] @ [3, 0, 0]  # three voxels further to the side
    write_image(work / "ref.nii.gz", np.zeros((6, 5, 4), np.float32), affine)
    _, mask, _, _ = run(
        in_file="z.nii.gz", n_voxels=10, two_sided=True, reference_file="ref.nii.gz"
    )
    inside = np.abs(stat[2:3])
    expected = np.argsort(-inside.ravel())[:10]
    assert mask.sum() == 10
    assert set(np.flatnonzero(mask[5])) == set(expected)


def test_mask_file_restricts_and_must_lie_on_the_output_s_grid(stat, work):
    within = np.zeros((6, 5, 4), np.uint8)
    within[3] = 1
    write_image(work / "brain.nii.gz", within, AFFINE)
    _, mask, _, _ = run(in_file="z.nii.gz", n_voxels=5, two_sided=True, mask_file="brain.nii.gz")
    assert mask[3].sum() == mask.sum() == 5
    write_image(work / "brain.nii.gz", within)
    with pytest.raises(InputError, match="an affine that differs"):
        RoiMask(in_file="z.nii.gz", n_voxels=5, mask_file="brain.nii.gz").run()


def test_empty_regions_say_where_to_look(labels, work):
    away = np.diag([3.0, 3.0, 3.0, 1.0])
    away[:3, 3] = 500
    write_image(work / "far.nii.gz", np.zeros((4, 4, 4), np.float32), away)
    with pytest.raises(InputError) as caught:
        RoiMask(in_file="labels.nii.gz", labels=[17], reference_file="far.nii.gz").run()
    assert caught.value.interface == "RoiMask"
    assert caught.value.found == "the labels have no voxel on the grid of reference_file"
    assert "check transform_file and its direction" in caught.value.hint


def test_one_selection_is_needed(stat):
    with pytest.raises(InputError, match="one of labels, threshold and n_voxels"):
        RoiMask(in_file="z.nii.gz").run()


def test_top_n_beyond_what_the_map_has_is_refused_in_a_node(stat, work):
    node = pe.Node(RoiMask(in_file=str(work / "z.nii.gz"), n_voxels=500), name="roi")
    node.base_dir = str(work)
    with pytest.raises(Exception, match="voxels with a finite value above 0"):
        node.run()


def test_transform_maps_points_of_the_reference_to_the_labels(labels, work):
    """An ITK file (LPS): reference points move 3 mm to the right to meet the labels."""
    matrix = "1 0 0 0 1 0 0 0 1 -3 0 0"  # x of LPS points left, so -3 is 3 mm to the right
    (work / "move.txt").write_text(
        "#Insight Transform File V1.0\n#Transform 0\n"
        "Transform: AffineTransform_double_3_3\n"
        f"Parameters: {matrix}\nFixedParameters: 0 0 0\n"
    )
    _, mask, _, _ = run(
        in_file="labels.nii.gz", labels=[17],
        reference_file="labels.nii.gz", transform_file="move.txt",
    )  # fmt: skip
    # The grid's first axis runs to the left: voxel i of the output reads voxel i - 3.
    np.testing.assert_array_equal(mask[3:], (labels == 17)[:-3])


def test_transforms_of_a_series_are_refused(labels, work):
    one = "Transform: AffineTransform_double_3_3\nParameters: 1 0 0 0 1 0 0 0 1 0 0 0\n"
    one += "FixedParameters: 0 0 0\n"
    text = "#Insight Transform File V1.0\n" + "".join(f"#Transform {i}\n{one}" for i in (0, 1))
    (work / "series.txt").write_text(text)
    with pytest.raises(InputError, match="one transform, from the reference to in_file"):
        RoiMask(
            in_file="labels.nii.gz", labels=[17],
            reference_file="labels.nii.gz", transform_file="series.txt",
        ).run()  # fmt: skip
