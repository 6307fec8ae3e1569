import subprocess
import sys
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage, stats
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.fixed_effects import fixed_effects, t_to_z
from fmriprod.interfaces.binarize import Binarize
from fmriprod.interfaces.leave_one_out import LeaveOneOutMasks

SHAPE, GRID = (20, 22, 18), np.diag([-3.0, 3.0, 3.0, 1.0])
PEOPLE = ["03", "01", "02", "07", "05"]


def save(work, name, data, affine=GRID):
    return str(write_image(work / name, np.asarray(data, np.float32), affine))


@pytest.fixture
def maps(work, rng):
    """Simulated: five with activity in a block; the third lacks a corner."""
    effects = ndimage.gaussian_filter(rng.normal(size=(5, *SHAPE)), (0, 1, 1, 1)) * 3
    effects[:, 5:13, 5:13, 5:13] += 3
    variances = rng.uniform(0.5, 2, (5, *SHAPE))
    variances[2, :4] = 0
    return {
        "effect_files": [save(work, f"e{n}.nii", e) for n, e in zip(PEOPLE, effects, strict=True)],
        "variance_files": [
            save(work, f"v{n}.nii", v) for n, v in zip(PEOPLE, variances, strict=True)
        ],
        "dof": [40.0, 50, 60, 70, 80],
        "map_subjects": PEOPLE,
    }


def values(path):
    return nb.load(path).get_fdata()


def stack(paths):
    return np.array([values(p) for p in paths]).reshape(len(paths), -1)


def test_all_maps_equal_refits_and_the_table_tells_them(maps, work):
    node = pe.Node(LeaveOneOutMasks(cluster_p=0.0, **maps), name="masks", base_dir=str(work))
    out = node.run().outputs
    effects, variances = stack(maps["effect_files"]), stack(maps["variance_files"])
    for i in range(5):
        keep = [j for j in range(5) if j != i]
        refit = fixed_effects(effects[keep], variances[keep], np.array(maps["dof"])[keep])
        np.testing.assert_allclose(values(out.z_files[i]).ravel(), refit.z, rtol=1e-6, atol=1e-6)
        z = values(out.z_files[i])
        np.testing.assert_array_equal(values(out.out_masks[i]) > 0, z > 3.0)
        np.testing.assert_array_equal(values(out.thresholded_files[i]), np.where(z > 2.3, z, 0))
    whole = fixed_effects(effects, variances, maps["dof"])
    np.testing.assert_allclose(values(out.group_z_file).ravel(), whole.z, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(values(out.group_effect_file).ravel(), whole.effect, rtol=1e-6)
    coverage = values(out.coverage_file)
    assert set(np.unique(coverage[:4])) == {4} and set(np.unique(coverage[4:])) == {5}
    table = pd.read_csv(out.summary_file, sep="\t", dtype={"subject": str}, index_col="subject")
    assert table.index.tolist() == [*PEOPLE, "all"] and out.subjects == PEOPLE
    corner = 4 * SHAPE[1] * SHAPE[2]
    assert table.n_not_covered.tolist() == [corner, corner, 0, corner, corner, corner]
    for name, path in zip(PEOPLE, out.out_masks, strict=True):
        assert table.n_voxels[name] == (values(path) > 0).sum()
        assert table.volume[name] == table.n_voxels[name] * 27
    z = values(out.z_files[1])
    peak = np.unravel_index(z.argmax(), z.shape)
    assert table.peak_z["01"] == pytest.approx(z.max())
    np.testing.assert_allclose(table.loc["01", ["x", "y", "z"]], (GRID @ [*peak, 1])[:3])
    assert not list((work / "masks").glob(".*scratch"))


def test_slabs_do_not_change_a_bit(maps, work, monkeypatch):
    whole = LeaveOneOutMasks(**maps).run().outputs.z_files
    before = [values(path) for path in whole]
    monkeypatch.setattr("fmriprod.interfaces.leave_one_out._SLAB_BYTES", 40_000)
    for one, path in zip(before, LeaveOneOutMasks(**maps).run().outputs.z_files, strict=True):
        np.testing.assert_array_equal(one, values(path))


def test_ones_own_map_does_not_touch_ones_own_mask(maps, work, rng):
    one = LeaveOneOutMasks(compress=False, **maps).run().outputs
    before = [Path(p).read_bytes() for p in (one.z_files[3], one.out_masks[3], one.z_files[2])]
    lesion = values(maps["effect_files"][3])
    lesion[8:12, 8:12, 8:12] = -1e6
    lesion[0, 0, 0] = np.nan
    save(work, "e07.nii", lesion)
    save(work, "v07.nii", 10.0 ** rng.uniform(-9, 6, SHAPE))
    two = LeaveOneOutMasks(compress=False, **maps).run().outputs
    after = [Path(p).read_bytes() for p in (two.z_files[3], two.out_masks[3], two.z_files[2])]
    assert before[:2] == after[:2] and before[2] != after[2]


def test_random_effects_need_no_variance(maps):
    del maps["variance_files"], maps["dof"]
    out = LeaveOneOutMasks(model="random", **maps).run().outputs
    t = stats.ttest_1samp(stack(maps["effect_files"])[1:], 0, axis=0).statistic
    np.testing.assert_allclose(values(out.z_files[0]).ravel(), t_to_z(t, 3), rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="no variance_files") as error:
        LeaveOneOutMasks(**maps).run()
    assert "use model random" in str(error.value)


def test_somebody_without_a_map_gets_the_mask_of_all(maps):
    out = LeaveOneOutMasks(subjects=["09", *PEOPLE], **maps).run().outputs
    np.testing.assert_array_equal(values(out.z_files[0]), values(out.group_z_file))
    np.testing.assert_array_equal(values(out.out_masks[0]), values(out.group_mask))
    assert out.without_map == ["09"] and out.subjects == ["09", *PEOPLE]
    table = pd.read_csv(out.summary_file, sep="\t", dtype={"subject": str})
    assert table.has_map.tolist() == [0, 1, 1, 1, 1, 1, 5]
    assert table.n_others.tolist() == [5, 4, 4, 4, 4, 4, 5]


def test_coverage_rule_mask_and_cluster_size(maps, work):
    block = np.zeros(SHAPE)
    block[2:14, 2:14, 2:14] = block[16:18, 16:18, 16:18] = 1
    for path in maps["effect_files"]:  # a second activity, 8 voxels large
        data = values(path)
        data[16:18, 16:18, 16:18] += 9
        save(work, path, data)
    inputs = {**maps, "mask_file": save(work, "mask.nii", block), "cluster_p": 0.0}
    strict = LeaveOneOutMasks(**inputs).run().outputs
    assert not values(strict.z_files[0])[:4].any() and values(strict.z_files[2])[2:4].any()
    assert not values(strict.z_files[2])[block == 0].any()
    loose = LeaveOneOutMasks(min_subjects=3, **inputs).run().outputs
    assert (values(loose.z_files[0])[2:4, 2:14, 2:14] != 0).all()
    size = 8**3 // 2
    large = LeaveOneOutMasks(min_volume=size * 27.0 - 1, **inputs).run().outputs
    assert (pd.read_csv(large.summary_file, sep="\t").min_cluster == size).all()
    assert (pd.read_csv(large.summary_file, sep="\t").n_clusters == 1).all()
    small = LeaveOneOutMasks(min_voxels=2, **inputs).run().outputs
    assert (pd.read_csv(small.summary_file, sep="\t").n_clusters == 2).all()
    none = LeaveOneOutMasks(min_voxels=99_999, **inputs).run().outputs
    assert not values(none.out_masks[0]).any()  # an empty mask is told, and is no error


def test_two_grids_are_refused_with_names_shapes_and_affines(maps, work):
    save(work, "e02.nii", np.zeros((20, 22, 17)))
    save(work, "v07.nii", np.ones(SHAPE), np.diag([3.0, 3, 3, 1]))
    with pytest.raises(InputError) as error:
        LeaveOneOutMasks(**maps).run()
    for part in ("02: ", "e02.nii", "(20, 22, 17)", "07: ", "v07.nii", "that of 03", "(20, 22, 18)",
                 "[-3.", "LeaveOneOutMasks"):  # fmt: skip
        assert part in str(error.value), part


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"map_subjects": PEOPLE[:4]}, "4 map_subjects for 5 effect_files"),
        ({"dof": [1.0]}, "1 dof for 5"),
        ({"map_subjects": ["01", *PEOPLE[1:]]}, "01 more than once in map_subjects"),
        ({"subjects": ["sub-03", *PEOPLE[1:]]}, "03 has a map and is not in subjects"),
    ],
)
def test_lists_that_do_not_belong_together_are_refused(maps, change, message):
    with pytest.raises(InputError, match=message):
        LeaveOneOutMasks(**{**maps, **change}).run()


