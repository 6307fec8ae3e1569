"""The site builds without a warning, and its pages need nothing from the network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Page(HTMLParser):
    """What a page loads, links to, names and shows."""

    def __init__(self):
        super().__init__()
        self.loads, self.links, self.ids, self.pictures = [], [], set(), []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append((found.get("src"), found.get("alt")))
        kept = tag == "link" and not {"stylesheet", "icon", "preload"} & set(
            found.get("rel", "").split()
        )
        if tag in LOADING and not kept and found.get(LOADING[tag]):
            self.loads.append(found[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx", reason="pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    options = ["-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = {}
    for path in (folder / "html").rglob("*.html"):
        pages[path] = Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    return folder / "html", pages


def test_pages_are_there(site):
    folder, _ = site
    for name in ("index", "ten_minutes", "validation", "steps/glm", "api/interfaces/Smooth"):
        assert (folder / f"{name}.html").is_file()


def test_nothing_comes_from_the_network(site):
    folder, pages = site
    for path, page in pages.items():
        for source in page.loads:
            assert not re.match(r"(https?:)?//", source), f"{path.name} loads {source}"
    for style in folder.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text("utf-8")), (
            style
        )


def test_links_inside_land_on_a_page_and_its_place(site):
    _, pages = site
    lost = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:", link) or link.startswith("//"):
                continue
            place, _, anchor = link.partition("#")
            target = (path.parent / unquote(place)).resolve() if place else path
            if not target.is_file():
                lost.append(f"{path.name}: {link}")
            elif anchor and target in pages and unquote(anchor) not in pages[target].ids:
                lost.append(f"{path.name}: {link} (no such place)")
    assert not lost, lost[:20]


def test_links_to_elsewhere_are_few_kinds(site):
    """They cannot be tried without a network: what they may point to is listed."""
    _, pages = site
    elsewhere = {link for page in pages.values() for link in page.links if link.startswith("http")}
    hosts = {link.split("/")[2] for link in elsewhere}
    known = {"doi.org", "www.sphinx-doc.org", "pradyunsg.me", "github.com", "arxiv.org"}
    assert hosts <= known, sorted(hosts - known)


def test_pictures_decode_and_have_words(site):
    from PIL import Image

    _, pages = site
    seen = set()
    for path, page in pages.items():
        for source, alt in page.pictures:
            assert alt and len(alt) > 20, f"{path.name}: {source}"
            seen.add((path.parent / unquote(source)).resolve())
    assert len(seen) > 5
    for picture in seen:
        if picture.suffix != ".svg":
            with Image.open(picture) as image:
                image.verify()


def test_mathematics_is_drawn_by_the_browser(site):
    folder, _ = site
    text = (folder / "steps" / "glm.html").read_text("utf-8")
    assert "<math" in text and "MathJax" not in text and "$$" not in text


def test_titles_of_messages_are_whole(site):
    """Markup would swallow ``<label>``, and emphasise ``*``."""
    import tomllib
    from html import unescape

    folder, _ = site
    text = (folder / "messages.html").read_text("utf-8")
    shown = {
        unescape(re.sub("<[^>]*>", "", t)).rstrip("¶") for t in re.findall(r"<h3>(.*?)</h3>", text)
    }
    shown = {title.replace("‘", "'").replace("’", "'") for title in shown}
    content = tomllib.loads((ROOT / "docs" / "messages.toml").read_text("utf-8"))["group"]
    for one in (one for group in content for one in group["message"]):
        assert one["title"] in shown, one["title"]
