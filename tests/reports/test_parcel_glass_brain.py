"""The glass brain draws the strongest pairs, at their places, in their networks' colours."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_edges import node_strength, parcel_places, strongest_edges
from fmriprod.reports.parcel_glass_brain import glass_brain_figure
from fmriprod.reports.parcel_order import network_colours

N = 8
PARCELS = pd.DataFrame({
    "name": [f"{side}_{k}" for side in "RL" for k in range(4)], "hemisphere": list("RRRRLLLL"),
    "network": ["Vis", "Mot", "n/a", "Aud"] * 2,
    "x": [30.0, 40, 20, 50, -30, -40, -20, -50], "y": [-80.0, -20, 40, -10] * 2,
    "z": [0.0, 50, 10, 20] * 2,
})  # fmt: skip


@pytest.fixture
def matrix(rng):
    values = rng.uniform(-0.3, 0.3, (N, N))
    values = (values + values.T) / 2
    values[0, 4] = values[4, 0] = 0.9
    values[1, 2] = values[2, 1] = -0.8
    values[7], values[:, 7] = np.nan, np.nan
    return values


class TestEdges:
    @pytest.mark.parametrize("n", [1, 5, 100])
    def test_against_a_loop(self, matrix, n):
        pairs = [(abs(matrix[i, k]), i, k) for i in range(N) for k in range(i + 1, N)]
        pairs = sorted((p for p in pairs if np.isfinite(p[0])), key=lambda p: (-p[0], p[1:]))[:n]
        found = strongest_edges(matrix, n)
        assert list(zip(found.first, found.second, strict=True)) == [p[1:] for p in pairs]
        np.testing.assert_array_equal(found.value, matrix[found.first, found.second])

    @pytest.mark.parametrize(("n", "wanted"), [(40, 50), (120, 71), (360, 200)])
    def test_how_many_by_default(self, rng, n, wanted):
        assert len(strongest_edges(rng.normal(size=(n, n))).value) == wanted

    def test_strength_against_a_loop(self, matrix):
        matrix[0, 3] = matrix[3, 0] = np.nan
        found = node_strength(matrix)
        for i in range(N):
            others = [abs(matrix[i, k]) for k in range(N) if k != i and np.isfinite(matrix[i, k])]
            assert np.isnan(found[i]) if not others else found[i] == pytest.approx(np.mean(others))

    def test_places_that_are_lacking(self):
        with pytest.raises(InputError, match=r"no y, z\s+do:\s+add them"):
            parcel_places(PARCELS.drop(columns=["y", "z"]))

    @pytest.mark.parametrize("value", [np.nan, 400.0, "here"])
    def test_places_outside_a_brain(self, value):
        table = PARCELS.assign(x=PARCELS["x"].astype(object))
        table.loc[2, "x"] = value
        with pytest.raises(InputError, match="1 parcels elsewhere or nowhere, such as R_2"):
            parcel_places(table)


class TestGlassBrain:
    def test_lines_are_the_strongest_pairs_in_the_colour_of_their_sign(self, matrix):
        with glass_brain_figure(matrix, PARCELS, n_edges=2) as fig:
            lines = [line for line in fig.findobj(mpl.lines.Line2D) if len(line.get_xdata()) == 2]
            drawn = {
                tuple(sorted(map(tuple, np.round(line.get_xydata(), 3)))): line.get_color()
                for line in lines
            }
        # From above x and y are seen, R_0 - L_0 and R_1 - R_2.
        plus, minus = drawn[((-30, -80), (30, -80))], drawn[((20, 40), (40, -20))]
        scale = mpl.colormaps["RdBu_r"]  # from -0.9 to 0.9
        np.testing.assert_allclose(plus, scale(1.0), atol=0.01)
        np.testing.assert_allclose(minus, scale((0.9 - 0.8) / 1.8), atol=0.02)
        above = {tuple(place) for place in PARCELS[["x", "y"]].to_numpy()}
        assert sum(set(ends) <= above for ends in drawn) == 2

    def test_parcels_have_the_colours_of_networks_and_grey_without_values(self, matrix):
        colours = network_colours(PARCELS["network"])
        with glass_brain_figure(matrix, PARCELS) as fig:
            dots = [c for c in fig.findobj(mpl.collections.PathCollection)
                    if len(c.get_offsets()) == N]  # fmt: skip
            assert len(dots) == 3
            found = [to_hex(c).upper() for c in dots[0].get_facecolors()]
            sizes = dots[0].get_sizes()
        assert found == [colours[name] for name in PARCELS["network"][:7]] + ["#8A8A8A"]
        strength = node_strength(matrix)
        np.testing.assert_allclose(sizes[:7] / sizes.max(), strength[:7] / np.nanmax(strength))
        assert sizes[7] == pytest.approx(0.1 * sizes.max())

    def test_words(self, matrix):
        with glass_brain_figure(matrix, PARCELS, n_edges=2, label="z", simulated=True) as fig:
            said = [t.get_text() for t in fig.findobj(mpl.text.Text)]
        assert "Strongest connections – simulated data" in said and "z" in said
        assert {"Vis", "Mot", "Aud", "no network"} <= set(said)
        note = next(words for words in said if words.startswith("Lines"))
        assert "strongest 2 of 21 pairs, |value| ≥ 0.8" in note and "Grey: 1 without" in note

    def test_no_values_at_all(self):
        with glass_brain_figure(np.full((N, N), np.nan), PARCELS) as fig:
            fig.draw_without_rendering()
            said = [t.get_text() for t in fig.findobj(mpl.text.Text)]
        assert any("strongest 0 of 0 pairs" in words for words in said)

    def test_bad_matrix(self):
        with (
            pytest.raises(InputError, match=r"shape \(8, 7\)"),
            glass_brain_figure(np.zeros((8, 7)), PARCELS),
        ):
            pass