def test_binarize_takes_what_is_above_and_may_be_empty(work):
    data = np.array([[[3.0, 3.0001, np.nan, -9, 0, 7]]])
    path = save(work, "map.nii", data)
    out = pe.Node(Binarize(in_file=path, threshold=3.0), name="b", base_dir=str(work)).run().outputs
    np.testing.assert_array_equal(values(out.out_mask), [[[0, 1, 0, 0, 0, 1]]])
    assert out.n_voxels == 2
    assert Binarize(in_file=path, threshold=9.0).run().outputs.n_voxels == 0


_PEAK = """
import resource, sys
import numpy as np
from fmriprod.interfaces.leave_one_out import LeaveOneOutMasks
import fmriprod.interfaces.leave_one_out as module, scipy.ndimage, pandas
from scipy import stats
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
n = int(sys.argv[1])
LeaveOneOutMasks(effect_files=["e.nii"] * n, variance_files=["v.nii"] * n, compress=False,
                 map_subjects=[str(i) for i in range(n)], cluster_p=0.0).run()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak - start)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_group(work, rng):
    for name in "ev":
        save(work, f"{name}.nii", rng.uniform(0.5, 2, (64, 64, 64)))
    peaks = []
    for n in (8, 48):
        done = subprocess.run([sys.executable, "-c", _PEAK, str(n)], capture_output=True, text=True,
                              cwd=work, check=True)  # fmt: skip
        peaks.append(int(done.stdout) / 1e3)
    # Effects and variances of 40 more would be 168 MB.
    assert peaks[1] - peaks[0] < 10, peaks
