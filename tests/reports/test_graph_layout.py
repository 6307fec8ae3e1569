"""Pictures of graphs: nothing overlaps, arrows arrive, and where they may not run they do not."""

import itertools
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from support.layouts import crossed, overlap, overlapping, reached, segments

from fmriprod.reports.graph_channels import Piece, tracks
from fmriprod.reports.graph_drawing import Arrow, Box, Diagram, Group
from fmriprod.reports.graph_layers import crossings, layers_of, ordered
from fmriprod.reports.graph_layout import lay_out
from fmriprod.reports.graph_positions import spread


@st.composite
def diagrams(draw, cycles=False):
    """Graphs of up to 14 boxes in up to 4 groups, groups within groups among them."""
    n_groups, n = draw(st.integers(0, 4)), draw(st.integers(1, 14))
    groups = [Group(f"g{i}", "G", group=draw(st.sampled_from([None, *(f"g{j}" for j in range(i))])))
              for i in range(n_groups)]  # fmt: skip
    places = st.sampled_from([None, *(g.key for g in groups)])
    boxes = [Box(f"b{i}", "B", group=draw(places)) for i in range(n)]
    pairs = [(f"b{i}", f"b{j}") for i, j in itertools.permutations(range(n), 2) if cycles or i < j]
    arrows = draw(st.sets(st.sampled_from(pairs), max_size=24)) if pairs else set()
    return Diagram(tuple(boxes), tuple(groups), tuple(Arrow(*pair) for pair in sorted(arrows)))


def sizes_of(diagram):
    return {b.key: (40.0 + 7 * (i % 5), 12.0 + 9 * (i % 3)) for i, b in enumerate(diagram.boxes)}


def check(diagram, layout):
    assert set(layout.boxes) == {box.key for box in diagram.boxes}
    assert overlapping(layout) == []
    assert crossed(layout) == []
    for box in diagram.boxes:
        goals = {arrow.target for arrow in diagram.arrows if arrow.source == box.key}
        assert reached(layout, box.key) == goals
    for x, y in (line.points[-1] for line in layout.lines if line.head):
        assert any(r.x <= x <= r.x + r.width and abs(r.y - y) < 1e-6
                   for r in layout.boxes.values())  # fmt: skip
    for group in diagram.groups:
        frame = layout.frames[group.key]
        for box in diagram.boxes:
            inside = group.key in diagram.ancestors(box.key)
            rect = layout.boxes[box.key]
            assert overlap(frame, rect) == inside
            if inside:
                assert frame.x <= rect.x and rect.x + rect.width <= frame.x + frame.width
                assert frame.y <= rect.y and rect.y + rect.height <= frame.y + frame.height


@settings(max_examples=120, deadline=None)
@given(diagrams(), st.sampled_from([150.0, 400.0]))
def test_nothing_overlaps_and_each_arrow_arrives(diagram, limit):
    check(diagram, lay_out(diagram, sizes_of(diagram), limit))


@settings(max_examples=60, deadline=None)
@given(diagrams(cycles=True))
def test_circles_are_drawn_too(diagram):
    check(diagram, lay_out(diagram, sizes_of(diagram), 300.0))


@settings(max_examples=60, deadline=None)
@given(diagrams())
def test_sources_are_above_their_targets(diagram):
    plain = Diagram(tuple(Box(b.key, "B") for b in diagram.boxes), (), diagram.arrows)
    boxes = lay_out(plain, sizes_of(plain), 300.0).boxes
    for arrow in plain.arrows:
        source, target = boxes[arrow.source], boxes[arrow.target]
        assert source.y + source.height < target.y


def test_lines_are_horizontal_or_vertical_and_stay_in_the_drawing():
    boxes = tuple(Box(f"b{i}", "B") for i in range(12))
    arrows = tuple(Arrow(f"b{i}", f"b{j}") for i in range(12) for j in range(i + 1, 12, 3))
    layout = lay_out(Diagram(boxes, (), arrows), {b.key: (40, 20) for b in boxes}, 200)
    for line in layout.lines:
        for (x0, y0), (x1, y1) in segments(line):
            assert abs(x0 - x1) < 1e-6 or y0 == y1
            assert 0 <= min(x0, x1) and max(x0, x1) <= layout.width
            assert 0 <= min(y0, y1) and max(y0, y1) <= layout.height


@settings(max_examples=150, deadline=None)
@given(diagrams(cycles=True), st.sampled_from([150.0, 400.0]))
def test_arrows_of_different_boxes_do_not_run_on_top_of_each_other(diagram, limit):
    layout = lay_out(diagram, sizes_of(diagram), limit)
    runs = [(line.net, *sorted(segment)) for line in layout.lines for segment in segments(line)]
    for (net, (x0, y0), (x1, y1)), (other, (u0, v0), (u1, v1)) in itertools.combinations(runs, 2):
        if net == other:
            continue
        if x0 == x1 and u0 == u1 and abs(x0 - u0) < 0.3:
            assert min(y1, v1) - max(y0, v0) < 0.5, (net, other, x0)
        if y0 == y1 and v0 == v1 and abs(y0 - v0) < 0.3:
            assert min(x1, u1) - max(x0, u0) < 0.5, (net, other, y0)


