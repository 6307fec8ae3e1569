"""Time nested ridge encoding against himalaya, and one penalty against scikit-learn.

Usage: python benchmarks/bench_encoding.py [--samples N] [--features N] [--voxels N]
           [--penalties N] [--groups N] [--threads N] [--repeats N] [--growth] [--torch]
Simulated data: random features, responses of a tenth of them in noise. Every way gets the same
arrays in memory, in the same process and with the same threads. "himalaya" is KernelRidgeCV (its
own choice of penalties by inner folds, the Gram matrix computed once and given) in a loop that
leaves out one group; it takes the mean of responses in each fold, but not of features, so that
its scores differ a little here; tests compare the same models. "Products alone" times the
multiplications of responses that inner and outer folds cannot do without. Memory is the peak
of a process of its own, with the arrays in it.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode


def simulate(n, p, v, groups):
    rng = np.random.default_rng(0)
    features = rng.standard_normal((n, p), dtype=np.float32)
    used = features[:, : max(1, p // 10)]
    weights = rng.standard_normal((used.shape[1], v), dtype=np.float32)
    signal = used @ weights / np.sqrt(used.shape[1]).astype(np.float32)
    responses = signal + rng.standard_normal((n, v), dtype=np.float32)
    return features, responses, np.repeat(np.arange(groups), -(-n // groups))[:n]


def himalaya(features, responses, groups, penalties):
    """Leave out each group; himalaya chooses penalties by leaving out each other group."""
    from himalaya.kernel_ridge import KernelRidgeCV

    gram = features @ features.T
    scores = []
    for group in np.unique(groups):
        train, test = groups != group, groups == group
        own = groups[train]
        folds = [(np.flatnonzero(own != g), np.flatnonzero(own == g)) for g in np.unique(own)]
        model = KernelRidgeCV(penalties, kernel="precomputed", cv=folds, fit_intercept=True)
        model.fit(gram[np.ix_(train, train)], responses[train])
        predicted = model.predict(gram[np.ix_(test, train)])
        scores.append(r2_score(responses[test], predicted, multioutput="raw_values"))
    return np.array(scores)


def products_alone(responses, groups, n_penalties):
    """Multiply responses by as many numbers as inner and outer folds need predictors for."""
    n, v = responses.shape
    rows = np.ascontiguousarray(responses.T)
    k = len(np.unique(groups))
    size = n // k
    inner = np.ones((n - 2 * size, 2 * size * n_penalties), dtype=np.float32)
    outer = np.ones((n - size, size), dtype=np.float32)
    began = time.perf_counter()
    for _ in range(k * (k - 1) // 2):
        for start in range(0, v, 2048):
            rows[start : start + 2048, : n - 2 * size] @ inner
    for _ in range(k):
        rows[:, : n - size] @ outer
    spent = time.perf_counter() - began
    flops = 2.0 * v * (k * (k - 1) / 2 * inner.size + k * outer.size)
    return spent, flops / spent / 1e9


def seconds(function, repeats):
    """Time a function; give the median of its seconds and its last answer."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        answer = function()
        times.append(time.perf_counter() - began)
    return statistics.median(times), answer


def compare(shape, n_penalties, repeats, threads, *, torch=False):
    n, p, v, k = shape
    features, responses, groups = simulate(*shape)
    penalties = np.logspace(1, 7, n_penalties)
    backend = get_backend(n_threads=threads)
    print(f"{n} samples x {p} features, {v} voxels, {k} groups, {n_penalties} penalties")
    ours, theirs, alone = [], [], []
    for _ in range(repeats):  # in turn, so that a busy moment hits all
        spent, encoding = seconds(
            lambda: ridge_encode(
                features, responses, groups, penalties, criterion="mse", backend=backend
            ), 1,
        )  # fmt: skip
        ours.append(spent)
        spent, reference = seconds(lambda: himalaya(features, responses, groups, penalties), 1)
        theirs.append(spent)
        spent, speed = products_alone(responses, groups, n_penalties)
        alone.append(spent)
    our, their, least = (statistics.median(times) for times in (ours, theirs, alone))
    apart = np.abs(encoding.fold_r2 - reference)
    print(f"  products alone {least:8.2f} s ({speed:.0f} GFLOP/s, float32)")
    print(f"  ridge_encode   {our:8.2f} s, {our / least:.1f} times the products; {encoding.form}")
    print(f"  himalaya       {their:8.2f} s, {their / our:.1f} times ours")
    print(f"  r2 differs by {np.median(apart):.1e} (median), {apart.max():.1e} (largest); "
          f"median r2 {np.median(encoding.r2):.3f}")  # fmt: skip
    if torch:
        on = get_backend("torch", n_threads=threads)
        spent, other = seconds(
            lambda: ridge_encode(
                features, responses, groups, penalties, criterion="mse", backend=on
            ), repeats,
        )  # fmt: skip
        print(f"  with torch     {spent:8.2f} s, r2 differs by "
              f"{np.abs(other.fold_r2 - encoding.fold_r2).max():.1e} (largest)")  # fmt: skip


