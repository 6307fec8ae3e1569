"""Time dissimilarities of conditions in all spheres of a brain against rsatoolbox.

Usage: python benchmarks/bench_searchlight_rdm.py [--conditions N ...] [--threads N]
           [--repeats N] [--subset N] [--growth] [--noise]
Simulated data: random maps in an ellipsoid of a 64 x 76 x 64 grid of 3 mm voxels, spheres of
radius 9 mm. Both ways get the same array and the same spheres, in one process and with one
thread of BLAS. rsatoolbox's get_searchlight_RDMs is timed on some of the spheres, taken evenly
(--subset; 0: all of them), and its time is scaled to all: it works on a sphere at a time.
"Products alone" multiplies as many patterns that are already in cache, without gathering,
centring or writing; "results alone" writes an array of the size of the result. Memory is the
peak of a process of its own, beside the maps and spheres.
"""

import argparse
import contextlib
import io
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.noise_precision import noise_from_residuals
from fmriprod.algorithms.searchlight_rdm import searchlight_rdms
from fmriprod.algorithms.spheres import Spheres, find_spheres

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
GRID = (64, 76, 64)


def brain(scale=1.0):
    """Give an ellipsoid of 41,000 voxels, or of a share of them."""
    axes = np.array([20.0, 26.0, 19.0]) * scale ** (1 / 3)
    place = np.indices(GRID).reshape(3, -1).T - (np.array(GRID) - 1) / 2
    return ((place / axes) ** 2).sum(axis=1).reshape(GRID) <= 1


def simulate(n_rows, n_voxels, seed=0):
    return np.random.default_rng(seed).standard_normal((n_rows, n_voxels), dtype=np.float32)


def ours(patterns, spheres, threads, **said):
    """Go through all blocks, as RSA does: none is kept."""
    n = said.pop("n_conditions", len(patterns))
    conditions = np.arange(len(patterns)) % n
    for _ in searchlight_rdms(
        patterns, spheres, conditions=conditions, n_conditions=n, n_threads=threads, **said
    ):
        pass


def theirs(patterns, spheres, chosen):
    """Run rsatoolbox on some spheres; its progress bars are not shown."""
    from rsatoolbox.util.searchlight import get_searchlight_RDMs

    members = [spheres.of(i) for i in chosen]
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return get_searchlight_RDMs(
            patterns, spheres.centres[chosen], members, np.arange(len(patterns)), verbose=False
        ).dissimilarities


def results_of(patterns, spheres, chosen):
    """Our dissimilarities of some spheres."""
    sizes = spheres.n_voxels[chosen]
    some = Spheres(
        spheres.centres[chosen],
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([spheres.of(i) for i in chosen]),
    )
    n = len(patterns)
    blocks = searchlight_rdms(patterns, some, conditions=np.arange(n), n_conditions=n)
    return np.concatenate([block for _, block in blocks])


