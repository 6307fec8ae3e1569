"""Samples in another grid are those of a series that was brought there first."""

import nibabel as nb
import numpy as np
import pandas as pd
import pytest
from nipype.pipeline import engine as pe
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.itk_text import format_transforms
from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.interfaces.featurize import Featurize
from fmriprod.interfaces.grid_featurize import FeaturizeInGrid
from fmriprod.interfaces.resample_to_grid import ResampleToGrid


@pytest.fixture
def run(work, rng):
    """A series, a finer grid that lies aslant in it, a mask there, and events."""
    series = rng.normal(100, 5, (9, 10, 8, 30)).astype(np.float32)
    series[4, 5, 3] = 7.0  # constant
    series[2, 2, 2, 11] = np.nan
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    write_image(work / "bold.nii.gz", series, affine, tr=1.5)
    reference = nb.Nifti1Image(np.zeros((7, 8, 6), np.uint8), affine)
    reference.to_filename(work / "t1w.nii.gz")
    transform = rigid_matrix([1.0, 2.0, 0.5, 0.05, -0.03, 0.1])
    (work / "xfm.txt").write_text(format_transforms(transform[None]))
    rows = [f"{1.5 * k}\t1.0\t{'ab'[i % 2]}" for i, k in enumerate((1, 4, 9, 16, 20))]
    (work / "events.tsv").write_text("onset\tduration\ttrial_type\n" + "\n".join(rows) + "\n")
    grid = {"reference_file": str(work / "t1w.nii.gz"), "voxel_size": 2.0,
            "transform_files": [str(work / "xfm.txt")]}  # fmt: skip
    moved = ResampleToGrid(in_files=[str(work / "bold.nii.gz")], **grid).run().outputs
    shape = nb.load(moved.out_mask).shape
    mask = np.zeros(shape, np.uint8)
    mask[1:-1, 1:-2, 1:-1] = rng.random((shape[0] - 2, shape[1] - 3, shape[2] - 2)) < 0.6
    write_image(work / "mask.nii.gz", mask, nb.load(moved.out_mask).affine)
    common = {"mask_file": str(work / "mask.nii.gz"), "events_file": str(work / "events.tsv")}
    return common, grid, moved.out_files[0], str(work / "bold.nii.gz")


@pytest.mark.parametrize(
    "options",
    [{"shift_volumes": 3}, {"shift_volumes": 1, "window": 4, "labels": ["a"]},
     {"shift": 4.5, "standardize": "run"}, {"window": 3, "average": True}],
)  # fmt: skip
def test_features_are_those_of_a_series_brought_there_first(run, options):
    common, grid, moved, series = run
    want = Featurize(in_file=moved, **common, **options).run().outputs
    got = pe.Node(FeaturizeInGrid(in_file=series, **common, **grid, **options), name="grid")
    got = got.run().outputs
    a, b = np.load(want.features_file), np.load(got.features_file)
    assert b.shape == a.shape
    assert b.dtype == np.float32
    usable = pd.read_csv(want.voxels_file, sep="\t")["usable"].to_numpy() == 1
    assert 20 < usable.sum() < len(usable)
    np.testing.assert_allclose(b[:, usable], a[:, usable], rtol=1e-5, atol=1e-4)
    pd.testing.assert_frame_equal(
        pd.read_csv(got.samples_file, sep="\t"), pd.read_csv(want.samples_file, sep="\t")
    )
    place = ["i", "j", "k", "x", "y", "z"]
    pd.testing.assert_frame_equal(
        pd.read_csv(got.voxels_file, sep="\t")[place],
        pd.read_csv(want.voxels_file, sep="\t")[place],
    )
    assert got.n_samples == want.n_samples


def test_a_gap_counts_where_its_volume_is_taken(run):
    common, grid, _, series = run
    taken = (
        FeaturizeInGrid(in_file=series, **common, **grid, shift_volumes=2, window=2).run().outputs
    )
    spared = (
        FeaturizeInGrid(in_file=series, **common, **grid, shift_volumes=3, window=2).run().outputs
    )
    assert taken.n_unusable > spared.n_unusable


def test_a_mask_off_the_grid_is_refused(run, work):
    common, grid, _, series = run
    write_image(work / "other.nii.gz", np.ones((5, 5, 5), np.uint8))
    common = {**common, "mask_file": str(work / "other.nii.gz")}
    with pytest.raises(InputError, match="mask"):
        FeaturizeInGrid(in_file=series, **common, **grid).run()
