"""Figures of parcels show what they say: order, colours, limits, what is lacking."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.network_summary import summarize_networks
from fmriprod.reports.network_bars import network_bars_figure
from fmriprod.reports.parcel_matrix import matrix_note, parcel_matrix_figure
from fmriprod.reports.parcel_order import network_colours, parcel_order, spread
from fmriprod.reports.parcel_profile import parcel_profile_figure, seed_table
from fmriprod.reports.parcel_ranking import parcel_ranking_figure

# Right first, networks mixed: nothing can be right by position.
NAMES = ["R_A", "R_B", "R_C", "L_C", "L_A", "L_B"]
PARCELS = pd.DataFrame({
    "name": NAMES, "hemisphere": [name[0] for name in NAMES],
    "network": ["Vis", "Mot", "Vis", "Vis", "Vis", "Mot"],
})  # fmt: skip


@pytest.fixture
def matrix():
    values = np.random.default_rng(0).uniform(-0.9, 0.9, (6, 6)).astype("f4")
    values = (values + values.T) / 2
    np.fill_diagonal(values, np.nan)
    return values


def words(fig):
    fig.draw_without_rendering()
    return [t.get_text() for t in fig.findobj(mpl.text.Text) if t.get_text()]


def note(fig):
    return fig._supxlabel.get_text()


class TestOrder:
    def test_by_network_then_left_before_right(self):
        ordered = [NAMES[i] for i in parcel_order(PARCELS)]
        assert ordered == ["L_C", "L_A", "R_A", "R_C", "L_B", "R_B"]

    def test_colours_do_not_depend_on_who_has_no_network(self):
        assert network_colours(["n/a", "a", "b"])["b"] == network_colours(["a", "b"])["b"]

    def test_labels_are_moved_apart_and_stay_inside(self):
        places = spread([0, 0.1, 0.2, 9.9, 10], 1.0, 0.0, 10.0)
        assert (np.diff(places) >= 1 - 1e-9).all()
        assert places[0] == 0 and places[-1] == 10


class TestMatrix:
    def test_each_cell_has_the_colour_of_its_pair(self, matrix):
        with parcel_matrix_figure(matrix, PARCELS) as fig:
            picture = fig.axes[0].images[0].get_array()
        order = parcel_order(PARCELS)
        scale = mpl.colormaps["RdBu_r"]
        for i, row in enumerate(order):
            for k, column in enumerate(order):
                wanted = scale((float(matrix[row, column]) + 1) / 2) if i != k else (1, 1, 1, 1)
                np.testing.assert_allclose(picture[i, k], wanted, atol=0.02)

    def test_strips_have_the_colours_of_networks(self, matrix):
        with parcel_matrix_figure(matrix, PARCELS) as fig:
            strip = fig.axes[0].images[3].get_array()[:, 0]
        colours = network_colours(PARCELS["network"])
        wanted = [to_rgb(colours[name]) for name in ["Vis"] * 4 + ["Mot"] * 2]
        np.testing.assert_allclose(strip, wanted)

    def test_networks_are_named_beside_their_blocks_with_their_size(self, matrix):
        with parcel_matrix_figure(matrix, PARCELS, simulated=True) as fig:
            fig.draw_without_rendering()
            places = {t.get_text(): t.xy[1] for t in fig.axes[0].texts}
            assert places == {"Vis (4)": 1.5, "Mot (2)": 4.5}
            ticks = [t.get_text() for t in fig.axes[0].get_xticklabels()]
            assert ticks == ["L_C", "L_A", "R_A", "R_C", "L_B", "R_B"]
            assert "simulated data" in fig._suptitle.get_text()
            assert fig.axes[1].get_ylim() == (-1, 1)

    def test_parcels_without_values_are_grey_and_counted(self, matrix):
        matrix[1], matrix[:, 1] = np.nan, np.nan
        matrix[0, 2] = matrix[2, 0] = np.nan
        with parcel_matrix_figure(matrix, PARCELS) as fig:
            picture = fig.axes[0].images[0].get_array()
            assert to_hex(picture[5, 0]) == "#8a8a8a"
            said = note(fig).replace("\n", " ")
            mark = next(line for line in fig.axes[0].lines if line.get_label() == "_grey")
            assert mark.get_ydata().tolist() == [5]
        assert "1 parcel without a value (R_B)" in said
        assert "1 pair of other parcels without a value" in said

    def test_values_beyond_the_colours_are_counted(self, matrix):
        matrix[0, 1] = matrix[1, 0] = 1.7
        assert "1 pair beyond -1 to 1" in matrix_note(matrix, NAMES)
        with parcel_matrix_figure(matrix, PARCELS, limits=(-2, 2)) as fig:
            assert fig.axes[1].get_ylim() == (-2, 2)
            assert "beyond" not in note(fig)

    def test_another_number_of_parcels(self, matrix):
        with (
            pytest.raises(InputError, match=r"6 parcels\s+found:\s+5 rows"),
            parcel_matrix_figure(matrix, PARCELS[:5]),
        ):
            pass

    def test_no_square(self):
        with (
            pytest.raises(InputError, match=r"shape \(6, 5\)"),
            parcel_matrix_figure(np.zeros((6, 5)), PARCELS),
        ):
            pass


class TestProfile:
    def test_lines_hold_the_values_of_their_hemisphere_by_name(self):
        values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
        with parcel_profile_figure(values, PARCELS, "L_C") as fig:
            left, right = fig.axes[0].lines[:2]
            assert left.get_label() == "left hemisphere"
            # Regions: A, C (Vis), B (Mot); the seed itself is a gap.
            np.testing.assert_array_equal(left.get_ydata(), [0.5, np.nan, 0.6])
            np.testing.assert_array_equal(right.get_ydata(), [0.1, 0.3, 0.2])
            ticks = [t.get_text() for t in fig.axes[0].get_xticklabels()]
            assert ticks == ["A", "C", "B"]
            assert "seed L_C" in words(fig)
            assert note(fig) == "3 regions, each in both hemispheres."

    def test_a_region_of_one_side_and_a_parcel_of_none(self):
        names = ["L_A", "R_A", "L_B", "Brain-Stem"]
        table = pd.DataFrame({"name": names, "hemisphere": ["L", "R", "L", "n/a"],
                              "network": ["x", "x", "y", "n/a"]})  # fmt: skip
        with parcel_profile_figure(np.array([0.1, np.nan, 0.3, 0.4]), table, "L_A") as fig:
            said = note(fig).replace("\n", " ")
        assert "2 regions, 1 of them in one hemisphere only." in said
        assert "1 parcel without a value" in said and "Brain-Stem, of no hemisphere" in said

    def test_a_seed_that_does_not_exist(self):
        with (
            pytest.raises(InputError, match=r"'L_AB'\s+do:\s+did you mean 'L_B'"),
            parcel_profile_figure(np.zeros(6), PARCELS, "L_AB"),
        ):
            pass

    def test_two_parcels_of_one_name_on_one_side(self):
        table = pd.DataFrame({"name": ["L_A", "A_L"], "hemisphere": "L", "network": "x"})
        with pytest.raises(InputError, match="A twice"):
            seed_table(np.zeros(2), table)


class TestNetworkBars:
    def test_bars_are_means_and_lines_one_sd(self):
        values = np.array([1.0, 2, 3, 4, 5, 6])
        table = summarize_networks(values, PARCELS["network"], PARCELS["hemisphere"])
        with network_bars_figure(table, label="beta") as fig:
            ax = fig.axes[0]
            heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
            assert heights == [[4.5, 6], [2, 2]]  # left: Vis, Mot; right: Vis, Mot
            segment = ax.collections[0].get_segments()[0]
            np.testing.assert_allclose(segment[:, 1], 4.5 + np.array([-1, 1]) * 0.5**0.5)
            assert [t.get_text() for t in ax.get_xticklabels()] == ["Vis (4)", "Mot (2)"]
            assert list(ax.lines[0].get_ydata()) == [0, 0]
            assert "standard deviation over parcels" in note(fig)

    def test_intervals_go_before_sd(self):
        row = {"network": "a", "hemisphere": "both", "n": 3, "mean": 1.0, "sd": 9.0, "low": 0.5,
               "high": 1.5, "n_missing": 2}  # fmt: skip
        table = pd.DataFrame([row])
        with network_bars_figure(table) as fig:
            assert fig.axes[0].collections[0].get_segments()[0][:, 1].tolist() == [0.5, 1.5]
            assert "intervals of the mean" in note(fig) and "2 parcels without" in note(fig)

    def test_connectivity_of_networks_is_no_such_table(self):
        table = pd.DataFrame({"network_1": ["a"], "network_2": ["a"], "n": [3], "mean": [0.1]})
        with pytest.raises(InputError, match="no network, hemisphere"), network_bars_figure(table):
            pass

    def test_several_conditions(self):
        row = {"network": "a", "hemisphere": "L", "n": 3, "mean": 1.0}
        with (
            pytest.raises(InputError, match="one condition"),
            network_bars_figure(pd.DataFrame([row, row])),
        ):
            pass


class TestRanking:
    TABLE = pd.DataFrame({"rank": [2, 1, 3], "parcel": ["L_A", "R_B", "L_C"],
                          "network": ["Vis", "Mot", None], "value": [-2.0, 3.0, 1.0]})  # fmt: skip

    def test_bars_are_in_order_of_rank_from_above_in_colours_of_networks(self):
        colours = {"Vis": "#112233", "Mot": "#445566"}
        with parcel_ranking_figure(self.TABLE, colours=colours) as fig:
            ax = fig.axes[0]
            assert [bar.get_width() for bar in ax.patches] == [3, -2, 1]
            assert [t.get_text() for t in ax.get_yticklabels()] == ["R_B  1", "L_A  2", "L_C  3"]
            shown = [to_hex(bar.get_facecolor()) for bar in ax.patches]
            assert shown == ["#445566", "#112233", "#dadada"]
            assert ax.get_ylim()[0] > ax.get_ylim()[1]
            assert "no network" in words(fig)

    def test_no_more_than_asked_for(self):
        with parcel_ranking_figure(self.TABLE, n_most=2) as fig:
            assert len(fig.axes[0].patches) == 2

    def test_bad_tables(self):
        with pytest.raises(InputError, match="no rank"), parcel_ranking_figure(
            self.TABLE.drop(columns="rank")
        ):  # fmt: skip
            pass
        twice = pd.concat([self.TABLE, self.TABLE])
        with pytest.raises(InputError, match="twice"), parcel_ranking_figure(twice):
            pass
