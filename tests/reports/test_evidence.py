import numpy as np
import pandas as pd
import pytest

from fmriprod.reports.evidence import confusion_figure, null_figure, time_course_figure


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_confusion_shows_shares_of_the_true_label():
    counts = np.array([[3, 1], [0, 0]])
    with confusion_figure(counts, ["bed", "chair"], title="simulated") as figure:
        ax = figure.axes[0]
        shown = np.ma.filled(ax.images[0].get_array(), np.nan)
        np.testing.assert_array_equal(shown[0], [75, 25])
        assert texts(figure) == ["75", "25"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["bed (4)"]  # chair was not tested
        assert [t.get_text() for t in ax.get_xticklabels()] == ["bed", "chair"]


def test_many_labels_have_no_numbers_in_their_cells():
    labels = [f"object {i}" for i in range(20)]
    with confusion_figure(np.eye(20, dtype=int), labels) as figure:
        assert texts(figure) == []


@pytest.mark.parametrize(("tr", "first"), [(None, 1), (1.5, 0)])
def test_time_course_draws_both_kinds_with_their_band(tr, first):
    courses = pd.DataFrame(
        {
            "time_point": [1, 2, 3] * 2,
            "kind": ["target"] * 3 + ["others"] * 3,
            "probability": [0.3, 0.5, 0.4, 0.23, 0.17, 0.2],
            "low": [0.2, 0.4, 0.3, 0.2, 0.1, 0.15],
            "high": [0.4, 0.6, 0.5, 0.26, 0.2, 0.25],
            "n_trials": 12,
        }
    )
    with time_course_figure(courses, 0.25, tr=tr) as figure:
        ax = figure.axes[0]
        lines = {line.get_label(): line for line in ax.lines}
        target = lines["true label"]
        np.testing.assert_allclose(target.get_ydata(), [0.3, 0.5, 0.4])
        assert target.get_xdata()[0] == first
        band = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert (band.min(), band.max()) == (0.2, 0.6)
        assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 0.6
        assert "12 trials" in ax.get_legend().get_title().get_text()
        assert texts(figure) == ["chance"]


def test_null_has_a_bar_for_each_accuracy_and_a_line_for_the_observed_one():
    null = np.array([0.2, 0.2, 0.25, 0.3, 0.25, 0.25])
    with null_figure(null, 0.6, 1 / 7) as figure:
        ax = figure.axes[0]
        bars = {round(bar.get_x() + bar.get_width() / 2, 3): bar.get_height() for bar in ax.patches}
        assert bars == {0.2: 2, 0.25: 3, 0.3: 1}
        assert ax.lines[0].get_xdata()[0] == 0.6
        assert texts(figure) == ["true labels: 0.600\np = 0.143"]
        assert ax.get_xlim()[1] > 0.6


def test_many_different_accuracies_are_binned(rng):
    with null_figure(rng.uniform(size=500), 0.5, 0.5) as figure:
        heights = [bar.get_height() for bar in figure.axes[0].patches]
        assert len(heights) == 25 and sum(heights) == 500


def test_one_accuracy_only():
    with null_figure(np.full(10, 0.25), 0.25, 1.0) as figure:
        assert [bar.get_height() for bar in figure.axes[0].patches] == [10]
