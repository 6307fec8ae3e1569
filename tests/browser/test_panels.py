"""Interactive parts in a real browser tell the numbers of the files that they were made from."""

import re

import numpy as np
import pytest
from support.browser_pages import AFFINE, JUMP, N

pytestmark = pytest.mark.slow

COLOURED = """canvas => {
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 0; i < all.length; i += 4) {
        const rgb = [all[i], all[i + 1], all[i + 2]];
        if (Math.max(...rgb) - Math.min(...rgb) > 60) { n += 1; }
    }
    return n;
}"""
LINES = """() => [...document.querySelectorAll(".connectome svg[role] line")]
    .filter(line => line.style.display !== "none").length"""


def panel_of(page, name, number=0):
    panel = page.locator(f"[data-panel={name}]").nth(number)
    panel.scroll_into_view_if_needed()
    panel.locator(".readout").wait_for()
    page.wait_for_function("e => e.textContent", arg=panel.locator(".readout").element_handle())
    return panel, panel.locator(".readout"), panel.locator(".stage")


def place_in(readout):
    words = readout.inner_text().replace("−", "-")
    return [int(v) for v in re.match(r"x (-?\d+), y (-?\d+), z (-?\d+) mm", words).groups()]


def value_in(readout):
    found = re.search(r"mm: z (-?[\d.]+)", readout.inner_text().replace("−", "-"))
    return float(found[1]) if found else None


def z_at(z, place):
    voxel = np.linalg.inv(AFFINE) @ [*place, 1]
    return z[tuple(np.rint(voxel[:3]).astype(int))]


class TestBrain:
    def test_it_starts_at_the_peak(self, opened, made):
        z = made("participant")[1]
        with opened("participant") as page:
            _, readout, _ = panel_of(page, "brain")
            peak = AFFINE @ [*np.unravel_index(z.argmax(), z.shape), 1]
            assert place_in(readout) == peak[:3].tolist()
            assert value_in(readout) == pytest.approx(9, abs=0.05)
            assert "in the region." in readout.inner_text()

    def test_keys_move_through_the_map(self, opened, made):
        z = made("participant")[1]
        moves = {0: ["ArrowLeft", "ArrowUp", "PageUp"], 1: ["ArrowRight", "ArrowDown"],
                 2: ["PageDown", "ArrowRight", "ArrowUp"]}  # fmt: skip
        axes = {("ArrowLeft", 0): (1, -4), ("ArrowUp", 0): (2, 4), ("PageUp", 0): (0, 4),
                ("ArrowRight", 1): (0, 4), ("ArrowDown", 1): (2, -4), ("PageDown", 2): (2, -4),
                ("ArrowRight", 2): (0, 4), ("ArrowUp", 2): (1, 4)}  # fmt: skip
        with opened("participant") as page:
            _, readout, stages = panel_of(page, "brain")
            for plane, keys in moves.items():
                stages.nth(plane).focus()
                for key in keys:
                    before = place_in(readout)
                    page.keyboard.press(key)
                    axis, step = axes[key, plane]
                    before[axis] += step
                    assert place_in(readout) == before, (key, plane)
                    expected, found = z_at(z, before), value_in(readout)
                    assert found == pytest.approx(expected, abs=9 / 127 / 2 + 0.06)

    def test_a_click_goes_where_it_points(self, opened, made):
        z = made("participant")[1]
        with opened("participant") as page:
            _, readout, stages = panel_of(page, "brain")
            box = stages.nth(2).locator("canvas").bounding_box()
            seen = []
            for x, y in ((0.3, 0.4), (0.6, 0.4), (0.6, 0.7)):
                page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
                seen.append(place_in(readout))
                assert value_in(readout) == pytest.approx(z_at(z, seen[-1]), abs=0.1)
        assert seen[1][0] > seen[0][0] and seen[1][1] == seen[0][1]  # right is on the right
        assert seen[2][1] < seen[1][1] and seen[2][0] == seen[1][0]  # the front is above

    def test_the_threshold_hides_voxels_below_it(self, opened):
        with opened("participant") as page:
            panel, _, stages = panel_of(page, "brain")
            slider, shown = panel.locator("input[type=range]"), []
            for value in ("0", "3.1", "8.5", "9"):
                slider.fill(value)
                shown.append(stages.nth(2).locator("canvas").evaluate(COLOURED))
            assert shown[0] > 2 * shown[1] > 2 * shown[2] > 0
            slider.focus()
            page.keyboard.press("Home")
            assert "≥ 0" in panel.locator(".amount").inner_text()


