import numpy as np
import pytest

from fmriprod.reports.contrasts import contrast_figure

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = -30


def titles(z_map):
    background = np.zeros((20, 20, 20), np.float32)
    background[3:17, 3:17, 3:17] = 100
    with contrast_figure(z_map, background, AFFINE, title="face-house") as figure:
        figure.canvas.draw()
        return " ".join(t.get_text() for t in figure.findobj(lambda o: hasattr(o, "get_text")))


def test_the_title_says_where_the_largest_value_is_and_how_much_is_shown():
    z_map = np.zeros((20, 20, 20), np.float32)
    z_map[12, 5, 9] = 6.25
    z_map[6, 6, 6] = -4
    text = titles(z_map)
    assert "face-house: largest z 6.2 at (6, −15, −3) mm" in text
    assert "2 voxels with |z| ≥ 3.1 (uncorrected)" in text


@pytest.mark.parametrize("value", [0.0, -5.0, 1.5])
def test_maps_without_anything_to_show(value):
    z_map = np.zeros((20, 20, 20), np.float32)
    z_map[6, 6, 6] = value
    text = titles(z_map)
    assert ("no positive z" in text) == (value <= 0)
