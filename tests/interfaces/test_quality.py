import hashlib
import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nilearn.masking import compute_epi_mask
from nipype.interfaces.base import isdefined
from scipy.ndimage import gaussian_filter
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.transforms import MOTION_COLUMNS
from fmriprod.interfaces.quality import RunQuality

SHAPE, N = (24, 26, 12), 40


@pytest.fixture
def run(work, rng):
    """Write a simulated run: a ball of signal 1000 with 2 % noise, and motion with one jump."""
    grid = np.indices(SHAPE) - np.array([12, 13, 6]).reshape(3, 1, 1, 1)
    mask = (grid**2).sum(axis=0) < 25
    image = 1000 * gaussian_filter(mask.astype(float), 0.5) + 20
    data = image[..., None] + rng.normal(0, 20, size=(*SHAPE, N))
    motion = pd.DataFrame(np.zeros((N, 6)), columns=list(MOTION_COLUMNS))
    motion.loc[11:, "trans_z"] = 0.9
    motion.to_csv(work / "motion.tsv", sep="\t", index=False)
    write_image(work / "sub-01_bold.nii.gz", data.astype(np.float32), tr=1.5)
    write_image(work / "mask.nii.gz", mask.astype(np.uint8))
    inputs = {"in_file": "sub-01_bold.nii.gz", "mask_file": "mask.nii.gz"}
    inputs["motion_file"] = "motion.tsv"
    return {k: str(work / v) for k, v in inputs.items()}, data.astype(np.float32), mask


def _numbers(outputs):
    return json.loads(Path(outputs.out_file).read_text())


def test_numbers_table_map_and_figures_in_a_node(run):
    inputs, data, mask = run
    out = pe.Node(RunQuality(**inputs), name="quality", base_dir="nodes").run().outputs
    numbers = _numbers(out)
    assert numbers["tr"] == 1.5 and numbers["n_volumes"] == N
    assert numbers["n_voxels"] == numbers["n_analysed"] == mask.sum()
    tsnr = data[mask].mean(axis=1) / data[mask].std(axis=1, ddof=1)
    assert numbers["tsnr_median"] == pytest.approx(np.median(tsnr), rel=1e-5)
    assert numbers["fd_max"] == pytest.approx(0.9) and numbers["n_fd_over_threshold"] == 1
    assert numbers["ghost_ratio"] == pytest.approx(0, abs=0.005)
    written = nb.load(out.tsnr_file).get_fdata()
    np.testing.assert_allclose(written[mask], tsnr, rtol=1e-5)
    assert not written[~mask].any()
    table = pd.read_csv(out.out_table, sep="\t")
    assert len(table) == N and table["framewise_displacement"].idxmax() == 11
    first_row = Path(out.out_table).read_text().splitlines()[1]
    assert first_row.startswith("n/a\tn/a\tn/a\t")
    for name in ("carpet_figure", "tsnr_figure", "motion_figure"):
        assert Path(getattr(out, name)).read_bytes().startswith(b"\x89PNG")


def test_bytes_repeat_whatever_the_threads(run):
    sums = []
    for threads in (1, 2):
        out = RunQuality(**run[0], num_threads=threads).run().outputs.get()
        sums.append({k: hashlib.sha256(Path(v).read_bytes()).hexdigest() for k, v in out.items()})
    assert sums[0] == sums[1] and len(sums[0]) == 6


def test_motion_is_optional(run):
    inputs = {k: v for k, v in run[0].items() if k != "motion_file"}
    out = RunQuality(**inputs).run().outputs
    assert not isdefined(out.motion_figure)
    assert "fd_mean" not in _numbers(out)
    assert Path(out.carpet_figure).is_file()


def test_bad_voxels_are_counted_and_nan_in_the_map(run, work):
    inputs, data, mask = run
    inside = np.argwhere(mask)
    data[tuple(inside[0])][4] = np.nan
    data[tuple(inside[1])] = 512
    data[tuple(inside[2])] = 0
    write_image(work / "bad.nii.gz", data, tr=1.5)
    out = RunQuality(**{**inputs, "in_file": str(work / "bad.nii.gz")}).run().outputs
    numbers = _numbers(out)
    assert numbers["n_nonfinite"] == 1 and numbers["n_constant"] == 2
    assert numbers["n_analysed"] == mask.sum() - 3
    assert np.isnan(nb.load(out.tsnr_file).get_fdata()).sum() == 3


def test_what_cannot_be_measured_is_null(run, work):
    inputs, data, mask = run
    write_image(
        work / "masked.nii.gz", np.where(mask[..., None], data - data.mean(3)[..., None], 0)
    )
    out = RunQuality(**{**inputs, "in_file": str(work / "masked.nii.gz")}).run().outputs
    numbers = _numbers(out)
    assert numbers["ghost_ratio"] is None
    assert numbers["tsnr_median"] == pytest.approx(0, abs=1e-3)


