import json
from pathlib import Path

import nibabel as nb
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.retinotopy import fit_wedges
from fmriprod.interfaces.retinotopy import Retinotopy

SHAPE = (9, 8, 7)
ANGLES = np.tile(np.deg2rad(np.arange(0, 360, 15)), 4)


def build(folder, rng, noise=0.5):
    """Write responses of voxels whose angle turns smoothly over the grid."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:8, 1:7, 1:6] = 1
    place = np.argwhere(mask) - [4, 3.5, 3]
    planted = np.arctan2(place[:, 2], place[:, 0] + 0.1)
    responses = 3 + np.cos(ANGLES[:, None] - planted)
    responses += rng.normal(0, noise, responses.shape)
    np.save(folder / "responses.npy", responses.astype("f4"))
    pd.DataFrame({"angle": ANGLES, "degrees": np.rad2deg(ANGLES), "word": "a"}).to_csv(
        folder / "samples.tsv", sep="\t", index=False
    )
    truth = np.full(SHAPE, np.nan, "f4")
    truth[mask > 0] = planted
    write_image(folder / "mask.nii.gz", mask)
    write_image(folder / "truth.nii.gz", truth)
    names = {"responses_file": "responses.npy", "samples_file": "samples.tsv",
             "mask_file": "mask.nii.gz"}  # fmt: skip
    return {k: str(folder / v) for k, v in names.items()}, responses.astype("f4"), mask > 0


def test_maps_summary_and_figure_in_a_node(work, rng):
    files, responses, mask = build(work, rng)
    responses[:, 5], responses[3, 9] = 1.0, np.nan
    np.save("responses.npy", responses)
    step = Retinotopy(**files, truth_file=str(work / "truth.nii.gz"), simulated=True)
    out = pe.Node(step, name="r", base_dir="n").run().outputs
    fit = fit_wedges(responses, ANGLES)
    maps = {
        k: nb.load(getattr(out, f"{k}_file")).get_fdata() for k in ("angle", "f", "p", "amplitude")
    }
    for name in ("f", "p"):
        np.testing.assert_allclose(maps[name][mask], getattr(fit, name), rtol=1e-5)
    for values in maps.values():
        assert np.isnan(values[mask]).sum() == 2 and (values[~mask] == 0).all()
    # Smoothed by hand: both waves, divided by how much of the kernel is on usable voxels.
    inside = np.zeros(SHAPE)
    inside[mask] = fit.usable
    waves = np.zeros((2, *SHAPE))
    waves[:, mask] = np.nan_to_num([fit.cosine, fit.sine])
    cosine, sine = (gaussian_filter(wave, 1) / gaussian_filter(inside, 1) for wave in waves)
    kept = inside > 0
    np.testing.assert_allclose(maps["angle"][kept], np.arctan2(sine, cosine)[kept], atol=1e-4)
    np.testing.assert_allclose(maps["amplitude"][kept], np.hypot(cosine, sine)[kept], atol=1e-4)
    summary = json.loads(Path(out.summary_file).read_text())
    n = int(mask.sum())
    assert (summary["n_usable"], summary["n_excluded"], summary["dof"]) == (n - 2, 2, [2, 93])
    assert out.n_usable == n - 2 and out.n_above == summary["n_compared"]
    for name in ("circular_correlation", "circular_correlation_uniform"):
        assert 0.9 < getattr(out, name) == summary[name] < 1
    assert 0 < out.mean_angular_error < 0.4
    assert Path(out.out_figure).stat().st_size > 5000


def test_smoothing_helps_where_angles_change_slowly(work, rng):
    files, *_ = build(work, rng, noise=5)
    files["truth_file"] = str(work / "truth.nii.gz")
    rough, smooth = (Retinotopy(**files, sigma=s).run().outputs for s in (0.0, 1.0))
    assert smooth.mean_angular_error < 0.8 * rough.mean_angular_error
    for out in (rough, smooth):  # F is taken before smoothing
        assert out.n_above == rough.n_above < 210


def test_without_truth_nothing_is_compared(work, rng):
    files, *_ = build(work, rng)
    out = Retinotopy(**files, f_threshold=1e6).run().outputs
    assert out.n_above == 0 and "n_compared" not in json.loads(Path(out.summary_file).read_text())
    assert Path(out.out_figure).exists()


def test_bad_input(work, rng):
    files, responses, mask = build(work, rng)
    table = pd.read_csv(files["samples_file"], sep="\t")
    table[:-1].to_csv("short.tsv", sep="\t", index=False)
    table.assign(angle=table["angle"].where(table.index > 3)).to_csv(
        "gaps.tsv", sep="\t", na_rep="n/a"
    )
    np.save("flat.npy", np.ones_like(responses))
    np.save("cube.npy", np.ones((4, 4, 4)))
    write_image(work / "small.nii.gz", np.ones((3, 3, 3), np.uint8))
    degrees = np.where(mask, 90, np.nan).astype("f4")
    write_image(work / "degrees.nii.gz", degrees)
    write_image(work / "nothing.nii.gz", degrees * np.nan)
    for inputs, text in [
        ({"angle_column": "angel"}, r"angle_column\n.*\n.*'angel'\n.*did you mean 'angle'"),
        ({"angle_column": "degrees"}, r"samples.tsv\n.*-2 pi to 2 pi\n.*up to 345"),
        ({"angle_column": "word"}, r"samples.tsv\n.*angles in rad"),
        ({"samples_file": "short.tsv"}, r"short.tsv\n.*96 rows.*\n.*95"),
        ({"samples_file": "gaps.tsv"}, r"angles\n.*\n.*4 that are missing"),
        ({"responses_file": "flat.npy"}, r"flat.npy\n.*finite responses that vary\n.*among 210"),
        ({"responses_file": "cube.npy"}, r"cube.npy\n.*samples x voxels\n.*\(4, 4, 4\)"),
        ({"responses_file": "samples.tsv"}, r"samples.tsv\n.*a .npy file"),
        ({"mask_file": "small.nii.gz"}, r"small.nii.gz\n.*210 voxels.*\n.*27"),
        ({"truth_file": "small.nii.gz"}, r"small.nii.gz\n.*the grid of"),
        ({"truth_file": "degrees.nii.gz"}, r"degrees.nii.gz\n.*in rad.*\n.*up to 90"),
        ({"truth_file": "nothing.nii.gz"}, r"nothing.nii.gz\n.*at least 3.*\n.*0 such"),
        ({"background_file": "small.nii.gz"}, r"small.nii.gz\n.*the grid of"),
        ({"sigma": -1.0}, r"sigma\n.*0 voxels or more"),
    ]:  # fmt: skip
        inputs = {k: str(work / v) if k.endswith("_file") else v for k, v in inputs.items()}
        with pytest.raises(InputError, match=text) as error:
            Retinotopy(**(files | inputs)).run()
        assert str(error.value).startswith("Retinotopy: ")
