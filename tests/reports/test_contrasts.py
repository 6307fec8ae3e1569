import numpy as np
import pytest

from fmriprod.reports.contrasts import contrast_figure

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = -30


def titles(z_map, title="face-house"):
    background = np.zeros((20, 20, 20), np.float32)
    background[3:17, 3:17, 3:17] = 100
    with contrast_figure(z_map, background, AFFINE, title=title) as figure:
        figure.canvas.draw()
        return " ".join(t.get_text() for t in figure.findobj(lambda o: hasattr(o, "get_text")))


def test_the_title_says_where_the_largest_value_is_and_how_much_is_shown():
    z_map = np.zeros((20, 20, 20), np.float32)
    z_map[12, 5, 9] = 6.25
    z_map[6, 6, 6] = -4
    text = titles(z_map)
    assert "face-house: largest z 6.2 at (6, −15, −3) mm" in text
    assert "2 voxels with |z| ≥ 3.1" in text
    assert "threshold not corrected for multiple tests" in text


def test_a_long_expression_leaves_room_for_what_was_found():
    z_map = np.zeros((20, 20, 20), np.float32)
    z_map[12, 5, 9] = 14
    long = "stimuli=(face+house+body+scene+object+scramble)/6"
    background = np.ones(z_map.shape, np.float32)
    with contrast_figure(z_map, background, AFFINE, title=long) as figure:
        figure.canvas.draw()
        boxes = [t.get_window_extent() for t in figure.texts if "largest z" in t.get_text()]
        assert len(boxes) == 1 and boxes[0].x1 < figure.bbox.x1


@pytest.mark.parametrize("value", [0.0, -5.0, 1.5])
def test_maps_without_anything_to_show(value):
    z_map = np.zeros((20, 20, 20), np.float32)
    z_map[6, 6, 6] = value
    text = titles(z_map)
    assert ("no positive z" in text) == (value <= 0)
