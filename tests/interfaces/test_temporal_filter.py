import hashlib
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.temporal_filter import temporal_filter
from fmriprod.interfaces.temporal_filter import TemporalFilter


@pytest.fixture
def run(work, rng):
    data = rng.normal(1000, 10, size=(4, 5, 6, 50)).astype(np.float32)
    data += np.linspace(0, 100, 50, dtype=np.float32)
    return write_image(work / "sub-01_bold.nii.gz", data), data


def test_voxels_of_the_mask_are_filtered_and_the_others_are_zero(run, work):
    path, data = run
    mask = np.zeros(data.shape[:3], np.uint8)
    mask[1:3, 2:4, :3] = 1
    write_image(work / "mask.nii.gz", mask)
    node = pe.Node(
        TemporalFilter(
            in_file=str(path), mask_file=str(work / "mask.nii.gz"), method="running_line"
        ),
        name="filter",
        base_dir="nodes",
    )
    result = node.run().outputs
    out = nb.load(result.out_file)
    assert Path(result.out_file).name == "sub-01_bold_filtered.nii.gz"
    assert out.get_data_dtype() == np.float32 and out.header.get_zooms()[3] == 2
    voxels = out.get_fdata(dtype=np.float32)
    np.testing.assert_array_equal(
        voxels[mask > 0], temporal_filter(data[mask > 0], 2.0, 100, "running_line")
    )
    assert not voxels[mask == 0].any()
    assert result.n_nonfinite == 0
    np.testing.assert_array_equal(out.affine, nb.load(path).affine)


def test_nan_voxels_are_counted_and_bytes_repeat_with_other_threads(run, work):
    _, data = run
    data[0, 0, 0, 3] = data[1, 1, 1, :] = np.nan
    path = write_image(work / "nan.nii.gz", data)
    sums = set()
    for threads in (1, 2):
        result = TemporalFilter(in_file=str(path), num_threads=threads).run().outputs
        sums.add(hashlib.sha256(Path(result.out_file).read_bytes()).hexdigest())
    assert result.n_nonfinite == 2
    assert len(sums) == 1
    out = nb.load(result.out_file).get_fdata()
    assert np.isnan(out).any(axis=-1).sum() == 2


def test_repetition_time_comes_from_the_header_or_must_agree_with_it(run, work):
    path, data = run
    with pytest.raises(InputError, match=r"2 s in the header") as error:
        TemporalFilter(in_file=str(path), tr=2.4).run()
    assert "sub-01_bold.nii.gz" in str(error.value) and "2.4 s" in str(error.value)
    out = TemporalFilter(in_file=str(path), tr=2.4, override_header_tr=True).run().outputs.out_file
    assert nb.load(out).header.get_zooms()[3] == np.float32(2.4)
    np.testing.assert_array_equal(
        nb.load(out).get_fdata(dtype=np.float32).reshape(-1, 50),
        temporal_filter(data.reshape(-1, 50), 2.4),
    )


def test_a_header_without_repetition_time_needs_one_given(work, rng):
    path = write_image(work / "none.nii", rng.normal(size=(3, 3, 3, 30)).astype("f4"), tr=0)
    with pytest.raises(InputError, match=r"TemporalFilter: .*none.nii\n.*above 0 s in the header"):
        TemporalFilter(in_file=str(path)).run()
    with pytest.raises(InputError, match=r"TemporalFilter: tr\n.*above 0 s\n.*found:    0 s"):
        TemporalFilter(in_file=str(path), tr=0.0).run()
    out = TemporalFilter(in_file=str(path), tr=1.5, high_pass=30.0).run().outputs.out_file
    assert nb.load(out).header.get_zooms()[3] == 1.5


def test_bad_files_are_named(run, work, rng):
    path, _ = run
    (work / "cut.nii.gz").write_bytes(path.read_bytes()[:4000])
    (work / "empty.nii.gz").touch()
    write_image(work / "flat.nii.gz", rng.normal(size=(3, 3, 3)).astype("f4"))
    for name, text in [
        ("cut.nii.gz", "ends early or is damaged"),
        ("empty.nii.gz", "an empty file"),
        ("flat.nii.gz", "4 dimensions"),
    ]:
        with pytest.raises(InputError, match=text) as error:
            TemporalFilter(in_file=str(work / name)).run()
        assert str(error.value).startswith("TemporalFilter: ") and name in str(error.value)


def test_a_mask_on_another_grid_is_refused(run, work):
    path, data = run
    mask = np.ones(data.shape[:3], np.uint8)
    shifted = np.diag([2.0, 2, 2, 1])
    shifted[0, 3] = 9
    write_image(work / "shifted.nii.gz", mask, shifted)
    write_image(work / "small.nii.gz", mask[:2])
    with pytest.raises(InputError, match="differs by up to 9 mm"):
        TemporalFilter(in_file=str(path), mask_file=str(work / "shifted.nii.gz")).run()
    with pytest.raises(InputError, match=r"shape \(2, 5, 6\)"):
        TemporalFilter(in_file=str(path), mask_file=str(work / "small.nii.gz")).run()


@pytest.mark.realdata
def test_real_drift_goes_and_the_task_stays(real_data, work):
    """In the real run the power below 0.01 Hz falls to almost nothing, that above stays."""
    source = nb.load(real_data("studyforrest_localizer") / "bold.nii.gz")
    part = source.slicer[20:60, 10:50, 10:14]
    part.to_filename("part.nii.gz")
    out = TemporalFilter(in_file=str(work / "part.nii.gz"), tr=2.0).run().outputs.out_file
    before, after = nb.load("part.nii.gz").get_fdata(), nb.load(out).get_fdata()
    np.testing.assert_allclose(after.mean(axis=3), before.mean(axis=3), rtol=1e-5)
    power = [(np.abs(np.fft.rfft(d - d.mean(-1, keepdims=True))) ** 2).sum((0, 1, 2))
             for d in (before, after)]  # fmt: skip
    frequency = np.fft.rfftfreq(156, 2.0)
    slow, fast = (frequency > 0) & (frequency < 0.008), frequency > 0.02
    assert power[1][slow].sum() < 0.1 * power[0][slow].sum()
    assert power[1][fast].sum() == pytest.approx(power[0][fast].sum(), rel=0.03)


def test_a_run_that_is_too_short_is_named(work, rng):
    path = write_image(work / "two.nii", rng.normal(size=(3, 3, 3, 2)).astype("f4"))
    with pytest.raises(InputError, match=r"two.nii\n  expected: a run of at least 3 volumes"):
        TemporalFilter(in_file=str(path)).run()
