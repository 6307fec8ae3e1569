"""Time a group's connectivity, participants read one by one, against all in memory.

Usage: python benchmarks/bench_parcels.py [--subjects N ...] [--parcels N] [--runs N]
           [--volumes N] [--flips N] [--threads N] [--dtype float64]
Simulated data: noise with a signal for each of twelve networks, a file a run. "All in
memory" is the way of the seminar's notebook: series of all participants in one array, corrcoef of
each, all matrices kept, their mean. "One by one" is `parcel_connectivity` and the group's sums of
edges, which give the same mean (the difference is printed). "Tested" makes a file a participant and
runs `ParcelGroup` on Fisher's z: t, sign flips, q, d; "contrasts" does that with a table a
participant. Each way runs in a process of its own; memory is the peak of that process, and what is
beside Python and its libraries. Times of the processor are compared: others may use the machine.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.group_sums import GroupSums
from fmriprod.algorithms.parcel_connectivity import parcel_connectivity
from fmriprod.interfaces.parcel_group import ParcelGroup

WAYS = ("all in memory", "one by one", "tested", "contrasts")


def simulate(folder, n_subjects, n_parcels, n_runs, n_volumes, dtype):
    rng = np.random.default_rng(0)
    network = np.arange(n_parcels) % 12
    names = [f"{'LR'[i >= n_parcels // 2]}_{i}" for i in range(n_parcels)]
    pd.DataFrame({"name": names, "network": network}).to_csv(
        folder / "parcels.tsv", sep="\t", index=False
    )
    for subject in range(n_subjects):
        for run in range(n_runs):
            series = rng.standard_normal((n_parcels, n_volumes), dtype=np.float32)
            series += rng.standard_normal((12, n_volumes), dtype=np.float32)[network]
            np.save(folder / f"series_{subject:04}_{run:02}.npy", series.astype(dtype))
        values = rng.standard_normal(n_parcels) + (network == 3)
        table = pd.DataFrame({"parcel": names, "value": values})
        table.to_csv(folder / f"contrast_{subject:04}.tsv", sep="\t", index=False)


def runs_of(folder, subject):
    """Read runs by their names: to list a folder of thousands takes longer than to correlate."""
    runs = []
    while (path := folder / f"series_{subject:04}_{len(runs):02}.npy").exists():
        runs.append(np.load(path))
    return runs


def without_mean(run):
    return run - run.mean(axis=1, keepdims=True)


def all_in_memory(folder, n_subjects, _):
    series = np.stack([
        np.concatenate([without_mean(run) for run in runs_of(folder, s)], axis=1)
        for s in range(n_subjects)
    ])  # fmt: skip
    matrices = np.zeros((n_subjects, series.shape[1], series.shape[1]))
    for subject, each in enumerate(series):
        matrices[subject] = np.corrcoef(each)
    return matrices.mean(axis=0)


def one_by_one(folder, n_subjects, _):
    sums = None
    for subject in range(n_subjects):
        matrix = parcel_connectivity(runs_of(folder, subject)).matrix
        if sums is None:
            upper = np.flatnonzero(np.triu(np.ones(matrix.shape, dtype=bool), 1))
            sums = GroupSums(len(upper))
        sums.add(matrix.ravel()[upper])
    mean = np.eye(len(matrix))
    mean.ravel()[upper] = sums.mean
    return mean + np.triu(mean, 1).T


def tested(folder, n_subjects, n_flips):
    """Test files of connectivity, which are made first and not timed."""
    files = sorted(str(path) for path in folder.glob("matrix_*.npy"))[:n_subjects]
    step = ParcelGroup(connectivity_files=files, parcels_file=str(folder / "parcels.tsv"))
    step.inputs.n_permutations = n_flips
    return np.load(step.run(cwd=str(folder)).outputs.r_file)


def contrasts(folder, n_subjects, n_flips):
    files = sorted(str(path) for path in folder.glob("contrast_*.tsv"))[:n_subjects]
    step = ParcelGroup(contrast_files=files, parcels_file=str(folder / "parcels.tsv"))
    step.inputs.n_permutations = n_flips
    step.run(cwd=str(folder))
    return np.zeros(1)


def high_water():
    """Read the peak of this process's memory in MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def measure(way, folder, n_subjects, n_flips):
    """Run one way and print its seconds and memory; keep its answer."""
    ways = dict(zip(WAYS, (all_in_memory, one_by_one, tested, contrasts), strict=True))
    np.corrcoef(np.random.default_rng(0).random((360, 99)))  # first call: start of BLAS
    parcel_connectivity([np.random.default_rng(0).random((360, 99), dtype=np.float32)])
    before, began, busy = high_water(), time.perf_counter(), time.process_time()
    mean = ways[way](folder, n_subjects, n_flips)
    spent = f"{time.perf_counter() - began:.3f} {time.process_time() - busy:.3f}"
    print(f"{spent} {high_water():.0f} {high_water() - before:.1f}")
    np.save(folder / f"answer_{WAYS.index(way)}.npy", mean)


def compare(folder, n_subjects, args):
    print(f"{n_subjects} participants, {args.parcels} parcels, {args.runs} runs of {args.volumes}, "
          f"{args.dtype}")  # fmt: skip
    found = {}
    for way in WAYS:
        done = subprocess.run(
            [sys.executable, __file__, "--measure", way, str(folder), str(n_subjects),
             "--flips", str(args.flips), "--threads", str(args.threads)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        spent, busy, peak, own = map(float, done.stdout.split()[-4:])
        found[way] = busy, own
        print(f"  {way:14s} {spent:7.2f} s, of the processor {busy:7.2f} s, "
              f"{1000 * busy / n_subjects:6.1f} ms a participant; "
              f"peak {peak:.0f} MB, {own:.0f} MB beside Python")  # fmt: skip
    (slow, large), (fast, small) = found[WAYS[0]], found[WAYS[1]]
    apart = np.abs(np.load(folder / "answer_0.npy") - np.load(folder / "answer_1.npy")).max()
    print(f"  one by one: 1/{slow / fast:.1f} of the time, 1/{large / max(small, 1):.0f} of the "
          f"memory, means differ by {apart:.0e}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, nargs="+", default=[50, 339])
    for name, default in {
        "parcels": 360, "runs": 4, "volumes": 300, "flips": 1000, "threads": 1
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with threadpool_limits(args.threads):
        if args.measure:
            way, folder, n_subjects = args.measure
            measure(way, Path(folder), int(n_subjects), args.flips)
            return
        with tempfile.TemporaryDirectory() as name:
            folder, most = Path(name), max(args.subjects)
            simulate(folder, most, args.parcels, args.runs, args.volumes, args.dtype)
            for subject in range(most):
                matrix = parcel_connectivity(runs_of(folder, subject)).matrix
                np.save(folder / f"matrix_{subject:04}.npy", matrix)
            for n_subjects in sorted(args.subjects):
                compare(folder, n_subjects, args)


if __name__ == "__main__":
    main()
