"""Time object evidence with permutations against a loop over scikit-learn's classifier.

Usage: python benchmarks/bench_evidence.py [n_permutations]
Simulated data: 4 labels, 160 training and 160 test samples, 2000 voxels.
"""

import sys
import time

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.evidence import object_evidence
from fmriprod.algorithms.resampling_statistics import permuted_codes
from fmriprod.algorithms.splits import query_split

N_LOOP = 10  # permutations of the loop that are timed; the time of all is their multiple


def simulate(n_runs: int = 4, n_trials: int = 80, n_voxels: int = 2000):
    rng = np.random.default_rng(0)
    run = np.repeat(np.arange(1, n_runs + 1), n_trials)
    code = np.concatenate(
        [rng.permutation(np.repeat(range(4), n_trials // 4)) for _ in range(n_runs)]
    )
    trial = np.tile(np.arange(n_trials), n_runs)
    samples = pd.DataFrame({"subject": "1", "task": "t", "run": run.astype(str), "trial": trial})
    samples["label"] = np.array(["bed", "bench", "chair", "table"])[code]
    samples["tr"] = trial * 3
    pattern = 0.15 * rng.normal(size=(4, n_voxels))
    features = pattern[code] + rng.normal(size=(len(run), n_voxels))
    return features.astype(np.float32), samples, code


def loop(features, samples, code, split, n_permutations):
    """Fit scikit-learn's liblinear one-vs-rest once per label vector."""
    x, z = (features[rows].astype(float) for rows in (split.train, split.test))
    x, z = ((part - part.mean(axis=0)) / part.std(axis=0) for part in (x, z))
    trial = samples.groupby(["run", "trial"]).ngroup().to_numpy()
    drawn = permuted_codes(code, trial, samples["run"].astype(int).to_numpy(), n_permutations)
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear"))
    exact = OneVsRestClassifier(LogisticRegression(solver="liblinear", tol=1e-10, max_iter=10_000))
    log_p = np.log(exact.fit(x, code[split.train]).predict_proba(z))
    start = time.perf_counter()
    for y in drawn:
        model.fit(x, y[split.train]).predict(z)
    return log_p, (time.perf_counter() - start) / n_permutations


def main(n_permutations: int = 200) -> None:
    features, samples, code = simulate()
    splits = query_split(samples, "run <= 2", "run > 2")
    options = {"n_permutations": n_permutations}
    object_evidence(features, samples, splits)  # first call: imports, BLAS start
    start = time.perf_counter()
    found = object_evidence(features, samples, splits, **options)
    ours = time.perf_counter() - start
    log_p, each = loop(features, samples, code, splits[0], N_LOOP)
    start = time.perf_counter()
    object_evidence(features, samples, splits, n_voxels=500, **options)
    selected = time.perf_counter() - start
    difference = np.abs(found.log_probability - log_p).max()
    print(f"accuracy {found.correct.mean():.3f}, permuted {found.null_accuracy.mean():.3f}")
    print(f"largest difference of log-probabilities from liblinear: {difference:.1e}")
    print(f"{n_permutations} permutations: {ours:.2f} s")
    print(f"loop over scikit-learn: {each * n_permutations:.1f} s ({each:.3f} s each)")
    print(f"ratio {each * n_permutations / ours:.0f}")
    print(f"{n_permutations} permutations with 500 voxels selected in each: {selected:.2f} s")


if __name__ == "__main__":
    with threadpool_limits(limits=1):
        main(*map(int, sys.argv[1:]))
