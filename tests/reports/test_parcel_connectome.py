"""The connectome of a page: its data, and that it works in a browser that has no network."""

import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fmriprod.algorithms.checks import InputError
from fmriprod.reports.parcel_connectome import connectome_markup, connectome_page
from fmriprod.reports.parcel_edges import node_strength
from fmriprod.reports.parcel_order import network_colours

N = 6
EVIL = "L_</script><b>&"
NAMES = ["R_V1", "R_M1", "R_A1", "L_V1", "L_M1", EVIL]
PARCELS = pd.DataFrame({
    "name": NAMES, "hemisphere": list("RRRLLL"), "network": ["Vis", "Mot", "n/a"] * 2,
    "x": [10.0, 40, 60, -10, -40, -60], "y": [-90.0, -20, -10] * 2, "z": [0.0, 60, 5] * 2,
})  # fmt: skip
CUBE = [np.array([[x, y, z] for x in (-70, 70) for y in (-100, 70) for z in (-50, 80)])]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)


@pytest.fixture
def matrix():
    values = np.full((N, N), 0.1)
    for i, k, value in ((0, 3, 0.9), (1, 4, -0.7), (0, 1, 0.5), (0, 4, 0.3)):
        values[i, k] = values[k, i] = value
    values[5], values[:, 5] = np.nan, np.nan
    return values


def data_of(text):
    return json.loads(re.search(r'application/json">(.*?)</script>', text, re.DOTALL)[1])


class TestData:
    def test_edges_are_the_strongest_first(self, matrix):
        edges = data_of(connectome_markup(matrix, PARCELS))["edges"]
        assert edges[:4] == [[0, 3, 0.9], [1, 4, -0.7], [0, 1, 0.5], [0, 4, 0.3]]
        assert len(edges) == 10
        assert len(data_of(connectome_markup(matrix, PARCELS, most_edges=3))["edges"]) == 3

    def test_nodes_are_those_of_the_table(self, matrix):
        found = data_of(connectome_markup(matrix, PARCELS, CUBE))
        nodes, strength = found["nodes"], node_strength(matrix)
        colours = network_colours(PARCELS["network"])
        assert [node["name"] for node in nodes] == NAMES
        assert [node["network"] for node in nodes[:3]] == ["Vis", "Mot", "no network"]
        assert nodes[4]["colour"] == colours["Mot"] and nodes[5]["colour"] == "#8A8A8A"
        assert nodes[1]["at"] == [40, -20, 60] and nodes[5]["strength"] is None
        assert [node["strength"] for node in nodes[:5]] == pytest.approx(strength[:5], abs=1e-4)
        area = np.array([node["r"] for node in nodes[:5]]) ** 2
        np.testing.assert_allclose(area / area.max(), strength[:5] / strength[:5].max(), rtol=0.02)
        assert found["centre"] == [0, -15, 15] and found["pairs"] == 10

    def test_unknown_view(self, matrix):
        with pytest.raises(InputError, match="one of left, right, top"):
            connectome_markup(matrix, PARCELS, view="below")

    def test_no_places(self, matrix):
        with pytest.raises(InputError, match="no x"):
            connectome_markup(matrix, PARCELS.drop(columns="x"))


