import numpy as np

from fmriprod.reports.reconstruction import reconstruction_figure


def drawn(figure):
    return [ax.images[0].get_array() for ax in figure.axes if ax.images]


def test_each_column_shows_stimulus_reconstruction_and_binary_image(rng):
    images, found = rng.integers(0, 2, (3, 5, 4)), rng.random((3, 5, 4))
    with reconstruction_figure(images, found, 0.4, ["a", "b", "c"], title="simulated") as figure:
        pictures = drawn(figure)
        for column in range(3):
            np.testing.assert_array_equal(pictures[column], images[column])
            np.testing.assert_array_equal(pictures[3 + column], found[column])
            np.testing.assert_array_equal(pictures[6 + column], found[column] > 0.4)
        assert [ax.get_title(loc="center") for ax in figure.axes[:3]] == ["a", "b", "c"]
        rows = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
        assert rows == ["stimulus", "reconstruction", "above 0.4"]
        limits = {ax.images[0].get_clim() for ax in figure.axes}
        assert limits == {(0, 1)}
        assert figure.get_suptitle() == "simulated"


def test_many_images_go_on_in_a_further_line(rng):
    images = rng.integers(0, 2, (14, 4, 4))
    with reconstruction_figure(images, images, 0.5, [str(i) for i in range(14)]) as figure:
        assert len(drawn(figure)) == 3 * 14
        assert figure.axes[3 * 12].get_title(loc="center") == "12"
        assert figure.get_size_inches()[0] < 15