def _bad_files(work, data, mask):
    whole = (work / "sub-01_bold.nii.gz").read_bytes()
    (work / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (work / "empty.nii.gz").touch()
    write_image(work / "volume.nii.gz", data[..., 0])
    write_image(work / "no_tr.nii.gz", data, tr=0)
    shifted = np.diag([2.0, 2, 2, 1])
    shifted[2, 3] = -6
    write_image(work / "shifted.nii.gz", mask.astype(np.uint8), shifted)
    write_image(work / "small.nii.gz", mask[:-1].astype(np.uint8))
    write_image(work / "nothing.nii.gz", np.zeros(SHAPE, np.uint8))
    motion = pd.read_csv(work / "motion.tsv", sep="\t")
    motion[:-1].to_csv(work / "short.tsv", sep="\t", index=False)
    motion.to_csv(work / "commas.tsv", index=False)
    (work / "empty.tsv").touch()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("in_file", "cut.nii.gz", "a file that ends early or is damaged"),
        ("in_file", "empty.nii.gz", r"an empty file \(0 bytes\)"),
        ("in_file", "volume.nii.gz", "expected: 4 dimensions\n.*found:    3, shape"),
        ("in_file", "no_tr.nii.gz", "above 0 s in the header"),
        ("mask_file", "shifted.nii.gz", "an affine that differs by up to 6 mm"),
        ("mask_file", "small.nii.gz", r"shape \(23, 26, 12\)"),
        ("mask_file", "nothing.nii.gz", "no voxel is set"),
        ("motion_file", "short.tsv", "a row for each of 40 volumes\n.*found:    39 rows"),
        ("motion_file", "commas.tsv", "one column .trans_x,trans_y"),
        ("motion_file", "empty.tsv", "tab-separated table with one header line"),
    ],
)
def test_bad_files_are_refused_by_name(run, work, name, value, text):
    inputs, data, mask = run
    _bad_files(work, data, mask)
    with pytest.raises(InputError, match=text) as error:
        RunQuality(**{**inputs, name: str(work / value)}).run()
    assert str(error.value).startswith(f"RunQuality: {work / value}")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"tr": 0.0}, r"RunQuality: tr\n  expected: a repetition time above 0 s"),
        ({"tr": 2.0}, r"sub-01_bold.nii.gz\n.*given, 2 s\n.*1.5 s in the header"),
        ({"phase_axis": "AP"}, r"RunQuality: phase_axis\n.*\n.*'AP'"),
    ],
)
def test_bad_arguments_are_refused(run, wrong, text):
    with pytest.raises(InputError, match=text):
        RunQuality(**run[0], **wrong).run()


@pytest.mark.realdata
def test_real_run_has_the_quality_that_others_measured(real_data, work):
    source = real_data("studyforrest_localizer") / "bold.nii.gz"
    mask = compute_epi_mask(str(source))
    mask.to_filename("mask.nii.gz")
    out = RunQuality(in_file=str(source), mask_file=str(work / "mask.nii.gz")).run().outputs
    numbers = _numbers(out)
    assert numbers["tsnr_median"] == pytest.approx(70, abs=3)  # as the data's own notes say
    assert numbers["sfnr_median"] > numbers["tsnr_median"]
    assert numbers["n_nonfinite"] == numbers["n_constant"] == 0
    assert 0.85 < numbers["std_dvars_median"] < 1.1
    assert 0 < numbers["ghost_ratio"] < 0.05
    # The signal has not settled in the first two volumes: DVARS says so.
    assert pd.read_csv(out.out_table, sep="\t")["std_dvars"].idxmax() == 1


@pytest.mark.realdata
def test_a_head_that_is_moved_in_a_real_run_shows_in_dvars_and_outliers(real_data, work):
    """Planted: in volume 30 the head lies one voxel (3 mm) further on the first axis."""
    image = nb.load(real_data("studyforrest_localizer") / "bold.nii.gz").slicer[..., 5:65]
    mask = compute_epi_mask(image)
    mask.to_filename("mask.nii.gz")
    tables = []
    for name in ("still", "moved"):
        data = image.get_fdata(dtype=np.float32)
        if name == "moved":
            data[..., 30] = np.roll(data[..., 30], 1, axis=0)
        write_image(work / f"{name}.nii", data, image.affine)
        files = {"in_file": str(work / f"{name}.nii"), "mask_file": str(work / "mask.nii.gz")}
        tables.append(pd.read_csv(RunQuality(**files).run().outputs.out_table, sep="\t"))
    still, moved = tables
    assert still["outlier_fraction"].max() < 0.02
    assert moved["outlier_fraction"][30] > 0.4
    assert moved["std_dvars"][[30, 31]].min() > 2 * still["std_dvars"].max()
    assert moved["std_dvars"].drop([30, 31]).max() < 1.5
