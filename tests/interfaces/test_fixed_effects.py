import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nilearn.glm import compute_fixed_effects
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.fixed_effects import FixedEffects


@pytest.fixture
def maps(work, rng):
    def save(name, data):
        return str(write_image(work / name, data.astype(np.float32)))

    shape = (5, 6, 4)
    return {
        "effect_files": [save(f"e{i}.nii", rng.normal(size=shape)) for i in range(3)],
        "variance_files": [save(f"v{i}.nii", rng.uniform(1, 2, size=shape)) for i in range(3)],
        "mask_file": save("mask.nii", rng.random(shape) > 0.3),
        "dof": [50.0, 60.0, 70.0],
    }


def test_agrees_with_nilearn_in_a_node(maps, work):
    node = pe.Node(FixedEffects(**maps), name="fixed", base_dir=work)
    out = node.run().outputs
    theirs = compute_fixed_effects(
        maps["effect_files"], maps["variance_files"], maps["mask_file"], True, dofs=maps["dof"]
    )
    for ours, reference in zip(
        (out.effect_file, out.variance_file, out.t_file), theirs[:3], strict=True
    ):
        np.testing.assert_allclose(
            nb.load(ours).get_fdata(), reference.get_fdata(), rtol=1e-5, atol=1e-6
        )
    assert out.n_excluded == 0


def test_a_map_on_another_grid_is_refused(maps, work):
    other = write_image(work / "other.nii", np.ones((5, 6, 4), np.float32), np.eye(4))
    maps["effect_files"][1] = str(other)
    with pytest.raises(InputError, match=r"other\.nii"):
        FixedEffects(**maps).run()
