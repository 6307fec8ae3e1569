"""Time the null of the best layer by permutations against refitting for each permutation.

Usage: python benchmarks/bench_permutations.py [--permutations N] [--voxels N] [--layers N]
           [--samples N] [--features N] [--groups N] [--penalties N] [--refits N] [--loops N]
           [--threads N] [--backend numpy|torch] [--device cpu|cuda]
Simulated data: random features, responses that follow the first layer in half of the voxels.
Everything runs in one process with the same threads. Refits are whole: all layers and voxels of
one permutation by our own ``ridge_encode`` from the features (median of ``--refits``), and by a
loop over scikit-learn's ridge, with a kernel that is made once for each layer and permutation
(median of ``--loops``); both are multiplied by the number of permutations. Scores of the refits
are compared with those of the null. Ours runs in full, once for each way to choose penalties, and
the preparation of the layers is counted.
"""

import argparse
import resource
import statistics
import time

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.array_backend import get_backend
from fmriprod.algorithms.encode import ridge_encode
from fmriprod.algorithms.nested_ridge import nested_ridge
from fmriprod.algorithms.permute_samples import sample_orders
from fmriprod.algorithms.score_null import max_score_null


def simulate(args):
    rng = np.random.default_rng(0)
    shape = (args.layers, args.samples, args.features)
    layers = rng.standard_normal(shape, dtype=np.float32)
    responses = rng.normal(size=(args.samples, args.voxels))
    half = args.voxels // 2
    weights = rng.normal(size=(args.features, half)) * 2 / args.features**0.5
    responses[:, :half] += layers[0] @ weights
    groups = np.arange(args.samples) * args.groups // args.samples
    penalties = args.features * np.logspace(-3, 4, args.penalties)
    return layers, responses, groups, penalties


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def matrix_speed(backend):
    """Floating-point operations of a second, in float32 on the backend's device."""
    one = backend.array(np.ones((4096, 4096), dtype=np.float32))
    times = []
    for _ in range(5):
        took, product = seconds(lambda: float((one @ one)[0, 0]))
        assert product == 4096
        times.append(took)
    return 2 * 4096**3 / statistics.median(times)


def by_ridge_encode(layers, responses, groups, penalties, backend):
    every = [ridge_encode(x, responses, groups, penalties, backend=backend).r2 for x in layers]
    return np.max(every, axis=0)


def predict(kernel, responses, penalties, train, test):
    """Predict test samples of each voxel at its penalty, about the training samples' means."""
    inside = kernel[np.ix_(train, train)]
    columns, whole = inside.mean(axis=0), inside.mean()
    centred = inside - columns - columns[:, None] + whole
    across = kernel[np.ix_(test, train)]
    across = across - across.mean(axis=1, keepdims=True) - columns + whole
    mean = responses[train].mean(axis=0)
    model = KernelRidge(alpha=penalties, kernel="precomputed").fit(centred, responses[train] - mean)
    return model.predict(across) + mean


def explained(responses, predicted):
    about = responses - responses.mean(axis=0)
    return 1 - ((responses - predicted) ** 2).sum(axis=0) / (about**2).sum(axis=0)


def by_scikit_learn(layers, responses, groups, penalties):
    best = np.full(responses.shape[1], -np.inf)
    for features in layers:
        kernel = (features @ features.T).astype(np.float64)
        scores = np.zeros_like(best)
        for outer in np.unique(groups):
            train, inner = groups != outer, np.zeros((len(penalties), responses.shape[1]))
            for tested in np.unique(groups[train]):
                own, test = train & (groups != tested), groups == tested
                for place, penalty in enumerate(penalties):
                    predicted = predict(kernel, responses, penalty, own, test)
                    inner[place] += explained(responses[test], predicted)
            chosen, test = penalties[inner.argmax(axis=0)], ~train
            scores += explained(responses[test], predict(kernel, responses, chosen, train, test))
        best = np.maximum(best, scores / len(np.unique(groups)))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (
        ("permutations", 100_000), ("voxels", 14), ("layers", 9), ("samples", 360),
        ("features", 2000), ("groups", 5), ("penalties", 10), ("refits", 100), ("loops", 3),
        ("threads", 2),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    layers, responses, groups, penalties = data = simulate(args)
    backend = get_backend(args.backend, args.device, n_threads=args.threads)
    if args.backend == "torch":
        import torch

        torch.set_num_threads(args.threads)
    orders = sample_orders(groups)
    first = orders.orders(0, max(args.refits, args.loops))
    with threadpool_limits(args.threads):
        print(f"products of float32 matrices: {matrix_speed(backend) / 1e9:.0f} GFLOP/s")
        print(f"{args.permutations:,} permutations of {args.voxels} voxels, {args.layers} layers")
        nulls, ours = {}, {}
        for kind in ("chosen", "repeat"):
            fixed = np.random.default_rng(1).integers(
                args.penalties, size=(args.layers, args.groups, args.voxels)
            )
            prepared = (
                (
                    nested_ridge(x, groups, penalties, backend=backend),
                    own if kind == "chosen" else None,
                )
                for x, own in zip(layers, fixed, strict=True)
            )
            ours[kind], nulls[kind] = seconds(
                lambda p=prepared: max_score_null(p, responses, orders, args.permutations)
            )
            print(f"{kind}: {ours[kind]:.1f} s", flush=True)
        for name, count, refit in (
            ("ridge_encode", args.refits, lambda y: by_ridge_encode(layers, y, *data[2:], backend)),
            ("scikit-learn", args.loops, lambda y: by_scikit_learn(layers, y, *data[2:])),
        ):
            timed = [seconds(lambda k=k, f=refit: f(responses[first[k]])) for k in range(count)]
            times = [took for took, _ in timed]
            one = statistics.median(times)
            off = np.abs(np.array([r for _, r in timed]).T - nulls["repeat"][:, :count])
            ratios = ", ".join(f"{k} {one * args.permutations / s:.0f}" for k, s in ours.items())
            print(
                f"refit by {name}: {one:.2f} s ({min(times):.2f}-{max(times):.2f}) for one "
                f"permutation, {one * args.permutations / 3600:.1f} h for all; ratio: {ratios}; "
                f"difference of scores: median {np.median(off):.1e}, largest {off.max():.1e}",
                flush=True,
            )
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
