from pathlib import Path

import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_curve
from support.images import write_image

from fmriprod.algorithms.checks import InputError
from fmriprod.interfaces.contrast_recovery import ContrastRecovery
from fmriprod.reports import precision_recall

SHAPE = (12, 12, 8)


def build(folder, rng):
    """Write a true map with a patch of each sign, one that resembles it, and noise."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:11, 1:11, 1:7] = 1
    truth = rng.normal(0, 0.8, SHAPE)
    truth[2:5, 3:6, 2:5] += 6
    truth[7:10, 3:6, 2:5] -= 6
    maps = {
        "truth": truth,
        "mean": truth + rng.normal(0, 1.5, SHAPE),
        "one": rng.normal(size=SHAPE),
    }
    for name, values in maps.items():
        write_image(folder / f"{name}.nii.gz", (values * mask).astype("f4"))
    write_image(folder / "mask.nii.gz", mask)
    files = {
        "in_files": [str(folder / "mean.nii.gz"), str(folder / "one.nii.gz")],
        "names": ["mean of layers", "layer 1"],
        "truth_file": str(folder / "truth.nii.gz"),
        "mask_file": str(folder / "mask.nii.gz"),
    }
    return files, {k: v.astype("f4") for k, v in maps.items()}, mask > 0


def test_curves_and_thresholds_in_a_node(work, rng):
    files, maps, mask = build(work, rng)
    out = pe.Node(ContrastRecovery(**files), name="c", base_dir="n").run().outputs
    curves, summary = (pd.read_csv(p, sep="\t") for p in (out.curves_file, out.summary_file))
    assert (out.n_voxels, out.n_excluded) == (600, 0)
    for sign, contrast in ((1, "face > place"), (-1, "place > face")):
        support = sign * maps["truth"][mask] >= 3
        for name, key in (("mean of layers", "mean"), ("layer 1", "one")):
            precision, recall, threshold = precision_recall_curve(support, sign * maps[key][mask])
            rows = curves[(curves["map"] == name) & (curves["contrast"] == contrast)]
            np.testing.assert_allclose(rows["precision"], precision[-2::-1])
            np.testing.assert_allclose(rows["recall"], recall[-2::-1])
            np.testing.assert_allclose(rows["threshold"], threshold[::-1], rtol=1e-6)
            row = summary[(summary["map"] == name) & (summary["contrast"] == contrast)].iloc[0]
            best = precision[:-1][recall[:-1] >= 0.5].max()
            assert row["precision"] == pytest.approx(best) and row["recall"] >= 0.5
            assert row["n_support"] == support.sum()
    table = summary.set_index("map")
    assert (table.loc["mean of layers", "average_precision"] > 0.85).all()
    assert (table.loc["layer 1", "average_precision"] < 0.15).all()
    for path in (out.curve_figure, out.map_figure):
        assert Path(path).stat().st_size > 5000


def test_voxels_without_a_value_are_left_out_of_all_maps(work, rng):
    files, maps, mask = build(work, rng)
    voxel = tuple(np.argwhere(mask & (maps["truth"] >= 3))[0])
    whole = pd.read_csv(ContrastRecovery(**files).run().outputs.summary_file, sep="\t")
    maps["one"][voxel] = np.nan
    write_image(work / "one.nii.gz", maps["one"])
    out = ContrastRecovery(**files).run().outputs
    summary = pd.read_csv(out.summary_file, sep="\t")
    assert (out.n_voxels, out.n_excluded) == (599, 1)
    counts = whole["n_support"] - summary["n_support"]
    assert counts.tolist() == [1, 0, 1, 0]


def test_the_figure_shows_what_passes_the_thresholds(work, rng, monkeypatch):
    files, maps, mask = build(work, rng)
    drawn = []
    whole = precision_recall.contrast_maps_figure

    def spy(panels, support, *args, **options):
        drawn.extend(panels)
        return whole(panels, support, *args, **options)

    monkeypatch.setattr(precision_recall, "contrast_maps_figure", spy)
    out = ContrastRecovery(**files).run().outputs
    rows = pd.read_csv(out.summary_file, sep="\t").set_index(["map", "contrast"])["threshold"]
    limits = [(3, 3)] + [
        (max(rows[name, "face > place"], 0), max(rows[name, "place > face"], 0))
        for name in files["names"]
    ]
    for (title, shown), name, (up, down) in zip(drawn, maps, limits, strict=True):
        values = maps[name]
        # Thresholds are values of the map: room for their last printed digit.
        passing = mask & ((values >= up * (1 - 1e-6)) | (values <= -down * (1 - 1e-6)))
        np.testing.assert_array_equal(shown, np.where(passing, values, 0))
        assert f"{up:.3g}" in title


def test_a_contrast_without_voxels_is_told_and_left_out(work, rng):
    files, maps, mask = build(work, rng)
    write_image(work / "truth.nii.gz", np.clip(maps["truth"] * mask, 0, None))
    out = ContrastRecovery(**files, first="faces", second="houses").run().outputs
    summary = pd.read_csv(out.summary_file, sep="\t", na_values="n/a")
    empty = summary[summary["contrast"] == "houses > faces"]
    assert (empty["n_support"] == 0).all() and empty["threshold"].isna().all()
    curves = pd.read_csv(out.curves_file, sep="\t")
    assert set(curves["contrast"]) == {"faces > houses"}


def test_a_constant_map_has_one_point_at_chance(work, rng):
    files, *_ = build(work, rng)
    write_image(work / "one.nii.gz", np.zeros(SHAPE, "f4"))
    out = ContrastRecovery(**files).run().outputs
    row = pd.read_csv(out.summary_file, sep="\t").query("map == 'layer 1'").iloc[0]
    assert row["recall"] == 1 and row["precision"] == pytest.approx(row["chance"])
    assert row["threshold"] == 0 and Path(out.map_figure).exists()


def test_bad_input(work, rng):
    files, *_ = build(work, rng)
    write_image(work / "small.nii.gz", np.ones((3, 3, 3), np.float32))
    write_image(work / "weak.nii.gz", np.ones(SHAPE, np.float32))
    small, weak = str(work / "small.nii.gz"), str(work / "weak.nii.gz")
    for inputs, text in [
        ({"names": ["mean"]}, r"names\n.*2 different names.*\n.*mean\n"),
        ({"names": ["a", "a"]}, r"names\n.*2 different names.*\n.*a, a\n"),
        ({"truth_file": weak}, r"weak.nii.gz\n.*at least 3 in size.*\n.*none of 600"),
        ({"truth_file": small}, r"small.nii.gz\n.*the grid of"),
        ({"in_files": [small], "names": ["a"]}, r"small.nii.gz\n.*the grid of"),
        ({"background_file": small}, r"small.nii.gz\n.*the grid of"),
        ({"planes": "q"}, r"planes\n.*letters of x, y and z"),
        ({"first": "a", "second": "a"}, r"second\n.*two kinds.*\n.*'a' twice"),
    ]:
        with pytest.raises(InputError, match=text) as error:
            ContrastRecovery(**(files | inputs)).run()
        assert str(error.value).startswith("ContrastRecovery: ")
