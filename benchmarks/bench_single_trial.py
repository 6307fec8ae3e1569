"""Time single-trial estimates (LSS) against a model fitted again for each trial.

Usage: python benchmarks/bench_single_trial.py [--voxels N] [--volumes N] [--trials N]
           [--threads N] [--repeats N] [--growth]
Simulated data: noise on a mean of 1000, trials every 4 to 6 s, cosine drifts, 6 motion columns.
Every way gets the same series in memory and the same designs, in the same process and with the
same threads; each gives the estimate of each trial in each voxel. "Nilearn" fits FirstLevelModel
(masking included) again for each trial, "run_glm" Nilearn's array function on the shared masked
matrix, "least squares" numpy.linalg.lstsq on it, "pinv" takes only the row of each trial's
pseudo-inverse that is needed.
"""

import argparse
import statistics
import time
import warnings

import nibabel as nb
import numpy as np
import pandas as pd
from nilearn.glm.first_level import FirstLevelModel, run_glm
from threadpoolctl import threadpool_limits

from fmriprod.algorithms.single_trial import estimate_trials
from fmriprod.algorithms.trial_design import trial_design

TR = 1.5


def simulate(n_voxels, n_volumes, n_trials):
    rng = np.random.default_rng(0)
    soa = rng.choice([4.0, 5.0, 6.0], n_trials)
    onset = 6 + np.cumsum(soa) * min(1, (n_volumes * TR - 20) / soa.sum())
    label = rng.permutation(np.resize(["bed", "bench", "chair", "table"], n_trials))
    events = pd.DataFrame({"onset": onset, "duration": 1.0, "trial_type": label})
    motion = pd.DataFrame(rng.normal(size=(n_volumes, 6)), columns=list("abcdef"))
    series = rng.normal(1000, 10, (n_voxels, n_volumes)).astype(np.float32)
    return trial_design(events, n_volumes, TR, confounds=motion), series


def designs(design):
    """Write down the design matrix of each trial: this one, the others, the rest."""
    x = design.regressors[:, 0]
    for trial in x:
        columns = pd.DataFrame({"this": trial, "others": x.sum(axis=0) - trial})
        yield pd.concat([columns, design.nuisance], axis=1)


def nilearn(series, design):
    side = len(series) // 1600
    shape = (40, 40, side)
    image = nb.Nifti1Image(series.reshape(*shape, -1), np.eye(4))
    mask = nb.Nifti1Image(np.ones(shape, np.uint8), np.eye(4))
    found = []
    for matrix in designs(design):
        model = FirstLevelModel(mask_img=mask, noise_model="ols", signal_scaling=False)
        model.fit(image, design_matrices=matrix)
        effect = model.compute_contrast("this", output_type="effect_size")
        found.append(np.asarray(effect.dataobj).ravel())
    return np.array(found).T


def shared_matrix(series, design):
    found = []
    for matrix in designs(design):
        labels, results = run_glm(series.T, matrix.to_numpy(), noise_model="ols")
        found.append(results[labels[0]].theta[0])
    return np.array(found).T


def least_squares(series, design):
    return np.array(
        [np.linalg.lstsq(m.to_numpy(), series.T, rcond=None)[0][0] for m in designs(design)]
    ).T


def one_row_each(series, design):
    """Do as little as a loop over trials can: a pseudo-inverse and one product for each."""
    rows = [np.linalg.pinv(m.to_numpy())[0].astype(np.float32) for m in designs(design)]
    return np.array([series @ row for row in rows]).T


def seconds(function, repeats):
    """Time a function; give the seconds of each time and its last answer."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        answer = function()
        times.append(time.perf_counter() - began)
    return times, answer


def product(series, n_trials, repeats):
    """Time the product with the data alone, which no method can do without."""
    weights = np.ones((series.shape[1], n_trials), np.float32)
    times, _ = seconds(lambda: series @ weights, max(repeats, 5))
    return min(times), 2e-9 * series.size * n_trials / min(times)


def compare(n_voxels, n_volumes, n_trials, repeats):
    design, series = simulate(n_voxels, n_volumes, n_trials)
    print(f"{n_voxels} voxels x {n_volumes} volumes x {n_trials} trials")
    estimate_trials(series[:100], design)  # first call: imports, BLAS start
    limit, speed = product(series, n_trials, repeats)
    print(f"  product alone            {limit:8.3f} s, {speed:.0f} GFLOP/s (float32)")
    ours, found = seconds(lambda: estimate_trials(series, design).beta, max(repeats, 5))
    median = statistics.median(ours)
    print(f"  LSS                      {median:8.3f} s ({min(ours):.3f}-{max(ours):.3f})")
    for name, options in {
        "LSS with t": {"statistics": True},
        "LSS, AR(1)": {"noise": "ar1"},
        "LSS, AR(1), with t": {"noise": "ar1", "statistics": True},
        "LSS, others by label": {"others": "label"},
        "LSA": {"method": "lsa"},
    }.items():
        times, _ = seconds(lambda o=options: estimate_trials(series, design, **o), repeats)
        print(f"  {name:24s} {statistics.median(times):8.3f} s")
    for name, other in {
        "Nilearn": nilearn, "run_glm": shared_matrix, "least squares": least_squares,
        "pinv": one_row_each,
    }.items():  # fmt: skip
        times, theirs = seconds(lambda f=other: f(series, design), repeats)
        each = statistics.median(times)
        apart = np.abs(found - theirs).max() / np.abs(theirs).max()
        print(f"  {name:24s} {each:8.3f} s ({min(times):.2f}-{max(times):.2f}), "
              f"ratio {each / median:.0f}, largest difference {apart:.0e}")  # fmt: skip


def growth(repeats):
    """Time LSS and run_glm while trials, then voxels, become more."""
    print("voxels trials      LSS    run_glm  ratio")
    for n_voxels, n_trials in [(19200, 38), (76800, 10), (76800, 20), (76800, 38), (76800, 80)]:
        design, series = simulate(n_voxels, 320, n_trials)
        ours = statistics.median(seconds(lambda d=design, s=series: estimate_trials(s, d), 5)[0])
        theirs = statistics.median(
            seconds(lambda d=design, s=series: shared_matrix(s, d), repeats)[0]
        )
        print(f"{n_voxels:6d} {n_trials:6d} {ours:8.3f} {theirs:10.2f} {theirs / ours:6.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voxels", type=int, default=76800, help="a multiple of 1600")
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--trials", type=int, default=38)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with threadpool_limits(options.threads):
        compare(options.voxels, options.volumes, options.trials, options.repeats)
        if options.growth:
            growth(options.repeats)


if __name__ == "__main__":
    main()
