import numpy as np
import pytest
from scipy.ndimage import rotate

from fmriprod.algorithms.checks import InputError
from fmriprod.algorithms.gabor import gabor_energy, gabor_pyramid, luminance, pyramid_frequencies


def grating(frequency, angle, size=96, phase=0.0, contrast=1.0):
    """Make a grating of ``frequency`` cycles per image whose wave runs along ``angle`` (deg)."""
    y, x = np.mgrid[:size, :size]
    angle = np.deg2rad(angle)
    along = x * np.cos(angle) - y * np.sin(angle)  # rows count downwards
    wave = contrast * np.cos(2 * np.pi * frequency * along / size + phase)
    return wave[None].astype(np.float32)


@pytest.mark.parametrize("frequency", [4, 8, 16])
@pytest.mark.parametrize("k", range(8))
def test_energy_peaks_at_the_grating_s_own_orientation_and_frequency(frequency, k):
    pyramid = gabor_pyramid(grating(frequency, 22.5 * k))
    mean = {name: layer.mean(axis=(0, 2, 3)) for name, layer in pyramid.items()}
    best = max(mean, key=lambda name: mean[name].max())
    assert best == f"gabor{frequency}" and mean[best].argmax() == k
    assert np.median(mean[best][[(k + 3) % 8, (k + 4) % 8, (k + 5) % 8]]) < 0.1 * mean[best][k]


def test_energy_is_half_the_amplitude_whatever_the_phase():
    for phase in np.linspace(0, 2 * np.pi, 7):
        energy = gabor_energy(grating(16, 45, phase=phase, contrast=0.6), 16)
        np.testing.assert_allclose(energy[0, 2, 4:-4, 4:-4], 0.3, rtol=0.01)


@pytest.mark.parametrize("shape", [(64, 64), (40, 96), (97, 33)])
def test_uniform_images_have_no_energy_borders_included(shape):
    for layer in gabor_pyramid(np.full((2, *shape), 0.7, dtype=np.float32)).values():
        assert layer.max() < 1e-6


def test_energy_is_where_the_pattern_is():
    image = np.zeros((1, 96, 96), dtype=np.float32)
    image[0, 60:84, 12:36] = grating(16, 0)[0, 60:84, 12:36]
    energy = gabor_energy(image, 16)[0, 0]
    row, column = np.unravel_index(energy.argmax(), energy.shape)
    assert 10 <= row <= 13 and 2 <= column <= 5
    assert energy[:6, 8:].max() < 0.01 * energy.max()


def test_answers_are_those_of_filters_laid_over_the_image(rng):
    """Against the obvious two-dimensional filter, at each place of the grid."""
    height, width, frequency = 20, 30, 5
    image = rng.random((1, height, width), dtype=np.float32)
    energy = gabor_energy(image, frequency, n_orientations=3)
    assert energy.shape == (1, 3, 5, 8)
    cycles, sigma = frequency / height, 0.56 * height / frequency
    y, x = np.mgrid[:height, :width]
    for k, angle in enumerate(np.pi * np.arange(3) / 3):
        for r, row in enumerate((np.arange(5) + 0.5) * height / 5 - 0.5):
            for c, column in enumerate((np.arange(8) + 0.5) * width / 8 - 0.5):
                dy, dx = y - row, x - column
                near = (np.abs(dy) <= 4 * sigma) & (np.abs(dx) <= 4 * sigma)
                bell = near * np.exp(-(dx**2 + dy**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
                wave = np.exp(2j * np.pi * cycles * (dx * np.cos(angle) - dy * np.sin(angle)))
                filtered = bell * (wave - (bell * wave).sum() / bell.sum())
                expected = abs((filtered * image[0]).sum())
                assert abs(energy[0, k, r, c] - expected) < 1e-5


def test_a_turned_image_has_turned_energy(rng):
    image = rng.random((1, 48, 48), dtype=np.float32)
    turned = rotate(image, 90, axes=(1, 2))  # counter-clockwise as it is seen, in axes (1, 2)
    np.testing.assert_array_equal(turned[0], np.rot90(image[0]))
    for frequency in (2, 8):
        energy, other = gabor_energy(image, frequency)[0], gabor_energy(turned, frequency)[0]
        for k in range(8):
            np.testing.assert_allclose(other[(k + 4) % 8], np.rot90(energy[k]), atol=1e-6)


def test_frequencies_fit_the_image():
    assert pyramid_frequencies(128, 200) == [1, 2, 4, 8, 16, 32]
    assert pyramid_frequencies(100, 10) == [1, 2]
    with pytest.raises(InputError, match=r"at least 3 x 3 pixels\n.*2 x 50"):
        pyramid_frequencies(2, 50)


def test_luminance_weighs_colours():
    images = np.zeros((1, 3, 2, 2), dtype=np.float32)
    images[0, 1, 0, 0] = 1
    images[0, :, 1, 1] = 0.5
    np.testing.assert_allclose(luminance(images), [[[0.587, 0], [0, 0.5]]], rtol=1e-6)
