"""Simulated heads for tests."""

from functools import lru_cache

import numpy as np
from nilearn.datasets import load_mni152_template
from scipy import ndimage

from fmriprod.algorithms.phantom import Head, make_head
from fmriprod.algorithms.phantom_anatomy import TISSUES

# Signal of a gradient-echo EPI relative to grey matter: bright fluid, fat suppressed.
EPI_SIGNAL = {
    "csf": 1.3, "grey": 1.0, "white": 0.85, "skull": 0.03, "marrow": 0.1, "dura": 0.3,
    "fat": 0.15, "skin": 0.25, "muscle": 0.3, "eye": 1.0, "nerve": 0.5, "cord": 0.8,
    "vessel": 0.5,
}  # fmt: skip


@lru_cache(maxsize=4)
def simulated_head(resolution: int = 2, seed: int = 2, **options: float) -> tuple[Head, np.ndarray]:
    """Return a head and its affine, made once for all tests that ask for it."""
    template = load_mni152_template(resolution=resolution)
    brain = template.get_fdata(dtype=np.float32)
    head = make_head(brain, (resolution,) * 3, seed=seed, **options)
    return head, head.affine(template.affine)


def simulated_epi(head: Head, zooms, rng: np.random.Generator) -> np.ndarray:
    """Return a mean EPI of a head on the head's grid: blurred, shaded, with noise."""
    signal = np.array([EPI_SIGNAL.get(name, 0.0) for name in TISSUES], np.float32)[head.labels]
    signal = ndimage.gaussian_filter(signal, [1.5 / z for z in zooms])
    shade = np.linspace(0.75, 1.25, signal.shape[1], dtype=np.float32)[:, None]
    noise = 0.03 * rng.standard_normal((2, *signal.shape)).astype(np.float32)
    return 800 * np.hypot(signal * shade + noise[0], noise[1])


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1 (Dice 1945)."""
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))
