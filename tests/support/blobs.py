"""A head made of Gaussian blobs, known at every point of the world, so never interpolated."""

import numpy as np

LAS = np.array([[-3.5, 0, 0, 70.0], [0, 3.5, 0, -68.0], [0, 0, 4.0, -46.0], [0, 0, 0, 1]])
SHAPE = (40, 40, 24)


class BlobHead:
    """Ellipsoid with a soft edge and blobs of several sizes inside, all in mm.

    With ``inverted`` what is bright inside is dark and the other way round, as between EPI and
    T1w: a nonlinear, falling function of the other intensity.
    """

    def __init__(self, seed: int = 0, n_blobs: int = 100, inverted: bool = False):
        rng = np.random.default_rng(seed)
        self.centers = rng.normal(0, 1, (n_blobs, 3)) * (26, 30, 20)
        self.widths = rng.uniform(4, 9, n_blobs)
        self.heights = rng.uniform(-400, 400, n_blobs)
        self.inverted = inverted

    def at(self, points: np.ndarray) -> np.ndarray:
        """Intensity at points, shape (n, 3), of the head's own world."""
        radius = np.sqrt(((points / (50, 56, 38)) ** 2).sum(axis=1))
        inside = 1 / (1 + np.exp((radius - 1) / 0.06))
        values = np.full(len(points), 1000.0)
        for center, width, height in zip(self.centers, self.widths, self.heights, strict=True):
            values += height * np.exp(-((points - center) ** 2).sum(axis=1) / (2 * width**2))
        if self.inverted:
            values = 1500 * np.exp(-np.maximum(values, 0) / 1000)
        return (inside * values).astype(np.float32)

    def image(self, transform=None, shape=SHAPE, affine=LAS) -> np.ndarray:
        """Volume of the head after moving it: ``transform`` maps its world to where it is."""
        index = np.indices(shape).reshape(3, -1).T
        points = index @ affine[:3, :3].T + affine[:3, 3]
        back = np.eye(4) if transform is None else np.linalg.inv(transform)
        return self.at(points @ back[:3, :3].T + back[:3, 3]).reshape(shape)
