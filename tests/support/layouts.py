"""Look at a layout of a graph as geometry: overlaps, and where lines run."""

from itertools import combinations

from fmriprod.reports.graph_layout import Layout, Rect


def overlap(a: Rect, b: Rect, by: float = 1e-6) -> bool:
    return (min(a.x + a.width, b.x + b.width) - max(a.x, b.x) > by
            and min(a.y + a.height, b.y + b.height) - max(a.y, b.y) > by)  # fmt: skip


def overlapping(layout: Layout) -> list[tuple[str, str]]:
    return [(a, b) for a, b in combinations(layout.boxes, 2)
            if overlap(layout.boxes[a], layout.boxes[b])]  # fmt: skip


def segments(line):
    return list(zip(line.points, line.points[1:], strict=False))


def crossed(layout: Layout) -> list[tuple[str, str]]:
    """Boxes that a line runs through (touching an edge, as ends do, is no crossing)."""
    found = []
    for line in layout.lines:
        for (x0, y0), (x1, y1) in segments(line):
            own = Rect(min(x0, x1) - 0.1, min(y0, y1), abs(x1 - x0) + 0.2, abs(y1 - y0))
            for key, box in layout.boxes.items():
                inner = Rect(box.x + 0.2, box.y + 0.2, box.width - 0.4, box.height - 0.4)
                wide = max(own.height, 0.2)
                if overlap(own._replace(y=own.y - 0.1, height=wide), inner):
                    found.append((line.net, key))
    return found


def reached(layout: Layout, source: str) -> set[str]:
    """Boxes that the lines of a box lead to, followed from its own lower edge."""
    lines = [line for line in layout.lines if line.net == source]
    box = layout.boxes[source]
    ends = {(round(line.points[i][0], 3), round(line.points[i][1], 3))
            for line in lines for i in (0, -1)}  # fmt: skip
    begin = {(x, y) for x, y in ends if abs(y - box.y - box.height) < 0.01
             and box.x <= x <= box.x + box.width}  # fmt: skip
    while True:
        more = {
            (round(p[0], 3), round(p[1], 3))
            for line in lines
            if any((round(q[0], 3), round(q[1], 3)) in begin for q in line.points)
            for p in line.points
        } - begin
        if not more:
            break
        begin |= more
    heads = {(round(line.points[-1][0], 3), round(line.points[-1][1], 3))
             for line in lines if line.head} & begin  # fmt: skip
    return {key for key, rect in layout.boxes.items() for x, y in heads
            if rect.x <= x <= rect.x + rect.width and abs(y - rect.y) < 0.01}  # fmt: skip
