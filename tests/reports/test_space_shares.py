import numpy as np
import pandas as pd
import pytest

from fmriprod.reports.space_shares import space_figure


def shares(rng, regions=("V1", "V4", "LOC"), n_spaces=3):
    rows = []
    for roi in regions:
        split = rng.uniform(-0.02, 0.2, n_spaces)
        for number, value in enumerate(split):
            rows.append(
                {"roi": roi, "space": f"space{number}", "split": value, "fold_low": value - 0.03,
                 "fold_high": value + 0.05, "r2": split.sum(), "n_voxels": 1200}
            )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("n_spaces", [2, 3, 11])
def test_each_space_has_a_bar_in_each_region_and_a_name(rng, n_spaces):
    table = shares(rng, n_spaces=n_spaces)
    with space_figure(table, best_share=0.1, simulated=True) as figure:
        (ax,) = figure.axes
        heights = np.array([[bar.get_height() for bar in group] for group in ax.containers])
        expected = table.pivot(index="space", columns="roi", values="split")
        expected = expected.loc[table["space"].unique(), table["roi"].unique()]
        np.testing.assert_allclose(heights, expected)
        colours = {group[0].get_facecolor() for group in ax.containers}
        assert len(colours) == n_spaces
        places = np.array([[bar.get_x() for bar in group] for group in ax.containers])
        assert (np.diff(places, axis=0) > 0).all() and (places[-1, :-1] < places[0, 1:]).all()
        names = [text.get_text() for text in figure.legends[0].get_texts()]
        assert names == [f"space{i}" for i in range(n_spaces)]
        diamonds = np.asarray(ax.collections[-1].get_offsets())[:, 1]
        np.testing.assert_allclose(diamonds, expected.sum(axis=0))
        assert "simulated data" in figure.get_suptitle()
        assert "best 10 %" in figure.get_supxlabel()
        assert next(t.get_text() for t in ax.get_xticklabels()) == "V1\nn = 1,200"


def test_a_region_without_voxels_is_said(rng):
    table = shares(rng, regions=("V1",))
    table[["split", "fold_low", "fold_high", "r2"]], table["n_voxels"] = np.nan, 0
    with space_figure(table) as figure:
        texts = [text.get_text() for text in figure.axes[0].texts]
        assert texts == ["no voxel is usable"]
