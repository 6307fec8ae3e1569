"""Maps and series in a named grid: one interpolation, a volume at a time."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from scipy import ndimage
from support.blobs import LAS, SHAPE, BlobHead
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.realign import realign
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.interfaces.images import save_image
from fmriprod.interfaces.resample_to_grid import ResampleToGrid
from fmriprod.interfaces.volume_stream import VolumeReader, write_volumes

TURN = rigid_matrix([3, -2, 1, 0.1, 0, 0.05])
T1W = rigid_matrix([-50, -56, -40, 0.05, 0, 0.02]) @ np.diag([1.5, 1.4, 1.6, 1.0])
T1W_SHAPE = (66, 80, 50)


@pytest.fixture
def files(work, rng):
    """A run that never stands still, an effect map, a T1w grid, and a transform between them."""
    head = BlobHead().image(TURN)
    series = (head[..., None] + rng.normal(0, 20, (*SHAPE, 7))).astype(np.float32)
    write_image(work / "run.nii.gz", series, LAS, tr=1.5)
    write_image(work / "effect.nii.gz", head, LAS)
    write_image(work / "T1w.nii.gz", np.zeros(T1W_SHAPE, np.uint8), T1W)
    (work / "turn.txt").write_text(format_transforms(TURN))
    return {
        "reference_file": str(work / "T1w.nii.gz"),
        "transform_files": [str(work / "turn.txt")],
    }


def run(work, folder="out", **inputs):
    path = work / folder
    path.mkdir()
    return ResampleToGrid(**inputs).run(cwd=str(path)).outputs


def test_maps_and_series_arrive_in_the_isotropic_grid(files, work):
    in_files = [str(work / "effect.nii.gz"), str(work / "run.nii.gz")]
    node = pe.Node(
        ResampleToGrid(in_files=in_files, voxel_size=2.0, space="T1w", **files),
        name="grid", base_dir=str(work),
    )  # fmt: skip
    out = node.run().outputs
    effect, series = map(nb.load, out.out_files)
    assert out.out_files[0].endswith("effect_space-T1w.nii")
    shape = (50, 56, 40)  # 66 * 1.5 = 99 mm, 80 * 1.4 = 112 mm, 50 * 1.6 = 80 mm
    assert effect.shape == shape and series.shape == (*shape, 7)
    assert series.header.get_zooms() == (2.0, 2.0, 2.0, 1.5)
    expected = T1W @ np.diag([2 / 1.5, 2 / 1.4, 2 / 1.6, 1])
    np.testing.assert_allclose(effect.affine, expected, atol=1e-5)
    seen = nb.load(out.out_mask).get_fdata() == 1
    truth = BlobHead().image(shape=shape, affine=expected)
    assert seen.mean() > 0.9 and np.abs(effect.get_fdata() - truth)[seen].mean() < 3  # of 1000
    assert (series.get_fdata()[~seen] == 0).all()
    told = json.loads(Path(out.metadata_file).read_text())
    assert told["space"] == "T1w" and told["voxel_size_mm"] == [2, 2, 2]
    assert told["shape"] == list(shape) and told["interpolation"] == "spline"


def test_a_series_is_its_volumes_and_threads_and_memory_change_nothing(files, work):
    whole = run(work, in_files=[str(work / "run.nii.gz")], **files)
    again = run(work, "b", in_files=[str(work / "run.nii.gz")], num_threads=3, **files)
    bytes_of = [Path(o.out_files[0]).read_bytes() for o in (whole, again)]
    assert bytes_of[0] == bytes_of[1]
    series = nb.load(whole.out_files[0]).get_fdata()
    source = nb.load(work / "run.nii.gz")
    for t in range(3):
        one = write_image(work / f"one{t}.nii.gz", np.asarray(source.dataobj[..., t]), LAS)
        alone = run(work, f"one{t}", in_files=[str(one)], **files)
        np.testing.assert_array_equal(nb.load(alone.out_files[0]).get_fdata(), series[..., t])


@pytest.mark.parametrize("how", ["spline", "linear", "nearest"])
@pytest.mark.parametrize("moving", [False, True])
def test_streaming_gives_the_numbers_of_the_whole_series(files, work, how, moving, rng):
    image = nb.load(work / "run.nii.gz")
    series = image.get_fdata(dtype=np.float32)
    series[20, 20, 12, 3] = np.nan
    series[10:14, 18:22, 10:14] = 5.0  # never measured
    path = write_image(work / "holed.nii", series, LAS, tr=1.5)
    chain = [TURN]
    if moving:
        chain = [rigid_matrix(rng.normal(0, 1, 6) * (2, 2, 2, 0.02, 0.02, 0.02)) for _ in range(7)]
        (work / "turn.txt").write_text(format_transforms(np.array(chain)))
    out = run(work, in_files=[str(path)], interpolation=how, **files)
    truth, covered = realign(series, LAS, np.array(chain), T1W_SHAPE, nb.load(
        files["reference_file"]).affine, how)  # fmt: skip
    np.testing.assert_array_equal(nb.load(out.out_masks[0]).get_fdata() == 1, covered)
    np.testing.assert_allclose(nb.load(out.out_files[0]).get_fdata(), truth, atol=1e-4)
    assert (~covered).any() and covered.mean() > 0.5


def test_with_a_mask_only_its_voxels_are_computed_and_they_are_the_same(files, work, rng):
    mask = rng.random(T1W_SHAPE) < 0.02
    files["mask_file"] = str(write_image(work / "mask.nii.gz", mask.astype(np.uint8), T1W))
    in_files = [str(work / name) for name in ("run.nii.gz", "effect.nii.gz")]
    few = run(work, "few", in_files=in_files, **files)
    files.pop("mask_file")
    all_ = run(work, "all", in_files=in_files, **files)
    for one, two in zip(few.out_files, all_.out_files, strict=True):
        one, two = nb.load(one).get_fdata(), nb.load(two).get_fdata()
        np.testing.assert_array_equal(one[mask], two[mask])
        assert (one[~mask] == 0).all() and two[~mask].any()
    few, all_ = (nb.load(o.out_mask).get_fdata() == 1 for o in (few, all_))
    np.testing.assert_array_equal(few, all_ & mask)


def test_a_shift_is_that_of_scipy(work, rng):
    data = ndimage.gaussian_filter(rng.normal(size=(20, 22, 18)), 1).astype(np.float32)
    path = write_image(work / "map.nii.gz", data)  # 2 mm
    (work / "shift.txt").write_text(format_transforms(rigid_matrix([0.8, -1.1, 2.5, 0, 0, 0])))
    out = run(
        work, in_files=[str(path)], reference_file=str(path),
        transform_files=[str(work / "shift.txt")],
    )  # fmt: skip
    theirs = ndimage.shift(data, (-0.4, 0.55, -1.25), order=3, mode="mirror")
    ours, seen = nb.load(out.out_files[0]).get_fdata(), nb.load(out.out_mask).get_fdata() == 1
    np.testing.assert_allclose(ours[seen], theirs[seen], atol=1e-5)
    assert seen.sum() == 20 * 21 * 17  # half a voxel is still inside: one plane each of y and z


def test_there_and_back_again(files, work):
    there = run(work, in_files=[str(work / "effect.nii.gz")], **files)
    back = run(
        work, "back", in_files=there.out_files, reference_file=str(work / "effect.nii.gz"),
        transform_files=files["transform_files"], invert=[True],
    )  # fmt: skip
    seen = nb.load(back.out_mask).get_fdata() == 1
    seen = ndimage.binary_erosion(seen, iterations=2)  # off the seam of the first field of view
    truth = nb.load(work / "effect.nii.gz").get_fdata()
    error = np.abs(nb.load(back.out_files[0]).get_fdata() - truth)[seen]
    assert error.mean() < 1 and seen.mean() > 0.2  # of 1000


def test_a_box_counts_by_the_volume_it_fills(work):
    box = np.zeros((12, 12, 12), np.uint8)
    box[4:8, 4:8, 4:8] = 1  # voxels of 1 mm: the cube from 3.5 to 7.5
    path = write_image(work / "box.nii.gz", box, np.eye(4))
    grid = np.diag([2.0, 2, 2, 1])
    grid[:3, 3] = 0.5  # voxel i fills -0.5 + 2i .. 1.5 + 2i: two whole ones along each axis
    write_image(work / "grid.nii.gz", np.zeros((6, 6, 6), np.uint8), grid)
    fixed = {"in_files": [str(path)], "reference_file": str(work / "grid.nii.gz"),
             "transform_files": [str(work / "shift.txt")]}  # fmt: skip
    fixed["interpolation"] = "partial_volume"
    for shift, fraction, expected in [
        (0.0, 0.5, 2 * 2 * 2), (0.5, 0.5, 2 * 2 * 2), (0.5, 0.2, 3 * 2 * 2),
        (0.5, 0.8, 1 * 2 * 2), (1.0, 0.5, 3 * 2 * 2), (1.0, 0.6, 1 * 2 * 2),
    ]:  # fmt: skip
        # shifted by s the box covers s/2, 1 and 1 - s/2 of three voxels in a row
        (work / "shift.txt").write_text(format_transforms(rigid_matrix([shift, 0, 0, 0, 0, 0])))
        out = run(work, f"{shift}_{fraction}", min_fraction=fraction, **fixed)
        moved = nb.load(out.out_files[0])
        assert moved.get_fdata().sum() == expected, (shift, fraction)
        assert moved.get_data_dtype() == np.uint8


def test_labels_keep_type_and_values(files, work, rng):
    labels = rng.integers(0, 2036, SHAPE).astype(np.int32)
    path = write_image(work / "aparc.nii.gz", labels, LAS)
    out = run(work, in_files=[str(path)], interpolation="nearest", compress=True, **files)
    moved = nb.load(out.out_files[0])
    assert moved.get_data_dtype() == np.int32 and out.out_files[0].endswith(".nii.gz")
    assert set(np.unique(moved.dataobj)) <= set(np.unique(labels)) | {0}


def test_files_of_one_name_do_not_overwrite_each_other(files, work):
    for run_label, factor in (("1", 1), ("2", 3)):
        (work / run_label).mkdir()
        head = BlobHead().image(TURN) * factor
        write_image(work / run_label / "effect.nii.gz", head.astype(np.float32), LAS)
    in_files = [str(work / label / "effect.nii.gz") for label in "12"]
    out = run(work, in_files=in_files, **files)
    one, two = (nb.load(f).get_fdata() for f in out.out_files)
    np.testing.assert_allclose(3 * one, two, atol=1e-2)


def test_the_common_mask_is_that_of_all_files(files, work):
    holed = BlobHead().image(TURN)
    holed[18:22, 18:22, 10:14] = np.nan
    in_files = [str(write_image(work / "holed.nii.gz", holed, LAS)), str(work / "effect.nii.gz")]
    out = run(work, in_files=in_files, **files)
    one, two, common = (nb.load(f).get_fdata() == 1 for f in [*out.out_masks, out.out_mask])
    np.testing.assert_array_equal(common, one & two)
    assert 0 < (two & ~one).sum() < 3000 and not (one & ~two).any()
    assert (nb.load(out.out_files[0]).get_fdata()[two & ~one] == 0).all()


def test_a_streamed_file_is_the_file_that_is_written_at_once(files, work):
    reader = VolumeReader(work / "run.nii.gz")
    volumes = [reader(t) for t in range(7)]
    write_volumes("streamed.nii", iter(volumes), (*SHAPE, 7), reader.image)
    save_image("whole.nii", np.stack(volumes, axis=3), reader.image)
    assert Path("streamed.nii").read_bytes() == Path("whole.nii").read_bytes()
    with pytest.raises(OSError, match="of a series of shape"):
        write_volumes("short.nii", volumes[:5], (*SHAPE, 7), reader.image)


def test_memory_does_not_grow_with_the_series(work):
    code = """
    import sys, tracemalloc
    import numpy as np, nibabel as nb
    from fmriprod.interfaces.resample_to_grid import ResampleToGrid
    shape, n = (30, 30, 30), int(sys.argv[1])
    rng = np.random.default_rng(0)
    image = nb.Nifti1Image(rng.random((*shape, n), dtype=np.float32), np.diag([3.0, 3, 3, 1]))
    image.to_filename("run.nii")
    nb.Nifti1Image(np.zeros((20, 20, 20), np.uint8), np.diag([4.0, 4, 4, 1])).to_filename("to.nii")
    step = ResampleToGrid(in_files=["run.nii"], reference_file="to.nii")
    del image
    tracemalloc.start()
    step.run()
    print(tracemalloc.get_traced_memory()[1])
    """
    code = textwrap.dedent(code)
    peaks = {}
    for n in (8, 200):
        command = [sys.executable, "-c", code, str(n)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=work)
        peaks[n] = int(done.stdout.split()[-1])
    series = 200 * 30**3 * 4
    assert peaks[200] < peaks[8] * 1.2 and peaks[200] < series / 3, (peaks, series)


def test_what_does_not_fit_is_refused(files, work, rng):
    other = write_image(work / "other.nii.gz", np.zeros((10, 10, 10), np.float32), LAS)
    run_file, map_file = str(work / "run.nii.gz"), str(work / "effect.nii.gz")
    (work / "three.txt").write_text(format_transforms(np.array([np.eye(4)] * 3)))
    for change, message in [
        ({"in_files": [map_file, str(other)]}, r"of .*effect.nii.gz, shape \(40, 40, 24\)"),
        ({"in_files": [run_file], "transform_files": [str(work / "three.txt")]},
         "one transform, or one for each of 7 volumes"),
        ({"in_files": [map_file], "invert": [True, False]}, "one value for each of the 1"),
        ({"in_files": [run_file], "interpolation": "partial_volume"}, "masks of three dimensions"),
        ({"in_files": [map_file], "mask_file": map_file}, "the grid of"),
        ({"in_files": [map_file], "voxel_size": 1e-4}, "at most 32767 voxels along an axis"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message) as error:
            ResampleToGrid(**{**files, **change}).run()
        assert "ResampleToGrid" in str(error.value)
    whole = (work / "run.nii.gz").read_bytes()
    (work / "run.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="ends early or is damaged"):
        ResampleToGrid(in_files=[run_file], **files).run()
    assert not list(work.glob(".writing*")) and not list(work.glob("*space*"))