def one_penalty(repeats, threads):
    """Compare with a loop of Ridge over ten folds, as Nilearn's example of Miyawaki's data."""
    features, responses, _ = simulate(2860, 100, 5438, 10)
    features, responses = np.float64(features > 0), responses.astype(np.float64)
    folds = list(KFold(10).split(features))
    groups = np.zeros(len(features), dtype=int)
    for number, (_, test) in enumerate(folds):
        groups[test] = number

    def loop(x, y):
        return np.array([
            r2_score(y[test], Ridge(alpha=100.0).fit(x[train], y[train]).predict(x[test]),
                     multioutput="raw_values")
            for train, test in folds
        ])  # fmt: skip

    print("2860 samples x 100 features, 5438 voxels, 10 folds, penalty 100")
    for dtype in ("float64", "float32"):
        x, y = features.astype(dtype), responses.astype(dtype)
        backend = get_backend(dtype=dtype, n_threads=threads)
        ours, encoding = seconds(
            lambda x=x, y=y, b=backend: ridge_encode(x, y, groups, [100.0], backend=b),
            max(5, repeats),
        )
        theirs, reference = seconds(lambda x=x, y=y: loop(x, y), repeats)
        apart = np.abs(encoding.fold_r2 - reference).max()
        print(f"  {dtype}: ridge_encode {ours:.3f} s, scikit-learn {theirs:.2f} s, "
              f"{theirs / ours:.1f} times ours; r2 differs by {apart:.0e}")  # fmt: skip


def high_water():
    """Read the peak of this process's memory in MB (Linux; that of resource is its parent's)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def peak(way, folder, n_penalties):
    """Run one way on stored arrays and print the peak of memory in MB, before and after."""
    arrays = [np.load(Path(folder) / f"{name}.npy") for name in ("x", "y", "groups")]
    penalties = np.logspace(1, 7, n_penalties)
    before = high_water()
    (ridge_encode if way == "ours" else himalaya)(*arrays, penalties)
    print(f"{before:.0f} {high_water():.0f}")


def memory(shape, n_penalties):
    with tempfile.TemporaryDirectory() as folder:
        for name, array in zip(("x", "y", "groups"), simulate(*shape), strict=True):
            np.save(Path(folder) / f"{name}.npy", array)
        for way in ("ours", "himalaya"):
            done = subprocess.run(
                [sys.executable, __file__, "--peak", way, folder, str(n_penalties)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            before, after = map(int, done.stdout.split()[-2:])
            print(f"  peak memory {way:9s} {after} MB; {after - before} MB beside the arrays")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {
        "samples": 1750,
        "features": 20_000,
        "voxels": 10_000,
        "penalties": 10,
        "groups": 5,
        "threads": 4,
        "repeats": 3,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.peak:
        peak(args.peak[0], args.peak[1], int(args.peak[2]))
        return
    shape = (args.samples, args.features, args.voxels, args.groups)
    with threadpool_limits(args.threads):
        small = simulate(100, 50, 20, 4)
        ridge_encode(*small, [1.0, 10.0])  # first call: imports, BLAS start
        himalaya(*small, [1.0, 10.0])
        compare(shape, args.penalties, args.repeats, args.threads, torch=args.torch)
        memory(shape, args.penalties)
        one_penalty(args.repeats, args.threads)
        if args.growth:
            n, p, v, k = shape
            for other in ((n, p, v // 4, k), (n, p, 2 * v, k), (n, p // 10, v, k),
                          (n // 2, p, v, k), (n, p, v, 2 * k)):  # fmt: skip
                compare(other, args.penalties, 1, args.threads)
            for number in (1, 20):
                compare(shape, number, 1, args.threads)


if __name__ == "__main__":
    main()
