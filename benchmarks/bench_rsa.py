"""Time Spearman RSA of searchlights against a loop of SciPy's spearmanr.

Usage: python benchmarks/bench_rsa.py [--spheres N] [--layers N] [--threads N] [--looped N]
           [--permutations N] [--growth]
Simulated data: random RDMs, 5 codes of 0 and 1 and random layers. The loop of SciPy is timed on
a part of the spheres, spread over all of them, and scaled to all: its time is proportional to
their number. Both give p by Student's t; ours is timed once more with relabelled conditions,
which the loop cannot do in reasonable time. Memory is the peak of a process of its own that
reads RDMs from a file, memory-mapped, beyond the pages of that file.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.pair_subset import choose_pairs
from fmriprod.algorithms.rdm_ranks import row_blocks
from fmriprod.algorithms.rsa import BlockwiseComparison
from fmriprod.interfaces.rdm_file import RDMWriter, read_rdms


def names_of(n_conditions):
    return [f"c{i}" for i in range(n_conditions)]


def simulate_models(n_conditions, n_layers):
    rng = np.random.default_rng(0)
    n_pairs = n_conditions * (n_conditions - 1) // 2
    codes = rng.random((5, n_pairs)) < np.array([0.375, 0.125, 0.5, 0.075, 0.075])[:, None]
    layers = rng.random((n_layers, n_pairs))
    return np.concatenate([codes, layers]).astype(np.float32)


def write_rdm_file(path, n_spheres, n_conditions):
    rng = np.random.default_rng(1)
    with RDMWriter(path, n_spheres, names_of(n_conditions), "correlation") as out:
        for block in row_blocks(n_spheres, n_conditions**2 // 2, 1 << 24):
            size = (block.stop - block.start, n_conditions * (n_conditions - 1) // 2)
            out.write(block, rng.random(size, dtype=np.float32))


def ours(rdms, models, threads, n_permutations=0):
    compare = BlockwiseComparison(
        models, [str(i) for i in range(len(models))], choose_pairs(rdms.conditions),
        p_method="permutation" if n_permutations else "spearmanr",
        n_permutations=n_permutations, n_threads=threads,
    )  # fmt: skip
    for block in row_blocks(*rdms.dissimilarities.shape, 1 << 24):
        compare.add(rdms.dissimilarities[block])
    return compare.result()


def loop(rdms, models, n_looped):
    """Compare some spheres as the published analysis did; give seconds for all, and values."""
    some = np.linspace(0, len(rdms.dissimilarities) - 1, n_looped).astype(int)
    rows = np.array(rdms.dissimilarities[some])
    began = time.perf_counter()
    found = np.array([[tuple(spearmanr(rdm, model)) for rdm in rows] for model in models])
    spent = (time.perf_counter() - began) * len(rdms.dissimilarities) / n_looped
    return spent, some, found[..., 0], found[..., 1]


def seconds(function, repeats=3):
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        answer = function()
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2], answer


def compare(folder, n_spheres, n_conditions, args, n_looped, n_permutations):
    path = Path(folder) / "rdms.h5"
    write_rdm_file(path, n_spheres, n_conditions)
    rdms, models = read_rdms(path), simulate_models(n_conditions, args.layers)
    n_pairs = rdms.dissimilarities.shape[1]
    rdms.dissimilarities[: n_spheres // 10].sum()
    print(f"{n_spheres} spheres x {n_pairs} pairs ({n_conditions} conditions), "
          f"{len(models)} models, {args.threads} threads")  # fmt: skip
    spent, found = seconds(lambda: ours(rdms, models, args.threads))
    print(f"  ours, value, p, q          {spent:9.2f} s")
    if n_looped:
        theirs, some, values, p = loop(rdms, models, n_looped)
        print(f"  loop of spearmanr          {theirs:9.0f} s (from {n_looped} spheres), "
              f"{theirs / spent:.0f} times ours")  # fmt: skip
        print(f"  largest difference: value {np.abs(found.value[:, some] - values).max():.1e}, "
              f"p {np.abs(found.p[:, some] - p).max():.1e}")  # fmt: skip
    if n_permutations:
        spent, _ = seconds(lambda: ours(rdms, models, args.threads, n_permutations), 1)
        print(f"  ours, {n_permutations} relabellings     {spent:9.1f} s")
    if n_looped:
        peak(path, args, 0)
        peak(path, args, n_permutations)
    path.unlink()


def peak(path, args, n_permutations):
    done = subprocess.run(
        [sys.executable, __file__, "--peak", str(path), "--layers", str(args.layers),
         "--threads", str(args.threads), "--permutations", str(n_permutations)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    print(f"  peak memory, {n_permutations} relabellings: {done.stdout.strip()}")


def status(name):
    """Read a number of this process's memory in MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def report_peak(args):
    """Sample private memory, without pages of the file, while RDMs are compared."""
    import threading

    rdms = read_rdms(args.peak)
    n_conditions = len(rdms.conditions)
    models = simulate_models(n_conditions, args.layers)
    before, most, done = status("RssAnon"), [0.0], threading.Event()

    def watch():
        while not done.wait(0.002):
            most[0] = max(most[0], status("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    ours(rdms, models, args.threads, args.permutations)
    done.set()
    watcher.join()
    size = rdms.dissimilarities.nbytes / 1e6
    print(f"{most[0] - before:.0f} MB; the file has {size:.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in {
        "spheres": 40_000, "layers": 15, "threads": 4, "looped": 200, "permutations": 1000,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    args = parser.parse_args()
    with threadpool_limits(args.threads):
        if args.peak:
            report_peak(args)
            return
        with tempfile.TemporaryDirectory() as folder:
            n, permutations = args.spheres, args.permutations
            compare(folder, n, 16, args, args.looped, permutations)
            compare(folder, n, 92, args, args.looped // 4, permutations)
            if args.growth:
                for spheres, conditions in ((n // 4, 16), (n * 4, 16), (n, 8), (n, 32), (n, 64)):
                    compare(folder, spheres, conditions, args, 0, 0)


if __name__ == "__main__":
    main()
