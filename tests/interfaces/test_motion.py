import hashlib
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from support.blobs import LAS, SHAPE, BlobHead
from support.fake_fsl import install
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import grid_center, rigid_matrix
from fmriprod.interfaces.motion import MotionCorrect
from fmriprod.interfaces.transforms import ApplyTransform, read_transforms

CENTER = grid_center(SHAPE, LAS)
MOTION = np.array([
    [0, 0, 0, 0, 0, 0],
    [1.0, -0.5, 0.8, 0.01, 0.02, -0.01],
    [-1.0, 0.5, 1.2, -0.02, 0.01, 0.02],
    [0.2, 0.1, 0, 0, 0, 0],
])  # fmt: skip


@pytest.fixture
def run(work):
    series = np.stack([BlobHead().image(m) for m in rigid_matrix(MOTION, CENTER)], axis=3)
    return str(write_image(work / "bold.nii.gz", series, LAS, tr=1.5))


def test_outputs_agree_with_each_other_and_with_the_truth(run, work):
    node = pe.Node(
        MotionCorrect(in_file=run, reference_volume=0), name="motion", base_dir=str(work)
    )
    out = node.run().outputs
    table = pd.read_csv(out.motion_file, sep="\t")
    assert list(table) == [
        "trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "framewise_displacement",
    ]  # fmt: skip
    assert Path(out.motion_file).read_text().splitlines()[1].endswith("\tn/a")
    np.testing.assert_allclose(table.iloc[:, :3], MOTION[:, :3], atol=0.03)
    np.testing.assert_allclose(table.iloc[:, 3:6], MOTION[:, 3:], atol=0.001)
    steps = np.abs(np.diff(table.iloc[:, :6].to_numpy(), axis=0)) @ [1, 1, 1, 50, 50, 50]
    np.testing.assert_allclose(table["framewise_displacement"][1:], steps)
    assert out.median_displacement == pytest.approx(np.median(steps))
    matrices = read_transforms(out.transforms_file)
    np.testing.assert_allclose(matrices, rigid_matrix(table.iloc[:, :6], CENTER), atol=1e-9)

    image, mean = nb.load(out.out_file), nb.load(out.mean_file)
    assert image.get_data_dtype() == np.float32 and image.header.get_zooms()[3] == 1.5
    data, seen = image.get_fdata(), nb.load(out.out_mask).get_fdata() == 1
    np.testing.assert_allclose(mean.get_fdata(), data.mean(axis=3), rtol=1e-5)
    assert (data[~seen] == 0).all() and out.n_excluded == (~seen).sum()
    assert np.abs(data - BlobHead().image()[..., None])[seen].mean() < 2  # of 1000
    assert out.not_converged == []


def test_the_transforms_file_realigns_the_raw_run(run, work):
    out = MotionCorrect(in_file=run).run().outputs
    again = ApplyTransform(
        in_file=run, reference_file=out.mean_file, transform_files=out.transforms_file
    ).run()
    one, two = nb.load(out.out_file), nb.load(again.outputs.out_file)
    np.testing.assert_allclose(one.get_fdata(), two.get_fdata(), atol=0.01)


def test_threads_and_repetition_change_no_byte(run, work):
    sums = set()
    for threads in (1, 2, 3):
        folder = work / str(threads)
        folder.mkdir()
        out = MotionCorrect(in_file=run, num_threads=threads).run(cwd=str(folder)).outputs
        files = [out.out_file, out.mean_file, out.motion_file, out.transforms_file, out.out_mask]
        sums.add(hashlib.sha256(b"".join(Path(f).read_bytes() for f in files)).hexdigest())
    assert len(sums) == 1


def test_a_reference_file_sets_the_grid(run, work):
    affine = LAS.copy()
    affine[:3, 3] += (7, 0, -4)
    reference = write_image(work / "ref.nii.gz", BlobHead().image(affine=affine), affine)
    out = MotionCorrect(in_file=run, reference_file=str(reference)).run().outputs
    np.testing.assert_allclose(nb.load(out.out_file).affine, affine, atol=1e-5)
    matrices = read_transforms(out.transforms_file)
    np.testing.assert_allclose(matrices, rigid_matrix(MOTION, CENTER), atol=0.15)


