import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.page import (
    Figure,
    Notice,
    Page,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
    embed,
    render_page,
)

EVIL = '<script>alert("x")</script>'


def png(rng, shape=(40, 60, 3), dpi=150):
    stream = io.BytesIO()
    pixels = (rng.integers(0, 4, shape) * 60).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "PNG", dpi=(dpi, dpi))
    return stream.getvalue(), pixels


class Elements(HTMLParser):
    """All tags with their attributes; open tags must be closed in order."""

    VOID = {"meta", "img", "line", "circle", "br", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.found, self.stack = [], []
        self.feed(text)
        assert not self.stack

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop() == tag, tag


def full_page(rng, word="word"):
    picture, _ = png(rng)
    blocks = [
        Text(f"{word} one\n\n{word} two"),
        Notice(word, "warning"),
        Table([word, "n"], [[word, "1.5"], [Notice(word, "good"), "−2 mm"]], caption=word),
        Figure(picture, word, word),
        Tiles([Tile(word, word, word, "good", (0.5, 0.4, 0.6, 0.25)), Tile(word, word)]),
    ]
    sections = [Section(word, word, blocks), Section(word, "", [])]
    return Page(word, word, sections, blocks, banner=word, footer=word)


def test_nothing_is_loaded_from_elsewhere(rng):
    html = render_page(full_page(rng))
    for tag, attributes in Elements(html).found:
        for name in ("src", "href", "data", "action", "srcset", "poster"):
            value = attributes.get(name)
            if value is None:
                continue
            allowed = value.startswith("data:image/") if tag == "img" else value.startswith("#")
            assert allowed, (tag, name, value[:80])
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert tag != "script" or "src" not in attributes
    assert "@import" not in html and not re.search(r"url\(", html)
    assert "default-src 'none'" in html


def test_every_picture_has_words_and_a_size(rng):
    images = [a for tag, a in Elements(render_page(full_page(rng))).found if tag == "img"]
    shown = [a for a in images if "src" in a]
    assert len(shown) == 2
    for attributes in shown:
        assert attributes["alt"]
        assert (attributes["width"], attributes["height"]) == ("48", "32")  # 60 x 40 at 150 dpi


def test_text_is_escaped_everywhere(rng):
    html = render_page(full_page(rng, EVIL))
    scripts = [tag for tag, _ in Elements(html).found if tag == "script"]
    assert len(scripts) == 1
    assert EVIL not in html
    assert html.count("&lt;script&gt;") > 15


def test_markup_that_is_html_already_stays_so():
    html = render_page(Page("t", "", [Section("s", "", [Text(Markup("<ol><li>a</li></ol>"))])]))
    assert "<ol><li>a</li></ol>" in html


def test_sections_are_linked_even_with_the_same_title(rng):
    html = render_page(full_page(rng))
    elements = Elements(html).found
    targets = {a["id"] for _, a in elements if "id" in a}
    links = [a["href"][1:] for tag, a in elements if tag == "a"]
    assert links == ["top", "top", "word", "word-2"]  # the first skips the index
    assert set(links) <= targets


def test_the_same_page_gives_the_same_text():
    one, two = (render_page(full_page(np.random.default_rng(1))) for _ in range(2))
    assert one == two
    assert not re.search(r"20\d\d-\d\d-\d\d", one)


def test_pictures_keep_every_pixel(rng):
    content, pixels = png(rng)
    uri = embed(content).uri
    kind, data = re.fullmatch(r"data:image/(\w+);base64,(.*)", uri).groups()
    decoded = base64.b64decode(data)
    assert len(decoded) <= len(content) and kind in ("png", "webp")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(decoded))), pixels)


def test_transparent_pictures_stay_transparent():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    data = base64.b64decode(embed(stream.getvalue()).uri.split(",")[1])
    alpha = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[..., 3]
    np.testing.assert_array_equal(alpha, pixels[..., 3])


def test_size_follows_the_resolution_so_that_letters_are_equally_large(rng):
    fine, coarse = png(rng, (300, 600, 3), dpi=300)[0], png(rng, (100, 200, 3), dpi=100)[0]
    assert embed(fine)[1:] == embed(coarse)[1:] == (240, 120)


def test_svg_is_embedded_as_it_is():
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    assert base64.b64decode(embed(svg).uri.removeprefix("data:image/svg+xml;base64,")) == svg


def test_absent_and_damaged_pictures_are_refused(work, rng):
    with pytest.raises(InputError, match="no such file") as caught:
        embed(work / "absent.png")
    assert str(work / "absent.png") in str(caught.value)
    content, _ = png(rng)
    for damaged in (b"", b"no picture", content[: len(content) // 2]):
        (work / "a.png").write_bytes(damaged)
        with pytest.raises(InputError, match="that are none") as caught:
            embed(work / "a.png")
        assert f"{len(damaged)} bytes" in str(caught.value)


def test_rows_must_fit_their_heading_and_levels_exist():
    with pytest.raises(ValueError, match="2 cells under 1 headings"):
        Table(["a"], [["1", "2"]])
    with pytest.raises(ValueError, match="'terrible' is none of"):
        Notice("a", "terrible")


def test_a_gauge_draws_value_interval_and_chance_to_scale():
    tile = Tile("a", "50 %", gauge=(0.5, 0.25, 0.75, 0.1))
    html = render_page(Page("t", "", [], [Tiles([tile])]))
    lines = [a for tag, a in Elements(html).found if tag == "line"]
    at = {a["class"]: (float(a["x1"]), float(a["x2"])) for a in lines}
    start, end = at["scale"]
    share = {name: [(x - start) / (end - start) for x in ends] for name, ends in at.items()}
    np.testing.assert_allclose(share["interval"], [0.25, 0.75], atol=1e-3)
    np.testing.assert_allclose(share["chance"], [0.1, 0.1], atol=1e-3)
