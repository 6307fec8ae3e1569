from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from fmriprod.algorithms.audit import audit
from fmriprod.algorithms.design import design_matrix
from fmriprod.reports.design import design_figure


def draw(names, duplicate=False):
    onset = np.arange(len(names) * 4) * 20.0 + 4
    events = pd.DataFrame({"onset": onset, "duration": 6.0, "trial_type": names * 4})
    if duplicate:
        events = pd.concat([events, events[:4].assign(trial_type="again")])
        names = [*names, "again"]
    matrix = design_matrix(events, int(onset[-1] / 2) + 10, 2.0)
    found = audit(matrix, sorted(names))
    with design_figure(matrix, sorted(names), found) as figure:
        figure.canvas.draw()
        texts = figure.findobj(Text)
        titles = [ax.title if ax.get_title() else ax._left_title for ax in figure.axes]
        boxes = [t.get_window_extent().transformed(figure.transFigure.inverted()) for t in titles]
        return boxes, matrix, found, [t.get_text() for t in texts]


@pytest.mark.parametrize("n_conditions", [1, 2, 6, 30])
def test_every_condition_is_named_and_no_title_runs_into_the_next_panel(n_conditions):
    names = [f"condition{i}" for i in range(n_conditions)]
    titles, matrix, found, texts = draw(names)
    for name in names:
        assert texts.count(name) >= (3 if n_conditions > 1 else 2)
        assert f"{found.vif[name]:,.1f}" in texts
    assert any(f"{len(matrix)} volumes, {matrix.shape[1]} columns" in t for t in texts)
    assert len(titles) == (3 if n_conditions > 1 else 2)
    for one, two in pairwise(titles):
        assert one.x1 < two.x0
    assert titles[-1].x1 <= 1


def test_columns_that_cannot_be_told_apart_are_marked():
    _, _, found, texts = draw(["face"], duplicate=True)
    assert found.aliased
    assert any("cannot be told apart" in t for t in texts)
    assert "not separable" in texts
