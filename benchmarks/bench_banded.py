"""Time banded ridge encoding against himalaya's random search, on the same candidates.

Usage: python benchmarks/bench_banded.py [--samples N] [--spaces N] [--features N] [--voxels N]
           [--groups N] [--candidates N] [--threads N] [--repeats N] [--precision float32]
           [--backend numpy] [--device cpu]
Simulated data: each voxel answers to two of the spaces. Both ways leave out each group in turn,
choose weights and penalty of each voxel by leaving out another, and score what was left out, in
one process and with the same threads; they take turns, and medians are reported. himalaya gets
Gram matrices that are made once too, and an outer loop.
"""

import argparse
import resource
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.band_candidates import draw_candidates
from fmriprod.algorithms.banded_ridge import banded_encode

PENALTIES = np.logspace(-3, 4, 10)


def simulate(args):
    rng = np.random.default_rng(0)
    shape = (args.samples, args.features)
    spaces = {
        f"space{i}": (10.0**i * rng.normal(size=shape)).astype(np.float32)
        for i in range(args.spaces)
    }
    responses = rng.normal(size=(args.samples, args.voxels))
    for i, features in enumerate(spaces.values()):
        some = np.arange(args.voxels) % args.spaces
        driven = (some == i) | (some == (i + 1) % args.spaces)
        weights = rng.normal(size=(args.features, driven.sum())) / 10.0**i
        responses[:, driven] += features @ weights / np.sqrt(args.features)
    groups = np.arange(args.samples) * args.groups // args.samples
    return spaces, responses.astype(np.float32), groups


def by_himalaya(spaces, responses, groups, candidates, args):
    from himalaya.backend import set_backend
    from himalaya.kernel_ridge import (
        predict_weighted_kernel_ridge,
        solve_multiple_kernel_ridge_random_search,
    )
    from himalaya.scoring import r2_score
    from sklearn.model_selection import LeaveOneGroupOut, check_cv

    device = {"cpu": "torch", "cuda": "torch_cuda"}[args.device]
    backend = set_backend(device if args.backend == "torch" else "numpy")
    scaled = (x - x.mean(axis=0) for x in spaces.values())
    grams = np.array([x @ x.T * (len(x) / np.square(x).sum()) for x in scaled])
    grams = grams.astype(args.precision)
    responses = responses.astype(args.precision)
    scores, chosen = [], []
    for name in np.unique(groups):
        train, test = groups != name, groups == name
        inner = check_cv(list(LeaveOneGroupOut().split(responses[train], groups=groups[train])))
        own = grams[:, train][:, :, train]
        deltas, dual, inner_scores, _, intercept = solve_multiple_kernel_ridge_random_search(
            backend.asarray(own), backend.asarray(responses[train]), n_iter=candidates,
            alphas=PENALTIES.astype(args.precision), cv=inner, score_func=r2_score,
            fit_intercept=True, return_weights="dual", return_alphas=True, progress_bar=False,
        )[:5]  # fmt: skip
        across = backend.asarray(grams[:, test][:, :, train])
        predicted = predict_weighted_kernel_ridge(
            across, backend.to_gpu(dual), deltas, intercept=backend.to_gpu(intercept)
        )
        score = r2_score(backend.asarray(responses[test]), predicted)
        scores.append(backend.to_numpy(score))
        chosen.append(backend.to_numpy(inner_scores).max(axis=0))
    return np.array(scores), np.array(chosen)


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"samples": 1000, "spaces": 4, "features": 2000, "voxels": 2000, "groups": 5,
             "candidates": 20, "threads": 2, "repeats": 3}  # fmt: skip
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    spaces, responses, groups = simulate(args)
    drawn = max(0, args.candidates - 1 - args.spaces)
    candidates = draw_candidates(list(spaces), drawn)[: args.candidates]
    backend = get_backend(args.backend, args.device, args.precision, args.threads)
    if args.backend == "torch":
        import torch

        torch.set_num_threads(args.threads)

    def ours():
        return banded_encode(
            spaces, responses, groups, PENALTIES, candidates=candidates, backend=backend
        )

    times = {"ours": [], "himalaya": []}
    with threadpool_limits(args.threads):
        left = np.ones((3000, 3000), dtype=args.precision)
        product = statistics.median(seconds(lambda: left @ left)[0] for _ in range(3))
        for _ in range(args.repeats):
            taken, found = seconds(ours)
            times["ours"].append(taken)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            taken, (r2, inner) = seconds(
                lambda: by_himalaya(spaces, responses, groups, candidates, args)
            )
            times["himalaya"].append(taken)
    first, second = (statistics.median(times[name]) for name in ("ours", "himalaya"))
    gap = np.abs(found.fold_r2 - r2)
    print(f"{args}\nNumPy's {args.precision} products: {54e9 / product / 1e9:.0f} GFlop/s")
    for name, taken in times.items():
        print(f"{name}: {' '.join(f'{t:.2f}' for t in taken)} s")
    print(
        f"medians {first:.2f} s and {second:.2f} s: ratio {second / first:.2f}; peak {peak:.0f} MB"
    )
    print(f"inner scores differ by at most {np.abs(found.inner - inner).max():.1e}; outer: median "
          f"{np.median(gap):.1e}, 99 % {np.quantile(gap, 0.99):.1e}, largest {gap.max():.1e} "
          "(other choice of near-equal ones)")  # fmt: skip


if __name__ == "__main__":
    main()
