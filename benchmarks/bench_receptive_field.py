"""Time sparse receptive fields of all voxels against scikit-learn's LassoLarsCV, voxel by voxel.

Usage: python benchmarks/bench_receptive_field.py [--voxels N] [--samples N] [--side N]
           [--max-iter N] [--threads N ...] [--repeats N] [--growth]
Simulated data: random binary images of side x side pixels, voxels that each see a Gaussian patch
of them, a tenth of their variance; a third of the voxels see nothing. Both ways get the same arrays
in memory, in one process, in turns. In the table of growth the loop runs on five voxels, and its
seconds are scaled to all of them: it does the same for every voxel.
"""

import argparse
import statistics
import time
import tracemalloc
import warnings
from functools import partial

import numpy as np
from sklearn.linear_model import LassoLarsCV
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.receptive_field import receptive_fields


def simulate(n_samples, side, n_voxels, share=0.1):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (n_samples, side**2)).astype(np.float32)
    row, column = np.indices((side, side)).reshape(2, -1, 1)
    centre = rng.uniform(0, side, (2, n_voxels))
    fields = np.exp(-((row - centre[0]) ** 2 + (column - centre[1]) ** 2) / 2)
    fields *= np.arange(n_voxels) % 3 > 0
    signal = images @ fields
    scale = np.sqrt(share / (1 - share)) / np.maximum(signal.std(axis=0), 1e-6)
    noise = rng.normal(size=(n_samples, n_voxels))
    return images, (signal * scale + noise).astype(np.float32)


def loop(images, responses, max_iter):
    scaled = StandardScaler().fit_transform(images.astype(float))
    return [LassoLarsCV(max_iter=max_iter).fit(scaled, y.astype(float)) for y in responses.T]


def seconds(function):
    began = time.perf_counter()
    answer = function()
    return time.perf_counter() - began, answer


def product(n_samples, n_features, n_voxels):
    """Time the products of features and responses alone, which no method can do without."""
    left, right = np.ones((n_features, n_samples)), np.ones((n_samples, n_voxels))
    taken = min(seconds(lambda: left @ right)[0] for _ in range(5))
    return taken, 2e-9 * n_samples * n_features * n_voxels / taken


def compare(images, responses, max_iter, repeats):
    """Print seconds of both, in turns and with one thread, and how they agree."""
    n_voxels = responses.shape[1]
    limit, speed = product(*images.shape, n_voxels)
    receptive_fields(images, responses[:, :9], max_iter=max_iter)  # first call: imports, BLAS
    ours, theirs, apart = [], [], np.zeros(2)
    for _ in range(repeats):
        taken, models = seconds(lambda: loop(images, responses, max_iter))
        theirs.append(taken)
        taken, found = seconds(lambda: receptive_fields(images, responses, max_iter=max_iter))
        ours.append(taken)
        coef = np.array([model.coef_ for model in models])
        alpha = np.array([model.alpha_ for model in models])
        here = np.abs(found.coef - coef).max(), np.abs(found.alpha - alpha).max()
        apart = np.maximum(apart, here)
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    print(f"{n_voxels} voxels, {images.shape[0]} samples, {images.shape[1]} features, "
          f"{max_iter} steps, one thread")  # fmt: skip
    print(f"  products alone       {limit:8.3f} s, {speed:.0f} GFLOP/s (float64)")
    for name, times in (("receptive_fields", ours), ("LassoLarsCV", theirs)):
        print(f"  {name:20s} {statistics.median(times):8.3f} s ({min(times):.3f}-{max(times):.3f})")
    print(f"  ratio of each turn   {statistics.median(ratios):8.0f} "
          f"({min(ratios):.0f}-{max(ratios):.0f})")  # fmt: skip
    print(f"  largest difference: coefficients {apart[0]:.0e}, penalties {apart[1]:.0e}")
    tracemalloc.start()
    receptive_fields(images, responses, max_iter=max_iter)
    print(f"  peak memory beyond inputs {tracemalloc.get_traced_memory()[1] / 1e6:.0f} MB")
    tracemalloc.stop()


def grow(images, responses, threads, repeats):
    """Print seconds with more threads, in turns; beside them what products alone gain."""
    times = {n: [] for n in threads}
    free = {n: [] for n in threads}
    for _ in range(repeats):
        for n in threads:
            taken, _ = seconds(lambda n=n: receptive_fields(images, responses, n_threads=n))
            times[n].append(taken)
            with threadpool_limits(n):
                free[n].append(product(2000, 1000, 2000)[0])
    print(f"{responses.shape[1]} voxels\nthreads        s   gain  gain of a large product")
    for n in threads:
        gain, other = (statistics.median(t[threads[0]]) / statistics.median(t[n])
                       for t in (times, free))  # fmt: skip
        print(f"{n:7d} {statistics.median(times[n]):8.3f} {gain:6.2f} {other:6.2f}")


def growth(n_samples, side, max_iter, repeats):
    """Print how seconds and ratio go with voxels, features and steps."""
    print("voxels features steps     ours    loop  ratio")
    for n_voxels, width, steps in [
        (50, side, max_iter), (500, side, max_iter), (5000, side, max_iter),
        (500, 2 * side, max_iter), (500, 3 * side, max_iter), (500, side, 5 * max_iter),
    ]:  # fmt: skip
        images, responses = simulate(n_samples, width, n_voxels)
        fit = partial(receptive_fields, images, responses, max_iter=steps)
        refit = partial(loop, images, responses[:, :5], steps)
        ours, theirs = [], []
        for _ in range(repeats):
            theirs.append(seconds(refit)[0] * n_voxels / 5)
            ours.append(seconds(fit)[0])
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        print(f"{n_voxels:6d} {width**2:8d} {steps:5d} {ours:8.3f} {theirs:7.1f} "
              f"{theirs / ours:6.0f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voxels", type=int, default=500)
    parser.add_argument("--samples", type=int, default=2860)
    parser.add_argument("--side", type=int, default=10)
    parser.add_argument("--max-iter", type=int, default=10)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    images, responses = simulate(options.samples, options.side, options.voxels)
    with threadpool_limits(1):
        compare(images, responses, options.max_iter, options.repeats)
    if len(options.threads) > 1:
        many = simulate(options.samples, options.side, 11 * options.voxels)
        grow(*many, options.threads, options.repeats)
    if options.growth:
        with threadpool_limits(1):
            growth(options.samples, options.side, options.max_iter, options.repeats)


if __name__ == "__main__":
    main()
