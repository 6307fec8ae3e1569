"""One self-contained HTML page from sections of figures, tables and words."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image, UnidentifiedImageError

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.panels import Panel

_INCH = 120  # pixels of the page for an inch of a figure: letters are equally large in all
LEVELS = ("good", "info", "warning", "problem")


@dataclass(frozen=True)
class Text:
    """Words in paragraphs (blank lines part them); a `markupsafe.Markup` is HTML already."""

    text: str
    kind: str = field(default="text", init=False)

    @property
    def paragraphs(self) -> list[str]:
        """The text in pieces, or the one piece of HTML."""
        if hasattr(self.text, "__html__"):
            return [self.text]
        return [p.strip() for p in re.split(r"\n\s*\n", self.text) if p.strip()]


@dataclass(frozen=True)
class Notice:
    """A plain-word remark; ``level`` is one of good, info, warning, problem."""

    text: str
    level: str = "warning"
    kind: str = field(default="notice", init=False)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level {self.level!r} is none of {LEVELS}")


@dataclass(frozen=True)
class Table:
    """A table; a cell is text or a `Notice`, and cells that look like numbers are right-aligned."""

    header: Sequence[str]
    rows: Sequence[Sequence[str | Notice]]
    caption: str = ""
    kind: str = field(default="table", init=False)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"{len(row)} cells under {len(self.header)} headings: {row}")

    def is_number(self, cell: str | Notice) -> bool:
        """Tell whether a cell is a number, maybe with a unit or an interval."""
        return isinstance(cell, str) and bool(re.match(r"[<>≈]?\s*[−+-]?[\d.]", cell))


class Picture(NamedTuple):
    """A picture as a ``data:`` URI, with its size on the page in pixels where it is known."""

    uri: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Figure:
    """A picture (path or content of a PNG or SVG file) with what it shows in words."""

    source: str | Path | bytes
    caption: str
    alt: str
    kind: str = field(default="figure", init=False)

    def picture(self) -> Picture:
        """Return the picture as it goes into the page; see `embed`."""
        return embed(self.source)


@dataclass(frozen=True)
class Tile:
    """One key figure: a label, a large value, one line of detail.

    ``gauge`` draws the value on a line from 0 to 1: (value, low, high, chance), of which the
    last three may be None.
    """

    label: str
    value: str
    detail: str = ""
    level: str = "info"
    gauge: tuple[float, float | None, float | None, float | None] | None = None


@dataclass(frozen=True)
class Tiles:
    """Key figures side by side."""

    tiles: Sequence[Tile]
    kind: str = field(default="tiles", init=False)


Block = Text | Notice | Table | Figure | Tiles | Panel


@dataclass(frozen=True)
class Section:
    """A titled part of the page; ``intro`` says in one sentence how to read it."""

    title: str
    intro: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Name that links within the page use."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "section"


@dataclass(frozen=True)
class Page:
    """A page: what it is about, what comes first, and the sections.

    ``banner`` stands above everything (as "Simulated data"); ``lead`` holds the blocks of the
    first screen; ``footer`` is small print. Nothing is added by the page itself, no date either.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    lead: Sequence[Block] = ()
    banner: str = ""
    footer: str = ""


def render_page(page: Page) -> str:
    """Turn a page into HTML that needs no other file and no network.

    Pictures are embedded; styles and scripts (that enlarge pictures, and draw the panels that
    there are) are inside; a content security policy keeps the browser from loading anything.
    All text is escaped.

    Parameters
    ----------
    page : Page
        What to show.

    Returns
    -------
    str
        The same page gives the same text.

    Raises
    ------
    InputError
        If a picture is absent or is none.
    """
    environment = Environment(
        loader=PackageLoader("fmriprod.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    anchors = _anchors(page.sections)
    blocks = [*page.lead, *(block for section in page.sections for block in section.blocks)]
    panels = {block.name for block in blocks if isinstance(block, Panel)}
    return environment.get_template("page.html.j2").render(
        page=page,
        sections=list(zip(anchors, page.sections, strict=True)),
        panels=sorted(panels),
    )


def embed(source: str | Path | bytes) -> Picture:
    """Return a picture as a ``data:`` URI; PNG becomes lossless WebP where that is smaller.

    Parameters
    ----------
    source : path or bytes
        A PNG, JPEG, WebP or SVG file, or its content.

    Returns
    -------
    Picture
        The size follows from the resolution that the file states (150 dots per inch if
        none), so that letters of the same size in points look alike.

    Raises
    ------
    InputError
        If the file is absent or no such picture.
    """
    content = source if isinstance(source, bytes) else _read(Path(source))
    if content.lstrip()[:5] in (b"<?xml", b"<svg ") and b"<svg" in content:
        return Picture(_uri("svg+xml", content))
    try:
        with Image.open(io.BytesIO(content)) as image:
            scale = _INCH / float(image.info.get("dpi", (150, 150))[0])
            size = round(image.width * scale), round(image.height * scale)
            kind, content = _recoded(image, content)
    except (UnidentifiedImageError, OSError, SyntaxError) as err:
        raise InputError(
            "figure",
            expected="a readable picture (PNG or SVG)",
            found=f"{len(content)} bytes that are none ({type(err).__name__})",
            hint="make the figure again",
            file=None if isinstance(source, bytes) else str(source),
        ) from None
    return Picture(_uri(kind, content), *size)


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(
            "figure",
            expected="a picture file (PNG or SVG)",
            found="no such file",
            hint="check the path, or leave this figure out",
            file=str(path),
        )
    return path.read_bytes()


def _recoded(image: Image.Image, content: bytes) -> tuple[str, bytes]:
    """Kind and bytes of a picture that is a third smaller without any loss."""
    kind = str(image.format).lower()
    image.load()
    if kind != "png":
        return kind, content
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):
        image = image.convert("RGB")
    stream = io.BytesIO()
    image.save(stream, "WEBP", lossless=True, quality=30, method=2)
    smaller = stream.getvalue()
    return ("webp", smaller) if len(smaller) < len(content) else ("png", content)


def _anchors(sections: Sequence[Section]) -> list[str]:
    """One anchor a section, numbered where titles repeat."""
    anchors: list[str] = []
    for section in sections:
        anchor, n = section.anchor, 2
        while anchor in anchors:
            anchor, n = f"{section.anchor}-{n}", n + 1
        anchors.append(anchor)
    return anchors
