"""Measure connectivity evidence without matrices against writing and reading them.

Usage: python benchmarks/bench_connectivity.py [voxels_1 voxels_2]
Simulated data: 40 trials of 23 volumes in four runs, two objects, two regions. Every route runs
in a process of its own; memory is what it needs beyond imports and the regions' time courses.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.connectivity_evidence import pair_evidence
from fmriprod.algorithms.connectivity_trials import connectivity_splits, connectivity_trials

SIZES = [(350, 450), (700, 900), (1400, 1800)]
ROUTES = {
    "matrices": "matrices written and read, liblinear",
    "blocks": "blocks, standardised as published",
    "kernels": "kernels, centred",
}
REPEATS = 2  # the best of them counts
KINDS = ("connectivity", "stack")


def simulate(n_1: int, n_2: int):
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((40, 23, 1), dtype=np.float32)
    series = {}
    for name, n in (("one", n_1), ("two", n_2)):
        series[name] = rng.standard_normal((40, 23, n), dtype=np.float32)
        series[name] += shared * rng.standard_normal(n, dtype=np.float32)
        series[name] += 500
    trials = pd.DataFrame({"subject": "01", "task": "drawing", "run": np.repeat([*"1234"], 10)})
    trials = trials.assign(label=["bed", "chair"] * 20, trial=[*range(10)] * 4)
    return series, connectivity_trials(trials.assign(tr=trials["trial"] * 30, n_volumes=23))


def by_matrices(series, trials, folder, kind, exact):
    """Make the matrices of a pair, write and read them, and fit scikit-learn's liblinear."""
    one, two = series["one"], series["two"]
    n_1 = one.shape[2]
    path = folder / f"{kind}.npy"
    both = np.concatenate([one, two], axis=2)
    if kind == "connectivity":
        np.save(path, np.array([np.corrcoef(trial.T)[n_1:, :n_1].ravel() for trial in both]))
    else:
        np.save(path, both.reshape(len(both), -1).astype(float))
    del both
    features, tables = np.load(path), []
    code = (trials["label"] == "chair").to_numpy().astype(int)
    for scheme in ("phase", "allruns"):
        log_odds = np.empty(len(trials))
        for _, train, test in connectivity_splits(trials, scheme):
            x, z = features[train], features[test]
            x, z = ((part - part.mean(axis=0)) / part.std(axis=0) for part in (x, z))
            model = LogisticRegression(solver="liblinear", **exact)
            log_odds[test] = model.fit(x, code[train]).decision_function(z)
        tables.append(pd.DataFrame({"log_odds": np.where(code == 1, log_odds, -log_odds)}))
    return pd.concat(tables)


def route(name: str, series, trials, folder: Path, kinds=KINDS, **exact) -> pd.DataFrame:
    if name == "matrices":
        return pd.concat([by_matrices(series, trials, folder, kind, exact) for kind in kinds])
    standardize = "split" if name == "blocks" else "center"
    pairs = [("one", "two")]
    found = pair_evidence(series, trials, pairs, features=kinds, standardize=standardize)
    return found.groupby(["features", "scheme"], sort=False)[["trial", "log_odds"]].apply(
        lambda part: part.sort_values("trial")
    )


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str, n_1: int, n_2: int) -> None:
    """Run one route in this process and print what it cost as JSON."""
    with tempfile.TemporaryDirectory() as scratch, threadpool_limits(limits=1):
        folder = Path(scratch)
        route(name, *simulate(20, 20), folder)  # imports, BLAS start
        series, trials = simulate(n_1, n_2)
        before = peak()
        result = {}
        for kinds in (("connectivity",), KINDS):
            seconds = []
            for _ in range(REPEATS):
                start = time.perf_counter()
                found = route(name, series, trials, folder, kinds)
                seconds.append(time.perf_counter() - start)
            result[" ".join(kinds)] = min(seconds)
        result["memory"] = peak() - before
        result["disk"] = sum(path.stat().st_size for path in folder.iterdir())
        if name == "matrices":  # liblinear's usual tolerance is not that of the comparison
            found = route(name, series, trials, folder, tol=1e-10, max_iter=1_000_000)
        result["log_odds"] = found["log_odds"].tolist()
    print(json.dumps(result))


def main(sizes) -> None:
    print("voxels        route                                     conn.    both   memory    disk")
    for n_1, n_2 in sizes:
        results = {}
        for name, label in ROUTES.items():
            command = [sys.executable, __file__, "--measure", name, str(n_1), str(n_2)]
            results[name] = json.loads(subprocess.check_output(command))
            got = results[name]
            print(
                f"{n_1:5}x{n_2:<6}  {label:40}{got['connectivity']:6.2f} s"
                f"{got[' '.join(KINDS)]:6.2f} s{got['memory'] / 1e6:6.0f} MB"
                f"{got['disk'] / 1e6:6.0f} MB"
            )
        for name in ("blocks", "kernels"):
            time_ratio = [
                results["matrices"][kinds] / results[name][kinds]
                for kinds in ("connectivity", " ".join(KINDS))
            ]
            memory = results["matrices"]["memory"] / max(results[name]["memory"], 1)
            print(
                f"  {name}: {time_ratio[0]:.0f}x, {time_ratio[1]:.0f}x time, {memory:.0f}x memory"
            )
        odds = [np.array(results[name]["log_odds"]) for name in ("matrices", "blocks")]
        print(
            f"  log odds of blocks differ from liblinear's by {np.abs(odds[0] - odds[1]).max():.1e}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        given = tuple(map(int, sys.argv[1:3]))
        main([given] if given else SIZES)