class TestRun:
    def test_keys_go_from_volume_to_volume_and_to_the_one_that_moved(self, opened):
        with opened("participant") as page:
            _, readout, stage = panel_of(page, "run")
            stage.focus()
            for key, volume in (("ArrowRight", 2), ("PageDown", 12), ("End", N), ("Home", 1),
                                ("ArrowLeft", 1), ("n", JUMP + 1), ("n", JUMP + 1)):  # fmt: skip
                page.keyboard.press(key)
                assert readout.inner_text().startswith(f"Volume {volume} of {N}"), key
            text = readout.inner_text()
            assert "FD 0.90 mm" in text and "Moved more than 0.5 mm" in text
            assert f"{JUMP * 2:.1f} s" in text and "Translation x 0, y 0, z 0.90 mm" in text

    def test_a_run_without_a_jump_has_none(self, opened):
        with opened("participant") as page:
            _, readout, stage = panel_of(page, "run", 1)
            stage.focus()
            page.keyboard.press("n")
            assert readout.inner_text().startswith("Volume 1 of") and "Moved" not in (
                readout.inner_text()
            )

    @pytest.mark.parametrize("width", [1280, 390])
    def test_the_pointer_and_the_line_are_at_one_volume(self, opened, width):
        with opened("participant", width=width) as page:
            panel, readout, _ = panel_of(page, "run")
            box = panel.locator(".carpet").bounding_box()
            for volume in (0, JUMP, N - 1):
                x = box["x"] + (volume + 0.5) / N * box["width"]
                page.mouse.move(x, box["y"] + 20)
                assert readout.inner_text().startswith(f"Volume {volume + 1} of {N}")
                line = panel.locator(".cursor").bounding_box()
                assert line["x"] + line["width"] / 2 == pytest.approx(x, abs=1)
            top = panel.locator(".plot").first.bounding_box()
            assert top["x"] == box["x"] and top["width"] == pytest.approx(box["width"], abs=0.5)
            assert line["y"] <= top["y"] and line["height"] > 200


class TestRDM:
    def test_keys_and_pointer_tell_pairs(self, opened):
        with opened("similarity") as page:
            panel, readout, stage = panel_of(page, "rdm")
            data = panel.locator("script").evaluate("e => JSON.parse(e.textContent)")
            names, pairs = data["conditions"], data["rdms"][0]
            n = len(names)
            stage.focus()
            page.keyboard.press("Home")
            for _ in range(n):
                page.keyboard.press("ArrowUp")
            assert readout.inner_text() == f"{names[0]} ({data['groups'][0]}) with itself."
            for column in range(1, n):
                page.keyboard.press("ArrowRight")
                wanted = f"– {names[column]} ({data['groups'][column]}): {pairs[column - 1]:#.3g} "
                assert readout.inner_text().startswith(names[0]) and wanted in readout.inner_text()
            box = stage.bounding_box()
            page.mouse.move(box["x"] + 2.5 / n * box["width"], box["y"] + 4.5 / n * box["height"])
            value = pairs[2 * (2 * n - 3) // 2 + 4 - 2 - 1]
            assert readout.inner_text().startswith(f"{names[4]} (")
            assert (
                f"{names[2]} (" in readout.inner_text() and f"{value:#.3g} " in readout.inner_text()
            )

    def test_another_rdm_can_be_chosen(self, opened):
        with opened("similarity") as page:
            panel, readout, _ = panel_of(page, "rdm")
            before = readout.inner_text()
            panel.locator("select").select_option("1")
            assert readout.inner_text() != before and "LOC" in readout.inner_text()


class TestConnectome:
    def test_it_is_turned_thinned_and_searched_with_the_keyboard(self, opened):
        with opened("connectome") as page:
            some = page.evaluate(LINES)
            page.locator(".connectome input[type=range]").focus()
            page.keyboard.press("End")
            assert page.evaluate(LINES) > some
            page.keyboard.press("Home")
            assert page.evaluate(LINES) == 0
            dot = page.locator(".connectome svg[role] circle").first
            before = dot.get_attribute("cx")
            page.locator(".connectome button", has_text="top").press("Enter")
            assert dot.get_attribute("cx") != before
            before = dot.get_attribute("cy")
            page.locator(".connectome svg[role=application]").press("ArrowUp")
            assert dot.get_attribute("cy") != before
            page.locator(".connectome input[type=search]").fill("R_P4")
            assert page.locator(".connectome .facts").inner_text().startswith("R_P4 · A · right")
