"""Simulated samples with known labels for tests of decoding."""

import numpy as np
import pandas as pd


def simulated_samples(
    rng: np.random.Generator,
    *,
    n_runs: int = 4,
    labels: tuple[str, ...] = ("bed", "bench", "chair", "table"),
    n_trials: int = 2,
    n_points: int = 1,
    n_voxels: int = 50,
    signal: float = 0.0,
    trial_noise: float = 0.0,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Simulate features and their sample table.

    Parameters
    ----------
    rng : Generator
        Source of the noise.
    n_runs, labels, n_trials, n_points, n_voxels
        Each run has ``n_trials`` of each label in random order, each with ``n_points``
        volumes.
    signal : float
        Deviation of the labels' patterns, where noise has 1.
    trial_noise : float
        Deviation of noise that all volumes of a trial share.

    Returns
    -------
    features : ndarray of float32, shape (n_samples, n_voxels)
    samples : DataFrame
    """
    patterns = signal * rng.normal(size=(len(labels), n_voxels))
    rows = []
    for run in range(1, n_runs + 1):
        for trial, code in enumerate(rng.permutation(np.repeat(range(len(labels)), n_trials))):
            for point in range(n_points):
                volume = 3 + trial * n_points + point
                rows.append((run, labels[code], trial, volume, point + 1))
    samples = pd.DataFrame(rows, columns=["run", "label", "trial", "tr", "time_point"])
    samples["run"] = samples["run"].map("{:02d}".format)
    samples.insert(0, "task", "recognition")
    samples.insert(0, "subject", "01")
    samples["onset"] = samples["tr"] * 1.5 - 4.5
    per_run = len(labels) * n_trials
    samples["half"] = np.where(samples["trial"] < per_run // 2, 1, 2)
    samples["n_volumes"] = 1
    code = samples["label"].map(list(labels).index).to_numpy()
    trial = samples.groupby(["run", "trial"]).ngroup().to_numpy()
    shared = trial_noise * rng.normal(size=(trial.max() + 1, n_voxels))
    features = patterns[code] + shared[trial] + rng.normal(size=(len(samples), n_voxels))
    return features.astype(np.float32), samples
