import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from fmriprod.reports.confusion import confusion_figure
from fmriprod.reports.embedding_panels import class_looks, embedding_figure
from fmriprod.reports.image_mosaic import mosaic_figure
from fmriprod.reports.training_curve import training_figure


def words(fig):
    """All that is written, axes and legends included."""
    fig.canvas.draw()
    found = [t.get_text() for t in fig.findobj(mpl.text.Text)]
    return " ".join(" ".join(found).split())


def boxes_apart(fig):
    """Tell whether title, legend, note and axes lie beside each other."""
    renderer = fig.canvas.get_renderer()
    parts = [ax for ax in fig.axes if ax.get_visible()] + fig.legends
    heads = [fig._suptitle, fig._supxlabel]
    boxes = [part.get_tightbbox(renderer) for part in parts]
    return not any(
        head.get_window_extent(renderer).overlaps(box) for head in heads for box in boxes
    )


def history(n=12):
    epoch = np.arange(1, n + 1)
    return pd.DataFrame(
        {
            "epoch": epoch, "learning_rate": 1e-3 * 0.96 ** (epoch // 4), "loss": 2 / epoch,
            "accuracy": 1 - 0.8 / epoch, "validation_loss": 3 / epoch,
            "validation_accuracy": 1 - 0.9 / epoch,
        }
    )  # fmt: skip


def test_the_course_of_training_is_drawn_as_it_is():
    table = history()
    with training_figure(table, chance=0.1, simulated=True) as fig:
        assert "Training – simulated data" in words(fig)
        assert "After epoch 12: 92.5% of validation images" in words(fig)
        assert "chance 0.1" in words(fig)
        lines = {line.get_label(): line.get_ydata() for line in fig.axes[1].lines}
        np.testing.assert_array_equal(lines["training"], table["accuracy"])
        np.testing.assert_array_equal(lines["validation"], table["validation_accuracy"])
        assert boxes_apart(fig)


@pytest.mark.parametrize("n", [2, 16, 25])
def test_confusions_are_in_their_cells(n):
    shares = np.eye(n) * 0.75 + np.roll(np.eye(n), 1, axis=1) * 0.25
    names = [f"class{k}" for k in range(n)]
    with confusion_figure(shares, [40] * n, names) as fig:
        np.testing.assert_array_equal(fig.axes[0].images[0].get_array(), shares)
        written = [t.get_text() for t in fig.axes[0].texts]
        assert sorted(written) == (["25"] * n + ["75"] * n if n <= 20 else [])
        assert "class0 (40)" in words(fig)
        assert boxes_apart(fig)


def test_a_mosaic_shows_every_image_and_says_which_unit_was_silent():
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    silent = [False, True, False, False, False]
    with mosaic_figure(images, list("abcde"), title="Classes", note="How.", silent=silent) as fig:
        drawn = [ax for ax in fig.axes if ax.get_visible()]
        assert [ax.get_title(loc="left") for ax in drawn] == list("abcde")
        assert [len(ax.images) for ax in drawn] == [1, 0, 1, 1, 1]
        np.testing.assert_array_equal(drawn[2].images[0].get_array(), images[2])
        assert "silent" in words(fig)
        assert boxes_apart(fig)


@pytest.mark.parametrize(("n_layers", "n_classes"), [(1, 2), (5, 10), (15, 16)])
def test_every_image_is_in_every_panel(n_layers, n_classes):
    random = np.random.default_rng(0)
    categories = np.repeat(np.arange(n_classes), 4)
    places = {f"conv{k}": random.random((len(categories), 2)) for k in range(n_layers)}
    names = [f"class{k}" for k in range(n_classes)]
    with embedding_figure(places, categories, names, perplexity=7.0) as fig:
        assert "Perplexity 7 (not 30: there are few images)." in words(fig)
        for ax, at in zip(fig.axes, places.values(), strict=False):
            drawn = np.concatenate([c.get_offsets() for c in ax.collections])
            np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(at, axis=0))
        assert [t.get_text() for t in fig.legends[0].get_texts()] == names
        assert boxes_apart(fig)


def test_looks_of_classes_differ():
    looks = class_looks(42)
    assert len(set(looks)) == 42
    assert len({marker for _, marker in looks[:7]}) == 1
