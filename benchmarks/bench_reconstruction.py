"""Time the 361 decoders of an image reconstruction against a scikit-learn pipeline for each.

Usage: python benchmarks/bench_reconstruction.py [--samples N] [--voxels N] [--targets N]
           [--threads N] [--repeats N]
Simulated data: voxels with Gaussian receptive fields see random images of 10 x 10 pixels. Both
ways get the same float64 responses in one process and with the same threads; the predictions of
every target that both fit are compared. With ``--targets`` below 361 scikit-learn's time is that
of as many targets, evenly spread, and extrapolated.
"""

import argparse
import statistics
import time

import numpy as np
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import OrthogonalMatchingPursuit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.image_reconstruction import fit_decoders
from fmriprod.algorithms.multiscale import multiscale_targets


def simulate(n_samples, n_voxels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (n_samples, 10, 10)).astype(float)
    grid, centre = np.indices((10, 10)), rng.uniform(0, 9, (n_voxels, 2))
    distance = ((grid[None] - centre[:, :, None, None]) ** 2).sum(axis=1)
    fields = np.exp(-distance / (2 * 0.8**2)).reshape(n_voxels, -1)
    fields *= rng.exponential(0.3, (n_voxels, 1))
    clean = images.reshape(n_samples, -1) @ fields.T
    return clean + rng.normal(size=clean.shape), multiscale_targets(images)


def by_scikit_learn(responses, targets):
    predicted = []
    for target in targets.T:
        decoder = make_pipeline(
            SelectKBest(f_classif, k=500),
            StandardScaler(),
            OrthogonalMatchingPursuit(n_nonzero_coefs=10),
        )
        predicted.append(decoder.fit(responses, target).predict(responses[:200]))
    return np.stack(predicted, axis=1)


def seconds(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1400)
    parser.add_argument("--voxels", type=int, default=5438)
    parser.add_argument("--targets", type=int, default=361)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    responses, targets = simulate(args.samples, args.voxels)
    some = np.linspace(0, 360, args.targets).astype(int)
    with threadpool_limits(args.threads):
        left, right = np.ones((2000, 2000)), np.ones((2000, 2000))
        product, _ = seconds(lambda: left @ right, args.repeats)
        ours, found = seconds(
            lambda: fit_decoders(responses, targets).predict(responses[:200]), args.repeats
        )
        theirs, expected = seconds(lambda: by_scikit_learn(responses, targets[:, some]), 1)
    theirs *= 361 / args.targets
    difference = np.abs(found[:, some] - expected).max()
    print(f"matrix products of float64: {2 * 2000**3 / product / 1e9:.0f} GFlop/s")
    print(f"361 decoders: {ours:.2f} s; scikit-learn: {theirs:.1f} s; ratio {theirs / ours:.0f}")
    print(f"largest difference of a prediction in {args.targets} targets: {difference:.1e}")


if __name__ == "__main__":
    main()
