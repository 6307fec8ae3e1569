"""Figures of graphs: texts fit their boxes, letters can be read in grey, the size is as asked."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.graph_boxes import box_text, legend_rows
from fmriprod.reports.graph_drawing import Arrow, Box, Diagram, Group
from fmriprod.reports.graph_figure import FILL, INK, LINE, SOFT, fitted, graph_figure
from fmriprod.reports.graph_kinds import GREY, KINDS, contrast, luminance
from fmriprod.reports.graph_text import text_width, wrap

LONG = "A rather long name of a step that must be broken into several lines"


def diagram(n=7):
    kinds = list(KINDS)
    boxes = [Box(f"b{i}", LONG[: 8 + 9 * i], kinds[i % len(kinds)],
                 ("FWHM 5 mm, high pass 100 s, HRF spm + derivative",) * (i % 3),
                 "× 31 participants" if i % 2 else "", "g" if i % 3 else None)
             for i in range(n)]  # fmt: skip
    arrows = tuple(Arrow(f"b{i}", f"b{j}") for i in range(n) for j in range(i + 1, n, 2))
    boxes += [Box("in", "T1w image, BOLD series, $events$", "input")]
    return Diagram((*boxes,), (Group("g", "Participant", "× 31"),), (*arrows, Arrow("in", "b0")))


def drawn_texts(figure):
    """Texts with their places as Matplotlib draws them, in points from the upper left."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    scale, height = 72 / figure.dpi, figure.get_figheight() * 72
    for text in figure.axes[0].findobj(Text):
        if text.get_text():
            box = text.get_window_extent(canvas.get_renderer())
            yield text, (box.x0 * scale, height - box.y1 * scale,
                         box.x1 * scale, height - box.y0 * scale)  # fmt: skip


@pytest.mark.parametrize("width_mm", [85, 180])
def test_texts_are_inside_their_boxes_and_apart(width_mm):
    picture, width = diagram(), width_mm * 72 / 25.4
    figure = graph_figure(picture, width_mm=width_mm)
    layout, texts = fitted(picture, width - 6)
    left = (figure.get_figwidth() * 72 - layout.width) / 2
    rects = {k: (r.x + left, r.y + 3, r.x + left + r.width, r.y + 3 + r.height)
             for k, r in layout.boxes.items()}  # fmt: skip
    words = {line for text in texts.values() for line, *_ in text.lines}
    found = [(text.get_text(), place) for text, place in drawn_texts(figure)]
    assert words <= {text for text, _ in found}
    for text, (x0, y0, x1, y1) in found:
        if text in words:
            assert any(a - 0.5 <= x0 and x1 <= c + 0.5 and b - 0.5 <= y0 and y1 <= d + 0.5
                       for a, b, c, d in rects.values()), text  # fmt: skip
    for (one, a), (two, b) in itertools.combinations(found, 2):
        across = min(a[2], b[2]) - max(a[0], b[0])
        down = min(a[3], b[3]) - max(a[1], b[1])
        assert across < 0.5 or down < 2.0, (one, two)  # below a line there is room for g and y


def test_letters_are_six_points_or_more_and_the_figure_as_wide_as_asked():
    figure = graph_figure(diagram(), width_mm=180)
    assert figure.get_figwidth() * 25.4 == pytest.approx(180)
    assert min(text.get_size() for text in figure.axes[0].findobj(Text)) >= 6


def test_a_width_that_cannot_be_kept_gives_a_wider_figure_and_no_smaller_letters():
    boxes = tuple(Box(f"b{i}", LONG) for i in range(30))
    arrows = tuple(Arrow(f"b{i}", f"b{j}") for i in range(30) for j in range(i + 1, 30))
    picture = Diagram(boxes, (), arrows)
    figure = graph_figure(picture, width_mm=60)
    layout, _ = fitted(picture, 60 * 72 / 25.4 - 6)
    assert layout.width > 60 * 72 / 25.4
    assert figure.get_figwidth() * 72 == pytest.approx(layout.width + 6)
    assert min(text.get_size() for text in figure.axes[0].findobj(Text)) >= 6


def test_letters_and_texts_have_contrast_in_colour_and_in_grey():
    for kind in KINDS.values():
        assert contrast(kind.colour, kind.ink) >= 4.5, kind
        grey = f"#{round(255 * luminance(kind.colour) ** (1 / 2.2)):02X}" + "00" * 0
        shade = "#" + grey[1:3] * 3
        assert contrast(shade, kind.ink) >= 4.5, kind
    assert contrast(*GREY) >= 4.5
    assert (
        contrast(INK, FILL) >= 7 and contrast(SOFT, FILL) >= 7 and contrast(LINE, "#FFFFFF") >= 4.5
    )


def test_kinds_are_told_apart_without_colour_by_their_letters():
    letters = [kind.letter for kind in KINDS.values()]
    assert len(set(letters)) == len(letters)
    figure = graph_figure(diagram(9), style="grey")
    colours = {patch.get_facecolor() for patch in figure.axes[0].patches if patch.get_fill()}
    assert all(r == g == b for r, g, b, _ in colours)
    shown = {text.get_text() for text in figure.axes[0].findobj(Text)}
    assert set(letters) <= shown and {kind.label for kind in KINDS.values()} <= shown


def test_a_legend_has_the_kinds_that_are_drawn_and_fits():
    rows = legend_rows(list(KINDS), 200.0)
    assert [kind for row in rows for kind, _ in row] == list(KINDS)
    for row in rows:
        assert all(x + 10 + text_width(KINDS[k].label, 6) <= 200 for k, x in row)
    figure = graph_figure(Diagram((Box("a", "A", "model"),)))
    shown = {text.get_text() for text in figure.axes[0].findobj(Text)}
    assert shown - {""} == {"A", "M", "model"}


def test_dollar_signs_are_no_formulas():
    figure = graph_figure(diagram())
    assert "$events$" in " ".join(text.get_text() for text in figure.axes[0].findobj(Text))
    FigureCanvasAgg(figure).draw()
    assert all(not text.get_parse_math() for text in figure.axes[0].findobj(Text)
               if "$" in text.get_text())  # fmt: skip


@pytest.mark.parametrize("text", [LONG, "Donaudampfschifffahrtsgesellschaft", "a", ""])
def test_lines_are_not_wider_than_allowed(text):
    lines = wrap(text, 50.0, 7.0)
    assert all(text_width(line, 7.0) <= 50 for line in lines)
    assert "".join(lines).replace("-", "").replace(" ", "") == text.replace(" ", "")


def test_a_stack_is_larger_than_a_box():
    one, many = box_text(Box("a", "A")), box_text(Box("a", "A", count="× 3"))
    assert many.stacked and not one.stacked
    assert many.size[1] > one.size[1]


def test_widths_and_styles_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"(?s)60 to 2000 mm.*20 mm.*a column"):
        graph_figure(diagram(), width_mm=20)
    with pytest.raises(InputError, match=r"(?s)paper or grey.*'pink'"):
        graph_figure(diagram(), style="pink")
