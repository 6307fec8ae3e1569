"""Images in class folders: real handwritten digits of scikit-learn, and simulated squares."""

from pathlib import Path

import numpy as np
from PIL import Image

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def write_digits(folder, n=None, which=DIGITS):
    """Write the first n real digits of some classes, 8 x 8 pixels, into class folders."""
    from sklearn.datasets import load_digits

    found = load_digits()
    for number, name in enumerate(DIGITS):
        if name not in which:
            continue
        (Path(folder) / name).mkdir(parents=True)
        for k, image in enumerate(found.images[found.target == number][:n]):
            pixels = np.round(image * 255 / 16).astype(np.uint8)
            Image.fromarray(pixels).save(Path(folder) / name / f"{k:03d}.png")
    return str(folder)


def write_squares(folder, counts, side=16, seed=0):
    """Write simulated noisy squares, coloured by class: red, green, blue."""
    random = np.random.default_rng(seed)
    for number, (name, n) in enumerate(counts.items()):
        (Path(folder) / name).mkdir(parents=True)
        for k in range(n):
            pixels = random.integers(0, 120, (side, side, 3), dtype=np.uint8)
            pixels[3:-3, 3:-3, number % 3] += 120
            Image.fromarray(pixels).save(Path(folder) / name / f"{k:03d}.png")
    return str(folder)
