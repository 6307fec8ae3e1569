import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from support.blobs import LAS, SHAPE, BlobHead

from fmriprod.algorithms.transforms import rigid_matrix
from fmriprod.reports.coregister import coregister_figure


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


@pytest.fixture(scope="module")
def images():
    return BlobHead(inverted=True).image(), LAS, BlobHead().image(), LAS


def labels(figure):
    return {text.get_text() for text in figure.findobj(Text)}


def test_the_outline_follows_the_transform(images):
    brain = BlobHead().image() > 500
    pictures = []
    for shift in (0, 12):
        matrix = rigid_matrix([0, shift, 0, 0, 0, 0])
        with coregister_figure(*images, matrix, brain) as figure:
            pictures.append(drawn(figure))
            assert any("brain in the reference" in label for label in labels(figure))
    assert pictures[0].shape[1] >= 1000
    coloured = [np.ptp(p, axis=2) > 60 for p in pictures]
    assert all(c.mean() > 0.005 for c in coloured)
    if pictures[0].shape == pictures[1].shape:
        assert (coloured[0] != coloured[1]).mean() > 0.005


def test_without_a_mask_the_bright_part_alone_is_outlined(images):
    with coregister_figure(*images, np.eye(4)) as figure:
        texts = labels(figure)
    assert any("bright in the reference" in t for t in texts)
    assert not any("brain in the reference" in t for t in texts)
    assert SHAPE == images[0].shape