def seconds(function):
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def products_alone(n_conditions, spheres):
    """Multiply patterns of a mean sphere with each other, once for each sphere."""
    k = round(spheres.n_voxels.mean())
    n = max(1, (1 << 18) // (k * n_conditions))  # 1 MB
    x = simulate(n * k, n_conditions).reshape(n, k, n_conditions)
    turned, n_times = x.transpose(0, 2, 1), -(-len(spheres) // n)
    spent = seconds(lambda: [np.matmul(turned, x) for _ in range(n_times)])
    return spent, n_conditions**2 * float(spheres.start[-1]) / spent / 1e9


def results_alone(n_conditions, spheres):
    return seconds(lambda: np.full((len(spheres), n_conditions * (n_conditions - 1) // 2), 1, "f4"))


def compare(n_conditions, spheres, n_voxels, args):
    patterns = simulate(n_conditions, n_voxels)
    step = max(1, len(spheres) // args.subset) if args.subset else 1
    chosen = np.arange(0, len(spheres), step)
    times = {"ours": [], "threads": [], "theirs": [], "alone": [], "written": []}
    ours(patterns, spheres, 1)  # first calls: imports, memory is mapped
    theirs(patterns, spheres, chosen[:10])
    for _ in range(args.repeats):  # in turn, so that a busy moment hits all
        times["ours"].append(seconds(lambda: ours(patterns, spheres, 1)))
        if args.threads > 1:
            times["threads"].append(seconds(lambda: ours(patterns, spheres, args.threads)))
        spent, speed = products_alone(n_conditions, spheres)
        times["alone"].append(spent)
        times["written"].append(results_alone(n_conditions, spheres))
        began = time.perf_counter()
        reference = theirs(patterns, spheres, chosen)
        times["theirs"].append((time.perf_counter() - began) * len(spheres) / len(chosen))
    our, their, alone, written = (
        statistics.median(times[name]) for name in ("ours", "theirs", "alone", "written")
    )
    apart = np.abs(results_of(patterns, spheres, chosen) - reference).max()
    of_all = "all" if step == 1 else f"{len(chosen):,}, scaled to all"
    print(f"{n_conditions} conditions, {len(spheres):,} spheres of {spheres.n_voxels.mean():.0f} "
          "voxels, correlation")  # fmt: skip
    print(f"  products alone {alone:9.3f} s ({speed:.0f} GFLOP/s); results alone {written:.3f} s")
    print(f"  ours, 1 thread {our:9.3f} s, {our / (alone + written):.1f} times both; "
          f"{1e6 * our / len(spheres):.1f} us a sphere")  # fmt: skip
    if times["threads"]:
        print(f"  ours, {args.threads} threads {statistics.median(times['threads']):8.3f} s")
    print(f"  rsatoolbox     {their:9.3f} s ({of_all}), {their / our:.0f} times ours; "
          f"largest difference {apart:.1e}")  # fmt: skip


def growth(spheres, n_voxels):
    """Time ours alone with more conditions, larger spheres and more of them."""
    print("growth (ours, 1 thread)")
    ours(simulate(16, n_voxels), spheres, 1)
    for n in (8, 16, 32, 64, 128):
        patterns = simulate(n, n_voxels)
        spent = min(seconds(lambda p=patterns: ours(p, spheres, 1)) for _ in range(3))
        print(f"  {n:4d} conditions   {spent:.3f} s")
    patterns = simulate(16, n_voxels)
    for radius in (3.0, 6.0, 9.0, 12.0, 15.0):
        began = time.perf_counter()
        other = find_spheres(brain(), AFFINE, radius=radius, min_voxels=3)
        found = time.perf_counter() - began
        spent = min(seconds(lambda o=other: ours(patterns, o, 1)) for _ in range(3))
        print(f"  radius {radius:4.0f} mm ({other.n_voxels.mean():4.0f} voxels) {spent:.3f} s; "
              f"to find the spheres {found:.3f} s")  # fmt: skip
    for share in (0.25, 0.5, 2.0):
        mask = brain(share)
        other, few = find_spheres(mask, AFFINE, radius=9.0), simulate(16, int(mask.sum()))
        spent = min(seconds(lambda o=other, f=few: ours(f, o, 1)) for _ in range(3))
        print(f"  {len(other):,} spheres {spent:.3f} s")


def in_noise(spheres, n_voxels, threads):
    """Time the other distances: 16 conditions, 4 runs, 200 residuals."""
    patterns = simulate(64, n_voxels)
    residuals = simulate(200, n_voxels, seed=1)
    runs = np.repeat(np.arange(4), 16)
    print(f"other distances, 16 conditions in 4 runs, {len(spheres):,} spheres, {threads} threads")
    for distance in ("euclidean", "crossnobis"):
        said = {"n_conditions": 16, "distance": distance, "runs": runs}
        spent = seconds(lambda s=said: ours(patterns, spheres, threads, **s))
        print(f"  {distance}, no noise  {spent:.2f} s")
    for distance in ("mahalanobis", "crossnobis"):
        for method in ("diagonal", "shrinkage_diag"):
            noise = noise_from_residuals(residuals, method=method)
            said = {"n_conditions": 16, "distance": distance, "runs": runs, "noise": noise}
            spent = seconds(lambda s=said: ours(patterns, spheres, threads, **s))
            print(f"  {distance}, {method}  {spent:.2f} s")


def peak(n_conditions, memory_mb):
    """Print what a run adds to the peak of memory, in MB."""
    mask = brain()
    spheres = find_spheres(mask, AFFINE, radius=9.0)
    patterns = simulate(n_conditions, int(mask.sum()))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what came before
    before = high_water()
    ours(patterns, spheres, 1, memory_mb=memory_mb)
    print(round(high_water() - before))


def high_water():
    """Read the peak of this process's memory in MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def memory(n_conditions):
    for memory_mb in (50, 200, 1000):
        done = subprocess.run(
            [sys.executable, __file__, "--peak", str(n_conditions), str(memory_mb)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(f"  peak memory with memory_mb={memory_mb}: {done.stdout.split()[-1]} MB beside "
              "maps and spheres")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditions", type=int, nargs="+", default=[16, 92])
    for name, default in {"threads": 2, "repeats": 3, "subset": 2000}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("growth", "noise"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if 0 < args.subset <= 1000:
        parser.error("--subset above 1000 (or 0): rsatoolbox does fewer in another way")
    with threadpool_limits(1):
        if args.peak:
            peak(int(args.peak[0]), float(args.peak[1]))
            return
        mask = brain()
        n_voxels = int(mask.sum())
        spheres = find_spheres(mask, AFFINE, radius=9.0)
        for n_conditions in args.conditions:
            compare(n_conditions, spheres, n_voxels, args)
            memory(n_conditions)
        if args.growth:
            growth(spheres, n_voxels)
        if args.noise:
            in_noise(spheres, n_voxels, args.threads)


if __name__ == "__main__":
    main()