def test_rows_keep_to_the_width():
    boxes = tuple(Box(f"b{i}", "B") for i in range(30))
    layout = lay_out(Diagram(boxes), {b.key: (40, 20) for b in boxes}, 200)
    assert layout.width <= 200
    assert len({rect.y for rect in layout.boxes.values()}) == 8  # 4 in a row: 4 * 40 + 3 * 9


def test_a_frame_is_long_enough_for_its_name():
    diagram = Diagram((Box("a", "A", group="g"), Box("b", "B")), (Group("g", "G"),),
                      (Arrow("a", "b"),))  # fmt: skip
    layout = lay_out(diagram, {"a": (40, 20), "b": (40, 20)}, 300, lengths={"g": 150})
    assert layout.frames["g"].height == 150
    check(diagram, layout)


def test_hundreds_of_boxes_take_little_time():
    boxes = tuple(Box(f"b{i}", "B", group=f"g{i % 8}") for i in range(400))
    groups = tuple(Group(f"g{i}", "G") for i in range(8))
    arrows = tuple(Arrow(f"b{i}", f"b{i + k}") for i in range(380) for k in (8, 16, 13) if i % 3)
    diagram = Diagram(boxes, groups, arrows)
    start = time.process_time()
    lay_out(diagram, {b.key: (60, 20) for b in boxes}, 500)
    assert time.process_time() - start < 4


@pytest.mark.parametrize("limit", [0.0, 60.0, 100.0])
@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(st.tuples(st.floats(-50, 150), st.floats(1, 20), st.floats(0.1, 5)), max_size=6)
)
def test_places_in_a_row_are_the_nearest_that_there_are(limit, items):
    from scipy.optimize import LinearConstraint, minimize

    wanted, widths, weights = (list(part) for part in zip(*items, strict=True)) if items else (
        [], [], [])  # fmt: skip
    found = spread(wanted, widths, weights, gap=3.0, limit=limit)
    needed = sum(widths) + 3.0 * max(0, len(widths) - 1)
    end = max(limit, needed)
    for (x, w), (x2, w2) in itertools.pairwise(zip(found, widths, strict=True)):
        assert x2 - w2 / 2 - x - w / 2 >= 3.0 - 1e-6
    if not items:
        return
    assert found[0] - widths[0] / 2 >= -1e-6 and found[-1] + widths[-1] / 2 <= end + 1e-6

    def cost(x):
        return sum(k * (a - b) ** 2 for k, a, b in zip(weights, x, wanted, strict=True))

    n = len(items)
    rows = [
        [1.0 if j == i + 1 else -1.0 if j == i else 0.0 for j in range(n)] for i in range(n - 1)
    ]
    lows = [(widths[i] + widths[i + 1]) / 2 + 3 for i in range(n - 1)]
    rows += [[1.0 if j == 0 else 0.0 for j in range(n)], [-1.0 if j == n - 1 else 0.0
                                                          for j in range(n)]]  # fmt: skip
    lows += [widths[0] / 2, widths[-1] / 2 - end]
    best = minimize(cost, found, constraints=LinearConstraint(rows, lows), method="SLSQP",
                    options={"ftol": 1e-10})  # fmt: skip
    assert cost(found) <= best.fun + 1e-3 * (1 + abs(best.fun))


def test_tracks_are_apart_where_they_would_meet():
    pieces = [Piece("a", [0], [50]), Piece("b", [40], [90]), Piece("c", [60], [80]),
              Piece("d", [7], [7])]  # fmt: skip
    found = tracks(pieces)
    assert found[3] is None
    for i, j in itertools.combinations(range(3), 2):
        if found[i] == found[j]:
            (a, b), (c, d) = pieces[i].span, pieces[j].span
            assert b < c or d < a


def test_what_starts_where_another_lands_turns_off_first():
    lands, starts = Piece("lands", [0], [50]), Piece("starts", [50], [120])
    found = tracks([lands, starts])
    assert found[1] < found[0]


def test_sorting_removes_crossings_that_need_not_be():
    layers = [["a", "b", "c"], ["z", "y", "x"]]
    edges = [("a", "x"), ("b", "y"), ("c", "z")]
    below = {a: [b] for a, b in edges}
    assert crossings(layers, below) == 3
    assert crossings(ordered(layers, edges), below) == 0


@settings(max_examples=50, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_crossings_are_counted_as_by_hand(pairs):
    rows = [[f"u{i}" for i in range(6)], [f"l{i}" for i in range(6)]]
    below = {}
    for a, b in pairs:
        below.setdefault(f"u{a}", []).append(f"l{b}")
    slow = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(pairs, 2))
    assert crossings(rows, below) == slow


def test_rows_go_by_dependency():
    import networkx as nx

    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c"), ("x", "c")])
    rows = layers_of(graph, dict.fromkeys("abcx", 10.0), 100.0, gap=5.0, lane=1.0)
    assert rows == {"a": 0, "b": 1, "c": 2, "x": 1}  # x is drawn next to what uses it


def test_a_diagram_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="not unique"):
        Diagram((Box("a", "A"), Box("a", "B")))
    with pytest.raises(ValueError, match="does not join"):
        Diagram((Box("a", "A"),), (), (Arrow("a", "b"),))
    with pytest.raises(ValueError, match="no group"):
        Diagram((Box("a", "A", group="g"),))