class TestPage:
    def test_nothing_is_loaded(self, matrix):
        page = connectome_page(connectome_markup(matrix, PARCELS, CUBE))
        assert "default-src 'none'" in page
        assert not re.findall(r"https?:|//[a-z]+\.|url\(|@import|fetch\(|XMLHttp", page)
        assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
        assert "<b>&" not in page and 'class="banner"' not in page
        assert len(page) < 40_000

    def test_simulated(self, matrix):
        assert "no person was scanned" in connectome_page(
            connectome_markup(matrix, PARCELS), simulated=True
        )

    def test_same_bytes(self, matrix):
        first, second = (connectome_markup(matrix, PARCELS, CUBE) for _ in range(2))
        assert first == second


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
class TestBrowser:
    """What the script does, told by a browser without a network."""

    @pytest.fixture
    def dom(self, matrix, tmp_path):
        def run(script=""):
            made = connectome_markup(matrix, PARCELS, CUBE, n_edges=2, simulated=True)
            page = connectome_page(made)
            words = "var root = document.querySelector('.connectome');" + script
            page = page.replace("</body>", f"<script>{words}</script></body>")
            (tmp_path / "page.html").write_text(page, encoding="utf-8")
            done = subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                 "--disable-background-networking", "--proxy-server=127.0.0.1:9",
                 f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                 f"file://{tmp_path / 'page.html'}"],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            return done.stdout

        return run

    def lines(self, dom):
        return [
            line for line in re.findall(r"<line [^>]*>", dom) if 'stroke-width="2.5' not in line
        ]

    def facts(self, dom):
        return re.search(r'class="facts"[^>]*>(.*?)</p>', dom)[1]

    def test_first_look(self, dom):
        found = dom()
        dots = re.findall(r'<circle r="[\d.]+" fill="(#\w+)"', found)
        assert len(dots) == N and found.count("R_V1, Vis</title>") == 1
        shown = [line for line in self.lines(found) if "display: none" not in line]
        assert len(self.lines(found)) == 10 and len(shown) == 2
        assert 'class="plus"' in shown[0] and 'class="minus"' in shown[1]
        assert "R_M1 – L_M1: −0.70</title>" in found
        assert self.facts(found).startswith(
            "Simulated data. The strongest 2 of 10 pairs, |correlation r| ≥ 0.70."
        )

    @pytest.mark.slow
    def test_places_from_the_left_and_from_the_top(self, dom):
        # The centre of everything is (0, -15, 15).
        pattern = r'<circle [^>]*cx="([-\d.]+)" cy="([-\d.]+)"[^>]*><title>R_M1'
        first = re.search(pattern, dom()).groups()
        assert tuple(map(float, first)) == (5, -45)  # front is on the left, top is up
        clicked = dom("root.querySelector('[data-view=top]').click();")
        assert tuple(map(float, re.search(pattern, clicked).groups())) == (40, 5)

    def test_slider(self, dom):
        found = dom("var s = root.querySelector('[type=range]'); s.value = 3;"
                    "s.dispatchEvent(new Event('input'));")  # fmt: skip
        assert len([line for line in self.lines(found) if "display: none" not in line]) == 3
        assert "The strongest 3 of 10 pairs, |correlation r| ≥ 0.50." in self.facts(found)

    @pytest.mark.slow
    def test_pointing_at_the_second_parcel_of_a_pair(self, dom):
        found = dom("var f = root.querySelector('[type=search]'); f.value = 'l_m1';"
                    "f.dispatchEvent(new Event('input'));")  # fmt: skip
        assert self.facts(found).endswith("1 of the connections that are shown: R_M1 −0.70.")
        faint = [line for line in self.lines(found) if "opacity: 0.06" in line]
        assert len(faint) == 6  # of ten, four are its own
        assert len(re.findall(r"<circle [^>]*opacity: 0.2", found)) == 4

    def test_pointing_at_a_parcel(self, dom):
        found = dom("var s = root.querySelector('[type=range]'); s.value = 4;"
                    "s.dispatchEvent(new Event('input'));"
                    "Array.from(root.querySelectorAll('circle')).filter(function (c) {"
                    "return c.textContent === 'R_V1, Vis'; })[0]"
                    ".dispatchEvent(new PointerEvent('pointerenter'));")  # fmt: skip
        assert self.facts(found) == (
            "R_V1 · Vis · right hemisphere · mean |correlation r| 0.45. 3 of the connections that "
            "are shown: L_V1 +0.90, R_M1 +0.50, L_M1 +0.30."
        )
        assert re.search(r'<text class="name"[^>]*>R_V1</text>', found)

    @pytest.mark.slow
    def test_finding_a_parcel_without_values(self, dom):
        found = dom("var f = root.querySelector('[type=search]');"
                    f"f.value = {json.dumps(EVIL.upper()).replace('</', '<' + chr(92) + '/')};"
                    "f.dispatchEvent(new Event('input'));")  # fmt: skip
        assert "no value. None of the connections that are shown." in self.facts(found)