def test_a_reference_of_another_voxel_size_is_refused(run, work):
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    reference = write_image(work / "ref.nii.gz", BlobHead().image(affine=affine), affine)
    with pytest.raises(InputError) as error:
        MotionCorrect(in_file=run, reference_file=str(reference)).run()
    text = str(error.value)
    assert "3.5 x 3.5 x 4 mm" in text and "2 x 2 x 2 mm" in text and "ref.nii.gz" in text


def test_edge_keeps_what_exclude_drops(run, work):
    kept = nb.load(MotionCorrect(in_file=run, outside="edge").run().outputs.out_file).get_fdata()
    dropped = nb.load(MotionCorrect(in_file=run).run().outputs.out_file).get_fdata()
    assert (kept == 0).all(axis=3).sum() < (dropped == 0).all(axis=3).sum()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BlobHead().image(), "4 dimensions"),
        (BlobHead().image()[..., None].repeat(1, axis=3), "at least 2 volumes"),
        (np.stack([BlobHead().image(), np.zeros(SHAPE, np.float32)], 3), "no finite value: 1"),
    ],
)
def test_bad_runs_are_refused_with_the_file(work, data, message):
    image = nb.Nifti1Image(data, LAS)
    image.to_filename("bad.nii.gz")
    with pytest.raises(InputError, match=message) as error:
        MotionCorrect(in_file=str(work / "bad.nii.gz")).run()
    assert "bad.nii.gz" in str(error.value)


def test_nan_voxels_are_excluded_and_counted(run, work):
    image = nb.load(run)
    data = image.get_fdata(dtype=np.float32)
    data[18:22, 18:22, 12, 1] = np.nan
    path = write_image(work / "nan.nii.gz", data, LAS)
    plain, holed = (MotionCorrect(in_file=f).run().outputs for f in (run, str(path)))
    assert 16 <= holed.n_excluded - plain.n_excluded <= 200
    assert np.isfinite(nb.load(holed.out_file).get_fdata()).all()


@pytest.mark.parametrize("reference", [{}, {"reference_volume": 2}, {"reference_file": "run"}])
def test_mcflirt_estimates_and_this_package_interpolates(run, work, monkeypatch, reference):
    # In FSL's coordinates of a radiological grid: volume to reference, x to the left.
    fsl = np.array([np.eye(4)] * 4)
    fsl[:, :3, 3] = [(0, 0, 0), (3.5, 0, 0), (0, 2, 0), (0, 0, -1)]
    log = install(work, "mcflirt", fsl, monkeypatch)
    if "reference_file" in reference:
        path = write_image(work / "reference.nii.gz", BlobHead().image(), LAS)
        reference = {"reference_file": str(path)}
    out = MotionCorrect(in_file=run, engine="mcflirt", **reference).run().outputs
    table = pd.read_csv(out.motion_file, sep="\t")
    expected = [(0, 0, 0), (3.5, 0, 0), (0, -2, 0), (0, 0, 1)]
    np.testing.assert_allclose(table.iloc[:, :3], expected, atol=1e-6)
    arguments = log.read_text()
    assert "-mats" in arguments and run in arguments
    flags = {"reference_volume": "-refvol 2", "reference_file": "-reffile"}
    assert flags.get(next(iter(reference), ""), "-meanvol") in arguments
    raw = nb.load(run).get_fdata()
    moved = nb.load(out.out_file).get_fdata()  # 3.5 mm to the right in the volume is x - 1
    np.testing.assert_allclose(moved[1:, 2:-2, 2:-2, 1], raw[:-1, 2:-2, 2:-2, 1], atol=0.01)
    assert not (Path(out.out_file).parent / "mcflirt.nii.gz").exists()


def test_a_missing_program_is_named(run, work, monkeypatch):
    monkeypatch.setenv("PATH", str(work))
    with pytest.raises(InputError, match="mcflirt of FSL") as error:
        MotionCorrect(in_file=run, engine="mcflirt").run()
    assert "engine python" in str(error.value)
