"""What the figures of a group draw is what its tables hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import group_tables as simulated

from fmriprod.reports.print_style import KIND_COLOURS
from fmriprod.reports.production_bars import main_schemes
from fmriprod.reports.production_change import differentiation_figure
from fmriprod.reports.production_connectivity import connectivity_figure
from fmriprod.reports.production_courses import DIFFERENCES, course_figure
from fmriprod.reports.production_phases import phase_figure, split_figure
from fmriprod.reports.production_swarm import drawing_figure, swarm_offsets

SCORES = simulated.scores()
ACCURACY = simulated.accuracy(SCORES)
COURSES = simulated.courses()
TRIALS = simulated.connectivity()


def words(figure):
    """All that is written in a figure."""
    texts = [t.get_text() for ax in figure.axes for t in ax.texts]
    texts += [t.get_text() for t in (figure._suptitle, figure._supxlabel) if t is not None]
    return "\n".join(texts)


def heights(ax):
    """Bars by series, from left to right."""
    return {c.get_label(): [bar.get_height() for bar in c] for c in ax.containers}


def intervals(ax):
    """Ends of the vertical lines, a list a series."""
    return [[tuple(path.vertices[:, 1]) for path in lines.get_paths()] for lines in ax.collections]


def smallest_letters(figure):
    figure.canvas.draw()
    texts = figure.findobj(lambda artist: hasattr(artist, "get_fontsize"))
    return min(text.get_fontsize() for text in texts if text.get_text().strip())


def column(table, phase, name):
    rows = table[table["phase"] == phase].set_index("region")
    return rows.loc[list(simulated.REGIONS), name].tolist()


def test_bars_and_intervals_of_phases_are_those_of_the_table():
    with phase_figure(ACCURACY) as figure:
        (ax,) = figure.axes
        found = heights(ax)
        assert list(found) == ["pre (within_phase)", "post (within_phase)", "drawing (4way)"]
        for (name, bars), lines in zip(found.items(), intervals(ax), strict=True):
            phase = name.split()[0]
            assert bars == pytest.approx(column(ACCURACY, phase, "mean"))
            ends = zip(*(column(ACCURACY, phase, e) for e in ("ci_low", "ci_high")), strict=True)
            assert lines == [pytest.approx(pair) for pair in ends]
        assert [t.get_text() for t in ax.get_xticklabels()] == list(simulated.REGIONS)
        assert [line.get_ydata()[0] for line in ax.lines] == [0.25]  # chance
        assert words(figure).count("*") - 1 == (ACCURACY["p_flip_max"] < 0.05).sum() > 0
        assert "n = 6 participants" in words(figure) and "95 %" in words(figure)
        assert smallest_letters(figure) >= 8


def test_stars_stand_above_the_bars_they_belong_to():
    table = ACCURACY.assign(p_flip_max=0.5)
    table.loc[(table["region"] == "LOC") & (table["phase"] == "post"), "p_flip_max"] = 0.049
    with phase_figure(table) as figure:
        ax = figure.axes[0]
        (star,) = [t for t in ax.texts if t.get_text() == "*"]
        bar = ax.containers[1][1]
        assert star.get_position()[0] == pytest.approx(bar.get_x() + bar.get_width() / 2)
        assert star.get_position()[1] > bar.get_height()
    with phase_figure(table, mark=None) as figure:
        assert "*" not in words(figure)


def test_each_level_of_chance_has_its_line():
    table = ACCURACY.assign(chance=np.where(ACCURACY["phase"] == "drawing", 0.5, 0.25))
    with phase_figure(table) as figure:
        assert sorted(line.get_ydata()[0] for line in figure.axes[0].lines) == [0.25, 0.5]
        assert "chance 0.5" in words(figure)


def test_one_scheme_a_phase_is_drawn_and_can_be_chosen():
    other = ACCURACY[ACCURACY["phase"] == "drawing"].assign(scheme="2way", mean=0.6)
    both = pd.concat([ACCURACY, other], ignore_index=True)
    with phase_figure(both) as figure:
        assert heights(figure.axes[0])["drawing (4way)"] != [0.6] * 3
    with phase_figure(both, schemes=["2way"]) as figure:
        assert heights(figure.axes[0])["drawing (2way)"] == [0.6] * 3
    assert main_schemes(ACCURACY).equals(ACCURACY)


@pytest.mark.parametrize("measure", ["accuracy", "p_target"])
def test_trained_and_untrained_objects_have_their_own_bars(measure):
    table = simulated.split(SCORES)
    with split_figure(table, measure=measure) as figure:
        for ax, kind in zip(figure.axes, ("trained", "control"), strict=True):
            part = table[table["measure"] == f"{measure}_{kind}"]
            for phase in ("pre", "post"):
                assert heights(ax)[phase] == pytest.approx(column(part, phase, "mean"))
        assert [ax.get_title("left") for ax in figure.axes] == [
            "trained objects", "untrained objects",
        ]  # fmt: skip


def test_swarm_shows_every_participant_at_their_accuracy():
    with drawing_figure(ACCURACY, SCORES) as figure:
        ax = figure.axes[0]
        swarms = [line for line in ax.lines if line.get_marker() == "o"]
        for place, (line, region) in enumerate(zip(swarms, simulated.REGIONS, strict=True)):
            here = (SCORES["region"] == region) & (SCORES["phase"] == "drawing")
            assert line.get_ydata() == pytest.approx(SCORES.loc[here, "accuracy"])
            assert np.abs(line.get_xdata() - place).max() < 0.3
        assert heights(ax)["drawing"] == pytest.approx(column(ACCURACY, "drawing", "mean"))
        assert ax.get_ylim()[1] > SCORES.loc[SCORES["phase"] == "drawing", "accuracy"].max()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), max_size=25))
def test_points_of_a_swarm_keep_their_distance(values):
    values, distance = np.array(values, dtype=float), 0.07
    offsets = swarm_offsets(values, distance)
    points = offsets + 1j * values
    gaps = np.abs(points[:, None] - points)[np.triu_indices(len(points), 1)]
    assert (gaps >= distance - 1e-6).all()
    np.testing.assert_array_equal(offsets, swarm_offsets(values, distance))


def test_equal_points_spread_to_both_sides():
    assert sorted(swarm_offsets(np.zeros(5), 1.0)) == [-2, -1, 0, 1, 2]


@pytest.mark.parametrize("by", ["time_point", "repetition", "run"])
def test_courses_are_means_over_participants_with_bands_around_them(by):
    with course_figure(COURSES, by=by, n_bootstrap=200) as figure:
        for ax, region in zip(figure.axes, simulated.REGIONS, strict=True):
            part = COURSES[(COURSES["region"] == region) & (COURSES["by"] == by)]
            lines = {line.get_label(): line for line in ax.lines}
            for kind, band in zip(KIND_COLOURS, ax.collections, strict=True):
                expected = part.groupby("index")[kind].mean()
                assert lines[kind].get_xdata() == pytest.approx(expected.index.to_numpy(float))
                assert lines[kind].get_ydata() == pytest.approx(expected.to_numpy())
                assert lines[kind].get_color() == KIND_COLOURS[kind]
                ends = band.get_paths()[0].vertices[:, 1]
                assert ends.min() < expected.min() and ends.max() > expected.max()
            assert ax.get_title("left") == region
            looks = {(lines[k].get_linestyle(), lines[k].get_marker()) for k in KIND_COLOURS}
            assert len(looks) == 3  # told apart without colour
        assert figure.axes[0].get_ylim() == (0.1, 0.4)
        assert 0.25 in [line.get_ydata()[0] for line in figure.axes[0].lines]
        assert smallest_letters(figure) >= 8


def test_bands_hold_the_bootstrap_of_participants():
    with course_figure(COURSES, by="run", n_bootstrap=2000) as figure:
        band = figure.axes[0].collections[0].get_paths()[0].vertices
        here = (COURSES["by"] == "run") & (COURSES["region"] == "V1") & (COURSES["index"] == 1)
        values = COURSES.loc[here, "target"].to_numpy()
        rng = np.random.default_rng(5)
        means = [rng.choice(values, len(values)).mean() for _ in range(4000)]
        ends = band[band[:, 0] == 1, 1]
        assert (ends.min(), ends.max()) == pytest.approx(np.quantile(means, (0.025, 0.975)),
                                                         abs=0.003)  # fmt: skip


def test_differences_are_those_of_each_participant():
    with course_figure(COURSES, difference=True, n_bootstrap=200) as figure:
        lines = {line.get_label(): line for line in figure.axes[0].lines}
        part = COURSES[(COURSES["region"] == "V1") & (COURSES["by"] == "time_point")]
        for name, (first, second, _) in DIFFERENCES.items():
            expected = (part[first] - part[second]).groupby(part["index"]).mean()
            assert lines[name].get_ydata() == pytest.approx(expected.to_numpy())
        assert figure.axes[0].get_ylim() == (-0.3, 0.3)


def test_axis_grows_with_the_data_and_never_hides_them():
    big = COURSES.assign(target=COURSES["target"] + 0.4)
    with course_figure(big, n_bootstrap=50) as figure:
        low, high = figure.axes[0].get_ylim()
        tops = [c.get_paths()[0].vertices[:, 1].max() for a in figure.axes for c in a.collections]
        assert low == 0.1 and high > max(tops)


def expected_connectivity(by, first, second):
    rows = TRIALS[(TRIALS["features"] == "correlation") & (TRIALS["region_1"] == first)
                  & (TRIALS["region_2"] == second)]  # fmt: skip
    own = rows.groupby(["subject", by])["log_odds"].mean()
    return own.groupby(by).mean().to_numpy()


def test_connectivity_bars_are_means_of_participants_by_half():
    with connectivity_figure(TRIALS, n_bootstrap=200) as figure:
        found = heights(figure.axes[0])
        bars = np.array(list(found.values()))
        pairs = [t.get_text().split("\n") for t in figure.axes[0].get_xticklabels()]
        assert len(pairs) == 3
        for number, pair in enumerate(pairs):
            assert bars[:, number] == pytest.approx(expected_connectivity("half", *pair))
        assert "Features: correlation; scheme: phase" in words(figure)
        assert figure.axes[0].get_ylim()[0] == 0 and figure.axes[0].get_ylim()[1] >= 1.5


@pytest.mark.parametrize("by", ["repetition", "trial", "half"])
def test_connectivity_lines_have_an_axis_for_each_pair(by):
    with connectivity_figure(TRIALS, by=by, kind="line", n_bootstrap=100) as figure:
        for ax in figure.axes:
            line = ax.lines[0]
            pair = ax.get_title("left").split(" – ")
            assert line.get_ydata() == pytest.approx(expected_connectivity(by, *pair))
            assert line.get_xdata()[0] == 1


def test_other_features_are_drawn_when_asked_for():
    with (connectivity_figure(TRIALS, n_bootstrap=50) as one,
          connectivity_figure(TRIALS, features="stack", n_bootstrap=50) as two):  # fmt: skip
        assert heights(one.axes[0]) != heights(two.axes[0])
        assert "Features: stack" in words(two)


def test_differentiation_bars_are_those_of_the_table():
    rows = pd.DataFrame({
        "region": ["V1", "LOC"] * 2,
        "measure": ["differentiation_trained"] * 2 + ["difference"] * 2,
        "n": 6, "mean": [0.1, -0.2, 0.3, 0.4], "ci_low": 0.0, "ci_high": 0.5, "p_flip_max": 0.5,
    })  # fmt: skip
    with differentiation_figure(rows) as figure:
        found = heights(figure.axes[0])
        assert found == {"trained objects": [0.1, -0.2], "trained − untrained": [0.3, 0.4]}


MAKERS = {
    "phases": lambda s, c, t, **o: phase_figure(simulated.accuracy(s), **o),
    "split": lambda s, c, t, **o: split_figure(simulated.split(s), **o),
    "drawing": lambda s, c, t, **o: drawing_figure(simulated.accuracy(s), s, **o),
    "courses": lambda s, c, t, **o: course_figure(c, n_bootstrap=50, **o),
    "differences": lambda s, c, t, **o: course_figure(c, difference=True, n_bootstrap=50, **o),
    "connectivity": lambda s, c, t, **o: connectivity_figure(t, n_bootstrap=50, **o),
    "repetitions": lambda s, c, t, **o: connectivity_figure(
        t, by="repetition", kind="line", n_bootstrap=50, **o
    ),
}  # fmt: skip


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def test_empty_tables_give_a_message(make):
    with make(SCORES[:0], COURSES[:0], TRIALS[:0], simulated=True) as figure:
        assert "No " in words(figure) and "simulated data" in words(figure)


def test_one_participant_has_no_interval_and_the_figure_says_so(make):
    tables = [t[t["subject"] == "01"] for t in (SCORES, COURSES, TRIALS)]
    with make(*tables) as figure:
        figure.canvas.draw()
        assert "n = 1 participant;" in words(figure) or "n = 1 participant," in words(figure)
        assert "no interval with one participant" in words(figure)


def test_who_lacks_a_region_is_not_counted_there(make):
    lacking = [
        SCORES[(SCORES["subject"] != "02") | (SCORES["region"] != "LOC")],
        COURSES[(COURSES["subject"] != "02") | (COURSES["region"] != "LOC")],
        TRIALS[(TRIALS["subject"] != "02") | (TRIALS["region_1"] != "LOC")],
    ]
    with make(*lacking) as figure:
        assert "n = 5 to 6 participants" in words(figure)


def test_one_phase_is_enough_and_keeps_its_look():
    with phase_figure(ACCURACY[ACCURACY["phase"] == "post"]) as figure:
        (bars,) = figure.axes[0].containers
    with phase_figure(ACCURACY) as figure:
        assert bars[0].get_facecolor() == figure.axes[0].containers[1][0].get_facecolor()


def test_a_region_without_values_says_so():
    hollow = COURSES.copy()
    hollow.loc[hollow["region"] == "LOC", ["target", "foil", "control"]] = np.nan
    with course_figure(hollow, n_bootstrap=50) as figure:
        assert "no data" in [t.get_text() for t in figure.axes[1].texts]
    pair = COURSES.assign(control=np.nan)  # a scheme of two objects has no control
    with course_figure(pair, n_bootstrap=50) as figure:
        assert "no data" not in words(figure)


def test_simulated_data_are_called_so(make):
    with make(SCORES, COURSES, TRIALS, simulated=True) as figure:
        assert "simulated data" in words(figure)
    with make(SCORES, COURSES, TRIALS) as figure:
        assert "simulated data" not in words(figure)
