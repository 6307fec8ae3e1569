"""Pages in a real browser: whole without a network, readable on a phone, in the dark, in print."""

from pathlib import Path

import pytest

PAGES = ("participant", "similarity", "group", "encoding", "parcels", "connectome")
WIDTHS = (1280, 390)
pytestmark = pytest.mark.slow


def walk(page):
    """Go down the page, so that all that is made when it comes near is made."""
    page.evaluate("""async () => {
        for (let y = 0; y < document.body.scrollHeight; y += 600) {
            scrollTo({top: y, behavior: "instant"});
            await new Promise(done => setTimeout(done, 30));
        }
        scrollTo({top: 0, behavior: "instant"});
    }""")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_whole_and_nothing_leaves_it(opened, name, width):
    with opened(name, width=width) as page:
        walk(page)
        own = page.url
        assert page.heard["errors"] == []
        left = [url for url in page.heard["requests"] if url != own]
        assert all(url.startswith("data:") for url in left)
        pictures = page.evaluate(
            "[...document.querySelectorAll('main img')].map(i => [i.complete, i.naturalWidth])"
        )
        assert all(complete and wide > 0 for complete, wide in pictures)
        assert pictures or name == "connectome"
        unnamed = page.locator("main img:not([alt])").count()
        assert unnamed == 0
        started = page.locator("[data-panel]:not([data-started])").count()
        assert started == 0


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_window(opened, name, width):
    with opened(name, width=width) as page:
        walk(page)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0


@pytest.mark.parametrize("name", PAGES)
def test_links_of_the_index_land_on_their_sections(opened, name):
    with opened(name) as page:
        page.add_style_tag(content="html { scroll-behavior: auto !important }")
        links = page.locator("nav a").all()
        assert len(links) > 1
        for link in links:
            link.click()
            target = link.get_attribute("href")
            section = page.locator(f"[id='{target[1:]}']")
            assert section.count() == 1
            top = section.bounding_box()["y"]
            below = page.evaluate(
                "document.documentElement.scrollHeight - innerHeight - scrollY < 2"
            )
            assert -2 <= top < 120 or (below and 0 <= top < 900), target


def test_the_index_can_be_skipped_with_the_keyboard(opened):
    with opened("participant") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        box = page.locator(".skip").bounding_box()
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        assert page.url.endswith("#top")


def test_a_figure_is_enlarged_and_closed_with_the_keyboard(opened):
    with opened("participant") as page:
        page.locator(".zoom").first.focus()
        page.keyboard.press("Enter")
        large = page.locator("dialog[open] img")
        assert large.is_visible() and large.evaluate("i => i.naturalWidth") > 0
        assert large.get_attribute("alt")
        page.keyboard.press("Escape")
        assert not page.locator("dialog[open]").count()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_printed_without_what_only_a_screen_can_do(opened, name):
    with opened(name) as page:
        walk(page)
        page.emulate_media(media="print")
        for gone in ("nav", ".panel", ".skip", "dialog"):
            for element in page.locator(gone).all():
                assert not element.is_visible(), gone
        pdf = page.pdf(format="A4")
        assert pdf.startswith(b"%PDF") and len(pdf) > 10_000


@pytest.mark.parametrize("name", ("participant", "similarity", "encoding"))
def test_without_a_script_figures_are_there_and_panels_are_not(opened, name):
    with opened(name, script=False) as page:
        assert page.locator("main figure img").count() > 2
        assert page.locator("main figure img").first.is_visible()
        panels = page.locator(".panel").all()
        assert panels and not any(panel.is_visible() for panel in panels)


@pytest.mark.parametrize("scheme", ("light", "dark"))
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_accessibility_has_no_serious_findings(opened, axe, name, width, scheme):
    with opened(name, width=width, scheme=scheme) as page:
        walk(page)
        page.evaluate(axe)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        grave = [
            (entry["impact"], entry["id"], entry["nodes"][0]["html"][:200])
            for entry in found["violations"] if entry["impact"] in ("serious", "critical")
        ]  # fmt: skip
        assert len(found["passes"]) > 10 and not grave


def test_a_page_of_31_participants_is_small_and_there_at_once(opened, made):
    assert Path(made("group")).stat().st_size < 10e6
    with opened("group") as page:
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert 0 < ready < 5000


def test_dark_pages_are_dark(opened):
    shades = []
    for scheme in ("light", "dark"):
        with opened("participant", scheme=scheme) as page:
            shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades == ["rgb(255, 255, 255)", "rgb(20, 24, 28)"]


def test_paper_is_light_whatever_the_screen(opened):
    shades = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    for name, part in (("participant", ".tile"), ("group", ".tile"), ("participant", "body")):
        found = []
        for scheme in ("light", "dark"):
            with opened(name, scheme=scheme) as page:
                page.emulate_media(media="print")
                found.append(page.locator(part).first.evaluate(shades))
        assert found[0] == found[1], part
