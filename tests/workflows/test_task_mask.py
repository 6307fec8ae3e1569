import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from support.images import write_image

from fmriprod.algorithms.fixed_effects import fixed_effects
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.workflows.describe import describe
from fmriprod.workflows.task_mask import init_task_mask_wf

SHAPE, SPACE = (28, 30, 26), np.diag([-4.0, 4.0, 4.0, 1.0])
SPACE[:3, 3] = 54, -58, -50
OWN_SHAPE = (60, 56, 50)
ACTIVE = (slice(8, 18), slice(10, 20), slice(9, 17))


@pytest.fixture
def group(work, rng):
    """Simulated: four who draw, with a block of activity; the fifth did not."""
    people = ["01", "02", "03", "04", "05"]
    files = {field: [] for field in ("effect_files", "variance_files", "grid_files")}
    files |= {"transform_files": [], "subjects": people, "map_subjects": people[:4]}
    for number, name in enumerate(people):
        where = rigid_matrix([3 * number, -4, 2, 0.05 * number, 0, 0.1])
        path = work / f"sub-{name}_from-T1w_to-MNI.txt"
        path.write_text(format_transforms(where))  # template to T1w
        files["transform_files"].append(str(path))
        grid = np.diag([2.0, 2.0, 2.0, 1.0])
        grid[:3, 3] = -60 + number, -56, -50
        image = write_image(work / f"T1w_{name}.nii", np.ones(OWN_SHAPE, np.uint8), grid)
        files["grid_files"].append(str(image))
        if name == "05":
            continue
        effect = ndimage.gaussian_filter(rng.normal(size=SHAPE), 1.0) * 3
        effect[ACTIVE] += 4
        for kind, data in (("effect", effect), ("variance", rng.uniform(0.5, 1.5, SHAPE))):
            path = write_image(work / f"{kind}_{name}.nii", data.astype(np.float32), SPACE)
            files[f"{kind}_files"].append(str(path))
    return files, people


def run(files, work, **options):
    workflow = init_task_mask_wf(**options)
    workflow.base_dir = str(work / "cache")
    for field, value in files.items():
        setattr(workflow.inputs.inputnode, field, value)
    graph = workflow.run()
    found = {node.name: node.result.outputs for node in graph.nodes()}
    return found


def test_masks_come_back_to_each_ones_grid(group, work):
    files, people = group
    found = run(files, work)
    masks = [[path] if isinstance(path, str) else path for path in found["to_grid"].out_files]
    assert len(masks) == 5
    for number, (path,) in enumerate(masks):
        mask = nb.load(path)
        assert mask.shape == OWN_SHAPE and mask.get_data_dtype() == np.uint8
        np.testing.assert_allclose(mask.affine, nb.load(files["grid_files"][number]).affine)
        # The block's centre in the template, by the transform, in the participant's space.
        where = rigid_matrix([3 * number, -4, 2, 0.05 * number, 0, 0.1])
        middle = where @ SPACE @ [12.5, 14.5, 12.5, 1]
        voxels = np.argwhere(mask.get_fdata() > 0)
        centre = (mask.affine @ np.r_[voxels.mean(axis=0), 1])[:3]
        assert np.linalg.norm(centre - middle[:3]) < 1.5
        assert len(voxels) * 8 == pytest.approx(10 * 10 * 8 * 64, rel=0.15)  # mm3
    table = pd.read_csv(found["leave_one_out"].summary_file, sep="\t", dtype={"subject": str})
    assert table.subject.tolist() == [*people, "all"]
    assert table.n_others.tolist() == [3, 3, 3, 3, 4, 4]
    assert found["leave_one_out"].without_map == ["05"]


def test_the_published_way_cuts_after_interpolation(group, work):
    files, _ = group
    found = run(files, work, back="published")
    for number in (0, 4):
        path = found["leave_one_out"].thresholded_files[number]
        mask = nb.load(found["binarize"].out_mask[number])
        where = rigid_matrix([3 * number, -4, 2, 0.05 * number, 0, 0.1])
        to_voxel = np.linalg.inv(SPACE) @ np.linalg.inv(where) @ mask.affine
        points = to_voxel[:3, :3] @ np.indices(OWN_SHAPE).reshape(3, -1) + to_voxel[:3, 3:]
        expected = ndimage.map_coordinates(nb.load(path).get_fdata(), points, order=1) > 3
        found_here = mask.get_fdata().ravel() > 0
        assert expected.sum() > 3000
        assert (found_here != expected).sum() <= 2  # at the threshold to rounding


def test_the_mask_of_one_is_the_refit_without_it(group, work):
    files, _ = group
    found = run(files, work, cluster_p=0.0)
    stacks = [
        np.array([nb.load(p).get_fdata().ravel() for p in files[f"{kind}_files"]])
        for kind in ("effect", "variance")
    ]
    keep = [0, 1, 3]
    refit = fixed_effects(stacks[0][keep], stacks[1][keep], [1.0] * 3).t.reshape(SHAPE)
    ours = nb.load(found["leave_one_out"].z_files[2]).get_fdata()
    np.testing.assert_allclose(ours, refit, rtol=1e-6, atol=1e-6)


def test_the_text_says_what_was_chosen():
    text = describe(init_task_mask_wf(model="random", min_voxels=20, back="published"))
    for part in ("one-sample t-test", "at least 20 voxels", "linear interpolation", "z > 3 there"):
        assert part in text
    assert "corrected p" not in describe(init_task_mask_wf(cluster_p=0.0))
