"""Feature spaces and responses that mix them."""

import numpy as np


def simulate(rng, sizes=(14, 5), scales=(1.0, 7.0), n_voxels=8, groups=(9, 12, 8, 10)):
    """Features with means of their own, responses that are a mixture, groups out of order."""
    labels = rng.permutation(np.repeat(["d", "a", "c", "b"][: len(groups)], groups))
    n = len(labels)
    spaces = {
        f"space{i}": scale * (rng.normal(size=(n, p)) + rng.normal(size=p))
        for i, (p, scale) in enumerate(zip(sizes, scales, strict=True))
    }
    parts = [
        x @ rng.normal(size=(x.shape[1], n_voxels)) / np.sqrt(x.shape[1]) / scale
        for x, scale in zip(spaces.values(), scales, strict=True)
    ]
    shares = rng.dirichlet(np.full(len(parts), 0.5), n_voxels).T
    mixed = sum(share * part for share, part in zip(shares, parts, strict=True))
    return spaces, mixed + 0.5 * rng.normal(size=(n, n_voxels)) + 3, labels
